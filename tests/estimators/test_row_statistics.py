"""Statistics of rows are normalised by speaker as the rows themselves are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.estimators.encoder_rows import VOICE, draw_rows

from affekt.estimators.linear import draw_enrolled
from affekt.estimators.row_statistics import RowStatistics, SessionNormalisation
from affekt.model.speaker_normalisation import (
    SpeakerStatistics,
    average_speaker,
    normalise,
    speaker_statistics,
)

X, _, SPEAKERS = draw_rows()
AVERAGE = average_speaker(X, SPEAKERS)


def describe(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    outputs = clip[:, :-VOICE]
    return np.concatenate([outputs.mean(axis=0), outputs.std(axis=0), clip[0, -VOICE:]])


def test_features_are_means_then_deviations_then_what_is_the_same_in_every_row() -> None:
    found = RowStatistics.of(X, VOICE).features()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [describe(clip) for clip in X], atol=1e-5)


def test_a_speaker_is_the_same_as_from_the_rows() -> None:
    statistics = RowStatistics.of(X, VOICE)
    for clips in (np.array([3]), np.array([0, 7, 11]), np.arange(16)):
        found, expected = statistics.speaker(clips, AVERAGE), speaker_statistics(X[clips], AVERAGE)
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.deviation, expected.deviation, rtol=1e-6)


def test_a_speaker_of_clips_of_one_row_is_the_same_as_from_the_rows() -> None:
    short = np.empty(3, object)
    short[:] = [clip[:1] for clip in X[:3]]
    found = RowStatistics.of(short, VOICE).speaker(np.arange(3), AVERAGE)
    np.testing.assert_allclose(found.deviation, speaker_statistics(short, AVERAGE).deviation, rtol=1e-6)


def test_normalised_statistics_are_those_of_normalised_rows() -> None:
    found = RowStatistics.of(X, VOICE).normalise_by_session(SPEAKERS, AVERAGE, np.random.default_rng(4))
    enrolled = dict(draw_enrolled(SPEAKERS, np.random.default_rng(4)))
    assert len(enrolled) == len(X)
    for i, clips in enrolled.items():
        rows = normalise(X[i], speaker_statistics(X[clips], AVERAGE), AVERAGE)
        np.testing.assert_allclose(found[i], describe(rows), rtol=1e-4, atol=1e-4)


def test_a_clip_that_is_alone_in_its_session_stays_as_it_is() -> None:
    statistics = RowStatistics.of(X, VOICE)
    found = statistics.normalise_by_session(np.arange(len(X)), AVERAGE, np.random.default_rng(0))
    np.testing.assert_array_equal(found, statistics.features())


def test_a_training_clip_is_normalised_by_1_to_16_other_clips_of_its_session() -> None:
    drawn: list[list[int]] = []

    class Statistics(RowStatistics):
        def scale_and_shift(self, clips: NDArray[np.intp], average: SpeakerStatistics) -> Any:
            drawn.append(clips.tolist())
            return super().scale_and_shift(clips, average)

    statistics = Statistics(**vars(RowStatistics.of(X, VOICE)))
    sessions = np.where(np.arange(len(X)) == 5, "alone", "together")
    normalisation, rng = SessionNormalisation(statistics, sessions, AVERAGE), np.random.default_rng(0)
    assert normalisation.draw(5, rng) is None
    for _ in range(200):
        found = normalisation.draw(2, rng)
        assert found is not None
        scale, shift = found
        expected = normalise(X[2], speaker_statistics(X[drawn[-1]], AVERAGE), AVERAGE)
        np.testing.assert_allclose(X[2] * scale + shift, expected, rtol=1e-4, atol=1e-4)
    assert {len(clips) for clips in drawn} == set(range(1, 17))
    assert {2, 5}.isdisjoint(i for clips in drawn for i in clips)
