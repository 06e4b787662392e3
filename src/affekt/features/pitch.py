"""Fundamental frequency and harmonics-to-noise ratio by autocorrelation.

The autocorrelation of a windowed frame, divided by that of the window, has a peak at the period, whose
height measures how periodic the frame is. Source: Boersma (1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform
from affekt.features.spectra import BLOCK_FRAMES, PART_FRAMES, hann_window, square_magnitudes

LOWEST_HZ, HIGHEST_HZ = 65.0, 750.0  # from low male voices to shouts and sopranos
FRAME_S = 3 / LOWEST_HZ  # three periods of the lowest pitch
HOP_S = 0.016
VOICED_STRENGTH = 0.45
SILENCE_SHARE = 0.03  # a frame with a lower peak, relative to the clip's, is not voiced
OCTAVE_COST = 0.02  # prefers the shorter of two periods of similar strength
LEAST_BEND = 1e-6  # of a peak; in a frame at the edge of silence, rounding errors look like flatter ones
SMOOTHED_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Pitch:
    """Pitch of every frame, 16 ms apart.

    Attributes
    ----------
    hz : float32 array of shape (frames,)
        Fundamental frequency, NaN where the frame is not voiced.
    strength : float32 array of shape (frames,)
        Height of the normalised autocorrelation at the period, 0 to 1; 0 where the frame is too quiet.
    """

    hz: NDArray[np.float32]
    strength: NDArray[np.float32]

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Which frames have a pitch."""
        return ~np.isnan(self.hz)

    @property
    def harmonics_to_noise_db(self) -> NDArray[np.float32]:
        """Energy of the periodic part relative to the rest in dB, of voiced frames (Boersma 1993)."""
        share = np.clip(self.strength[self.voiced], 1e-3, 0.9999)
        return np.asarray(10 * np.log10(share / (1 - share)), np.float32)


def track_pitch(waveform: Waveform) -> Pitch:
    """Find the pitch of a voice between 65 and 750 Hz.

    A frame is voiced if it is loud and periodic enough. The track is smoothed by a median over five frames,
    which removes single octave errors.
    """
    rate = waveform.sample_rate
    length, hop = round(FRAME_S * rate), round(HOP_S * rate)
    margin = np.zeros(length // 2, np.float32)
    samples = np.concatenate([margin, waveform.samples - waveform.samples.mean(), margin])
    sizes = np.abs(samples)
    threshold = SILENCE_SHARE * float(sizes.max())
    loud = np.flatnonzero(_frames(sizes, length, hop).max(axis=1) > threshold)
    frames = _frames(samples, length, hop)
    hz, strength = np.full(len(frames), np.nan), np.zeros(len(frames), np.float32)
    for i in range(0, len(loud), BLOCK_FRAMES):
        some = loud[i : i + BLOCK_FRAMES]
        periods, strength[some] = _find_periods(frames[some], rate)
        hz[some] = rate / np.where(strength[some] > VOICED_STRENGTH, periods, np.nan)
    return Pitch(_smoothed(hz).astype(np.float32), strength)


def _frames(samples: NDArray[np.float32], length: int, hop: int) -> NDArray[np.float32]:
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]


def _find_periods(
    frames: NDArray[np.float32], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the period of each frame in samples, and its strength: 0 where there is none."""
    shortest, longest = int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ) + 1
    lags = _autocorrelation(frames, longest + 2)
    flat = lags.ravel()
    at = np.flatnonzero((flat[1:-1] > flat[:-2]) & (flat[1:-1] >= flat[2:])) + 1
    lag = at % lags.shape[1]
    at = at[(lag >= shortest) & (lag <= longest)]
    at = at[flat[at - 1] + flat[at + 1] - 2 * flat[at] < -LEAST_BEND]
    left, centre, right = flat[at - 1], flat[at], flat[at + 1]
    bend = left + right - 2 * centre
    interpolated = (left - right) / (2 * bend)  # by a parabola: the peak lies between samples
    shift, height = np.zeros((2, lags.size), np.float32)
    shift[at], height[at] = interpolated, centre - (left - right) * interpolated / 4
    best = (height.reshape(lags.shape) - _octave_costs(shortest, longest)).argmax(axis=1)
    at = np.arange(len(frames)) * lags.shape[1] + best
    return best + shift[at], np.clip(height[at], 0.0, 1.0)


def _autocorrelation(frames: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the normalised autocorrelation of each frame at the first lags, shape (frames, count)."""
    length = frames.shape[1]
    size = _fft_size(length + count - 2)
    lags = np.empty((len(frames), count), np.float32)
    padded = np.zeros((PART_FRAMES, size), np.float32)  # rfft would take longer to pad them
    for i in range(0, len(frames), PART_FRAMES):
        part = frames[i : i + PART_FRAMES]
        inside = padded[: len(part), :length]
        np.subtract(part, part.mean(axis=1, keepdims=True), out=inside)
        inside *= hann_window(length)
        power = square_magnitudes(np.fft.rfft(padded[: len(part)], axis=1))
        lags[i : i + PART_FRAMES] = np.fft.irfft(power, size, axis=1)[:, :count]
    lags /= np.maximum(lags[:, :1], np.finfo(np.float32).tiny)
    lags /= _window_lags(length, size)[:count]
    return lags


@lru_cache(maxsize=4)
def _octave_costs(shortest: int, longest: int) -> NDArray[np.float64]:
    """Return what is taken off the strength of each lag, shape (longest + 2,)."""
    costs = np.full(longest + 2, np.inf)
    costs[shortest:-1] = OCTAVE_COST * np.log2(np.arange(shortest, longest + 1) / shortest)
    return costs


@lru_cache(maxsize=4)
def _window_lags(length: int, size: int) -> NDArray[np.float32]:
    """Return the normalised autocorrelation of the window."""
    spectrum = np.fft.rfft(hann_window(length).astype(np.float64), size)
    lags = np.fft.irfft(np.square(np.abs(spectrum)), size)
    return np.asarray(np.maximum(lags / lags[0], 1e-3), np.float32)


def _fft_size(samples: int) -> int:
    return 1 << (samples - 1).bit_length()


def _smoothed(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace each voiced frame by the median of the voiced ones of five frames around it."""
    reach = SMOOTHED_FRAMES // 2
    padded = np.concatenate([np.full(reach, np.nan), hz, np.full(reach, np.nan)])
    around = np.sort(padded[np.arange(len(hz))[:, None] + np.arange(SMOOTHED_FRAMES)], axis=1)  # NaN last
    count = SMOOTHED_FRAMES - np.isnan(around).sum(axis=1)
    middle = around[np.arange(len(hz)), np.maximum(count - 1, 0) // 2]
    return np.where(np.isnan(hz), np.nan, middle)
