"""Filter banks and transforms as matrices, cached by their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.features.spectra import PART_FRAMES, Frames

# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

_BANDS_TOGETHER = 16
_CLASSES_TOGETHER = 6


@dataclass(frozen=True)
class BandFilters:
    """A filter bank as a sparse matrix, stored as small dense parts.

    Attributes
    ----------
    bands
        Number of filters.
    parts
        (first bin, last bin + 1, first band, last band + 1, weights of shape (bins, bands)).
    """

    bands: int
    parts: tuple[tuple[int, int, int, int, NDArray[np.float32]], ...]


def multiply_bands(spectra: Frames, filters: BandFilters) -> Frames:
    """Multiply spectra of shape (frames, bins) by the filters; return shape (frames, bands)."""
    out = np.empty((len(spectra), filters.bands), np.float32)
    for start in range(0, len(spectra), PART_FRAMES):
        rows = slice(start, start + PART_FRAMES)
        for low, high, first, last, weights in filters.parts:
            out[rows, first:last] = spectra[rows, low:high] @ weights
    return out


@lru_cache(maxsize=32)
def mel_filters(sample_rate: int, fft_samples: int, bands: int) -> BandFilters:
    """Return ``librosa.filters.mel`` as ``BandFilters``."""
    dense = mel_matrix(sample_rate, fft_samples, bands)
    parts = []
    for first in range(0, bands, _BANDS_TOGETHER):
        last = min(first + _BANDS_TOGETHER, bands)
        used = np.flatnonzero(dense[:, first:last].any(axis=1))
        low, high = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        parts.append((low, high, first, last, np.ascontiguousarray(dense[low:high, first:last])))
    return BandFilters(bands, tuple(parts))


def mel_matrix(sample_rate: int, fft_samples: int, bands: int) -> NDArray[np.float32]:
    """Return triangular filters of equal area on Slaney's mel scale, shape (bins, bands)."""
    edges_hz = mel_edges_hz(sample_rate / 2, bands + 1)
    bins_hz = _fft_hz(sample_rate, fft_samples)[:, None]
    rising = (bins_hz - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    falling = (edges_hz[2:] - bins_hz) / np.diff(edges_hz)[1:]
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)) * area, np.float32)


def mel_edges_hz(top_hz: float, bands: int) -> NDArray[np.float64]:
    """Return the edges of bands from 0 Hz, equally wide on Slaney's mel scale: shape (bands + 1,)."""
    return _mel_to_hz(np.linspace(0.0, _hz_to_mel(top_hz), bands + 1))


@lru_cache(maxsize=256)
def chroma_filters(sample_rate: int, fft_samples: int, tuning: float) -> BandFilters:
    """Return ``librosa.filters.chroma`` as ``BandFilters``."""
    dense = chroma_matrix(sample_rate, fft_samples, tuning)
    bins, classes = dense.shape
    parts = [
        (
            0,
            bins,
            first,
            first + _CLASSES_TOGETHER,
            np.ascontiguousarray(dense[:, first : first + _CLASSES_TOGETHER]),
        )
        for first in range(0, classes, _CLASSES_TOGETHER)
    ]
    return BandFilters(classes, tuple(parts))


def chroma_matrix(sample_rate: int, fft_samples: int, tuning: float) -> NDArray[np.float32]:
    """Return ``librosa.filters.chroma`` for twelve classes, C first, shape (bins, 12).

    Each class is a Gaussian. The weights of a bin have unit length, scaled by a Gaussian of its frequency
    around 880 Hz with a standard deviation of two octaves.
    """
    classes = 12
    hz = _fft_hz(sample_rate, fft_samples)[1:]
    position = classes * np.log2(hz / (440.0 * 2 ** (tuning / classes) / 16))
    position = np.concatenate([[position[0] - 1.5 * classes], position])
    width = np.concatenate([np.maximum(np.diff(position), 1.0), [1.0]])
    distance = position[:, None] - np.arange(classes)
    distance = np.remainder(distance + classes / 2 + 10 * classes, classes) - classes / 2
    weights = np.exp(-0.5 * (2 * distance / width[:, None]) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=1, keepdims=True))
    weights *= np.exp(-0.5 * ((position / classes - 5.0) / 2.0) ** 2)[:, None]
    return np.ascontiguousarray(np.roll(weights, -3, axis=1), np.float32)


@lru_cache(maxsize=2)
def dct_matrix(size: int) -> NDArray[np.float32]:
    """Return the orthonormal DCT-II as a matrix that rows are multiplied by, shape (size, size)."""
    angles = np.pi / size * (np.arange(size) + 0.5)[:, None] * np.arange(size)
    matrix = np.sqrt(2.0 / size) * np.cos(angles)
    matrix[:, 0] /= np.sqrt(2.0)
    return np.asarray(matrix, np.float32)


def _fft_hz(sample_rate: int, fft_samples: int) -> NDArray[np.float64]:
    return np.asarray(np.arange(fft_samples // 2 + 1) * (sample_rate / fft_samples), np.float64)


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_START_HZ:
        return hz / _HZ_PER_MEL
    return float(_LOG_START_MEL + np.log(hz / _LOG_START_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _LOG_START_HZ * np.exp(_LOG_STEP * (mel - _LOG_START_MEL))
    return np.asarray(np.where(mel < _LOG_START_MEL, mel * _HZ_PER_MEL, above))
