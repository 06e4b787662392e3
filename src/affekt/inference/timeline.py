"""Timelines: the utterances of a long recording with an answer for each, and a track of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.inference.prediction import Prediction
from affekt.notes import Note

ENVELOPE_PER_STEP = 10


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
