"""Statistics of speakers, and features normalised to the average training speaker."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from affekt.model.speaker_normalisation import (
    PRIOR_CLIPS,
    SpeakerStatistics,
    average_speaker,
    normalise,
    normalise_unknown,
    speaker_statistics,
)

RNG = np.random.default_rng(0)
AVERAGE = SpeakerStatistics((0.0, 10.0), (1.0, 2.0))


def make_clips(count: int, shift: float = 0.0, scale: float = 1.0) -> NDArray[np.float32]:
    return (shift + scale * RNG.standard_normal((count, 2))).astype(np.float32)


def test_the_average_speaker_is_the_mean_over_speakers_and_not_over_clips() -> None:
    one, other = make_clips(1000, 0), make_clips(10, 8)
    speakers = np.array(["a"] * 1000 + ["b"] * 10)
    found = average_speaker(np.concatenate([one, other]), speakers)
    np.testing.assert_allclose(found.mean, (one.mean(0) + other.mean(0)) / 2, rtol=1e-5)
    np.testing.assert_allclose(found.deviation, np.sqrt((one.var(0) + other.var(0)) / 2), rtol=1e-5)


def test_a_speaker_of_one_clip_does_not_narrow_the_average_speaker() -> None:
    clips = make_clips(50)
    found = average_speaker(np.concatenate([clips, [[99, 99]]]), np.array(["a"] * 50 + ["b"]))
    np.testing.assert_allclose(found.deviation, clips.std(0), rtol=1e-5)


def test_where_every_clip_has_a_speaker_of_its_own_the_average_is_of_all_clips() -> None:
    clips = make_clips(50)
    found = average_speaker(clips, np.arange(50))
    np.testing.assert_allclose(found.deviation, clips.std(0), rtol=1e-5)


def test_a_speaker_without_clips_has_the_statistics_of_the_average_speaker() -> None:
    assert speaker_statistics(make_clips(0), AVERAGE) == AVERAGE


def test_of_an_unknown_speaker_only_relative_columns_become_the_average() -> None:
    clips = make_clips(3, 5)
    normalised = normalise(clips, speaker_statistics(clips[:0], AVERAGE, [1]), AVERAGE)
    np.testing.assert_allclose(normalised[:, 0], clips[:, 0], atol=1e-6)
    np.testing.assert_array_equal(normalised[:, 1], np.float32(AVERAGE.mean[1]))


def test_the_mean_of_relative_columns_has_no_prior() -> None:
    clips = np.array([[5, 60]], np.float32)
    found = speaker_statistics(clips, AVERAGE, [1])
    assert found.mean == pytest.approx((5 / (1 + PRIOR_CLIPS), 60))
    assert normalise(clips, found, AVERAGE)[0, 1] == pytest.approx(AVERAGE.mean[1])


def test_a_column_with_one_value_a_clip_is_known_from_as_many_values_as_clips() -> None:
    average = SpeakerStatistics((0.0, 0.0), (1.0, 1.0))
    clips = np.empty(1, object)
    clips[0] = np.column_stack([RNG.standard_normal(50), np.full(50, 3.0)]).astype(np.float32)
    found = speaker_statistics(clips, average)
    assert found.deviation[1] == pytest.approx(1)  # one value says nothing about a deviation
    assert found.deviation[0] != pytest.approx(1, abs=1e-3)


def test_several_clips_are_normalised_one_by_one_whatever_their_length() -> None:
    clips = np.empty(2, object)
    clips[:] = [make_clips(3), make_clips(7)]
    speaker = SpeakerStatistics((1.0, 2.0), (3.0, 4.0))
    for normalised, clip in zip(normalise(clips, speaker, AVERAGE), clips, strict=True):
        np.testing.assert_array_equal(normalised, normalise(clip, speaker, AVERAGE))


def test_one_clip_moves_the_mean_a_little_and_leaves_the_deviation() -> None:
    found = speaker_statistics(np.array([[5, 10]], np.float32), AVERAGE)
    assert found.mean == pytest.approx((5 / (1 + PRIOR_CLIPS), 10))
    assert found.deviation == pytest.approx(AVERAGE.deviation)


def test_the_deviation_of_few_clips_is_on_average_the_true_one() -> None:
    average = SpeakerStatistics((0.0, 0.0), (1.0, 1.0))
    found = [speaker_statistics(make_clips(4), average).deviation for _ in range(4000)]
    assert np.mean(np.square(found)) == pytest.approx(1, abs=0.02)


def test_one_named_speaker_among_many_unknown_ones_is_not_the_average_speaker() -> None:
    clips = make_clips(50)
    found = average_speaker(clips, np.array(["a", "a", *map(str, range(48))]))
    np.testing.assert_allclose(found.deviation, clips.std(0), rtol=1e-5)


def test_statistics_from_a_file_are_read_or_refused() -> None:
    assert SpeakerStatistics.parse({"mean": [1, -2.5], "deviation": [0, 3]}) == SpeakerStatistics(
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
            SpeakerStatistics.parse(odd)


def test_with_many_clips_the_prior_no_longer_counts() -> None:
    clips = make_clips(5000, 3, 0.5)
    found = speaker_statistics(clips, AVERAGE)
    np.testing.assert_allclose(found.mean, clips.mean(0), atol=0.02)
    np.testing.assert_allclose(found.deviation, clips.std(0), atol=0.02)


def test_frames_of_clips_of_any_length_are_pooled_for_a_speaker() -> None:
    clips = np.empty(2, object)
    clips[:] = [make_clips(30), make_clips(70, 2)]
    found = average_speaker(clips, np.array(["a", "a"]))
    np.testing.assert_allclose(found.mean, np.concatenate(list(clips)).mean(0), rtol=1e-5)
    stacked = make_clips(12).reshape(3, 4, 2)
    found = average_speaker(stacked, np.array(["a"] * 3))
    np.testing.assert_allclose(found.mean, stacked.mean((0, 1)), rtol=1e-5)


def test_normalised_to_a_standard_speaker_is_scikit_learns_standardisation() -> None:
    clips = make_clips(200, 4, 3)
    speaker = SpeakerStatistics(tuple(clips.mean(0).tolist()), tuple(clips.std(0).tolist()))
    normalised = normalise(clips, speaker, SpeakerStatistics((0.0, 0.0), (1.0, 1.0)))
    np.testing.assert_allclose(normalised, StandardScaler().fit_transform(clips), atol=1e-4)
    assert normalised.dtype == np.float32


def test_features_of_the_average_speaker_stay_as_they_are() -> None:
    clips = make_clips(9)
    np.testing.assert_allclose(normalise(clips, AVERAGE, AVERAGE), clips, atol=1e-6)


def test_a_column_without_deviation_is_shifted_and_not_scaled() -> None:
    speaker = SpeakerStatistics((7.0, 10.0), (0.0, 2.0))
    normalised = normalise(np.array([[7.5, 10]], np.float32), speaker, AVERAGE)
    np.testing.assert_allclose(normalised, [[0.5, 10]])


@pytest.mark.parametrize("relative", [[], [1]])
def test_an_unknown_speaker_is_normalised_as_one_without_clips(relative: list[int]) -> None:
    clips = make_clips(4, 5)
    expected = normalise(clips, speaker_statistics(clips[:0], AVERAGE, relative), AVERAGE)
    np.testing.assert_allclose(normalise_unknown(clips, AVERAGE, relative), expected, atol=1e-6)
