"""Notes on a recording, a prediction or a score: a kind for programs, a text for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about."""

    MIXED_TO_MONO = "mixed_to_mono"
    CUT_OFF = "cut_off"
    RESAMPLED = "resampled"
    WINDOWS = "windows"
    ADAPTED = "adapted"
    OUT_OF_DISTRIBUTION = "out_of_distribution"
    UNSEEN_SAMPLE_RATE = "unseen_sample_rate"
    TRAINED_ON = "trained_on"
    IDENTICAL_CLIPS = "identical_clips"
    NOT_CALIBRATED = "not_calibrated"
    SPEAKERS_LEFT_OUT = "speakers_left_out"
    FEW_CLIPS = "few_clips"


@dataclass(frozen=True, slots=True)
class Note:
    """A kind, and a text; ``str(note)`` is the text."""

    kind: NoteKind
    text: str

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, str]:
        """Kind and text as plain values."""
        return {"kind": str(self.kind), "text": self.text}
