"""Augmented copies differ from their clips, and each copy of a clip in another way."""

from __future__ import annotations

import numpy as np

from affekt.recipes.se_cnn import MASKED_COEFFICIENTS, MASKED_FRAMES, MAX_SHIFT, augment

CLIPS = np.random.default_rng(0).standard_normal((12, 130, 60)).astype(np.float32)


def kind_of(copy: np.ndarray, clip: np.ndarray) -> str:
    """How a copy was altered."""
    if any(np.array_equal(np.roll(clip, by, axis=0), copy) for by in range(-MAX_SHIFT, MAX_SHIFT + 1)):
        return "shift"
    changed = copy != clip
    return "noise" if changed.mean() > 0.9 else "mask"


def test_there_are_as_many_copies_as_asked_for_and_each_of_a_clip_is_altered_in_another_way() -> None:
    copies = augment(CLIPS, 3, np.random.default_rng(1))
    assert copies.shape == (36, 130, 60)
    assert copies.dtype == np.float32
    for i, clip in enumerate(CLIPS):
        kinds = {kind_of(copies[k * len(CLIPS) + i], clip) for k in range(3)}
        assert kinds == {"shift", "noise", "mask"}


def test_masked_parts_are_the_mean_over_clips() -> None:
    copies = augment(CLIPS, 3, np.random.default_rng(1))
    mean = CLIPS.mean(axis=0)
    masked = [i for i in range(36) if kind_of(copies[i], CLIPS[i % 12]) == "mask"]
    for i in masked:
        replaced = copies[i] != CLIPS[i % 12]
        assert replaced.all(axis=0).sum() == MASKED_COEFFICIENTS
        assert replaced.all(axis=1).sum() == MASKED_FRAMES
        np.testing.assert_array_equal(copies[i][replaced], mean[replaced])


def test_the_same_generator_gives_the_same_copies_and_the_clips_are_not_changed() -> None:
    before = CLIPS.copy()
    one, again, other = (augment(CLIPS, 2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(CLIPS, before)
