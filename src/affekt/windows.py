"""Long recordings in windows, each as long as the clips that a model learned from."""

from __future__ import annotations

import numpy as np

from affekt.audio import Waveform

LONG = 2.0  # a recording of more than so many windows is read in windows
OVERLAP = 0.5
QUIET_DB = 35.0  # so far below the loudest window nobody speaks


def cut_windows(waveform: Waveform, window_s: float) -> list[Waveform]:
    """Windows that overlap by half and together hold all of the recording but its silence.

    Parameters
    ----------
    waveform
        Anything; up to twice ``window_s`` it stays whole.
    window_s
        Length of a window in seconds.

    Returns
    -------
    list of Waveform
        In the order of time, one at least. The last one ends where the recording ends.
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
