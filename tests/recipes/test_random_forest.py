"""The grid search tries what it is told to, on clips with finite features alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from affekt.recipes.random_forest import build, drop_not_finite


def test_clips_with_features_that_are_not_finite_are_dropped() -> None:
    X = np.array([[1, 2], [np.nan, 2], [3, 4], [5, -np.inf]])
    features, labels = drop_not_finite(X, np.arange(4))
    np.testing.assert_array_equal(features, [[1, 2], [3, 4]])
    assert labels.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("downsampled", "kinds"),
    [
        ((False,), ["str"]),
        ((True,), ["RandomUnderSampler"]),
        ((False, True), ["str", "RandomUnderSampler"]),
    ],
)
def test_downsampling_is_tried_as_asked(downsampled: tuple[bool, ...], kinds: list[str]) -> None:
    search: Any = build(0, downsampled)
    assert [type(one).__name__ for one in search.candidates["balance"]] == kinds
