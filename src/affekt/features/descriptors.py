"""What is heard in each frame. Parameters and conventions are librosa 0.11's."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.features.spectra import FFT_SAMPLES, Frames, Spectra

MEL_BANDS = 128
POWER_FLOOR = 1e-10
DYNAMIC_RANGE_DB = 80.0

# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def mfcc(spectra: Spectra, count: int) -> Frames:
    """Mel-frequency cepstral coefficients.

    Parameters
    ----------
    spectra
        Of one clip.
    count
        How many coefficients, at most 128.

    Returns
    -------
    float32 array of shape (frames, count)
        Orthonormal DCT-II of the mel spectrum in dB, which is cut off 80 dB below the clip's
        loudest band, as ``librosa.feature.mfcc``.
    """
    return np.asarray(log_mel(spectra) @ _dct_matrix(MEL_BANDS)[:, :count])


def log_mel(spectra: Spectra) -> Frames:
    """Mel spectrum in dB, shape (frames, 128): ``librosa.power_to_db(melspectrogram(y))``."""
    filters = mel_filters(spectra.sample_rate)
    mel = spectra.per_frame(lambda power: power @ filters)
    decibels = 10.0 * np.log10(np.maximum(mel, POWER_FLOOR))
    return np.asarray(np.maximum(decibels, decibels.max() - DYNAMIC_RANGE_DB))


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int) -> NDArray[np.float32]:
    """Triangles of equal area on Slaney's mel scale, shape (FFT_SAMPLES // 2 + 1, 128)."""
    bins_hz = np.arange(FFT_SAMPLES // 2 + 1) * sample_rate / FFT_SAMPLES
    edges_hz = _mel_to_hz(np.linspace(0.0, _hz_to_mel(sample_rate / 2), MEL_BANDS + 2))
    rising = (bins_hz[:, None] - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    falling = (edges_hz[2:] - bins_hz[:, None]) / np.diff(edges_hz)[1:]
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)) * area, np.float32)


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_START_HZ:
        return hz / _HZ_PER_MEL
    return float(_LOG_START_MEL + np.log(hz / _LOG_START_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _LOG_START_HZ * np.exp(_LOG_STEP * (mel - _LOG_START_MEL))
    return np.asarray(np.where(mel < _LOG_START_MEL, mel * _HZ_PER_MEL, above))


@lru_cache(maxsize=1)
def _dct_matrix(size: int) -> NDArray[np.float32]:
    """Orthonormal DCT-II as a matrix to multiply rows with, shape (size, size)."""
    angles = np.pi / size * (np.arange(size) + 0.5)[:, None] * np.arange(size)
    matrix = np.sqrt(2.0 / size) * np.cos(angles)
    matrix[:, 0] /= np.sqrt(2.0)
    return np.asarray(matrix, np.float32)
