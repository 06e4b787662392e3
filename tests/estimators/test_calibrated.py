"""Confidence is calibrated on speakers that the classifier was not trained on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from affekt.errors import CorpusError
from affekt.estimators.calibrated import SpeakerCalibratedClassifier, fit_calibration
from affekt.model.calibration import COVERAGE, Calibration

Array = NDArray[Any]


class Recorder(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Records which speakers (the second column) it is fitted on, and for which it predicts."""

    calls: ClassVar[list[tuple[set[float], set[float]]]] = []

    def fit(self, X: Array, y: Array) -> Recorder:
        self.speakers_, self.classes_ = set(X[:, 1]), np.unique(y)
        return self

    def decision_function(self, X: Array) -> Array:
        Recorder.calls.append((self.speakers_, set(X[:, 1])))
        return np.asarray(X[:, 0])

    def predict(self, X: Array) -> Array:
        return (X[:, 0] > 0.5).astype(int)


def clips(speakers: int = 6) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(speakers), 20)
    y = np.tile([0, 1], len(groups) // 2)
    return np.column_stack([y + rng.standard_normal(len(y)), groups]), y, groups


def test_the_calibration_is_fitted_on_held_out_speakers_alone() -> None:
    X, y, groups = clips()
    Recorder.calls.clear()
    SpeakerCalibratedClassifier(Recorder()).fit(X, y, groups=groups)
    assert len(Recorder.calls) == 5
    assert all(not trained & predicted for trained, predicted in Recorder.calls)


@pytest.mark.parametrize("speakers", [2, 3, 9])
def test_few_speakers_make_fewer_inner_folds(speakers: int) -> None:
    X, y, groups = clips(speakers)
    model = SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_a_single_speaker_is_refused() -> None:
    X, y, groups = clips(1)
    with pytest.raises(CorpusError, match="at least two speakers, but there is only one"):
        SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)


def test_an_emotion_of_a_single_speaker_is_refused() -> None:
    X, y, groups = clips(3)
    with pytest.raises(CorpusError, match="too few speakers to calibrate"):
        SpeakerCalibratedClassifier(SVC()).fit(X, np.where(groups == 0, 2, y), groups=groups)


def test_the_predicted_class_is_the_most_probable_one() -> None:
    X, y, groups = clips()
    model = SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))


def draw(count: int, sharpness: float, seed: int = 0) -> tuple[Array, Array]:
    """Probabilities raised to a power, and labels drawn from the original probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.full(4, 0.7), count)
    labels = np.array([rng.choice(4, p=row) for row in true])
    sharpened = true**sharpness
    return sharpened / sharpened.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
def test_the_temperature_corrects_under_and_overconfident_probabilities(sharpness: float) -> None:
    probabilities, labels = draw(20_000, sharpness)
    assert fit_calibration(probabilities, labels).temperature == pytest.approx(sharpness, rel=0.05)


def test_the_temperature_minimises_scikit_learns_log_loss() -> None:
    probabilities, labels = draw(500, 2.0)
    found = fit_calibration(probabilities, labels)

    def loss(temperature: float) -> float:
        calibrated = Calibration(temperature=temperature, threshold=0).calibrate(probabilities, 0.0)
        return float(log_loss(labels, calibrated, labels=range(4)))

    assert loss(found.temperature) <= min(loss(found.temperature * factor) for factor in (0.9, 1.1))


def test_prediction_sets_hold_the_true_emotion_as_often_as_their_coverage_says() -> None:
    covered = []
    for seed in range(60):
        probabilities, labels = draw(1000, 1.7, seed)
        calibration = fit_calibration(probabilities[:300], labels[:300])
        calibrated = calibration.calibrate(probabilities[300:], 0.0)
        covered += [
            true in calibration.prediction_set(row)
            for row, true in zip(calibrated, labels[300:], strict=True)
        ]
    assert np.mean(covered) == pytest.approx(COVERAGE, abs=0.01)


def test_with_too_few_clips_for_the_coverage_every_emotion_is_in_the_prediction_set() -> None:
    probabilities, labels = draw(5, 1.0)
    calibration = fit_calibration(probabilities, labels)
    assert calibration.threshold == 0
    assert len(calibration.prediction_set(calibration.calibrate(probabilities[0], 0.0))) == 4
