"""Pretrained speech encoders: the first blocks of Whisper's encoder, as acoustic features.

Whisper (Radford et al. 2022, arXiv:2212.04356, MIT licence) was trained to transcribe speech. Its middle
blocks represent how something is said as well as what is said. ``tools/make_encoder.py`` makes the graphs
from OpenAI's weights, with weights and activations of 8 bits.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.audio.waveform import Waveform
from affekt.features.encoder_registry import check_encoder, find_encoder, read_graph
from affekt.features.filters import mel_filters, multiply_bands
from affekt.features.spectra import PART_FRAMES, Frames, hann_window, square_magnitudes
from affekt.support.sessions import open_session

if TYPE_CHECKING:
    import onnxruntime

SAMPLE_RATE = 16_000
FFT_SAMPLES, HOP_SAMPLES, BANDS = 400, 160, 80
DYNAMIC_RANGE = 8.0  # decades of power below the loudest band of the clip
MIN_POWER = 1e-10
MAX_ROWS = 1500  # positions that Whisper was trained with: 30 s
FRAMES_PER_ROW = 2
CACHED_ROWS = 250  # positions are computed for multiples of it
_LONGEST_WAVELENGTH = 10_000.0


def encode(waveform: Waveform, encoder: str = "whisper-tiny") -> Frames:
    """Return the outputs of an encoder's tapped blocks, 50 times a second.

    Parameters
    ----------
    waveform
        At 16 kHz. Sound of more than 30 s is encoded in parts of equal length.
    encoder
        The name of an encoder.

    Returns
    -------
    float32 array of shape (rows, blocks * width)
        The outputs of the tapped blocks side by side. Row k describes the 20 ms from k * 20 ms on.

    Raises
    ------
    EncoderError
        The encoder is not on this machine, or its file is damaged.
    UnknownNameError
        There is no such encoder.
    """
    return encode_with(_session(encoder, check_encoder(encoder)), waveform, find_encoder(encoder).width)


def encode_with(session: onnxruntime.InferenceSession, waveform: Waveform, width: int) -> Frames:
    """Return what ``encode`` does, with an encoder's graph that is open, and the width of its blocks."""
    spectra = whisper_spectra(waveform.samples)
    rows = len(spectra) // FRAMES_PER_ROW
    parts = np.array_split(spectra[: rows * FRAMES_PER_ROW].reshape(rows, -1), -(-rows // MAX_ROWS))
    positions = sinusoids(-(-len(parts[0]) // CACHED_ROWS) * CACHED_ROWS, width)
    return np.concatenate(
        [
            session.run(None, {"mel": part.reshape(-1, BANDS), "positions": positions[: len(part)]})[0]
            for part in parts
        ]
    )


def whisper_spectra(samples: NDArray[np.float32]) -> Frames:
    """Compute Whisper's log-mel spectrum: float32 of shape (frames, 80), 100 frames a second, two or more.

    Source: ``whisper.audio.log_mel_spectrogram``.
    """
    samples = np.pad(samples, (0, max(0, FRAMES_PER_ROW * HOP_SAMPLES - len(samples))))
    padded = np.pad(samples, FFT_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES][:-1]
    bands = mel_filters(SAMPLE_RATE, FFT_SAMPLES, BANDS)
    window = hann_window(FFT_SAMPLES)
    power = np.empty((len(frames), BANDS), np.float32)
    for start in range(0, len(frames), PART_FRAMES):
        part = slice(start, start + PART_FRAMES)
        power[part] = multiply_bands(square_magnitudes(np.fft.rfft(frames[part] * window, axis=1)), bands)
    logarithm = np.log10(np.maximum(power, MIN_POWER))
    return np.asarray((np.maximum(logarithm, logarithm.max() - DYNAMIC_RANGE) + 4) / 4, np.float32)


@lru_cache(maxsize=8)
def sinusoids(rows: int, width: int) -> Frames:
    """Return Whisper's positions: sines, then cosines, of wavelengths up to 10,000 rows."""
    half = width // 2
    frequencies = np.exp(-np.log(_LONGEST_WAVELENGTH) / (half - 1) * np.arange(half))
    angles = np.arange(rows)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


@lru_cache(maxsize=2)
def _session(encoder: str, file: Path) -> onnxruntime.InferenceSession:
    return open_session(read_graph(encoder))  # ``file`` changes when another checkpoint is added
