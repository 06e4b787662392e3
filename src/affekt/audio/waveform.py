"""Waveforms, and the limits that every recording has to meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affekt.notes import Note

MIN_DURATION_S = 0.1
MAX_DURATION_S = 2 * 3600.0
SILENCE_PEAK = 1e-4  # -80 dB relative to full scale, three steps of a 16-bit recording
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 768_000
MAX_PEAK = 256  # full scale is 1; larger values are integers that were not scaled
MAX_CHANNELS = 64
MAX_SAMPLES = 1 << 29  # 2 GB of memory: two hours at 74 kHz
MAX_STREAM_BYTES = 1_500_000_000  # what is held in memory as bytes: two hours of 16-bit stereo at 48 kHz


@dataclass(frozen=True, slots=True, repr=False)
class Waveform:
    """Mono audio that was checked.

    Attributes
    ----------
    samples : float32 array of shape (n,)
        Full scale is -1 to 1; finite, not silent.
    sample_rate : int
        In Hz.
    notes : tuple of Note
        What was changed or found while the audio was read.
    cut_off : bool
        Whether the file is shorter than its header says.
    offset : float
        The mean that was taken off all samples when they were read.
    channels : int
        Channels of the source that was read; 0 if unknown, as it is of resampled audio.
    activity : float32 array of shape (frames,), optional
        What ``voice_activity`` returns, kept by those who need it more than once.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    notes: tuple[Note, ...] = ()
    cut_off: bool = False
    offset: float = 0.0
    channels: int = 0
    activity: NDArray[np.float32] | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def __repr__(self) -> str:
        notes = "".join(f"; {note}" for note in self.notes)
        return f"<Waveform {self.duration_s:.2f} s at {self.sample_rate} Hz{notes}>"
