"""The feature set ``voice@1``: a compact description of a voice, independent of the recording level.

Its columns are prosody (pitch in semitones, level over time, rhythm of voiced segments), voice quality
(harmonics-to-noise ratio, jitter, shimmer), and the spectrum of active frames. Frames far below the loudest
one are not active, so that silence around a clip changes little.

Jitter and shimmer are differences of neighbouring frames, not of single periods, which cannot be found
reliably in every recording. They vary less than Praat's, and are larger.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform
from affekt.features.descriptors import (
    deltas,
    mfcc,
    rms,
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_flatness,
    spectral_rolloff,
    zero_crossing_rate,
)
from affekt.features.pitch import HOP_S, Pitch, track_pitch
from affekt.features.spectra import Frames, Spectra
from affekt.features.summaries import Vector, summarise

SAMPLE_RATE = 16_000
FFT_SAMPLES, HOP_SAMPLES = 1024, 256  # 64 ms every 16 ms, as the frames of the pitch
ACTIVE_RANGE_DB = 35.0
MFCC_COUNT = 20
REFERENCE_HZ = 100.0  # 0 semitones
MIN_RMS = 1e-7

# Bands of the long-term spectrum, in dB relative to all of them.
BAND_EDGES_HZ = (0, 250, 500, 1000, 1500, 2000, 3000, 4000, 8001)

_SHAPE = ("centroid", "bandwidth", "rolloff", "flatness", "zcr")
_CONTRAST = tuple(f"contrast{band}" for band in range(6))
_MFCC = tuple(f"mfcc{i}" for i in range(1, MFCC_COUNT))
_BANDS = tuple(f"band_{low}_{high}hz_db" for low, high in pairwise(BAND_EDGES_HZ))


def _named(names: tuple[str, ...], summaries: str) -> tuple[str, ...]:
    return tuple(f"{name}_{summary}" for summary in summaries.split() for name in names)


_PITCH_SUMMARIES = "mean std p10 p50 p90 span slope"
_ENERGY_SUMMARIES = "std p10 p50 span slope"
_SPECTRUM_SUMMARIES = "mean std p10 p90"

COLUMNS: tuple[str, ...] = (
    *_named(("f0_semitones",), _PITCH_SUMMARIES),
    *_named(("f0_change_semitones",), "mean std p90"),
    *("voiced_ratio", "voiced_stretches_per_s", "voiced_stretch_mean_s", "voiced_stretch_std_s"),
    *("jitter", "shimmer_db"),
    *_named(("hnr_db",), "mean std p10 p90"),
    *_named(("level_db",), _ENERGY_SUMMARIES),
    *_named(("level_change_db",), "std p10 p90"),
    *("active_ratio", "active_s"),
    *_BANDS,
    *_named((*_SHAPE, *_CONTRAST, *_MFCC), _SPECTRUM_SUMMARIES),
    *_named(_MFCC, "slope"),
    *_named(tuple(f"delta_{name}" for name in _MFCC), "std"),
)


def describe_voice(waveform: Waveform) -> NDArray[np.float32]:
    """Compute the columns of ``voice@1``: float32 of shape (len(COLUMNS),)."""
    loudest = float(np.abs(waveform.samples).max())
    waveform = Waveform(waveform.samples / np.float32(loudest), waveform.sample_rate)
    spectra = Spectra(waveform, FFT_SAMPLES, HOP_SAMPLES)
    level_db = 20 * np.log10(np.maximum(rms(spectra), MIN_RMS))
    active = level_db[:, 0] > level_db.max() - ACTIVE_RANGE_DB
    pitch = track_pitch(waveform)
    coefficients = mfcc(spectra, MFCC_COUNT)[:, 1:]
    spectrum = np.hstack([*_shapes(spectra), coefficients])
    return np.concatenate(
        [
            _describe_pitch(pitch),
            _describe_quality(pitch, level_db),
            _describe_level(level_db, active),
            _balance(spectra, active),
            summarise(spectrum[active], _SPECTRUM_SUMMARIES),
            summarise(coefficients[active], "slope"),
            summarise(deltas(coefficients)[active], "std"),
        ]
    ).astype(np.float32)


def _shapes(spectra: Spectra) -> list[Frames]:
    return [
        spectral_centroid(spectra),
        spectral_bandwidth(spectra),
        spectral_rolloff(spectra),
        np.log10(spectral_flatness(spectra)),
        zero_crossing_rate(spectra),
        spectral_contrast(spectra)[:, :6],  # the seventh band, from 6.4 kHz, is nearly empty at 16 kHz
    ]


def _describe_pitch(pitch: Pitch) -> Vector:
    semitones = 12 * np.log2(pitch.hz / REFERENCE_HZ)
    voiced = pitch.voiced
    change = np.abs(np.diff(semitones))[voiced[1:] & voiced[:-1]]
    segments_s = _segment_lengths(voiced) * HOP_S
    duration_s = len(pitch.hz) * HOP_S
    rhythm = [
        voiced.mean(),
        len(segments_s) / duration_s,
        segments_s.mean() if len(segments_s) else 0.0,
        segments_s.std() if len(segments_s) else 0.0,
    ]
    return np.concatenate(
        [
            summarise(semitones[voiced][:, None], _PITCH_SUMMARIES),
            summarise(change[:, None], "mean std p90"),
            rhythm,
        ]
    )


def _segment_lengths(voiced: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the number of frames of each uninterrupted voiced segment."""
    edges = np.flatnonzero(np.diff(voiced, prepend=False, append=False))
    return edges[1::2] - edges[::2]


def _describe_quality(pitch: Pitch, level_db: Frames) -> Vector:
    periods, voiced = 1 / pitch.hz, pitch.voiced
    both = voiced[1:] & voiced[:-1]
    steps = np.abs(np.diff(periods))[both]
    jitter = steps.mean() / periods[voiced].mean() if len(steps) else 0.0
    count = min(len(level_db), len(pitch.hz))
    level_steps = np.abs(np.diff(level_db[:count, 0]))[both[: count - 1]]
    shimmer_db = level_steps.mean() if len(level_steps) else 0.0
    clean = summarise(pitch.harmonics_to_noise_db[:, None], "mean std p10 p90")
    return np.concatenate([[jitter, shimmer_db], clean])


def _describe_level(level_db: Frames, active: NDArray[np.bool_]) -> Vector:
    levels = level_db[active]
    relative = levels - levels.mean()
    changes = np.diff(levels, axis=0)
    times = [active.mean(), active.sum() * HOP_S]
    return np.concatenate(
        [summarise(relative, _ENERGY_SUMMARIES), summarise(changes, "std p10 p90"), times]
    )


def _balance(spectra: Spectra, active: NDArray[np.bool_]) -> Vector:
    """Return the energy of active frames in each band, in dB relative to all bands."""
    edges = np.searchsorted(spectra.bins_hz, BAND_EDGES_HZ)[:-1]
    bands = spectra.per_frame(lambda block: np.add.reduceat(block.power, edges, axis=1))
    energy = bands[active].sum(axis=0)
    return np.asarray(10 * np.log10(np.maximum(energy / energy.sum(), 1e-10)), np.float32)
