"""Every score against scikit-learn, and the interval against what it must be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from affekt.metrics import (
    HEADLINES,
    confusion_matrix,
    f_beta,
    precision,
    recall,
    score_headlines,
)

EMOTIONS = ("neutral", "happy", "sad", "angry")


def labels(seed: int, size: int = 200) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(EMOTIONS, size, p=[0.1, 0.2, 0.3, 0.4])
    answers = np.where(rng.random(size) < 0.5, truth, rng.choice(EMOTIONS, size))
    return truth.tolist(), answers.tolist()


REFERENCES = {
    "accuracy": reference.accuracy_score,
    "uar": reference.balanced_accuracy_score,
    "macro_f1": lambda t, a: reference.f1_score(t, a, average="macro"),
    "weighted_f1": lambda t, a: reference.f1_score(t, a, average="weighted"),
    "weighted_f2": lambda t, a: reference.fbeta_score(t, a, beta=2, average="weighted"),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_equals_scikit_learns(name: str, seed: int) -> None:
    truth, answers = labels(seed)
    ours = HEADLINES[name](confusion_matrix(truth, answers, EMOTIONS))
    assert float(ours) == pytest.approx(REFERENCES[name](truth, answers))


def test_scores_of_each_emotion_equal_scikit_learns() -> None:
    truth, answers = labels(0)
    matrix = confusion_matrix(truth, answers, EMOTIONS)
    p, r, f, _ = reference.precision_recall_fscore_support(truth, answers, labels=EMOTIONS)
    np.testing.assert_allclose(precision(matrix), p)
    np.testing.assert_allclose(recall(matrix), r)
    np.testing.assert_allclose(f_beta(matrix), f)
    np.testing.assert_array_equal(matrix, reference.confusion_matrix(truth, answers, labels=EMOTIONS))


def test_an_emotion_that_never_occurs_does_not_count() -> None:
    matrix = confusion_matrix(["sad", "sad", "happy"], ["sad", "angry", "happy"], EMOTIONS)
    assert float(HEADLINES["uar"](matrix)) == pytest.approx(0.75)
    assert np.isnan(recall(matrix)[0])


def one_speaker_each(hit_rates: list[float], clips: int = 40) -> np.ndarray:
    """(1, speakers, 2, 2): two emotions, each speaker answered rightly in so many of its clips."""
    rows = [[[rate, 1 - rate], [1 - rate, rate]] for rate in hit_rates]
    return np.array([rows]) * clips / 2


def test_the_interval_holds_the_score_and_widens_with_the_difference_between_speakers() -> None:
    alike = score_headlines(one_speaker_each([0.7] * 10), np.random.default_rng(0))["accuracy"]
    unlike = score_headlines(one_speaker_each([0.4, 1.0] * 5), np.random.default_rng(0))["accuracy"]
    assert alike.low == pytest.approx(0.7) == alike.high
    assert unlike.low < 0.6 < unlike.value < 0.8 < unlike.high


def test_the_interval_has_the_width_of_the_mean_of_its_speakers() -> None:
    rates = np.random.default_rng(1).uniform(0.3, 0.9, 24)
    score = score_headlines(one_speaker_each(list(rates)), np.random.default_rng(0))["accuracy"]
    expected = 2 * 1.96 * rates.std() / np.sqrt(len(rates))
    assert score.high - score.low == pytest.approx(expected, rel=0.1)


def test_one_speaker_gives_no_interval() -> None:
    score = score_headlines(one_speaker_each([0.7]), np.random.default_rng(0))["uar"]
    assert score.value == pytest.approx(0.7)
    assert np.isnan(score.low)


def test_the_spread_is_the_deviation_over_seeds() -> None:
    seeds = np.concatenate([one_speaker_each([rate] * 3) for rate in (0.6, 0.7, 0.8)])
    score = score_headlines(seeds, np.random.default_rng(0))["accuracy"]
    assert score.value == pytest.approx(0.7)
    assert score.spread == pytest.approx(0.1)
