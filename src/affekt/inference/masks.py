"""Masks: a recording in which some segments of time are silent, and some frequency bands are removed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform
from affekt.features.filters import mel_edges_hz
from affekt.features.spectra import hann_window

SEGMENT_S = 0.1
MAX_SEGMENTS = 60  # the segments of longer recordings are longer: each takes a few masks to measure
BANDS = 12
TOP_HZ = 8000.0  # the last band has all above as well
FADE_S = 0.01
KEPT = 0.85  # the share of segments and of bands that a mask keeps: with less, sound is too unlike speech
FFT_S = 0.032
_OVERLAP = 4  # frames at each sample

Masks = NDArray[np.bool_]
"""Whether each mask keeps each part: bool of shape (masks, segments + bands)."""


class MaskedSound:
    """A recording whose segments and bands can be left out.

    Attributes
    ----------
    segments : float64 array of shape (segments, 2)
        Start and end of each segment in seconds; together they are the recording.
    bands : float64 array of shape (bands, 2)
        Lowest and highest frequency of each band in Hz, equally wide on the mel scale.
    """

    def __init__(self, waveform: Waveform) -> None:
        length, rate = len(waveform.samples), waveform.sample_rate
        count = int(np.clip(round(waveform.duration_s / SEGMENT_S), 1, MAX_SEGMENTS))
        edges = np.linspace(0, length, count + 1).round().astype(int)
        self.segments = np.stack([edges[:-1], edges[1:]], axis=1) / rate
        edges_hz = mel_edges_hz(min(TOP_HZ, rate / 2), BANDS)
        edges_hz[-1] = rate / 2
        self.bands = np.stack([edges_hz[:-1], edges_hz[1:]], axis=1)
        self._rate, self._lengths = rate, np.diff(edges)
        self._band_samples = split_bands(waveform, edges_hz)

    def draw(self, masks: int, seed: int) -> Masks:
        """Draw masks, each part kept with probability ``KEPT``."""
        rng = np.random.default_rng(seed)
        return np.asarray(rng.random((masks, len(self.segments) + len(self.bands))) < KEPT)

    def keep(self, kept: NDArray[np.bool_]) -> Waveform:
        """Return the recording with these segments and bands alone, shape (segments + bands,).

        Sound fades in and out over 10 ms, so that a mask adds no clicks.
        """
        segments, bands = np.split(kept, [len(self.segments)])
        samples = bands.astype(np.float32) @ self._band_samples
        return Waveform(samples * self._gain(segments), self._rate)

    def _gain(self, segments: NDArray[np.bool_]) -> NDArray[np.float32]:
        gain = np.repeat(segments.astype(np.float32), self._lengths)
        half = max(1, round(FADE_S * self._rate / 2))
        fade = hann_window(2 * half)[1:]  # of odd length, so that it is centred
        return np.convolve(np.pad(gain, half - 1, mode="edge"), fade / fade.sum(), mode="valid")


def split_bands(waveform: Waveform, edges_hz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Divide a recording into frequency bands, whose sum is the recording.

    Each bin of a short-time Fourier transform goes to one band, and each band is transformed back by
    overlap-add.

    Parameters
    ----------
    waveform
        A recording.
    edges_hz
        Of the bands, ascending, from 0 to half the sample rate: shape (bands + 1,).

    Returns
    -------
    float32 array of shape (bands, samples)
    """
    samples, rate = waveform.samples, waveform.sample_rate
    hop = max(1, round(FFT_S * rate / _OVERLAP))
    size = hop * _OVERLAP
    window = np.sqrt(hann_window(size))  # before and after: their product adds up to a constant
    frames = -(-len(samples) // hop) + _OVERLAP - 1
    padded = np.zeros((frames - 1) * hop + size, np.float32)
    padded[size - hop :][: len(samples)] = samples
    cut = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectra = np.fft.rfft(cut * window, axis=1)
    bins_hz = np.arange(spectra.shape[1]) * (rate / size)
    band_of = np.clip(np.searchsorted(edges_hz, bins_hz, side="right") - 1, 0, len(edges_hz) - 2)
    out = np.zeros((len(edges_hz) - 1, len(padded)), np.float32)
    for band, row in enumerate(out):
        parts = np.fft.irfft(spectra * (band_of == band), size, axis=1) * (window * 2 / _OVERLAP)
        for i in range(_OVERLAP):
            row[i * hop :][: frames * hop] += parts[:, i * hop : (i + 1) * hop].ravel()
    return np.ascontiguousarray(out[:, size - hop :][:, : len(samples)])
