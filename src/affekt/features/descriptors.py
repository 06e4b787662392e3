"""Descriptors of each frame, with the parameters and conventions of librosa 0.11 unless noted otherwise.

Every descriptor takes the ``Spectra`` of a clip and returns a float32 array of shape (frames, values).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.features.filters import chroma_filters, dct_matrix, mel_filters, multiply_bands
from affekt.features.spectra import PART_FRAMES, Block, Frames, Spectra

MEL_BANDS = 128
AMPLITUDE_FLOOR = 1e-5
POWER_FLOOR = AMPLITUDE_FLOOR**2
DYNAMIC_RANGE_DB = 80.0
ROLLOFF_SHARE = 0.85
_ROLLOFF_GROUP = 32
CONTRAST_QUANTILE = 0.02
CONTRAST_LOWEST_HZ = 200.0
CONTRAST_OCTAVES = 6
ZERO_CROSSING_THRESHOLD = 1e-10
DELTA_FRAMES = 9

# The parameters of librosa's estimate of the tuning.
_TUNING_LOWEST_HZ, _TUNING_HIGHEST_HZ = 150.0, 4000.0
_TUNING_PEAK_SHARE = 0.1
_TUNING_STEPS = 100


def mel_spectrogram(spectra: Spectra, bands: int = MEL_BANDS) -> Frames:
    """Return the power in bands of Slaney's mel scale: ``librosa.feature.melspectrogram``."""
    filters = mel_filters(spectra.sample_rate, spectra.fft_samples, bands)
    return spectra.per_frame(lambda block: multiply_bands(block.power, filters))


def log_mel(spectra: Spectra, bands: int = MEL_BANDS) -> Frames:
    """Return the mel spectrogram in dB, at least 80 dB below its maximum: ``librosa.power_to_db``."""
    return _decibels(mel_spectrogram(spectra, bands))


def mfcc(spectra: Spectra, count: int) -> Frames:
    """Return mel-frequency cepstral coefficients: ``librosa.feature.mfcc`` with ``n_mfcc=count``.

    They are the first coefficients, at most 128, of the orthonormal DCT-II of 128 mel bands in dB.
    """
    matrix = dct_matrix(MEL_BANDS)[:, :count]
    decibels = log_mel(spectra)
    return np.concatenate(
        [decibels[i : i + PART_FRAMES] @ matrix for i in range(0, len(decibels), PART_FRAMES)]
    )


def chroma(spectra: Spectra) -> Frames:
    """Return the energy of the twelve pitch classes: ``librosa.feature.chroma_stft``.

    C is the first class; the largest value of each frame is 1. The tuning is estimated from the clip, to a
    hundredth of a semitone.
    """
    filters = chroma_filters(spectra.sample_rate, spectra.fft_samples, estimate_tuning(spectra))
    raw = spectra.per_frame(lambda block: multiply_bands(block.power, filters))
    return _normalised(raw, np.abs(raw).max(axis=1))


def tonnetz(pitches: Frames) -> Frames:
    """Return the six tonal centroids of a chroma: ``librosa.feature.tonnetz(chroma=...)``.

    Source: Harte, Sandler & Gasser (2006). Without ``chroma``, librosa computes one by a constant-Q
    transform, at a hundred times the cost.
    """
    return _normalised(pitches, np.abs(pitches).sum(axis=1)) @ _tonal_axes()


def spectral_contrast(spectra: Spectra) -> Frames:
    """Return the level of peaks relative to valleys in dB, in seven bands.

    The same as ``librosa.feature.spectral_contrast`` of the same magnitudes. Computed from the waveform,
    the two may differ where a valley is float32 rounding error of the transform: beside a pure tone, and in
    bands 0 and 6 of recordings whose spectrum is empty there, by up to 1 dB in single frames.

    Raises
    ------
    ValueError
        The sample rate is not over 12.8 kHz, so that the highest band begins above its half.
    """
    bands = _contrast_bands(spectra.sample_rate, spectra.fft_samples)
    valleys_peaks = spectra.per_frame(lambda block: _valleys_and_peaks(block.magnitude, bands))
    valleys, peaks = np.split(valleys_peaks, 2, axis=1)
    return _decibels(peaks) - _decibels(valleys)


def spectral_centroid(spectra: Spectra) -> Frames:
    """Return the mean frequency in Hz, weighted by magnitude: ``librosa.feature.spectral_centroid``."""
    return spectra.per_frame(lambda block: block.centroid)


def spectral_bandwidth(spectra: Spectra) -> Frames:
    """Return the standard deviation of frequency in Hz: ``librosa.feature.spectral_bandwidth``.

    For a pure tone, rounding errors at distant frequencies dominate: there the two agree to 1e-3.
    """
    return spectra.per_frame(_bandwidth)


def spectral_rolloff(spectra: Spectra) -> Frames:
    """Return the frequency in Hz with 85 % of the magnitude below it: ``librosa.feature.spectral_rolloff``.

    It is the frequency of a bin. Where rounding decides between two neighbouring bins (10.8 Hz apart at
    22.05 kHz), the result may be the other one than librosa's.
    """
    return spectra.per_frame(_rolloff)


def spectral_flatness(spectra: Spectra) -> Frames:
    """Return the geometric over the arithmetic mean of the power: ``librosa.feature.spectral_flatness``."""
    return spectra.per_frame(_flatness)


def zero_crossing_rate(spectra: Spectra) -> Frames:
    """Return the share of samples at which the sign changes: ``librosa.feature.zero_crossing_rate``.

    Beyond its ends, the waveform is continued at its first and its last value.
    """
    samples = spectra.samples
    negative = samples < -ZERO_CROSSING_THRESHOLD
    crossings = np.zeros(len(samples), np.int32)
    np.not_equal(negative[1:], negative[:-1], out=crossings[1:], casting="unsafe")
    counts = _frame_sums(crossings, spectra)
    starts = np.arange(spectra.frame_count) * spectra.hop_samples - spectra.fft_samples // 2
    inside = starts > 0  # the first sample of a frame has nothing before it to cross from
    counts[inside] -= crossings[starts[inside]]
    return (counts / spectra.fft_samples).astype(np.float32)[:, None]


def rms(spectra: Spectra) -> Frames:
    """Return the root mean square of each frame, without a window: ``librosa.feature.rms``."""
    sums = _frame_sums(np.square(spectra.samples), spectra)
    return np.sqrt(sums / spectra.fft_samples).astype(np.float32)[:, None]


def deltas(frames: Frames, order: int = 1) -> Frames:
    """Return first or second derivatives over nine frames: ``librosa.feature.delta(mode="nearest")``.

    They are those of a Savitzky-Golay filter, of the same shape as ``frames``. The frames at the ends are
    repeated, so that a clip of any length has deltas; librosa's default needs nine frames.
    """
    reach = DELTA_FRAMES // 2
    weights = _savitzky_golay(order)
    padded = frames[np.clip(np.arange(-reach, len(frames) + reach), 0, len(frames) - 1)]
    return np.asarray(
        sum(weight * padded[i : i + len(frames)] for i, weight in enumerate(weights)), np.float32
    )


def estimate_tuning(spectra: Spectra) -> float:
    """Return the deviation from 440 Hz tuning in semitones, -0.5 to 0.5: ``librosa.estimate_tuning``.

    The most frequent deviation of the interpolated peaks of the power spectrum between 150 and 4000 Hz
    that are at least as strong as their median. An impulse has a flat spectrum, whose peaks are rounding
    errors: its tuning is arbitrary.
    """
    found = [_spectral_peaks(block) for block in spectra.blocks()]
    pitches = np.concatenate([pitch for pitch, _ in found])
    strengths = np.concatenate([strength for _, strength in found])
    if not len(pitches):
        return 0.0
    pitches = pitches[strengths >= np.median(strengths)]
    offsets = np.mod(12 * np.log2(pitches / (440.0 / 16)), 1.0)
    offsets[offsets >= 0.5] -= 1.0
    edges = np.linspace(-0.5, 0.5, _TUNING_STEPS + 1)
    return float(edges[np.histogram(offsets, edges)[0].argmax()])


def _spectral_peaks(block: Block) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return frequency in Hz and strength of interpolated local maxima: ``librosa.piptrack``."""
    low, high = np.searchsorted(block.bins_hz, (_TUNING_LOWEST_HZ, _TUNING_HIGHEST_HZ))
    high = min(int(high), len(block.bins_hz) - 1)
    power = block.power
    middle = power[:, low:high]
    loud = _TUNING_PEAK_SHARE * power.max(axis=1, keepdims=True)
    frame, at = np.nonzero(middle > loud)
    at += low
    left, centre, right = power[frame, at - 1], power[frame, at], power[frame, at + 1]
    peaks = (centre > left) & (centre >= right)
    at, left, centre, right = at[peaks], left[peaks], centre[peaks], right[peaks]
    slope, bend = (right - left) / 2, left + right - 2 * centre
    shift = np.where(np.abs(slope) < np.abs(bend), -slope / np.where(bend == 0, 1, bend), 0)
    return (at + shift) * float(block.bins_hz[1]), centre + slope * shift / 2


def _decibels(power: Frames) -> Frames:
    """Convert as ``librosa.power_to_db`` does: at least 1e-10, and at least 80 dB below the maximum."""
    # numpy's natural logarithm is several times as fast as that to the base of 10.
    decibels = np.log(np.maximum(power, POWER_FLOOR)) * np.float32(10 / np.log(10))
    return np.asarray(np.maximum(decibels, decibels.max() - DYNAMIC_RANGE_DB), np.float32)


def _normalised(rows: Frames, sizes: NDArray[np.float32]) -> Frames:
    """Divide each row by its size, unless that is too small, as ``librosa.util.normalize`` does."""
    return np.asarray(rows / np.where(sizes < np.finfo(np.float32).tiny, 1, sizes)[:, None])


def _bandwidth(block: Block) -> Frames:
    distance = block.bins_hz - block.centroid
    squares = np.square(distance, out=distance)
    weighted = np.einsum("ij,ij->i", squares, block.magnitude)
    return np.asarray(np.sqrt(weighted[:, None] / block.total))


def _rolloff(block: Block) -> Frames:
    # First the group of bins, then the bin within it: a cumulative sum over all bins is slow.
    bins = block.magnitude.shape[1]
    starts = np.arange(0, bins, _ROLLOFF_GROUP)
    groups = np.add.reduceat(block.magnitude, starts, axis=1)
    ends = np.cumsum(groups, axis=1)
    wanted = np.float32(ROLLOFF_SHARE) * ends[:, -1:]
    rows, group = np.arange(len(groups)), (ends >= wanted).argmax(axis=1)
    members = np.minimum(starts[group][:, None] + np.arange(_ROLLOFF_GROUP), bins - 1)
    before = (ends - groups)[rows, group][:, None]
    below = before + np.cumsum(block.magnitude[rows[:, None], members], axis=1)
    below[:, -1] = np.inf  # rounding may leave the sum short of the share at the end of the group
    return np.asarray(block.bins_hz[members[rows, (below >= wanted).argmax(axis=1)]][:, None])


def _flatness(block: Block) -> Frames:
    power = np.maximum(block.power, POWER_FLOOR)
    arithmetic = power.mean(axis=1, keepdims=True)
    geometric = np.exp(np.log(power, out=power).mean(axis=1, keepdims=True))
    return np.asarray(geometric / arithmetic)


@lru_cache(maxsize=8)
def _contrast_bands(sample_rate: int, fft_samples: int) -> list[tuple[int, int, int]]:
    """Return (first bin, last bin + 1, number of bins of a peak or valley) of each band."""
    edges = CONTRAST_LOWEST_HZ * 2.0 ** np.arange(CONTRAST_OCTAVES + 1)
    if edges[-2] >= sample_rate / 2:
        raise ValueError(
            f"spectral contrast needs a sample rate over {2 * edges[-2]:g} Hz, not {sample_rate}"
        )
    hz = np.arange(fft_samples // 2 + 1) * (sample_rate / fft_samples)
    bands = []
    for band, (low, high) in enumerate(zip([0.0, *edges[:-1]], edges, strict=True)):
        inside = np.flatnonzero((hz >= low) & (hz <= high))
        start, stop = int(inside[0]) - (band > 0), int(inside[-1]) + 1
        if band == CONTRAST_OCTAVES:
            stop = len(hz)
        count = max(1, int(np.rint(CONTRAST_QUANTILE * (stop - start))))
        bands.append((start, stop if band == CONTRAST_OCTAVES else stop - 1, count))
    return bands


def _valleys_and_peaks(magnitude: Frames, bands: list[tuple[int, int, int]]) -> Frames:
    """Return the means of the lowest and of the highest bins of each band, shape (frames, 2 * bands)."""
    found = np.empty((len(magnitude), 2 * len(bands)), np.float32)
    for i, (start, stop, count) in enumerate(bands):
        ordered = np.sort(magnitude[:, start:stop], axis=1)
        found[:, i] = np.add.reduce(ordered[:, :count], axis=1) / np.float32(count)
        found[:, len(bands) + i] = np.add.reduce(ordered[:, -count:], axis=1) / np.float32(count)
    return found


def _frame_sums(values: NDArray[np.generic], spectra: Spectra) -> NDArray[np.float64]:
    """Sum values over each frame, with zeros beyond the ends; a frame must be an even number of hops."""
    hop, frames, hops = spectra.hop_samples, spectra.frame_count, spectra.fft_samples // spectra.hop_samples
    sums = np.zeros(frames + hops, np.float64)
    whole = len(values) // hop
    half = hops // 2
    by_hop = values[: whole * hop].reshape(whole, hop).sum(axis=1, dtype=np.float64)
    sums[half : half + whole] = by_hop
    sums[half + whole] = values[whole * hop :].sum(dtype=np.float64)
    return np.asarray(sum(sums[i : i + frames] for i in range(hops)))


@lru_cache(maxsize=1)
def _tonal_axes() -> NDArray[np.float32]:
    """Return the projection of pitch classes on fifths, minor and major thirds, shape (12, 6)."""
    steps = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])
    angles = np.pi * (np.arange(12)[:, None] * steps - np.array([0.5, 0.0] * 3))
    return np.asarray(np.cos(angles) * [1, 1, 1, 1, 0.5, 0.5], np.float32)


@lru_cache(maxsize=2)
def _savitzky_golay(order: int) -> list[float]:
    """Return weights for the derivative of that order of a polynomial fitted to nine frames."""
    at = np.arange(DELTA_FRAMES) - DELTA_FRAMES // 2
    fit = np.linalg.pinv(np.vander(at, order + 1, increasing=True))[order]
    return [float(weight) for weight in fit * (2.0 if order == 2 else 1.0)]
