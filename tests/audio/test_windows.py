"""Long recordings are cut into windows; short ones are kept whole."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.audio.loading import Waveform
from affekt.audio.windows import LONG, QUIET_DB, cut_windows

RATE = 100
NOISE = np.random.default_rng(0).standard_normal(100 * RATE).astype(np.float32)


def make(seconds: float) -> Waveform:
    return Waveform(NOISE[: int(seconds * RATE)], RATE)


@pytest.mark.parametrize("seconds", [0.5, 5, 5 * LONG])
def test_a_clip_of_up_to_two_windows_is_kept_whole(seconds: float) -> None:
    clip = make(seconds)
    assert cut_windows(clip, 5) == [clip]


def test_with_windows_of_infinite_length_a_clip_is_kept_whole() -> None:
    clip = make(100)
    assert cut_windows(clip, float("inf")) == [clip]


@pytest.mark.parametrize("seconds", [10.1, 12.5, 33.3, 100])
def test_windows_have_one_length_overlap_by_half_and_cover_the_clip(seconds: float) -> None:
    clip = make(seconds)
    windows = cut_windows(clip, 5)
    assert {len(window.samples) for window in windows} == {5 * RATE}
    starts = [int(np.flatnonzero(clip.samples == window.samples[0])[0]) for window in windows]
    assert starts[0] == 0
    assert starts[-1] + 5 * RATE == len(clip.samples)
    assert 0 < max(np.diff(starts)) <= 2.5 * RATE + 1


def test_silent_windows_are_dropped() -> None:
    samples = NOISE[: 40 * RATE].copy()
    samples[10 * RATE : 30 * RATE] *= 10 ** (-(QUIET_DB + 3) / 20)
    windows = cut_windows(Waveform(samples, RATE), 5)
    assert len(windows) == 8  # of 15; seven lie in the pause
    assert all(np.abs(window.samples).max() > 1 for window in windows)
