"""Framing and one short-time Fourier transform, shared by all descriptors of a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.audio import Waveform

FFT_SAMPLES = 2048
HOP_SAMPLES = FFT_SAMPLES // 4
BLOCK_FRAMES = 4096  # about 95 s at 22.05 kHz; bounds the memory that a long recording takes

Frames = NDArray[np.float32]
"""A float32 array of shape (frames, values): one row for each frame."""


class Spectra:
    """The power spectra of a waveform, frame by frame.

    Frames are centred on every ``HOP_SAMPLES``-th sample, the ends padded with zeros, and windowed
    with a periodic Hann window, as ``librosa.stft`` does by default. A clip's spectra are computed
    once and kept; a long recording's are computed again, block by block, for whoever asks.
    """

    def __init__(self, waveform: Waveform) -> None:
        self.sample_rate = waveform.sample_rate
        padded = np.pad(waveform.samples, FFT_SAMPLES // 2)
        self._frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
        self._kept: list[Frames] = []

    def blocks(self) -> Iterator[Frames]:
        """Power spectra of shape (frames, FFT_SAMPLES // 2 + 1), at most ``BLOCK_FRAMES`` at once."""
        if self._kept:
            yield from self._kept
            return
        for start in range(0, len(self._frames), BLOCK_FRAMES):
            block = _power(self._frames[start : start + BLOCK_FRAMES])
            if len(self._frames) <= BLOCK_FRAMES:
                self._kept.append(block)
            yield block

    def per_frame(self, descriptor: Callable[[Frames], Frames]) -> Frames:
        """A descriptor of every frame: power spectra in, one row a frame out."""
        return np.concatenate([descriptor(block) for block in self.blocks()])


def _power(frames: Frames) -> Frames:
    spectra = np.fft.rfft(frames * _hann_window(), axis=1)
    return np.square(spectra.real) + np.square(spectra.imag)


@lru_cache(maxsize=1)
def _hann_window() -> NDArray[np.float32]:
    turns = np.arange(FFT_SAMPLES) / FFT_SAMPLES
    return (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)
