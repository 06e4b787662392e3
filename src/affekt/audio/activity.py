"""Voice activity detection: which parts of a recording hold a voice.

The network is Silero VAD 6.2 (Silero Team, MIT licence, https://github.com/snakers4/silero-vad), which
``tools/make_activity.py`` rewrites for whole recordings.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 512  # 32 ms
CONTEXT_SAMPLES = 64  # of the previous frame
FFT_SAMPLES, HOP_SAMPLES = 256, 128
BLOCK_FRAMES = 250  # that are computed at once
VOICE_PROBABILITY = 0.5
MARGIN_S = 0.1  # kept before and after a voice
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)).astype(np.float32)
_MODEL = Path(__file__).with_name("silero-vad.onnx")


def voice_activity(waveform: Waveform) -> NDArray[np.float32]:
    """Return the probability of a voice in each frame of 32 ms.

    Parameters
    ----------
    waveform
        Of any sample rate and level; it is scaled to its peak.

    Returns
    -------
    float32 array of shape (frames,)
        The last frame is filled up with zeros.
    """
    samples = load_audio(waveform, SAMPLE_RATE).samples
    return run(samples / np.abs(samples).max())

def run(samples):
    frames = -(-len(samples) // FRAME_SAMPLES)
    padded = np.pad(samples, (CONTEXT_SAMPLES, frames * FRAME_SAMPLES - len(samples)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT_SAMPLES + FRAME_SAMPLES)
    windows = windows[::FRAME_SAMPLES]
    state = cell = np.zeros((1, 1, 128), np.float32)
    found = []
    for start in range(0, frames, BLOCK_FRAMES):
        inputs = {"spectra": _spectra(windows[start : start + BLOCK_FRAMES]), "state": state, "cell": cell}
        probabilities, state, cell = _session().run(None, inputs)
        found.append(probabilities)
    return np.concatenate(found)


def _spectra(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute four magnitude spectra of each window, shape (1, 129, windows, 4)."""
    mirrored = np.concatenate([windows, windows[:, -2 : -CONTEXT_SAMPLES - 2 : -1]], axis=1)
    parts = np.lib.stride_tricks.sliding_window_view(mirrored, FFT_SAMPLES, axis=1)[:, ::HOP_SAMPLES]
    spectra = np.fft.rfft(parts * _HANN, axis=2)
    magnitudes = np.sqrt(np.square(spectra.real) + np.square(spectra.imag))
    return np.ascontiguousarray(magnitudes.transpose(2, 0, 1))[None]


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(_MODEL, options, ["CPUExecutionProvider"])
