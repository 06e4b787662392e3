"""What is heard in each frame. Parameters and conventions are librosa 0.11's unless a line says otherwise.

Every descriptor takes the ``Spectra`` of a clip and gives a float32 array of shape (frames, values).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affekt.features.filters import chroma_filters, dct_matrix, mel_filters, multiply_bands
from affekt.features.spectra import BLOCK_FRAMES, Block, Frames, Spectra

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

# Where librosa looks for peaks to estimate the tuning from.
_TUNING_LOWEST_HZ, _TUNING_HIGHEST_HZ = 150.0, 4000.0
_TUNING_PEAK_SHARE = 0.1
_TUNING_STEPS = 100


def mel_spectrogram(spectra: Spectra, bands: int = MEL_BANDS) -> Frames:
    """Power in bands of Slaney's mel scale: ``librosa.feature.melspectrogram``."""
    filters = mel_filters(spectra.sample_rate, spectra.fft_samples, bands)
    return spectra.per_frame(lambda block: multiply_bands(block.power, filters))


def log_mel(spectra: Spectra, bands: int = MEL_BANDS) -> Frames:
    """Mel spectrogram in dB, cut off 80 dB below the clip's loudest: ``librosa.power_to_db`` of it."""
    return _decibels(mel_spectrogram(spectra, bands))


def mfcc(spectra: Spectra, count: int) -> Frames:
    """Mel-frequency cepstral coefficients: ``librosa.feature.mfcc`` with ``n_mfcc=count``, at most 128.

    The orthonormal DCT-II of 128 mel bands in dB.
    """
    matrix = dct_matrix(MEL_BANDS)[:, :count]
    decibels = log_mel(spectra)
    return np.concatenate(
        [decibels[i : i + BLOCK_FRAMES] @ matrix for i in range(0, len(decibels), BLOCK_FRAMES)]
    )


def chroma(spectra: Spectra) -> Frames:
    """Energy of the twelve pitch classes, C first, the largest 1: ``librosa.feature.chroma_stft``.

    The tuning is estimated from the clip first, to a hundredth of a semitone.
    """
    filters = chroma_filters(spectra.sample_rate, spectra.fft_samples, estimate_tuning(spectra))
    raw = spectra.per_frame(lambda block: multiply_bands(block.power, filters))
    return _normalised(raw, np.abs(raw).max(axis=1))


def tonnetz(pitches: Frames) -> Frames:
    """Six tonal centroids (Harte et al. 2006) of a chroma: ``librosa.feature.tonnetz(chroma=...)``.

    Left to itself, librosa makes a chroma by a constant-Q transform for this, at a hundred times the cost.
    """
    return _normalised(pitches, np.abs(pitches).sum(axis=1)) @ _tonal_axes()


def spectral_contrast(spectra: Spectra) -> Frames:
    """Peak against valley in dB, in seven bands: ``librosa.feature.spectral_contrast``.

    The same to the last digits for the same magnitudes. From the waveform they may differ where a valley
    is nothing but float32 rounding error of the transform: beside a pure tone, and in real recordings at
    both ends of the spectrum, where filters leave nothing (bands 0 and 6, by up to 1 dB in single frames).

    Raises
    ------
    ValueError
        The highest band begins above half of the sample rate, which must be over 12.8 kHz.
    """
    bands = _contrast_bands(spectra.sample_rate, spectra.fft_samples)
    valleys_peaks = spectra.per_frame(lambda block: _valleys_and_peaks(block.magnitude, bands))
    valleys, peaks = np.split(valleys_peaks, 2, axis=1)
    return _decibels(peaks) - _decibels(valleys)


def spectral_centroid(spectra: Spectra) -> Frames:
    """Mean frequency in Hz, weighted by magnitude, (frames, 1): ``librosa.feature.spectral_centroid``."""
    return spectra.per_frame(_centroid)


def spectral_bandwidth(spectra: Spectra) -> Frames:
    """Deviation from the centroid in Hz, shape (frames, 1): ``librosa.feature.spectral_bandwidth``.

    Beside a pure tone, rounding errors far from it weigh the most: there the two agree to 1e-3.
    """
    return spectra.per_frame(_bandwidth)


def spectral_rolloff(spectra: Spectra) -> Frames:
    """Where 85 % of the magnitude lies below, in Hz, (frames, 1): ``librosa.feature.spectral_rolloff``.

    It is the frequency of a bin: where the share is reached within a rounding error of a bin's edge, ours
    and librosa's may be neighbours (10.8 Hz at 22.05 kHz).
    """
    return spectra.per_frame(_rolloff)


def spectral_flatness(spectra: Spectra) -> Frames:
    """Geometric over arithmetic mean of the power, (frames, 1): ``librosa.feature.spectral_flatness``."""
    return spectra.per_frame(_flatness)


def zero_crossing_rate(spectra: Spectra) -> Frames:
    """Share of samples at which the sign changes, (frames, 1): ``librosa.feature.zero_crossing_rate``.

    Beyond its ends the waveform goes on at its last value.
    """
    samples = spectra.samples
    negative = np.signbit(samples) & (np.abs(samples) > ZERO_CROSSING_THRESHOLD)
    crossings = np.zeros(len(samples), np.int32)
    np.not_equal(negative[1:], negative[:-1], out=crossings[1:], casting="unsafe")
    counts = _frame_sums(crossings, spectra)
    starts = np.arange(spectra.frame_count) * spectra.hop_samples - spectra.fft_samples // 2
    inside = starts > 0  # the first sample of a frame has nothing before it to cross from
    counts[inside] -= crossings[starts[inside]]
    return (counts / spectra.fft_samples).astype(np.float32)[:, None]


def rms(spectra: Spectra) -> Frames:
    """Root mean square of each frame, without window, shape (frames, 1): ``librosa.feature.rms``."""
    sums = _frame_sums(np.square(spectra.samples), spectra)
    return np.sqrt(sums / spectra.fft_samples).astype(np.float32)[:, None]


def deltas(frames: Frames, order: int = 1) -> Frames:
    """Slope over nine frames, or its slope: ``librosa.feature.delta(mode="nearest")``, shape as given.

    A Savitzky-Golay filter. librosa's default fits a line to the ends, and refuses fewer than nine frames;
    we hold the ends, so that a clip of any length has deltas.
    """
    reach = DELTA_FRAMES // 2
    weights = _savitzky_golay(order)
    padded = np.pad(frames, ((reach, reach), (0, 0)), mode="edge")
    return np.asarray(
        sum(weight * padded[i : i + len(frames)] for i, weight in enumerate(weights)), np.float32
    )


def estimate_tuning(spectra: Spectra) -> float:
    """How far the clip is from 440 Hz, in semitones from -0.5 to 0.5: ``librosa.estimate_tuning``.

    Interpolated peaks of the power spectrum between 150 and 4000 Hz vote, those as strong as the median
    and stronger. An impulse has a flat spectrum, whose peaks are rounding errors: its tuning is anyone's.
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
    """Frequencies in Hz and strengths of local maxima, a parabola through each: ``librosa.piptrack``."""
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
    """``librosa.power_to_db``: at least 1e-10, at most 80 dB below the largest."""
    decibels = 10.0 * np.log10(np.maximum(power, POWER_FLOOR))
    return np.asarray(np.maximum(decibels, decibels.max() - DYNAMIC_RANGE_DB), np.float32)


def _normalised(rows: Frames, sizes: NDArray[np.float32]) -> Frames:
    """Each row by its size; one too small to divide by stays as it is, as ``librosa.util.normalize``."""
    return np.asarray(rows / np.where(sizes < np.finfo(np.float32).tiny, 1, sizes)[:, None])


def _centroid(block: Block) -> Frames:
    total = block.magnitude.sum(axis=1)
    weighted = (block.magnitude * block.bins_hz).sum(axis=1)
    return _normalised(weighted[:, None], total)


def _bandwidth(block: Block) -> Frames:
    share = _normalised(block.magnitude, block.magnitude.sum(axis=1))
    distance = block.bins_hz - _centroid(block)
    return np.asarray(np.sqrt((share * np.square(distance)).sum(axis=1, keepdims=True)))


def _rolloff(block: Block) -> Frames:
    # First the group of bins, then the bin in it: a sum over all bins one after another is slow.
    bins = block.magnitude.shape[1]
    starts = np.arange(0, bins, _ROLLOFF_GROUP)
    groups = np.add.reduceat(block.magnitude, starts, axis=1)
    ends = np.cumsum(groups, axis=1)
    wanted = np.float32(ROLLOFF_SHARE) * ends[:, -1:]
    rows, group = np.arange(len(groups)), (ends >= wanted).argmax(axis=1)
    members = np.minimum(starts[group][:, None] + np.arange(_ROLLOFF_GROUP), bins - 1)
    before = (ends - groups)[rows, group][:, None]
    below = before + np.cumsum(block.magnitude[rows[:, None], members], axis=1)
    below[:, -1] = np.inf  # what rounding leaves short is reached at the group's end
    return np.asarray(block.bins_hz[members[rows, (below >= wanted).argmax(axis=1)]][:, None])


def _flatness(block: Block) -> Frames:
    power = np.maximum(block.power, POWER_FLOOR)
    geometric = np.exp(np.log(power).mean(axis=1, keepdims=True))
    return np.asarray(geometric / power.mean(axis=1, keepdims=True))


@lru_cache(maxsize=8)
def _contrast_bands(sample_rate: int, fft_samples: int) -> list[tuple[int, int, int]]:
    """(first bin, last bin + 1, bins that count as peak or valley) of each band."""
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
    """The mean of the lowest and of the highest bins of each band, shape (frames, 2 * bands)."""
    found = np.empty((len(magnitude), 2 * len(bands)), np.float32)
    for i, (start, stop, count) in enumerate(bands):
        band = magnitude[:, start:stop]
        if count == 1:
            found[:, i], found[:, len(bands) + i] = band.min(axis=1), band.max(axis=1)
        else:
            ordered = np.sort(band, axis=1)
            found[:, i] = ordered[:, :count].mean(axis=1)
            found[:, len(bands) + i] = ordered[:, -count:].mean(axis=1)
    return found


def _frame_sums(values: NDArray[np.generic], spectra: Spectra) -> NDArray[np.float64]:
    """The sum of values over each frame, zeros beyond the ends; a frame must be an even count of hops."""
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
    """Pitch classes onto fifths, minor and major thirds, shape (12, 6); the thirds' radius is 1 and 0.5."""
    steps = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])
    angles = np.pi * (np.arange(12)[:, None] * steps - np.array([0.5, 0.0] * 3))
    return np.asarray(np.cos(angles) * [1, 1, 1, 1, 0.5, 0.5], np.float32)


@lru_cache(maxsize=2)
def _savitzky_golay(order: int) -> list[float]:
    """Weights that give the derivative, of that order, of a polynomial fitted to nine frames."""
    at = np.arange(DELTA_FRAMES) - DELTA_FRAMES // 2
    fit = np.linalg.pinv(np.vander(at, order + 1, increasing=True))[order]
    return [float(weight) for weight in fit * (2.0 if order == 2 else 1.0)]
