"""Voice activity detection: which parts of a recording hold a voice.

The network is Silero VAD 6.2 in its form for whole recordings (Silero Team, MIT licence,
https://github.com/snakers4/silero-vad).
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
BLOCK_FRAMES = 1000  # that are computed at once
VOICE_PROBABILITY = 0.5
MARGIN_S = 0.1  # kept before and after a voice
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
    frames = -(-len(samples) // FRAME_SAMPLES)
    padded = np.pad(samples, (CONTEXT_SAMPLES, frames * FRAME_SAMPLES - len(samples)))
    padded /= np.abs(padded).max()
    inputs = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT_SAMPLES + FRAME_SAMPLES)
    inputs = inputs[::FRAME_SAMPLES]
    state = cell = np.zeros((1, 1, 128), np.float32)
    found = []
    for start in range(0, frames, BLOCK_FRAMES):
        block = np.ascontiguousarray(inputs[start : start + BLOCK_FRAMES])
        probabilities, state, cell = _session().run(None, {"input": block, "h": state, "c": cell})
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
        The recording itself where no frame holds a voice.
    """
    voiced = np.flatnonzero(activity > VOICE_PROBABILITY)
    if not len(voiced):
        return waveform
    frame_s = FRAME_SAMPLES / SAMPLE_RATE
    start_s, stop_s = voiced[0] * frame_s - MARGIN_S, (voiced[-1] + 1) * frame_s + MARGIN_S
    rate = waveform.sample_rate
    kept = waveform.samples[max(0, round(start_s * rate)) : round(stop_s * rate)]
    return Waveform(kept, rate)


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(_MODEL, options, ["CPUExecutionProvider"])
