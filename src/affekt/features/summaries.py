"""Statistics over time: from an array of shape (frames, values) to a vector of shape (values,)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affekt.features.spectra import Frames

Vector = NDArray[np.float32]


class Series:
    """One frame or more, and what several statistics of them share."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames

    @cached_property
    def mean(self) -> Vector:
        """The mean over time, shape (values,)."""
        return np.asarray(np.add.reduce(self.frames, axis=0) / np.float32(len(self.frames)))

    @cached_property
    def centred(self) -> Frames:
        """The frames less their mean."""
        return self.frames - self.mean

    @cached_property
    def ordered(self) -> Frames:
        """Each value in ascending order over time."""
        return np.sort(self.frames, axis=0)

    def percentile(self, percent: float) -> Vector:
        """Return ``numpy.percentile`` over time, interpolated linearly."""
        position = (len(self.ordered) - 1) * percent / 100
        below = int(position)
        low, high = self.ordered[below], self.ordered[min(below + 1, len(self.ordered) - 1)]
        return np.asarray(low + (high - low) * (position - below))


def mean(series: Series) -> Vector:
    """Return the mean over time."""
    return series.mean


def std(series: Series) -> Vector:
    """Return the standard deviation over time."""
    squares = np.einsum("ij,ij->j", series.centred, series.centred)
    return np.asarray(np.sqrt(squares / np.float32(len(series.frames))))


def p10(series: Series) -> Vector:
    """Return the 10th percentile over time."""
    return series.percentile(10)


def p50(series: Series) -> Vector:
    """Return the median over time."""
    return series.percentile(50)


def p90(series: Series) -> Vector:
    """Return the 90th percentile over time."""
    return series.percentile(90)


def span(series: Series) -> Vector:
    """Return the range from the 5th to the 95th percentile over time."""
    return series.percentile(95) - series.percentile(5)


def slope(series: Series) -> Vector:
    """Return the slope of the least-squares line, with the first frame at time 0 and the last at 1."""
    if len(series.frames) < 2:
        return np.zeros(series.frames.shape[1], np.float32)
    time = np.arange(len(series.frames), dtype=np.float32) / np.float32(len(series.frames) - 1) - 0.5
    return np.asarray(time @ series.centred / (time @ time), np.float32)


SUMMARIES: dict[str, Callable[[Series], Vector]] = {
    summary.__name__: summary for summary in (mean, std, p10, p50, p90, span, slope)
}


def summarise(frames: Frames, names: str) -> Vector:
    """Concatenate several summaries, as ``summarise(frames, "mean std")``; zeros if there are no frames."""
    if not len(frames):
        return np.zeros(len(names.split()) * frames.shape[1], np.float32)
    series = Series(frames)
    return np.concatenate([SUMMARIES[name](series) for name in names.split()])
