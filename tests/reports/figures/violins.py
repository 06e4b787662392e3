"""Reads violins back from axes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray
from tests.reports.synthetic import EMOTION_OF, EMOTIONS, coordinates, points, tick_labels


def violins_of(axes: Axes) -> dict[str, tuple[float, float, float]]:
    """Emotion -> quartiles, as drawn over its name."""
    names = tick_labels(axes)
    boxes = {
        names[int(coordinates(line)[0, 0])]: coordinates(line)[:, 1]
        for line in axes.get_lines()
        if line.get_linewidth() == 2
    }
    middles = {names[int(x)]: y for x, y in points(axes, "o")}
    assert boxes.keys() == middles.keys()
    assert len(axes.collections) == len(boxes)
    return {name: (float(low), middles[name], float(high)) for name, (low, high) in boxes.items()}


def assert_quartiles(axes: Axes, values: NDArray[np.float64]) -> None:
    """The violins are those of the values of each emotion in ``EXPLORED``; NaN are left out."""
    known = ~np.isnan(values)
    expected = {
        name: np.quantile(values[known & (name == EMOTION_OF)], (0.25, 0.5, 0.75))
        for name in EMOTIONS
        if (known & (name == EMOTION_OF)).any()
    }
    shown = violins_of(axes)
    assert list(shown) == list(expected)
    for name, bounds in expected.items():
        assert shown[name] == pytest.approx(tuple(bounds)), name
