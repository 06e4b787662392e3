"""The feature sets of pretrained encoders: statistics of their outputs over the voice in a clip.

What comes before the first and after the last voice is cut off, and the rest is scaled to its peak. Means
and standard deviations are weighted by the probability of a voice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affekt.audio.waveform import Waveform
from affekt.features.encoder import FRAMES_PER_ROW, HOP_SAMPLES, encode
from affekt.features.encoder_registry import Encoder
from affekt.features.summaries import Vector
from affekt.features.voice import COLUMNS as VOICE_COLUMNS
from affekt.features.voice import describe_voice

ROW_SAMPLES = FRAMES_PER_ROW * HOP_SAMPLES  # 20 ms
MIN_WEIGHT = 0.05  # of a row without a voice; a voice counts 1 more


def statistics_columns(encoder: Encoder) -> tuple[str, ...]:
    """Return the columns of ``describe_encoded``: ``block2_0_mean``, ..., ``block2_0_std``, ..."""
    return tuple(f"{column}_{what}" for what in ("mean", "std") for column in encoder.columns)


def statistics_and_voice_columns(encoder: Encoder) -> tuple[str, ...]:
    """Return the columns of ``describe_encoded_and_voice``."""
    return (*statistics_columns(encoder), *VOICE_COLUMNS)


def describe_encoded(waveform: Waveform, encoder: str) -> Vector:
    """Compute the means, then the standard deviations of an encoder's outputs: float32 of shape (columns,).

    Parameters
    ----------
    waveform
        At 16 kHz.
    encoder
        The name of an encoder.
    """
    return _describe(*_trim(waveform), encoder)


def describe_encoded_and_voice(waveform: Waveform, encoder: str) -> Vector:
    """Compute ``describe_encoded``, then the columns of ``voice@1`` of the same trimmed clip."""
    trimmed, voice = _trim(waveform)
    return np.concatenate([_describe(trimmed, voice, encoder), describe_voice(trimmed)])


def _trim(waveform: Waveform) -> tuple[Waveform, NDArray[np.float32]]:
    """Return the part with a voice, scaled to its peak, and the probability of a voice at each sample.

    The level of a recording says more about the microphone than about the voice.
    """
    from affekt.audio.activity import FRAME_SAMPLES, trim_to_voice, voice_activity  # imports onnxruntime

    activity = voice_activity(waveform)
    probabilities = Waveform(
        np.repeat(activity, FRAME_SAMPLES)[: len(waveform.samples)], waveform.sample_rate
    )
    trimmed, voice = trim_to_voice(waveform, activity), trim_to_voice(probabilities, activity)
    if not trimmed.samples.any():  # the network took digital silence for a voice
        trimmed, voice = waveform, probabilities
    peak = np.abs(trimmed.samples).max()
    return Waveform(trimmed.samples / peak, waveform.sample_rate), voice.samples


def _describe(trimmed: Waveform, voice: NDArray[np.float32], encoder: str) -> Vector:
    rows = encode(trimmed, encoder)
    centres = np.minimum(np.arange(len(rows)) * ROW_SAMPLES + ROW_SAMPLES // 2, len(voice) - 1)
    weights = voice[centres] + np.float32(MIN_WEIGHT)
    mean = np.average(rows, axis=0, weights=weights)
    variance = np.average(np.square(rows - mean), axis=0, weights=weights)
    return np.concatenate([mean, np.sqrt(variance)]).astype(np.float32)
