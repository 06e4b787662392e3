"""Confidence is compared with what was right, bin by bin, and the surest answers are scored alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from affekt.confidence import BINS, UNCHANGED, Trust, accuracy_by_coverage, reliability


def make_answers(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and whether the answers were right, which they are less often than they are sure."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.2, 1, count)
    return confidence, rng.uniform(size=count) < confidence**2


def bins_by_hand(confidence: np.ndarray, right: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and size of each bin (low, high] that has answers."""
    found = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [i for i in range(len(confidence)) if low < confidence[i] <= high]
        if number == 0:
            inside += [i for i in range(len(confidence)) if confidence[i] == 0]
        if inside:
            mean = sum(confidence[i] for i in inside) / len(inside)
            found.append((mean, sum(bool(right[i]) for i in inside) / len(inside), len(inside)))
    return found


@pytest.mark.parametrize("bins", [1, 4, BINS, 16])
@pytest.mark.parametrize("count", [1, 7, 400])
def test_bins_are_those_of_a_plain_loop(count: int, bins: int) -> None:
    confidence, right = make_answers(count)
    expected = bins_by_hand(confidence, right, bins)
    found = reliability(confidence, right, bins)
    np.testing.assert_allclose(found.confidence, [mean for mean, _, _ in expected], rtol=1e-12)
    np.testing.assert_allclose(found.accuracy, [share for _, share, _ in expected], rtol=1e-12)
    assert found.count.tolist() == [size for _, _, size in expected]
    error = sum(size * abs(mean - share) for mean, share, size in expected) / count
    assert found.ece == pytest.approx(error, abs=1e-12)


def test_the_line_is_scikit_learns_calibration_curve() -> None:
    confidence, right = make_answers(1000)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS)
    found = reliability(confidence, right)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, mean)


def test_answers_as_sure_as_they_are_right_have_no_error() -> None:
    confidence = np.repeat([0.25, 0.5, 0.75], 100)
    right = np.concatenate([np.arange(100) < share for share in (25, 50, 75)])
    found = reliability(confidence, right)
    np.testing.assert_allclose(found.accuracy, [0.25, 0.5, 0.75])
    assert found.ece == pytest.approx(0, abs=1e-12)


def test_answers_that_are_sure_and_all_wrong_have_the_largest_error() -> None:
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


def test_a_confidence_of_nothing_belongs_to_the_first_bin() -> None:
    assert reliability([0.0, 0.05], [False, False]).count.tolist() == [2]


def coverage_by_hand(confidence: np.ndarray, right: np.ndarray) -> list[tuple[float, float]]:
    """The share of clips that are at least so sure, and how many of them are right, for each confidence."""
    points = []
    for least in sorted(set(confidence), reverse=True):
        answered = [bool(hit) for sure, hit in zip(confidence, right, strict=True) if sure >= least]
        points.append((len(answered) / len(confidence), sum(answered) / len(answered)))
    return points


@pytest.mark.parametrize("decimals", [1, 2, 9])
def test_coverage_is_that_of_a_plain_loop_with_ties_and_without(decimals: int) -> None:
    confidence, right = make_answers(150)
    confidence = confidence.round(decimals)
    assert (len(set(confidence)) < len(confidence)) == (decimals < 9)
    coverage, accuracy = accuracy_by_coverage(confidence, right)
    np.testing.assert_allclose(
        np.column_stack([coverage, accuracy]), coverage_by_hand(confidence, right), rtol=1e-12
    )


def test_the_surest_answers_come_first_and_all_of_them_last() -> None:
    coverage, accuracy = accuracy_by_coverage([0.4, 0.9, 0.6, 0.8], [False, True, False, True])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(accuracy, [1, 1, 2 / 3, 1 / 2])


def test_of_equally_sure_answers_the_order_makes_no_difference() -> None:
    for right in ([True, True, False], [False, True, True], [True, False, True]):
        coverage, accuracy = accuracy_by_coverage([0.7, 0.7, 0.7], right)
        assert coverage.tolist() == [1]
        assert accuracy.tolist() == pytest.approx([2 / 3])


def test_tempering_keeps_the_order_and_sums_to_one() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    for temperature in (0.3, 1.0, 4.0):
        tempered = Trust(temperature=temperature, threshold=0.1).temper(rows)
        np.testing.assert_allclose(tempered.sum(axis=1), 1)
        np.testing.assert_array_equal(np.argsort(tempered, axis=1), np.argsort(rows, axis=1))
    np.testing.assert_allclose(UNCHANGED.temper(rows), rows, atol=1e-9)


def test_what_is_impossible_stays_next_to_impossible() -> None:
    tempered = Trust(temperature=2.0, threshold=0.0).temper(np.array([1.0, 0.0]))
    assert np.isfinite(tempered).all()
    assert tempered[1] < 1e-5


def test_the_most_probable_emotion_is_always_likely() -> None:
    row = np.array([0.2, 0.5, 0.3])
    assert Trust(temperature=1.0, threshold=0.9).likely(row) == [1]
    assert Trust(temperature=1.0, threshold=0.3).likely(row) == [1, 2]
    assert UNCHANGED.likely(row) == [1, 2, 0]
