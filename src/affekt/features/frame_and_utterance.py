"""The feature set ``frames-and-utterance@1``: frame-level and utterance-level features in one table.

Each row describes 20 ms of the clip: its log-mel spectrum in dB relative to the loudest band of the clip,
then the features ``voice@1`` and the level of the clip, which are the same in every row. Silence before and
after the speech is removed first. Only the level depends on the gain of the recording.

With both in one table, speaker normalisation treats all columns alike.
"""

from __future__ import annotations

import numpy as np

from affekt.audio.loading import Waveform
from affekt.features.descriptors import log_mel
from affekt.features.spectra import Frames, Spectra
from affekt.features.voice import COLUMNS as VOICE_COLUMNS
from affekt.features.voice import describe_voice

BANDS = 64
LEVEL = "level_db"
COLUMNS = (*(f"mel{i}" for i in range(BANDS)), *VOICE_COLUMNS, LEVEL)
FFT_SAMPLES, HOP_SAMPLES = 512, 160  # 32 ms every 10 ms
FRAMES_PER_ROW = 2
SPEECH_DB = -45.0  # the loudest band of a frame with speech, relative to that of the clip
MARGIN_FRAMES = 8  # kept before and after the speech
LOUDEST_SHARE = 0.25  # of the frames; their mean energy is the level


def describe_frames_and_utterance(waveform: Waveform) -> Frames:
    """Compute ``frames-and-utterance@1``: float32 of shape (rows, len(COLUMNS)), at least one row."""
    peak = np.abs(waveform.samples).max()
    scaled = Waveform(waveform.samples / peak, waveform.sample_rate)
    decibels = log_mel(Spectra(scaled, FFT_SAMPLES, HOP_SAMPLES), BANDS)
    loudest = decibels.max()
    speech = np.flatnonzero(decibels.max(axis=1) > loudest + SPEECH_DB)
    first, last = max(0, speech[0] - MARGIN_FRAMES), speech[-1] + MARGIN_FRAMES + 1
    decibels = decibels[first:last] - loudest
    level = 20 * np.log10(peak) + loudest + _level_db(decibels)
    if len(decibels) < FRAMES_PER_ROW:  # a clip of a single frame still has a row
        decibels = np.repeat(decibels, FRAMES_PER_ROW, axis=0)
    rows = len(decibels) // FRAMES_PER_ROW
    frames = decibels[: rows * FRAMES_PER_ROW].reshape(rows, FRAMES_PER_ROW, BANDS).mean(axis=1)
    trimmed = Waveform(scaled.samples[first * HOP_SAMPLES : last * HOP_SAMPLES], waveform.sample_rate)
    utterance = np.append(describe_voice(trimmed), level)
    return np.hstack([frames, np.tile(utterance, (rows, 1))]).astype(np.float32)


def _level_db(decibels: Frames) -> np.float64:
    """Return the mean energy of the loudest frames in dB."""
    energy = np.sort((10 ** (decibels.astype(np.float64) / 10)).sum(axis=1))
    loudest = energy[-max(1, int(len(energy) * LOUDEST_SHARE)) :]
    return np.float64(10 * np.log10(loudest.mean()))
