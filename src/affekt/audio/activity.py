"""Voice activity detection: which parts of a recording hold a voice.

The network is Silero VAD 6.2 (Silero Team, MIT licence, https://github.com/snakers4/silero-vad), which
``tools/make_activity.py`` rewrites for whole recordings.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 512  # 32 ms
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
CONTEXT_SAMPLES = 64  # of the previous frame
FFT_SAMPLES, HOP_SAMPLES = 256, 128
BLOCK_FRAMES = 128  # that are computed at once
LEVEL = 0.1  # RMS of loud frames; at 20 dB more or less, 97 % of the frames are decided in the same way
VOICE_PROBABILITY = 0.5
MARGIN_S = 0.1  # kept before and after a voice
SHORTEST_S = 0.2  # kept of any recording
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)).astype(np.float32)
_MODEL = Path(__file__).with_name("silero-vad.onnx")


def voice_activity(waveform: Waveform) -> NDArray[np.float32]:
    """Return the probability of a voice in each frame of 32 ms.

    Parameters
    ----------
    waveform
        Of any sample rate and level. Its ``activity`` is returned where that is known.

    Returns
    -------
    float32 array of shape (frames,)
        The last frame is filled up with zeros.
    """
    if waveform.activity is not None:
        return waveform.activity
    samples = load_audio(waveform, SAMPLE_RATE).samples
    gain = np.float32(LEVEL / _level(samples))
    frames = -(-len(samples) // FRAME_SAMPLES)
    state = cell = np.zeros((1, 1, 128), np.float32)
    found = []
    for first in range(0, frames, BLOCK_FRAMES):
        block = _windows(samples, first, min(BLOCK_FRAMES, frames - first))
        spectra = _spectra(np.clip(gain * block, -1, 1))
        inputs = {"spectra": spectra, "state": state, "cell": cell}
        probabilities, state, cell = _session().run(None, inputs)
        found.append(probabilities)
    return np.concatenate(found)


def trim_to_voice(waveform: Waveform, activity: NDArray[np.float32]) -> Waveform:
    """Cut off what comes before the first and after the last frame with a voice, but for 0.1 s.

    Parameters
    ----------
    waveform
        A recording.
    activity
        What ``voice_activity`` returns for it.

    Returns
    -------
    Waveform
        0.2 s or more, where the recording lasts so long; the recording itself where no frame holds a voice.
    """
    voiced = np.flatnonzero(activity > VOICE_PROBABILITY)
    if not len(voiced):
        return waveform
    rate, count = waveform.sample_rate, len(waveform.samples)
    start = max(0, round((voiced[0] * FRAME_S - MARGIN_S) * rate))
    stop = min(count, round(((voiced[-1] + 1) * FRAME_S + MARGIN_S) * rate))
    shortest = math.ceil(SHORTEST_S * rate)
    start = max(0, min(start, stop - shortest))
    return Waveform(waveform.samples[start : max(stop, start + shortest)], rate)


def _level(samples: NDArray[np.float32]) -> float:
    """Return the RMS of frames, weighted by their power; a click changes it less than the peak."""
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    frames = samples[:whole].reshape(-1, FRAME_SAMPLES)
    rest = samples[whole:]
    energies = np.append(np.einsum("ij,ij->i", frames, frames), rest @ rest).astype(np.float64)
    return float(np.sqrt((energies @ energies) / energies.sum() / FRAME_SAMPLES))


def _windows(samples: NDArray[np.float32], first: int, frames: int) -> NDArray[np.float32]:
    """Return frames, each behind the end of the one before it; the recording is surrounded by zeros."""
    start = first * FRAME_SAMPLES - CONTEXT_SAMPLES
    block = samples[max(0, start) : start + CONTEXT_SAMPLES + frames * FRAME_SAMPLES]
    before = max(0, -start)
    block = np.pad(block, (before, CONTEXT_SAMPLES + frames * FRAME_SAMPLES - before - len(block)))
    return np.lib.stride_tricks.sliding_window_view(block, CONTEXT_SAMPLES + FRAME_SAMPLES)[::FRAME_SAMPLES]


def _spectra(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return four magnitude spectra of each window, shape (1, 129, windows, 4); its end is mirrored."""
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
