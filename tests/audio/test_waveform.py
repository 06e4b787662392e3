"""A waveform is a value with a length, and is shown in one line."""

from __future__ import annotations

import numpy as np

from affekt.audio.waveform import Waveform
from affekt.notes import Note, NoteKind

SAMPLES = np.zeros(24_000, np.float32)


def test_the_length_is_in_seconds() -> None:
    assert Waveform(SAMPLES, 16_000).duration_s == 1.5


def test_a_waveform_is_shown_without_its_samples() -> None:
    assert repr(Waveform(SAMPLES, 16_000)) == "<Waveform 1.50 s at 16000 Hz>"


def test_a_waveform_is_shown_with_its_notes() -> None:
    notes = (Note(NoteKind.MIXED_TO_MONO, "mixed 2 channels to mono"), Note(NoteKind.CUT_OFF, "cut off"))
    shown = repr(Waveform(SAMPLES, 8_000, notes))
    assert shown == "<Waveform 3.00 s at 8000 Hz; mixed 2 channels to mono; cut off>"
