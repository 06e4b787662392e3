"""The feature sets of pretrained encoders: their outputs over the voice in a clip, or statistics of these.

What comes before the first and after the last voice is cut off, and the rest is scaled to its peak and
encoded. Only the rows with a voice are kept.
"""

from __future__ import annotations

import numpy as np

from affekt.audio.waveform import Waveform
from affekt.features.encoder import FRAMES_PER_ROW, HOP_SAMPLES, MAX_ROWS, encode
from affekt.features.encoder_registry import Encoder
from affekt.features.spectra import Frames
from affekt.features.summaries import Vector
from affekt.features.voice import COLUMNS as VOICE_COLUMNS
from affekt.features.voice import describe_voice

ROW_SAMPLES = FRAMES_PER_ROW * HOP_SAMPLES  # 20 ms
MIN_ROWS = 5  # 0.1 s


def statistics_columns(encoder: Encoder) -> tuple[str, ...]:
    """Return the columns of ``describe_encoded``: ``block2_0_mean``, ..., ``block2_0_std``, ..."""
    return tuple(f"{column}_{what}" for what in ("mean", "std") for column in encoder.columns)


def statistics_and_voice_columns(encoder: Encoder) -> tuple[str, ...]:
    """Return the columns of ``describe_encoded_and_voice``."""
    return (*statistics_columns(encoder), *VOICE_COLUMNS)


def rows_and_voice_columns(encoder: Encoder) -> tuple[str, ...]:
    """Return the columns of ``describe_rows_and_voice``: ``block2_0``, ..., then those of ``voice@1``."""
    return (*encoder.columns, *VOICE_COLUMNS)


def describe_encoded(waveform: Waveform, encoder: str) -> Vector:
    """Compute the means, then the standard deviations of an encoder's outputs: float32 of shape (columns,).

    Parameters
    ----------
    waveform
        At 16 kHz.
    encoder
        The name of an encoder.
    """
    return _moments(encode_voice(waveform, encoder)[1])


def describe_encoded_and_voice(waveform: Waveform, encoder: str) -> Vector:
    """Compute ``describe_encoded``, then the columns of ``voice@1`` of the same trimmed clip."""
    trimmed, rows = encode_voice(waveform, encoder)
    return np.concatenate([_moments(rows), describe_voice(trimmed)])


def describe_rows_and_voice(waveform: Waveform, encoder: str) -> Frames:
    """Compute an encoder's outputs in each row, then the columns of ``voice@1``, the same in every row.

    Returns
    -------
    float32 array of shape (rows, columns)
        At most ``MAX_ROWS`` rows, because the memory of attention grows with their square. Of a clip with
        more, rows at equal distances are kept.
    """
    trimmed, rows = encode_voice(waveform, encoder)
    if len(rows) > MAX_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_ROWS).round().astype(int)]
    return np.hstack([rows, np.tile(describe_voice(trimmed), (len(rows), 1))])


def encode_voice(waveform: Waveform, encoder: str) -> tuple[Waveform, Frames]:
    """Trim a clip to its voice, scale it to its peak, and encode it.

    The level of a recording says more about the microphone than about the voice.

    Returns
    -------
    Waveform, float32 array of shape (rows, outputs)
        The trimmed clip, and the outputs in its rows with a voice; in all rows where these are fewer than
        ``MIN_ROWS``.
    """
    from affekt.audio.activity import (  # imports onnxruntime
        FRAME_SAMPLES,
        VOICE_PROBABILITY,
        trim_to_voice,
        voice_activity,
    )

    rate, activity = waveform.sample_rate, voice_activity(waveform)
    voiced = Waveform(np.repeat(activity, FRAME_SAMPLES)[: len(waveform.samples)], rate)
    trimmed, voiced = trim_to_voice(waveform, activity), trim_to_voice(voiced, activity)
    if not trimmed.samples.any():  # the network took digital silence for a voice
        trimmed, voiced = waveform, waveform
    trimmed = Waveform(trimmed.samples / np.abs(trimmed.samples).max(), rate)
    rows = encode(trimmed, encoder)
    centres = np.arange(len(rows)) * ROW_SAMPLES + ROW_SAMPLES // 2
    kept = voiced.samples[np.minimum(centres, len(voiced.samples) - 1)] > VOICE_PROBABILITY
    return trimmed, rows[kept] if kept.sum() >= MIN_ROWS else rows


def _moments(rows: Frames) -> Vector:
    return np.concatenate([rows.mean(axis=0), rows.std(axis=0)])
