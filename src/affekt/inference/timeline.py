"""Timelines: the utterances of a long recording with an answer for each, and a track of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.inference.prediction import Prediction
from affekt.notes import Note

ENVELOPE_PER_STEP = 10
UNSURE = "unsure"  # the label of utterances whose prediction is unsure, in shares
NO_ANSWER = "no answer"  # the label of an utterance without a prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A stretch of voice between pauses, and what a model predicts for it.

    Attributes
    ----------
    start_s, end_s : float
        Seconds from the start of the recording.
    prediction : Prediction or None
        What ``predict`` answers for these samples; None where they cannot be used, as they are too short.
    speaker : str
        The speaker of a given diarisation; empty where speakers are not told apart.
    """

    start_s: float
    end_s: float
    prediction: Prediction | None
    speaker: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return start, end, speaker and prediction as plain values."""
        found = None if self.prediction is None else self.prediction.to_dict()
        return {"start_s": self.start_s, "end_s": self.end_s, "speaker": self.speaker, "prediction": found}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """Probabilities at equal distances in time, smoothed as those of ``Measurement``.

    Attributes
    ----------
    step_s : float
        Length of a step in seconds.
    probabilities : float32 array of shape (steps, emotions)
        Step i is from ``i * step_s`` to ``(i + 1) * step_s``; NaN where there is no voice.
    """

    step_s: float
    probabilities: NDArray[np.float32]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values; a step without a voice is None."""
        rows = [None if np.isnan(row).any() else row.tolist() for row in self.probabilities]
        return {"step_s": self.step_s, "probabilities": rows}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """What is expressed when, in one recording or one channel of it. Between utterances is no voice.

    Attributes
    ----------
    source : str
        The name of the recording.
    audio_channel : str
        The channel that was read, as in ``Answer``.
    duration_s : float
        Length of the recording in seconds; of what was read, where it is not complete.
    emotions : tuple of str
        The emotions that could be predicted: the columns of the track.
    utterances : tuple of Utterance
        In order of their start. Those of one speaker do not overlap.
    track : Track
        Probabilities every 0.5 s.
    envelope : float32 array of shape (n,)
        The largest absolute sample in each tenth of a step, 0.05 s, for pictures.
    notes : tuple of Note
        What was done to the audio.
    complete : bool
        False if reading was stopped before the end.
    """

    source: str
    audio_channel: str
    duration_s: float
    emotions: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    track: Track
    envelope: NDArray[np.float32]
    notes: tuple[Note, ...] = ()
    complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return all of it but the envelope as plain values, ready for JSON."""
        return {
            "source": self.source,
            "audio_channel": self.audio_channel,
            "duration_s": self.duration_s,
            "complete": self.complete,
            "emotions": list(self.emotions),
            "utterances": [utterance.to_dict() for utterance in self.utterances],
            "track": self.track.to_dict(),
            "notes": [note.to_dict() for note in self.notes],
        }


def emotion_shares(timeline: Timeline) -> dict[str, float]:
    """Return the share of each predicted emotion in the length of all utterances, the largest first.

    Utterances whose prediction is unsure (``UNSURE``), and those without one (``NO_ANSWER``), have a share
    of their own, and come last. The shares add up to 1; without utterances there are none.
    """
    seconds: dict[str, float] = {}
    for one in timeline.utterances:
        found = one.prediction
        label = NO_ANSWER if found is None else UNSURE if found.unsure else found.emotion
        seconds[label] = seconds.get(label, 0) + one.end_s - one.start_s
    total = sum(seconds.values()) or 1
    ordered = sorted(seconds, key=lambda label: (label in (UNSURE, NO_ANSWER), -seconds[label]))
    return {label: seconds[label] / total for label in ordered}


def voiced_seconds(timeline: Timeline) -> float:
    """Return how long somebody speaks, in seconds; what two speakers say at once counts once."""
    total = until = 0.0
    for one in sorted(timeline.utterances, key=lambda one: one.start_s):
        total += max(0.0, one.end_s - max(one.start_s, until))
        until = max(until, one.end_s)
    return total
