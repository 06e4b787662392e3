"""A model that gets used to a voice: a few clips of one speaker, and nobody says what is felt in them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.alignment import VoiceStatistics, align, align_unknown, describe_speaker
from affekt.audio import AudioSource, expand_folders, load_audio, source_name
from affekt.bundle import Bundle, load
from affekt.errors import AffektError, AudioError, VoiceError
from affekt.features import FEATURE_SETS, extract, stack_features
from affekt.progress import track
from affekt.windows import cut_windows
from affekt.writing import whole_file

VOICE_FORMAT = 1
MAX_VOICE_BYTES = 1 << 20
_TYPES = {"model": str, "clips": int, "duration_s": float}


@dataclass(frozen=True, kw_only=True)
class Voice:
    """What one speaker's features are like, for one model. It holds no sound, and none can be made of it.

    Attributes
    ----------
    model
        Checksum of the model that it was made for.
    clips, duration_s
        How many clips it is from, and how long they are together, in seconds.
    statistics
        Mean and deviation of each feature.
    skipped
        (source, reason) of each clip that could not be heard.
    """

    model: str
    clips: int
    duration_s: float
    statistics: VoiceStatistics
    skipped: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What its file holds, as plain values."""
        values = {key: value for key, value in asdict(self).items() if key != "skipped"}
        return {"format": VOICE_FORMAT, **values}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a small JSON file, whole or not at all."""
        with whole_file(path) as file:
            json.dump(self.to_json(), file)


VoiceLike = str | os.PathLike[str] | Voice | None
"""A voice: a file, one that ``adapt`` made, or None for nobody in particular."""


def adapt(
    clips: AudioSource | Iterable[AudioSource],
    model: str | os.PathLike[str] | Bundle | None = None,
    *,
    progress: bool = False,
) -> Voice:
    """Get used to a voice.

    Parameters
    ----------
    clips
        Recordings of one speaker, as for ``predict_many``; a folder stands for every audio file below
        it. Best a dozen or more, in different moods; one that cannot be heard is skipped, and a long one
        counts as a clip for each window that ``predict`` would read it in.
    model
        Which model is to get used to it; None for the one that comes with affekt.
    progress
        Show a bar on a terminal.

    Raises
    ------
    AudioError
        Not one clip can be heard.
    BundleError
        The model file cannot be trusted.

    Examples
    --------
    >>> voice = adapt([(np.sin(np.arange(22050) * pitch), 22050) for pitch in (0.05, 0.06)])
    >>> voice.clips, voice.duration_s
    (2, 2.0)
    """
    bundle = model if isinstance(model, Bundle) else load(model)
    heard, skipped, duration_s = [], [], 0.0
    error: AffektError | None = None
    sources = expand_folders(clips)
    for source in track(sources, "listening", len(sources), shown=progress):
        try:
            waveform = load_audio(source, bundle.contract.sample_rate)
            windows = cut_windows(waveform, bundle.contract.window_s)
            heard += [extract(window, bundle.contract.features) for window in windows]
            duration_s += waveform.duration_s
        except AffektError as found:
            error = error or found
            skipped.append((source_name(source), str(found)))
    if not heard:
        raise error or AudioError("there are no clips to learn a voice from")
    feature_set = FEATURE_SETS[bundle.contract.features]
    features = stack_features(heard, feature_set)
    return Voice(
        model=bundle.contract.sha256,
        clips=len(heard),
        duration_s=duration_s,
        statistics=describe_speaker(features, bundle.contract.average_voice, feature_set.relative_columns),
        skipped=tuple(skipped),
    )


def load_voice(path: str | os.PathLike[str]) -> Voice:
    """Read what ``Voice.save`` wrote.

    Raises
    ------
    VoiceError
        The file is missing, foreign or damaged.
    """
    try:
        with open(path, "rb") as file:
            return parse_voice(file.read(MAX_VOICE_BYTES + 1), os.fspath(path))
    except OSError as error:
        raise VoiceError(f"the voice {os.fspath(path)!r} cannot be read: {error.strerror}") from error


def parse_voice(content: bytes, name: str) -> Voice:
    """A voice from the bytes of its file; ``name`` stands in messages."""
    if len(content) > MAX_VOICE_BYTES:
        raise VoiceError(f"{name} is larger than any voice")
    try:
        values = json.loads(content)
        written_by = values.pop("format")
        if written_by == VOICE_FORMAT:
            statistics = VoiceStatistics.parse(values.pop("statistics"))
            if {key: type(value) for key, value in values.items()} != _TYPES:
                raise ValueError("other values than a voice has")
            return Voice(statistics=statistics, **values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VoiceError(f"{name} is no voice of affekt, or is damaged") from error
    raise VoiceError(f"{name} was written by another version of affekt: make it again")


def ready_voice(voice: VoiceLike, bundle: Bundle) -> Voice | None:
    """A voice that this model can use.

    Raises
    ------
    VoiceError
        It was made for another model.
    """
    if voice is None:
        return None
    found = voice if isinstance(voice, Voice) else load_voice(voice)
    if found.model != bundle.contract.sha256 or len(found.statistics.mean) != len(
        bundle.contract.average_voice.mean
    ):
        name = "this voice" if isinstance(voice, Voice) else str(voice)
        raise VoiceError(
            f"{name} was made for another model than {bundle.name}: make it again with affekt adapt"
        )
    return found


def hear_as(features: NDArray[np.float32], voice: Voice | None, bundle: Bundle) -> NDArray[np.float32]:
    """Features of a clip as the model knows them: of the average voice."""
    average = bundle.contract.average_voice
    if voice is not None:
        return align(features, voice.statistics, average)
    relative = FEATURE_SETS[bundle.contract.features].relative_columns
    return align_unknown(features, average, relative)
