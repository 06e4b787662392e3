"""Crops have the wanted length, and training crops are the wanted mixture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affekt.estimators import crops as crops_module
from affekt.estimators.crops import (
    DEGRADED_SHARE,
    MAX_ENROLLED,
    MIN_ENROLLED,
    NORMALISED_SHARE,
    Crops,
    TrainingCrops,
)
from affekt.model.speaker_normalisation import SpeakerStatistics, speaker_statistics

Array = NDArray[Any]
AVERAGE = SpeakerStatistics((0.0,) * 3, (1.0,) * 3)
FRAMES = 20


def make_clips(*lengths: int) -> Array:
    rng = np.random.default_rng(0)
    clips = np.empty(len(lengths), object)
    clips[:] = [rng.standard_normal((length, 3)).astype(np.float32) for length in lengths]
    return clips


def make_crops(clips: Array, speakers: str, **changes: Any) -> TrainingCrops:
    """Training crops of clips; ``speakers`` has a letter for each clip."""
    given: dict[str, Any] = {
        "features": clips, "unknown": clips, "degraded": clips, "target": np.arange(len(clips)),
        "speakers": np.array([*speakers]), "average": AVERAGE, "relative": [], "frames": FRAMES, "seed": 0,
    }  # fmt: skip
    return TrainingCrops(**(given | changes))


# --- crops of NetworkClassifier ----------------------------------------------------------------------


def test_a_crop_is_cut_from_the_centre_or_at_random() -> None:
    clip = np.arange(20, dtype=np.float32).reshape(10, 2)
    centre, label = Crops(clip[None], np.array([3]), 4, at_random=False)[0]
    assert label == 3
    np.testing.assert_array_equal(centre, clip[3:7])
    torch.manual_seed(0)
    crops = Crops(clip[None], np.array([3]), 4, at_random=True)
    starts = {int(crops[0][0][0, 0]) // 2 for _ in range(100)}
    assert starts == set(range(7))
    assert len(crops) == 1


@pytest.mark.parametrize("at_random", [False, True])
def test_a_short_clip_is_padded_with_its_minimum(at_random: bool) -> None:
    clip = np.array([[5, 6], [-2, 7]], np.float32)
    crop, _ = Crops(clip[None], np.array([0]), 5, at_random=at_random)[0]
    np.testing.assert_array_equal(crop, [*clip, [-2, -2], [-2, -2], [-2, -2]])


def test_a_clip_of_the_length_of_a_crop_is_used_whole() -> None:
    clip = np.ones((5, 2), np.float32)
    np.testing.assert_array_equal(Crops(clip[None], np.array([0]), 5, at_random=True)[0][0], clip)


# --- training crops of FrameNetwork ------------------------------------------------------------------


def test_training_crops_have_one_length_whatever_the_length_of_the_clip() -> None:
    crops = make_crops(make_clips(5, 60), "ab")
    for i in (0, 1):
        some = torch.stack([crops[i][0] for _ in range(30)])
        assert some.shape == (30, FRAMES, 3)
        assert crops[i][1] == i
    quietest = torch.as_tensor(crops.unknown[0]).amin(dim=0)
    padded = crops[0][0]
    assert (padded == quietest).all(dim=1).sum() > 8  # five frames of twenty are of the clip
    assert (padded >= quietest - 1e-6).all()


def test_three_in_ten_crops_are_of_degraded_copies() -> None:
    degraded = make_clips(40)
    degraded[0][:] = 7
    crops = make_crops(make_clips(40), "a", degraded=degraded)
    is_degraded = [bool((crops[0][0] == 7).all()) for _ in range(400)]
    assert np.mean(is_degraded) == pytest.approx(DEGRADED_SHARE, abs=0.08)


def test_half_of_the_other_crops_are_normalised_by_other_clips_of_the_speaker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clips = make_clips(*[40] * 6)
    crops = make_crops(clips, "aaabbb")
    enrolled: list[Array] = []

    def record(features: Array, average: SpeakerStatistics, relative: object) -> SpeakerStatistics:
        enrolled.append(features)
        return speaker_statistics(features, average)

    monkeypatch.setattr(crops_module, "speaker_statistics", record)
    for _ in range(400):
        crops[0]
    assert len(enrolled) / 400 == pytest.approx((1 - DEGRADED_SHARE) * NORMALISED_SHARE, abs=0.08)
    assert {id(clip) for features in enrolled for clip in features} == {id(clips[1]), id(clips[2])}
    assert {len(features) for features in enrolled} == {2}


def test_speakers_are_enrolled_from_2_to_64_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = make_crops(make_clips(*[3] * 90), "a" * 90)
    counts: list[int] = []

    def count(features: Array, *_: object) -> SpeakerStatistics:
        counts.append(len(features))
        return AVERAGE

    monkeypatch.setattr(crops_module, "speaker_statistics", count)
    for i in range(1800):
        crops[i % 90]
    assert min(counts) == MIN_ENROLLED
    assert MAX_ENROLLED - 6 <= max(counts) <= MAX_ENROLLED
    assert np.median(counts) == pytest.approx(np.sqrt(MIN_ENROLLED * MAX_ENROLLED), rel=0.25)


def test_the_only_clip_of_a_speaker_is_never_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops_module, "speaker_statistics", lambda *_: pytest.fail("of no clips"))
    crops = make_crops(make_clips(5, 60), "ab")
    for _ in range(30):
        crops[1]


def test_the_same_seed_gives_the_same_crops_and_another_seed_others() -> None:
    one, again, other = (make_crops(make_clips(60), "a", seed=seed)[0][0] for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
