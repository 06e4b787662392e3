"""Sounds for listening: at the same level, without clicks at their ends, in a file that browsers play."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from affekt.audio.loading import Waveform

FADE_S = 0.01
LEVEL_FRAME_S = 0.05
LEVEL_RANGE_DB = 30.0  # quieter frames, such as pauses, do not count
LOUDEST = 0.1  # RMS: -20 dB relative to full scale
HIGHEST_PEAK = 0.95


def match_levels(sounds: Sequence[Waveform]) -> list[Waveform]:
    """Return sounds of equal level, their ends faded over 10 ms, all below full scale.

    The level of a sound is the RMS of its frames of 50 ms, those left out that are more than 30 dB below
    the loudest. It is -20 dB relative to full scale, or less where a peak would be too high.
    """
    faded = [_fade_ends(one) for one in sounds]
    levels = [measure_level(one) for one in sounds]
    peaks = [float(np.abs(samples).max()) / level for samples, level in zip(faded, levels, strict=True)]
    level = min(LOUDEST, HIGHEST_PEAK / max(peaks, default=1.0))
    return [
        Waveform(samples * np.float32(level / own), one.sample_rate)
        for one, samples, own in zip(sounds, faded, levels, strict=True)
    ]


def measure_level(sound: Waveform) -> float:
    """Return the RMS of the frames of a sound that are not pauses."""
    size = min(round(LEVEL_FRAME_S * sound.sample_rate), len(sound.samples))
    count = len(sound.samples) // size
    squares = np.square(sound.samples[: count * size], dtype=np.float64).reshape(count, size).mean(axis=1)
    return float(np.sqrt(squares[squares >= squares.max() * 10 ** (-LEVEL_RANGE_DB / 10)].mean()))


def encode_flac(sound: Waveform) -> bytes:
    """Return a FLAC file of 16 bits."""
    file = io.BytesIO()
    soundfile.write(file, sound.samples, sound.sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _fade_ends(sound: Waveform) -> NDArray[np.float32]:
    length = min(round(FADE_S * sound.sample_rate), len(sound.samples) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
    gain = np.ones(len(sound.samples), np.float32)
    gain[:length], gain[len(gain) - length :] = ramp, ramp[::-1]
    return sound.samples * gain
