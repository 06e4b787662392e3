"""Every metric equals scikit-learn's, and intervals have their known width and text."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from affekt.metrics import (
    HEADLINES,
    METRIC_TITLES,
    DiarisationErrors,
    Score,
    confusion_matrix,
    diarisation_errors,
    f_beta,
    format_interval,
    precision,
    recall,
    score_headlines,
)

EMOTIONS = ("neutral", "happy", "sad", "angry")


def labels(seed: int, size: int = 200) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    true = rng.choice(EMOTIONS, size, p=[0.1, 0.2, 0.3, 0.4])
    predicted = np.where(rng.random(size) < 0.5, true, rng.choice(EMOTIONS, size))
    return true.tolist(), predicted.tolist()


REFERENCES = {
    "accuracy": reference.accuracy_score,
    "uar": reference.balanced_accuracy_score,
    "macro_f1": lambda t, a: reference.f1_score(t, a, average="macro"),
    "weighted_f1": lambda t, a: reference.f1_score(t, a, average="weighted"),
    "weighted_f2": lambda t, a: reference.fbeta_score(t, a, beta=2, average="weighted"),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", HEADLINES)
def test_a_metric_equals_scikit_learns(name: str, seed: int) -> None:
    true, predicted = labels(seed)
    ours = HEADLINES[name](confusion_matrix(true, predicted, EMOTIONS))
    assert float(ours) == pytest.approx(REFERENCES[name](true, predicted))


def test_scores_of_each_emotion_equal_scikit_learns() -> None:
    true, predicted = labels(0)
    matrix = confusion_matrix(true, predicted, EMOTIONS)
    p, r, f, _ = reference.precision_recall_fscore_support(true, predicted, labels=EMOTIONS)
    np.testing.assert_allclose(precision(matrix), p)
    np.testing.assert_allclose(recall(matrix), r)
    np.testing.assert_allclose(f_beta(matrix), f)
    np.testing.assert_array_equal(matrix, reference.confusion_matrix(true, predicted, labels=EMOTIONS))


def test_an_emotion_that_never_occurs_does_not_count() -> None:
    matrix = confusion_matrix(["sad", "sad", "happy"], ["sad", "angry", "happy"], EMOTIONS)
    assert float(HEADLINES["uar"](matrix)) == pytest.approx(0.75)
    assert np.isnan(recall(matrix)[0])


def one_speaker_each(hit_rates: list[float], clips: int = 40) -> NDArray[np.float64]:
    """(1, speakers, 2, 2): two emotions, each speaker predicted correctly in that share of clips."""
    rows = [[[rate, 1 - rate], [1 - rate, rate]] for rate in hit_rates]
    return np.array([rows]) * clips / 2


def test_the_interval_contains_the_score_and_widens_with_the_difference_between_speakers() -> None:
    alike = score_headlines(one_speaker_each([0.65, 0.75] * 5), np.random.default_rng(0))["accuracy"]
    unlike = score_headlines(one_speaker_each([0.4, 1.0] * 5), np.random.default_rng(0))["accuracy"]
    assert 0.65 < alike.low < 0.69 < alike.value < 0.71 < alike.high < 0.75
    assert unlike.low < 0.6 < unlike.value < 0.8 < unlike.high


def test_the_interval_has_the_width_of_the_mean_of_its_speakers() -> None:
    rates = np.random.default_rng(1).uniform(0.3, 0.9, 24)
    score = score_headlines(one_speaker_each(list(rates)), np.random.default_rng(0))["accuracy"]
    expected = 2 * 1.96 * rates.std() / np.sqrt(len(rates))
    assert score.high - score.low == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("matrices", "why"),
    [
        (one_speaker_each([0.7]), "1 speaker"),
        (one_speaker_each([0.4, 0.9]), "2 speakers"),
        (one_speaker_each([0.4, 0.5, 0.6, 0.9]), "4 speakers"),
        (one_speaker_each([0.5, 1.0] * 6, clips=2), "24 clips"),
        (one_speaker_each([0.0, 1.0, 1.0], clips=1), "3 clips"),  # of unknown speakers
        (one_speaker_each([1.0] * 12), "equal in every draw of speakers"),
        (one_speaker_each([0.0] * 12), "equal in every draw of speakers"),
        (one_speaker_each([0.7] * 12), "equal in every draw of speakers"),
        (
            one_speaker_each([0.4, 0.9, 0.6, 0.5, 0.4]) * np.array([40, 40, 1, 1, 1])[:, None, None],
            "most clips are of few speakers",
        ),
    ],
)
def test_there_is_no_interval_where_it_would_promise_too_much_and_the_score_says_why(
    matrices: NDArray[np.float64], why: str
) -> None:
    for score in score_headlines(matrices, np.random.default_rng(0)).values():
        assert np.isnan(score.low)
        assert np.isnan(score.high)
        assert score.no_interval == why
        assert score.interval == f"none: {why}"
        assert score.with_interval == f"{100 * score.value:.1f} (no interval: {why})"


def test_five_speakers_who_differ_give_an_interval() -> None:
    score = score_headlines(one_speaker_each([0.4, 0.5, 0.6, 0.7, 0.9]), np.random.default_rng(0))["uar"]
    assert 0.4 < score.low < score.value < score.high < 0.9
    assert score.no_interval == ""


def test_the_spread_is_the_deviation_over_seeds() -> None:
    seeds = np.concatenate([one_speaker_each([rate] * 3) for rate in (0.6, 0.7, 0.8)])
    score = score_headlines(seeds, np.random.default_rng(0))["accuracy"]
    assert score.value == pytest.approx(0.7)
    assert score.spread == pytest.approx(0.1)


def test_every_metric_has_a_title() -> None:
    assert set(METRIC_TITLES) == set(HEADLINES)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.6192, 0.7037, "61.9 - 70.4"),
        (0.0, 1.0, "0.0 - 100.0"),
        (np.nan, np.nan, "-"),
        (None, None, "-"),
        (0.5, np.nan, "-"),
    ],
)
def test_an_interval_is_written_in_percent(low: float | None, high: float | None, text: str) -> None:
    assert format_interval(low, high) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(-0.0123, 0.0301, "-1.2 to +3.0"), (0.01, 0.02, "+1.0 to +2.0"), (np.nan, np.nan, "-")],
)
def test_an_interval_of_a_difference_is_written_with_signs(low: float, high: float, text: str) -> None:
    assert format_interval(low, high, signed=True) == text


def test_a_score_is_written_with_its_interval() -> None:
    score = Score(value=0.6611, low=0.6192, high=0.7037, spread=0.01)
    assert (score.interval, score.with_interval) == ("61.9 - 70.4", "66.1 (61.9 - 70.4)")


def test_a_score_without_an_interval_is_written_alone() -> None:
    score = Score(value=0.6611, low=np.nan, high=np.nan, spread=0.0)
    assert (score.interval, score.with_interval) == ("-", "66.1")


# --- errors of timelines -----------------------------------------------------------------------------


def test_each_second_of_a_timeline_is_right_or_one_kind_of_error() -> None:
    reference = [(1.0, 3.0, "sad"), (5.0, 8.0, "happy")]
    found = [(0.5, 2.0, "sad"), (2.0, 2.5, "angry"), (6.0, 9.0, "happy")]
    errors = diarisation_errors(reference, found, 10.0)
    assert errors == DiarisationErrors(
        false_alarm_s=1.5, missed_s=1.5, confusion_s=0.5, reference_s=5.0, duration_s=10.0
    )
    assert errors.rate == pytest.approx(3.5 / 5)
    assert errors.right == pytest.approx(1 - 3.5 / 10)


def test_the_error_rate_is_that_of_speechbrain_where_the_reference_covers_all() -> None:
    """The example of ``speechbrain.utils.EDER.EDER``: six frames of 0.2 s, n n n a a a."""
    reference = [(0, 0.39, "n"), (0.39, 1.10, "a"), (1.10, 1.22, "n")]
    found = [(0, 0.6, "n"), (0.6, 1.2, "a")]
    assert diarisation_errors(reference, found, 1.22).rate == pytest.approx(0.2704918032786885)


def test_errors_are_those_of_a_count_of_milliseconds() -> None:
    rng = np.random.default_rng(0)

    def drawn() -> tuple[list[tuple[float, float, str]], NDArray[np.object_]]:
        edges = np.sort(rng.choice(3000, 12, replace=False))
        names = rng.choice(["a", "b"], 6)
        line = np.full(2500, "", object)
        for start, end, name in zip(edges[::2], edges[1::2], names, strict=True):
            line[start:end] = name
        spans = [
            (start / 1000, end / 1000, str(name))
            for start, end, name in zip(edges[::2], edges[1::2], names, strict=True)
        ]
        return spans, line

    for _ in range(20):
        (reference, true), (found, answered) = drawn(), drawn()
        errors = diarisation_errors(reference, found, 2.5)
        assert errors.false_alarm_s == pytest.approx(np.sum((true == "") & (answered != "")) / 1000)
        assert errors.missed_s == pytest.approx(np.sum((true != "") & (answered == "")) / 1000)
        both = (true != "") & (answered != "")
        assert errors.confusion_s == pytest.approx(np.sum(both & (true != answered)) / 1000)


def test_of_overlapping_spans_the_first_counts() -> None:
    errors = diarisation_errors([(0, 2, "sad"), (1, 3, "happy")], [(0, 3, "sad")], 3)
    assert (errors.confusion_s, errors.reference_s) == (1, 3)


def test_errors_of_several_recordings_are_added() -> None:
    one, two = DiarisationErrors(1, 2, 3, 4, 5), DiarisationErrors(1, 1, 1, 6, 5)
    assert one + two == DiarisationErrors(2, 3, 4, 10, 10)
    assert np.isnan(DiarisationErrors().rate)
