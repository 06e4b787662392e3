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
from affekt.estimators.calibrated import (
    SpeakerCalibratedClassifier,
    fit_calibration,
    weighted_quantile,
)
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


# --- by distance, and with weights -------------------------------------------------------------------


def draw_by_distance(
    count: int, temperature: float, slope: float, seed: int = 0
) -> tuple[Array, Array, Array]:
    """Overconfident the more, the larger the distance, which is about 1."""
    rng = np.random.default_rng(seed)
    true, labels = draw(count, 1.0, seed)
    distances = 1 + 0.3 * rng.standard_normal(count)
    sharpened = true ** (temperature * np.exp(slope * (distances - 1)))[:, None]
    return sharpened / sharpened.sum(axis=1, keepdims=True), labels, distances


@pytest.mark.parametrize(("temperature", "slope"), [(1.5, 2.0), (0.8, 1.0), (3.0, 0.0)])
def test_the_temperature_of_every_distance_is_recovered(temperature: float, slope: float) -> None:
    probabilities, labels, distances = draw_by_distance(20_000, temperature, slope)
    found = fit_calibration(probabilities, labels, distances)
    assert found.distance_slope == pytest.approx(slope, abs=0.12)
    far_apart = np.array([0.6, 1.0, 1.4])
    expected = temperature * np.exp(slope * (far_apart - 1))
    np.testing.assert_allclose(found.temperatures(far_apart), expected, rtol=0.08)
    assert found.reference_distance == pytest.approx(np.median(distances))


def test_confidence_equals_accuracy_near_and_far_where_one_temperature_fits_neither() -> None:
    probabilities, labels, distances = draw_by_distance(20_000, 1.5, 2.0)

    def gaps(calibrated: Array) -> list[float]:
        correct = calibrated.argmax(axis=1) == labels
        sides = distances < np.quantile(distances, 0.2), distances > np.quantile(distances, 0.8)
        return [abs(float((calibrated.max(axis=1) - correct)[side].mean())) for side in sides]

    one, two = fit_calibration(probabilities, labels), fit_calibration(probabilities, labels, distances)
    assert max(gaps(two.calibrate(probabilities, distances))) < 0.015
    assert min(gaps(one.calibrate(probabilities, distances))) > 0.03


def test_the_slope_is_never_negative() -> None:
    probabilities, labels, distances = draw_by_distance(3000, 1.5, -2.0)
    found = fit_calibration(probabilities, labels, distances)
    assert found.distance_slope == 0
    assert found.temperature == pytest.approx(fit_calibration(probabilities, labels).temperature, rel=1e-3)


def test_clips_of_one_distance_have_one_temperature() -> None:
    probabilities, labels = draw(300, 2.0)
    assert fit_calibration(probabilities, labels, np.full(300, 0.7)) == fit_calibration(
        probabilities, labels
    )


def test_one_very_distant_clip_does_not_hide_the_slope() -> None:
    probabilities, labels, distances = draw_by_distance(5000, 1.5, 2.0)
    distances[0] = 1e6
    assert fit_calibration(probabilities, labels, distances).distance_slope == pytest.approx(2, abs=0.25)


def test_a_whole_weight_is_that_many_clips() -> None:
    probabilities, labels, distances = draw_by_distance(400, 1.5, 2.0)
    counts = np.random.default_rng(1).integers(1, 4, 400)
    weighted = fit_calibration(probabilities, labels, distances, counts.astype(float))
    repeated = fit_calibration(
        *(np.repeat(one, counts, axis=0) for one in (probabilities, labels, distances))
    )
    assert weighted.temperature == pytest.approx(repeated.temperature, rel=0.02)
    assert weighted.distance_slope == pytest.approx(repeated.distance_slope, rel=0.05)
    assert weighted.temperature != pytest.approx(
        fit_calibration(probabilities, labels, distances).temperature, rel=1e-4
    )


def test_equal_weights_change_nothing() -> None:
    probabilities, labels = draw(500, 2.0)
    assert fit_calibration(probabilities, labels, weights=np.ones(500)) == fit_calibration(
        probabilities, labels
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_largest_that_misses_a_tenth_of_the_weight(seed: int) -> None:
    probabilities, labels = draw(60, 1.0, seed)
    weights = np.random.default_rng(seed).uniform(0.2, 3, 60)
    found = fit_calibration(probabilities, labels, weights=weights)
    true = found.calibrate(probabilities, 0.0)[np.arange(60), labels]
    allowed = (1 - COVERAGE) * (weights.sum() + weights.mean())
    expected = max(
        t for t in true if sum(w for w, p in zip(weights, true, strict=True) if p <= t) <= allowed
    )
    assert found.threshold == expected


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.975, 1.0])
def test_a_quantile_of_equal_weights_is_numpys(share: float) -> None:
    values = np.random.default_rng(0).standard_normal(37)
    found = weighted_quantile(values, share, np.full(37, 2.5))
    assert found == pytest.approx(np.quantile(values, share), rel=1e-12)


def test_a_quantile_counts_the_weight_below_it() -> None:
    values, weights = np.arange(1000.0), np.where(np.arange(1000) < 500, 3.0, 1.0)
    assert weighted_quantile(values[::-1], 0.75, weights[::-1]) == pytest.approx(500, abs=1)
    assert weighted_quantile(values, 0.975, weights) == pytest.approx(950, abs=1)
