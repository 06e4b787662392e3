"""Confidence is compared with accuracy, bin by bin, and the most confident predictions are scored alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from affekt.model.calibration import (
    BINS,
    TEMPERATURES,
    UNCALIBRATED,
    UNSEEN_CORPORA,
    UNSEEN_SPEAKERS,
    Calibration,
    accuracy_by_coverage,
    reliability,
)


def make_predictions(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and whether the predictions were correct: more confident than accurate."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.2, 1, count)
    return confidence, rng.uniform(size=count) < confidence**2


def bins_by_hand(confidence: np.ndarray, correct: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and size of each bin (low, high] that has predictions."""
    found = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [i for i in range(len(confidence)) if low < confidence[i] <= high]
        if number == 0:
            inside += [i for i in range(len(confidence)) if confidence[i] == 0]
        if inside:
            mean = sum(confidence[i] for i in inside) / len(inside)
            found.append((mean, sum(bool(correct[i]) for i in inside) / len(inside), len(inside)))
    return found


@pytest.mark.parametrize("bins", [1, 4, BINS, 16])
@pytest.mark.parametrize("count", [1, 7, 400])
def test_bins_are_those_of_a_plain_loop(count: int, bins: int) -> None:
    confidence, correct = make_predictions(count)
    expected = bins_by_hand(confidence, correct, bins)
    found = reliability(confidence, correct, bins)
    np.testing.assert_allclose(found.confidence, [mean for mean, _, _ in expected], rtol=1e-12)
    np.testing.assert_allclose(found.accuracy, [share for _, share, _ in expected], rtol=1e-12)
    assert found.count.tolist() == [size for _, _, size in expected]
    error = sum(size * abs(mean - share) for mean, share, size in expected) / count
    assert found.ece == pytest.approx(error, abs=1e-12)


def test_the_bins_are_those_of_scikit_learns_calibration_curve() -> None:
    confidence, correct = make_predictions(1000)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=BINS)
    found = reliability(confidence, correct)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, mean)


def test_predictions_as_confident_as_they_are_accurate_have_no_calibration_error() -> None:
    confidence = np.repeat([0.25, 0.5, 0.75], 100)
    correct = np.concatenate([np.arange(100) < share for share in (25, 50, 75)])
    found = reliability(confidence, correct)
    np.testing.assert_allclose(found.accuracy, [0.25, 0.5, 0.75])
    assert found.ece == pytest.approx(0, abs=1e-12)


def test_confident_predictions_that_are_all_wrong_have_the_largest_calibration_error() -> None:
    found = reliability(np.ones(9), np.zeros(9))
    assert (found.confidence.tolist(), found.accuracy.tolist(), found.count.tolist()) == ([1], [0], [9])
    assert found.ece == 1


def test_gaps_of_opposite_sign_do_not_cancel_each_other_in_different_bins() -> None:
    found = reliability([0.25, 0.75], [True, False])
    assert found.ece == pytest.approx(0.75)


@pytest.mark.parametrize("number", range(1, BINS + 1))
def test_a_confidence_at_a_border_belongs_to_the_bin_that_ends_there(number: int) -> None:
    border = number / BINS
    assert reliability([border - 0.05, border], [True, True]).count.tolist() == [2]
    if number < BINS:
        assert reliability([border, border + 0.05], [True, True]).count.tolist() == [1, 1]


def test_a_confidence_of_0_belongs_to_the_first_bin() -> None:
    assert reliability([0.0, 0.05], [False, False]).count.tolist() == [2]


def coverage_by_hand(confidence: np.ndarray, correct: np.ndarray) -> list[tuple[float, float]]:
    """For each confidence, the share of clips that are at least so confident, and their accuracy."""
    points = []
    for least in sorted(set(confidence), reverse=True):
        kept = [bool(hit) for sure, hit in zip(confidence, correct, strict=True) if sure >= least]
        points.append((len(kept) / len(confidence), sum(kept) / len(kept)))
    return points


@pytest.mark.parametrize("decimals", [1, 2, 9])
def test_coverage_is_that_of_a_plain_loop_with_ties_and_without(decimals: int) -> None:
    confidence, correct = make_predictions(150)
    confidence = confidence.round(decimals)
    assert (len(set(confidence)) < len(confidence)) == (decimals < 9)
    coverage, accuracy = accuracy_by_coverage(confidence, correct)
    np.testing.assert_allclose(
        np.column_stack([coverage, accuracy]), coverage_by_hand(confidence, correct), rtol=1e-12
    )


def test_the_most_confident_predictions_come_first_and_all_of_them_last() -> None:
    coverage, accuracy = accuracy_by_coverage([0.4, 0.9, 0.6, 0.8], [False, True, False, True])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(accuracy, [1, 1, 2 / 3, 1 / 2])


def test_the_order_of_equally_confident_predictions_makes_no_difference() -> None:
    for correct in ([True, True, False], [False, True, True], [True, False, True]):
        coverage, accuracy = accuracy_by_coverage([0.7, 0.7, 0.7], correct)
        assert coverage.tolist() == [1]
        assert accuracy.tolist() == pytest.approx([2 / 3])


def test_calibrated_probabilities_keep_their_order_and_sum_to_one() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    for temperature in (0.3, 1.0, 4.0):
        calibrated = Calibration(temperature=temperature, threshold=0.1).calibrate(
            rows, np.zeros(len(rows))
        )
        np.testing.assert_allclose(calibrated.sum(axis=1), 1)
        np.testing.assert_array_equal(np.argsort(calibrated, axis=1), np.argsort(rows, axis=1))
    np.testing.assert_allclose(UNCALIBRATED.calibrate(rows, np.zeros(len(rows))), rows, atol=1e-9)


def test_a_probability_of_0_stays_close_to_0() -> None:
    calibrated = Calibration(temperature=2.0, threshold=0.0).calibrate(np.array([1.0, 0.0]), 0.0)
    assert np.isfinite(calibrated).all()
    assert calibrated[1] < 1e-5


def test_the_most_probable_emotion_is_always_in_the_prediction_set() -> None:
    row = np.array([0.2, 0.5, 0.3])
    assert Calibration(temperature=1.0, threshold=0.9).prediction_set(row) == [1]
    assert Calibration(temperature=1.0, threshold=0.3).prediction_set(row) == [1, 2]
    assert UNCALIBRATED.prediction_set(row) == [1, 2, 0]


def test_a_temperature_above_one_makes_predictions_less_confident_and_below_one_more() -> None:
    row = np.array([0.2, 0.5, 0.3])
    cool, hot = (Calibration(temperature=t, threshold=0.1).calibrate(row, 0.0) for t in (0.5, 2.0))
    assert hot.max() < row.max() < cool.max()
    np.testing.assert_allclose(hot, np.sqrt(row) / np.sqrt(row).sum())


def test_without_a_slope_the_distance_makes_no_difference() -> None:
    assert Calibration(temperature=1.7, threshold=0.0).temperatures([0, 1, 1e9]).tolist() == [1.7] * 3


def test_the_further_a_clip_the_less_confident_it_is_within_the_limits_of_temperatures() -> None:
    calibration = Calibration(
        temperature=2.0, threshold=0.0, distance_slope=np.log(3), reference_distance=1.0
    )
    np.testing.assert_allclose(calibration.temperatures([0, 1, 2]), [2 / 3, 2, 6])
    assert calibration.temperatures([-1e12, 1e12]).tolist() == list(TEMPERATURES)
    rows = np.array([[0.7, 0.2, 0.1]] * 2)
    near, far = calibration.calibrate(rows, [0.0, 2.0])
    for found, temperature in ((near, 2 / 3), (far, 6.0)):
        np.testing.assert_allclose(
            found, rows[0] ** (1 / temperature) / (rows[0] ** (1 / temperature)).sum()
        )
    np.testing.assert_array_equal(calibration.calibrate(rows[0], 2.0), far)


def test_a_calibration_is_written_and_read_and_defaults_are_left_out() -> None:
    whole = Calibration(
        temperature=2.0,
        threshold=0.1,
        distance_slope=1.5,
        reference_distance=0.8,
        fitted_on=(UNSEEN_SPEAKERS, UNSEEN_CORPORA),
    )
    assert Calibration.parse(json.loads(json.dumps(whole.to_dict()))) == whole
    plain = Calibration(temperature=2.0, threshold=0.1)
    assert plain.to_dict() == {"temperature": 2.0, "threshold": 0.1}
    assert Calibration.parse(plain.to_dict()) == plain


def test_a_calibration_from_a_file_is_read_or_refused() -> None:
    assert Calibration.parse({"temperature": 2, "threshold": 0.5}) == Calibration(
        temperature=2, threshold=0.5
    )
    for odd in (
        {"temperature": 0.0, "threshold": 0.5},
        {"temperature": 21.0, "threshold": 0.5},
        {"temperature": float("nan"), "threshold": 0.5},
        {"temperature": 1.0, "threshold": -0.1},
        {"temperature": 1.0, "threshold": 1.1},
        {"temperature": 1.0, "threshold": float("nan")},
        {"temperature": 1.0, "threshold": 0.5, "distance_slope": -0.1},
        {"temperature": 1.0, "threshold": 0.5, "distance_slope": 101},
        {"temperature": 1.0, "threshold": 0.5, "reference_distance": 1e13},
    ):
        with pytest.raises(ValueError, match=r"out of range|not a finite number"):
            Calibration.parse(odd)
    for other in (
        {"temperature": 1.0},
        {"temperature": 1.0, "threshold": 0.5, "more": 1},
        {"temperature": "1", "threshold": 0.5},
        {"temperature": True, "threshold": 0.5},
        {"temperature": 1.0, "threshold": 0.5, "fitted_on": []},
        {"temperature": 1.0, "threshold": 0.5, "fitted_on": ["everyone"]},
        {"temperature": 1.0, "threshold": 0.5, "fitted_on": "unseen speakers"},
        None,
    ):
        with pytest.raises(ValueError):
            Calibration.parse(other)
