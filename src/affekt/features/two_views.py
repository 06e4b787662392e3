"""``two-views@1``: a voice from near and from afar, for a model that fuses both.

Each row is 20 ms of the clip: first its log-mel spectrum, against the loudest band of the clip; then, the
same in every row, what ``voice@1`` says of all of it; last how loud it is. Silence before and after the
voice is cut off first. Nothing but the last column depends on the gain of the recording.

One table for both views means that each column can be moved onto the average voice, whatever it is.
"""

from __future__ import annotations

import numpy as np

from affekt.audio import Waveform
from affekt.features.descriptors import log_mel
from affekt.features.spectra import Frames, Spectra
from affekt.features.voice import COLUMNS as VOICE_COLUMNS
from affekt.features.voice import describe_voice

BANDS = 64
LEVEL = "level_db"
COLUMNS = (*(f"mel{i}" for i in range(BANDS)), *VOICE_COLUMNS, LEVEL)
FFT_SAMPLES, HOP_SAMPLES = 512, 160  # 32 ms every 10 ms
FRAMES_PER_ROW = 2
SPEAKING_DB = -45.0  # the loudest band of a frame in which somebody speaks, against that of the clip
MARGIN_FRAMES = 8  # kept before and after these
LOUDEST_SHARE = 0.25  # of these frames; their mean energy is the level


def describe_two_views(waveform: Waveform) -> Frames:
    """The rows of ``two-views@1``; float32 of shape (rows, len(COLUMNS)), one row at least."""
    peak = np.abs(waveform.samples).max()
    scaled = Waveform(waveform.samples / peak, waveform.sample_rate)
    decibels = log_mel(Spectra(scaled, FFT_SAMPLES, HOP_SAMPLES), BANDS)
    loudest = decibels.max()
    speaking = np.flatnonzero(decibels.max(axis=1) > loudest + SPEAKING_DB)
    first, last = max(0, speaking[0] - MARGIN_FRAMES), speaking[-1] + MARGIN_FRAMES + 1
    decibels = decibels[first:last] - loudest
    energy = np.sort((10 ** (decibels.astype(np.float64) / 10)).sum(axis=1))
    level = (
        20 * np.log10(peak)
        + loudest
        + 10 * np.log10(energy[-max(1, int(len(energy) * LOUDEST_SHARE)) :].mean())
    )
    if len(decibels) < FRAMES_PER_ROW:  # one row is of two frames
        decibels = np.repeat(decibels, FRAMES_PER_ROW, axis=0)
    rows = len(decibels) // FRAMES_PER_ROW
    near = decibels[: rows * FRAMES_PER_ROW].reshape(rows, FRAMES_PER_ROW, BANDS).mean(axis=1)
    spoken = Waveform(scaled.samples[first * HOP_SAMPLES : last * HOP_SAMPLES], waveform.sample_rate)
    afar = np.append(describe_voice(spoken), level)
    return np.hstack([near, np.tile(afar, (rows, 1))]).astype(np.float32)
