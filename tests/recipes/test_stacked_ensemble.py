"""SMOTE balances the training clips, as far as a class has clips to interpolate between."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.recipes.stacked_ensemble import oversample


@pytest.mark.parametrize("rarest", [2, 4, 9])
def test_oversampling_balances_the_classes_and_keeps_the_originals(rarest: int) -> None:
    labels = np.repeat([0, 1], [20, rarest])
    features = np.random.default_rng(0).standard_normal((len(labels), 4))
    X, y = oversample(features, labels, seed=0)
    assert list(np.bincount(y)) == [20, 20]
    np.testing.assert_array_equal(X[: len(features)], features)


def test_clips_are_not_oversampled_if_a_class_has_a_single_one() -> None:
    labels = np.repeat([0, 1], [20, 1])
    X, y = oversample(np.zeros((21, 2)), labels, seed=0)
    assert len(X) == 21
    np.testing.assert_array_equal(y, labels)
