"""Acoustic cues of a voice in words, beside the clips of each emotion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.activity import trim_to_voice, voice_activity
from affekt.audio.loading import Waveform, load_audio
from affekt.features.feature_sets import extract
from affekt.features.voice import COLUMNS, SAMPLE_RATE

FEATURES = "voice@1"
TABLE = Path(__file__).with_name("cue_percentiles.json")
PERCENTS = tuple(range(0, 101, 5))
VOICED_COLUMN = "voiced_ratio"

# name -> column of voice@1, and how a value is written. Roughness is jitter, shimmer and noise.
CUES: dict[str, tuple[str, str]] = {
    "pitch height": ("f0_semitones_p50", "{:.1f} semitones above 100 Hz"),
    "pitch range": ("f0_semitones_span", "{:.1f} semitones"),
    "pitch slope": ("f0_semitones_slope", "{:+.1f} semitones from start to end"),
    "tempo": ("voiced_stretches_per_s", "{:.1f} voiced stretches a second"),
    "time without pauses": ("active_ratio", "{:.0%} of the time"),
    "brightness": ("centroid_mean", "{:.0f} Hz"),
    "jitter": ("jitter", "{:.1%} between neighbouring frames"),
    "shimmer": ("shimmer_db", "{:.1f} dB between neighbouring frames"),
    "harmonics-to-noise ratio": ("hnr_db_mean", "{:.1f} dB"),
}
_NEED_VOICE = {
    "pitch height",
    "pitch range",
    "pitch slope",
    "jitter",
    "shimmer",
    "harmonics-to-noise ratio",
}

Table = Mapping[str, Mapping[str, Sequence[float]]]
"""Cue -> emotion -> values at ``PERCENTS``."""


@dataclass(frozen=True, slots=True)
class Cue:
    """An acoustic cue of a recording.

    Attributes
    ----------
    name : str
        Such as ``pitch range``.
    value : float
        In the unit that ``text`` has.
    text : str
        The value in words.
    percentiles : mapping of str to float
        Emotion -> percentage of its clips that have a lower value, 0 to 100.
    """

    name: str
    value: float
    text: str
    percentiles: Mapping[str, float]

    @property
    def typical_of(self) -> str | None:
        """The emotion whose median clip is nearest, in percentiles; several may be nearly as near.

        None where the value is among the highest or lowest 5 % of clips of every emotion.
        """
        within = {emotion: abs(one - 50) for emotion, one in self.percentiles.items() if 5 < one < 95}
        return min(within, key=within.__getitem__) if within else None

    def in_words(self, emotion: str) -> str:
        """Return value and percentile: ``pitch range: 9.0 semitones, 92nd percentile of happy clips``."""
        words = f"{self.name}: {self.text}"
        if emotion in self.percentiles:
            words += f", {self.place(emotion)}"
        if self.typical_of is None:
            return f"{words}; typical of no emotion"
        return f"{words}; nearest to the median of {self.typical_of}"

    def place(self, emotion: str) -> str:
        """Return where the value lies: ``92nd percentile of happy clips``."""
        percentile = self.percentiles[emotion]
        if 0.5 <= percentile < 99.5:
            return f"{ordinal(round(percentile))} percentile of {emotion} clips"
        return f"{'lower' if percentile < 50 else 'higher'} than nearly all {emotion} clips"

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "name": self.name,
            "value": self.value,
            "text": self.text,
            "percentiles": dict(self.percentiles),
            "typical_of": self.typical_of,
        }


def measure_cues(recorded: Waveform, table: Table | None = None) -> tuple[Cue, ...]:
    """Measure the cues of a recording.

    Parameters
    ----------
    recorded
        A recording.
    table
        As ``percentile_table`` returns it; None for that of the package.

    Returns
    -------
    tuple of Cue
        Those in the table. Cues of pitch and roughness are left out where no frame is voiced.
    """
    table = read_table() if table is None else table
    if not table:
        return ()
    row = describe_cues(recorded)
    voiced = row[COLUMNS.index(VOICED_COLUMN)] > 0
    cues = []
    for name, (column, form) in CUES.items():
        if name not in table or (name in _NEED_VOICE and not voiced):
            continue
        value = float(row[COLUMNS.index(column)])
        percentiles = {
            emotion: float(np.interp(value, values, PERCENTS)) for emotion, values in table[name].items()
        }
        cues.append(Cue(name, value, form.format(value), percentiles))
    return tuple(cues)


def describe_cues(recorded: Waveform) -> NDArray[np.float32]:
    """Compute the columns of ``voice@1`` of a recording from its first to its last frame with a voice.

    Silence before and after the voice is no pause, and depends on how a clip was cut.
    """
    waveform = load_audio(recorded, SAMPLE_RATE)
    return extract(trim_to_voice(waveform, voice_activity(waveform)), FEATURES)


def percentile_table(
    rows: NDArray[np.float32], emotions: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Compute the table from what ``describe_cues`` returns for each clip, shape (clips, columns).

    Rows without a voiced frame are left out of the cues that need a voice.
    """
    labels = np.array(emotions)
    voiced = rows[:, COLUMNS.index(VOICED_COLUMN)] > 0
    table: dict[str, dict[str, list[float]]] = {}
    for name, (column, _) in CUES.items():
        values = rows[:, COLUMNS.index(column)]
        usable = voiced if name in _NEED_VOICE else np.ones(len(rows), bool)
        table[name] = {
            emotion: [
                float(f"{one:.4g}") for one in np.percentile(values[usable & (labels == emotion)], PERCENTS)
            ]
            for emotion in dict.fromkeys(emotions)
            if (usable & (labels == emotion)).any()
        }
    return table


@lru_cache(maxsize=1)
def read_table() -> Table:
    """Return the package's table of percentiles; an empty one where it has none."""
    if not TABLE.is_file():
        return {}
    found: Table = json.loads(TABLE.read_text(encoding="utf-8"))["cues"]
    return found


def ordinal(number: int) -> str:
    """Return a number with its ending.

    >>> ordinal(1), ordinal(12), ordinal(92)
    ('1st', '12th', '92nd')
    """
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
