"""Summaries equal numpy's, for any number of frames."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.features.summaries import SUMMARIES, summarise

FRAMES = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
REFERENCES = {
    "mean": FRAMES.mean(axis=0),
    "std": FRAMES.std(axis=0),
    "p10": np.percentile(FRAMES, 10, axis=0),
    "p50": np.median(FRAMES, axis=0),
    "p90": np.percentile(FRAMES, 90, axis=0),
    "span": np.percentile(FRAMES, 95, axis=0) - np.percentile(FRAMES, 5, axis=0),
    "slope": np.polyfit(np.linspace(0, 1, 50), FRAMES, 1)[0],
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_equals_numpys(name: str) -> None:
    np.testing.assert_allclose(summarise(FRAMES, name), REFERENCES[name], rtol=1e-4, atol=1e-5)


def test_summaries_are_concatenated() -> None:
    both = summarise(FRAMES, "mean std")
    np.testing.assert_array_equal(both[:3], summarise(FRAMES, "mean"))
    np.testing.assert_array_equal(both[3:], summarise(FRAMES, "std"))


@pytest.mark.parametrize("frames", [0, 1])
def test_few_frames_give_finite_numbers(frames: int) -> None:
    assert np.isfinite(summarise(FRAMES[:frames], " ".join(SUMMARIES))).all()
