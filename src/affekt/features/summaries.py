"""Statistics over time: from an array of shape (frames, values) to a vector of shape (values,)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affekt.features.spectra import Frames

Vector = NDArray[np.float32]


def mean(frames: Frames) -> Vector:
    """Return the mean over time."""
    return np.asarray(frames.mean(axis=0))


def std(frames: Frames) -> Vector:
    """Return the standard deviation over time."""
    return np.asarray(frames.std(axis=0))


def p10(frames: Frames) -> Vector:
    """Return the 10th percentile over time."""
    return _percentile(frames, 10)


def p50(frames: Frames) -> Vector:
    """Return the median over time."""
    return _percentile(frames, 50)


def p90(frames: Frames) -> Vector:
    """Return the 90th percentile over time."""
    return _percentile(frames, 90)


def span(frames: Frames) -> Vector:
    """Return the range from the 5th to the 95th percentile over time."""
    return _percentile(frames, 95) - _percentile(frames, 5)


def slope(frames: Frames) -> Vector:
    """Return the slope of the least-squares line, with the first frame at time 0 and the last at 1."""
    if len(frames) < 2:
        return np.zeros(frames.shape[1], np.float32)
    time = np.linspace(-0.5, 0.5, len(frames), dtype=np.float32)
    return np.asarray(time @ (frames - frames.mean(axis=0)) / (time @ time), np.float32)


SUMMARIES: dict[str, Callable[[Frames], Vector]] = {
    summary.__name__: summary for summary in (mean, std, p10, p50, p90, span, slope)
}


def summarise(frames: Frames, names: str) -> Vector:
    """Concatenate several summaries, as ``summarise(frames, "mean std")``; zeros if there are no frames."""
    if not len(frames):
        return np.zeros(len(names.split()) * frames.shape[1], np.float32)
    return np.concatenate([SUMMARIES[name](frames) for name in names.split()])


def _percentile(frames: Frames, percent: float) -> Vector:
    return np.asarray(np.percentile(frames, percent, axis=0), np.float32)
