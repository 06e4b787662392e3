"""The distance of a clip from the average training speaker."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.model.out_of_distribution import distance, distance_weights, weighted_distance
from affekt.model.speaker_normalisation import SpeakerStatistics

AVERAGE = SpeakerStatistics((1.0, 10.0, 0.0), (0.5, 2.0, 1.0))


def test_it_is_the_mean_distance_over_columns_in_standard_deviations() -> None:
    assert distance(np.array([2.0, 10.0, 3.0]), AVERAGE) == pytest.approx((2 + 0 + 3) / 3)
    assert distance(np.array(AVERAGE.mean), AVERAGE) == 0


def test_frames_are_averaged_over_time_first() -> None:
    frames = np.array([[0.0, 8.0, 3.0], [4.0, 12.0, 3.0]])
    assert distance(frames, AVERAGE) == distance(frames.mean(axis=0), AVERAGE)


def test_relative_and_constant_columns_do_not_count() -> None:
    assert distance(np.array([2.0, 10.0, 99.0]), AVERAGE, relative=[2]) == pytest.approx(1)
    constant = SpeakerStatistics((1.0, 10.0, 0.0), (0.5, 2.0, 0.0))
    assert distance(np.array([2.0, 10.0, 99.0]), constant) == pytest.approx(1)
    assert distance(np.array([7.0]), SpeakerStatistics((1.0,), (0.0,))) == 0


def test_the_distance_is_the_weighted_sum_that_its_weights_give() -> None:
    clip = np.array([2.0, 13.0, -4.0])
    for relative in ([], [1], [0, 1, 2]):
        weights = distance_weights(AVERAGE, relative)
        expected = float(np.abs(clip - AVERAGE.mean) @ weights)
        assert distance(clip, AVERAGE, relative) == pytest.approx(expected)
        assert not weights[relative].any()


def test_an_uncertain_answer_increases_the_weighted_distance() -> None:
    probabilities = [[1.0, 0.0], [0.5, 0.5]]
    np.testing.assert_allclose(weighted_distance([0.8, 0.8], probabilities, 1.0), [0.8, 1.2])
    np.testing.assert_allclose(weighted_distance([0.8, 0.8], probabilities, 0.5), [0.8, 1.0])
    np.testing.assert_array_equal(weighted_distance([0.8, 0.8], probabilities, 0.0), [0.8, 0.8])
