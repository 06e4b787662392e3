"""Confidence is calibrated on speakers that the classifier did not hear."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from affekt.calibration import SpeakerCalibratedClassifier, fit_trust
from affekt.confidence import COVERAGE, Trust
from affekt.errors import CorpusError


class Remembering(ClassifierMixin, BaseEstimator):
    """Notes which speakers (the second column) it learns from and which it is asked about."""

    seen: ClassVar[list[tuple[set[float], set[float]]]] = []

    def fit(self, X: np.ndarray, y: np.ndarray) -> Remembering:
        self.speakers_, self.classes_ = set(X[:, 1]), np.unique(y)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        Remembering.seen.append((self.speakers_, set(X[:, 1])))
        return X[:, 0]

    def predict(self, X: np.ndarray) -> np.ndarray:
        return (X[:, 0] > 0.5).astype(int)


def clips(speakers: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(speakers), 20)
    y = np.tile([0, 1], len(groups) // 2)
    return np.column_stack([y + rng.standard_normal(len(y)), groups]), y, groups


def test_calibration_asks_only_about_unheard_speakers() -> None:
    X, y, groups = clips()
    Remembering.seen.clear()
    SpeakerCalibratedClassifier(Remembering()).fit(X, y, groups=groups)
    assert len(Remembering.seen) == 5
    assert all(not heard & asked for heard, asked in Remembering.seen)


@pytest.mark.parametrize("speakers", [2, 3, 9])
def test_few_speakers_make_fewer_inner_folds(speakers: int) -> None:
    X, y, groups = clips(speakers)
    model = SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_one_speaker_alone_is_refused() -> None:
    X, y, groups = clips(1)
    with pytest.raises(CorpusError, match="two speakers"):
        SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)


def test_an_emotion_of_one_speaker_alone_is_refused() -> None:
    X, y, groups = clips(3)
    with pytest.raises(CorpusError, match="too few speakers"):
        SpeakerCalibratedClassifier(SVC()).fit(X, np.where(groups == 0, 2, y), groups=groups)


def test_the_answer_is_the_most_probable_class() -> None:
    X, y, groups = clips()
    model = SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))


def answers(count: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth drawn from probabilities, and these probabilities raised to a power."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.full(4, 0.7), count)
    truth = np.array([rng.choice(4, p=row) for row in true])
    said = true**sharpness
    return said / said.sum(axis=1, keepdims=True), truth


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
def test_the_temperature_undoes_what_made_answers_too_sure_or_not_sure_enough(sharpness: float) -> None:
    probabilities, truth = answers(20_000, sharpness)
    assert fit_trust(probabilities, truth).temperature == pytest.approx(sharpness, rel=0.05)


def test_the_temperature_is_where_scikit_learns_log_loss_is_lowest() -> None:
    probabilities, truth = answers(500, 2.0)
    found = fit_trust(probabilities, truth)

    def loss(temperature: float) -> float:
        tempered = Trust(temperature=temperature, threshold=0).temper(probabilities)
        return float(log_loss(truth, tempered, labels=range(4)))

    assert loss(found.temperature) <= min(loss(found.temperature * factor) for factor in (0.9, 1.1))


def test_likely_emotions_have_the_truth_among_them_as_often_as_promised() -> None:
    covered = []
    for seed in range(60):
        probabilities, truth = answers(1000, 1.7, seed)
        trust = fit_trust(probabilities[:300], truth[:300])
        tempered = trust.temper(probabilities[300:])
        covered += [right in trust.likely(row) for row, right in zip(tempered, truth[300:], strict=True)]
    assert np.mean(covered) == pytest.approx(COVERAGE, abs=0.01)


def test_with_too_few_answers_to_promise_anything_every_emotion_is_likely() -> None:
    probabilities, truth = answers(5, 1.0)
    trust = fit_trust(probabilities, truth)
    assert trust.threshold == 0
    assert len(trust.likely(trust.temper(probabilities[0]))) == 4
