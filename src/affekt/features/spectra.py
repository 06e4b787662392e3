"""Framing and short-time Fourier transform of a clip, shared by all descriptors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform

FFT_SAMPLES = 2048  # librosa's defaults
HOP_SAMPLES = FFT_SAMPLES // 4

# Frames are described in blocks, so that temporary arrays do not grow with the length of a recording. They
# are transformed and multiplied by matrices in smaller parts, which stay in the processor's cache. Products
# of matrices so small are computed on the caller's thread: clips in parallel do not compete for cores.
BLOCK_FRAMES = 256
PART_FRAMES = 32
KEPT_FRAMES = 8192  # three minutes at 22.05 kHz; the spectra of longer recordings are not kept in memory

Frames = NDArray[np.float32]
"""A float32 array of shape (frames, values)."""


class Block:
    """The spectra of consecutive frames.

    Attributes
    ----------
    power, magnitude
        float32 arrays of shape (frames, bins).
    bins_hz
        Frequency of each bin, float32 of shape (bins,).
    """

    def __init__(self, power: Frames, bins_hz: NDArray[np.float32]) -> None:
        self.power = power
        self.bins_hz = bins_hz

    @cached_property
    def magnitude(self) -> Frames:
        """Square root of the power."""
        return np.asarray(np.sqrt(self.power))

    @cached_property
    def total(self) -> Frames:
        """Sum of the magnitudes, shape (frames, 1); 1 where it is too small to divide by."""
        total = self.magnitude.sum(axis=1, keepdims=True)
        return np.asarray(np.where(total < np.finfo(np.float32).tiny, np.float32(1), total))

    @cached_property
    def centroid(self) -> Frames:
        """Mean frequency in Hz, weighted by magnitude, shape (frames, 1)."""
        weighted = np.einsum("ij,j->i", self.magnitude, self.bins_hz)
        return np.asarray(weighted[:, None] / self.total)


class Spectra:
    """The spectra of a waveform, in blocks.

    Frames of ``fft_samples`` are centred on every ``hop_samples``-th sample, padded with zeros at the ends,
    and windowed with a periodic Hann window, as by default in ``librosa.stft``. The spectra of a clip are
    computed once; those of a long recording are computed again for each descriptor, to save memory.
    """

    def __init__(
        self, waveform: Waveform, fft_samples: int = FFT_SAMPLES, hop_samples: int = HOP_SAMPLES
    ) -> None:
        self.samples = waveform.samples
        self.sample_rate = waveform.sample_rate
        self.fft_samples = fft_samples
        self.hop_samples = hop_samples
        self.frame_count = 1 + len(self.samples) // hop_samples
        self.bins_hz = bin_frequencies(self.sample_rate, fft_samples)
        self._kept: list[Block] = []

    def blocks(self) -> Iterator[Block]:
        """Yield the spectra of all frames, ``BLOCK_FRAMES`` or fewer at once."""
        if self._kept:
            yield from self._kept
            return
        for start in range(0, self.frame_count, BLOCK_FRAMES):
            frames = self._cut(start, min(start + BLOCK_FRAMES, self.frame_count))
            parts = [_power(frames[i : i + PART_FRAMES]) for i in range(0, len(frames), PART_FRAMES)]
            block = Block(np.concatenate(parts), self.bins_hz)
            if self.frame_count <= KEPT_FRAMES:
                self._kept.append(block)
            yield block

    def per_frame(self, descriptor: Callable[[Block], Frames]) -> Frames:
        """Compute a descriptor of every frame; it returns one row for each frame of a block."""
        return np.concatenate([descriptor(block) for block in self.blocks()])

    def _cut(self, first: int, last: int) -> Frames:
        """Return the frames first .. last - 1, with zeros beyond the ends, shape (frames, fft_samples)."""
        start = first * self.hop_samples - self.fft_samples // 2
        stop = (last - 1) * self.hop_samples + self.fft_samples // 2
        inside = self.samples[max(start, 0) : stop]
        before = max(-start, 0)
        if before or len(inside) < stop - max(start, 0):
            padded = np.zeros(stop - start, np.float32)
            padded[before : before + len(inside)] = inside
            inside = padded
        return np.lib.stride_tricks.sliding_window_view(inside, self.fft_samples)[:: self.hop_samples]


def _power(frames: Frames) -> Frames:
    return square_magnitudes(np.fft.rfft(frames * hann_window(frames.shape[1]), axis=1))


def square_magnitudes(spectra: NDArray[np.complexfloating]) -> Frames:
    """Return the power of complex64 spectra, which are overwritten."""
    parts = spectra.view(np.float32)  # real and imaginary in turn
    np.square(parts, out=parts)
    return np.asarray(parts[:, ::2] + parts[:, 1::2])


@lru_cache(maxsize=8)
def hann_window(samples: int) -> NDArray[np.float32]:
    """Return the periodic Hann window of that length."""
    turns = np.arange(samples) / samples
    return (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)


@lru_cache(maxsize=32)
def bin_frequencies(sample_rate: int, fft_samples: int) -> NDArray[np.float32]:
    """Return the frequency of each bin in Hz, shape (fft_samples // 2 + 1,)."""
    return (np.arange(fft_samples // 2 + 1) * (sample_rate / fft_samples)).astype(np.float32)
