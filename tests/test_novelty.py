"""How far a clip is from the average voice."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.alignment import VoiceStatistics
from affekt.novelty import novelty

AVERAGE = VoiceStatistics((1.0, 10.0, 0.0), (0.5, 2.0, 1.0))


def test_it_is_the_mean_distance_in_deviations() -> None:
    assert novelty(np.array([2.0, 10.0, 3.0]), AVERAGE) == pytest.approx((2 + 0 + 3) / 3)
    assert novelty(np.array(AVERAGE.mean), AVERAGE) == 0


def test_of_frames_the_mean_counts() -> None:
    frames = np.array([[0.0, 8.0, 3.0], [4.0, 12.0, 3.0]])
    assert novelty(frames, AVERAGE) == novelty(frames.mean(axis=0), AVERAGE)


def test_relative_and_constant_columns_do_not_count() -> None:
    assert novelty(np.array([2.0, 10.0, 99.0]), AVERAGE, relative=[2]) == pytest.approx(1)
    constant = VoiceStatistics((1.0, 10.0, 0.0), (0.5, 2.0, 0.0))
    assert novelty(np.array([2.0, 10.0, 99.0]), constant) == pytest.approx(1)
    assert novelty(np.array([7.0]), VoiceStatistics((1.0,), (0.0,))) == 0
