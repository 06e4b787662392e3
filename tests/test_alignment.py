"""Voices, described by mean and deviation, and moved onto the average one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from affekt.alignment import FEW, VoiceStatistics, align, average_voice, describe_speaker

RNG = np.random.default_rng(0)
AVERAGE = VoiceStatistics((0.0, 10.0), (1.0, 2.0))


def make_clips(count: int, shift: float = 0.0, scale: float = 1.0) -> NDArray[np.float32]:
    return (shift + scale * RNG.standard_normal((count, 2))).astype(np.float32)


def test_the_average_voice_is_the_mean_over_voices_and_not_over_clips() -> None:
    one, other = make_clips(1000, 0), make_clips(10, 8)
    speakers = np.array(["a"] * 1000 + ["b"] * 10)
    found = average_voice(np.concatenate([one, other]), speakers)
    np.testing.assert_allclose(found.mean, (one.mean(0) + other.mean(0)) / 2, rtol=1e-5)
    np.testing.assert_allclose(found.deviation, np.sqrt((one.var(0) + other.var(0)) / 2), rtol=1e-5)


def test_a_speaker_of_one_clip_does_not_narrow_the_average_voice() -> None:
    clips = make_clips(50)
    found = average_voice(np.concatenate([clips, [[99, 99]]]), np.array(["a"] * 50 + ["b"]))
    np.testing.assert_allclose(found.deviation, clips.std(0), rtol=1e-5)


def test_where_every_clip_has_a_speaker_of_its_own_the_average_is_of_all_clips() -> None:
    clips = make_clips(50)
    found = average_voice(clips, np.arange(50))
    np.testing.assert_allclose(found.deviation, clips.std(0), rtol=1e-5)


def test_nobodys_voice_is_the_average_one() -> None:
    assert describe_speaker(make_clips(0), AVERAGE) == AVERAGE


def test_of_a_voice_that_nobody_knows_only_relative_columns_become_the_average() -> None:
    clips = make_clips(3, 5)
    aligned = align(clips, describe_speaker(clips[:0], AVERAGE, [1]), AVERAGE)
    np.testing.assert_allclose(aligned[:, 0], clips[:, 0], atol=1e-6)
    np.testing.assert_array_equal(aligned[:, 1], np.float32(AVERAGE.mean[1]))


def test_where_a_voice_has_its_relative_columns_is_believed_from_one_clip_on() -> None:
    clips = np.array([[5, 60]], np.float32)
    found = describe_speaker(clips, AVERAGE, [1])
    assert found.mean == pytest.approx((5 / (1 + FEW), 60))
    assert align(clips, found, AVERAGE)[0, 1] == pytest.approx(AVERAGE.mean[1])


def test_a_column_that_a_clip_has_but_once_is_known_from_as_many_values_as_clips() -> None:
    average = VoiceStatistics((0.0, 0.0), (1.0, 1.0))
    clips = np.empty(1, object)
    clips[0] = np.column_stack([RNG.standard_normal(50), np.full(50, 3.0)]).astype(np.float32)
    found = describe_speaker(clips, average)
    assert found.deviation[1] == pytest.approx(1)  # one value says nothing about a deviation
    assert found.deviation[0] != pytest.approx(1, abs=1e-3)


def test_several_clips_are_aligned_one_by_one_whatever_their_length() -> None:
    clips = np.empty(2, object)
    clips[:] = [make_clips(3), make_clips(7)]
    voice = VoiceStatistics((1.0, 2.0), (3.0, 4.0))
    for aligned, clip in zip(align(clips, voice, AVERAGE), clips, strict=True):
        np.testing.assert_array_equal(aligned, align(clip, voice, AVERAGE))


def test_one_clip_moves_the_mean_a_little_and_leaves_the_deviation() -> None:
    found = describe_speaker(np.array([[5, 10]], np.float32), AVERAGE)
    assert found.mean == pytest.approx((5 / (1 + FEW), 10))
    assert found.deviation == pytest.approx(AVERAGE.deviation)


def test_the_deviation_of_few_clips_is_on_average_the_true_one() -> None:
    average = VoiceStatistics((0.0, 0.0), (1.0, 1.0))
    found = [describe_speaker(make_clips(4), average).deviation for _ in range(4000)]
    assert np.mean(np.square(found)) == pytest.approx(1, abs=0.02)


def test_one_named_speaker_among_many_unknown_ones_is_not_the_average_voice() -> None:
    clips = make_clips(50)
    found = average_voice(clips, np.array(["a", "a", *map(str, range(48))]))
    np.testing.assert_allclose(found.deviation, clips.std(0), rtol=1e-5)


def test_statistics_of_elsewhere_are_read_or_refused() -> None:
    assert VoiceStatistics.parse({"mean": [1, -2.5], "deviation": [0, 3]}) == VoiceStatistics(
        (1.0, -2.5), (0.0, 3.0)
    )
    one = [1.0]
    for odd in (
        None, [one, one], {"mean": one}, {"mean": one, "deviation": one, "more": one},
        {"mean": [1.0, 2.0], "deviation": one}, {"mean": ["1"], "deviation": one},
        {"mean": [True], "deviation": one}, {"mean": [float("nan")], "deviation": one},
        {"mean": [10**400], "deviation": one}, {"mean": [1e30], "deviation": one},
        {"mean": one, "deviation": [-1.0]}, {"mean": one, "deviation": [float("inf")]},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            VoiceStatistics.parse(odd)


def test_many_clips_are_believed() -> None:
    clips = make_clips(5000, 3, 0.5)
    found = describe_speaker(clips, AVERAGE)
    np.testing.assert_allclose(found.mean, clips.mean(0), atol=0.02)
    np.testing.assert_allclose(found.deviation, clips.std(0), atol=0.02)


def test_frames_of_clips_of_any_length_are_counted_as_one_voice() -> None:
    clips = np.empty(2, object)
    clips[:] = [make_clips(30), make_clips(70, 2)]
    found = average_voice(clips, np.array(["a", "a"]))
    np.testing.assert_allclose(found.mean, np.concatenate(list(clips)).mean(0), rtol=1e-5)
    stacked = make_clips(12).reshape(3, 4, 2)
    found = average_voice(stacked, np.array(["a"] * 3))
    np.testing.assert_allclose(found.mean, stacked.mean((0, 1)), rtol=1e-5)


def test_aligned_to_a_standard_voice_is_scikit_learns_standardisation() -> None:
    clips = make_clips(200, 4, 3)
    voice = VoiceStatistics(tuple(clips.mean(0).tolist()), tuple(clips.std(0).tolist()))
    aligned = align(clips, voice, VoiceStatistics((0.0, 0.0), (1.0, 1.0)))
    np.testing.assert_allclose(aligned, StandardScaler().fit_transform(clips), atol=1e-4)
    assert aligned.dtype == np.float32


def test_the_average_voice_stays_as_it_is() -> None:
    clips = make_clips(9)
    np.testing.assert_allclose(align(clips, AVERAGE, AVERAGE), clips, atol=1e-6)


def test_a_column_without_deviation_is_moved_and_not_blown_up() -> None:
    voice = VoiceStatistics((7.0, 10.0), (0.0, 2.0))
    aligned = align(np.array([[7.5, 10]], np.float32), voice, AVERAGE)
    np.testing.assert_allclose(aligned, [[0.5, 10]])
