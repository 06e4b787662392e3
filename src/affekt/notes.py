"""Notes on a recording, a prediction or a score: a kind for programs, a text for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about."""

    MIXED_TO_MONO = "mixed_to_mono"
    ONE_CHANNEL = "one_channel"
    ONE_TRACK = "one_track"
    PARTLY_READ = "partly_read"
    CUT_OFF = "cut_off"
    RESAMPLED = "resampled"
    WINDOWS = "windows"
    ADAPTED = "adapted"
    OUT_OF_DISTRIBUTION = "out_of_distribution"
    UNSEEN_SAMPLE_RATE = "unseen_sample_rate"
    QUIET = "quiet"
    CLIPPED = "clipped"
    SHORT = "short"
    LITTLE_SPEECH = "little_speech"
    NARROW_BAND = "narrow_band"
    NO_VOICE = "no_voice"
    TRAINED_ON = "trained_on"
    IDENTICAL_CLIPS = "identical_clips"
    NOT_CALIBRATED = "not_calibrated"
    SPEAKERS_LEFT_OUT = "speakers_left_out"
    FEW_CLIPS = "few_clips"


QUALITY = frozenset(
    {
        NoteKind.QUIET,
        NoteKind.CLIPPED,
        NoteKind.SHORT,
        NoteKind.LITTLE_SPEECH,
        NoteKind.NARROW_BAND,
        NoteKind.NO_VOICE,
    }
)
"""Notes on how a recording was made, which limits how far its prediction can be relied on."""


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
