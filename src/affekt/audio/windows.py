"""Windows of a long recording, as long as the clips that a model was trained on."""

from __future__ import annotations

import numpy as np

from affekt.audio.loading import Waveform

LONG = 2.0  # a recording is cut if it is longer than so many windows
OVERLAP = 0.5
QUIET_DB = 35.0  # below the loudest window; quieter windows are taken for silence


def cut_windows(waveform: Waveform, window_s: float) -> list[Waveform]:
    """Cut a recording into windows that overlap by half, and drop silent ones.

    Parameters
    ----------
    waveform
        A recording; it is returned whole if it is no longer than twice ``window_s``.
    window_s
        Length of a window in seconds.

    Returns
    -------
    list of Waveform
        At least one, in order of time. The last one ends where the recording ends.
    """
    if waveform.duration_s <= LONG * window_s:
        return [waveform]
    samples, rate = waveform.samples, waveform.sample_rate
    length = round(window_s * rate)
    count = 1 + int(np.ceil((len(samples) - length) / (length * OVERLAP)))
    starts = np.linspace(0, len(samples) - length, count).astype(int)
    cut = [samples[start : start + length] for start in starts]
    power = np.array([np.mean(np.square(window, dtype=np.float64)) for window in cut])
    loud = power >= power.max() / 10 ** (QUIET_DB / 10)
    return [Waveform(window, rate) for window, kept in zip(cut, loud, strict=True) if kept]
