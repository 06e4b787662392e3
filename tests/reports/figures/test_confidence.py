"""The reliability diagram, and the accuracy of the most confident predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from tests.reports.synthetic import EVALUATION, caption, coordinates, draw, drawn, heights, labels_of

from affekt.evaluation.results import Evaluation
from affekt.model.calibration import Reliability, accuracy_by_coverage
from affekt.reports import figures
from affekt.reports.figures.style import in_percent


def confidence_and_correctness(evaluation: Evaluation) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    confidence = np.array([max(one.probabilities) for one in evaluation.tested])
    true, predicted = map(np.array, labels_of(evaluation))
    return confidence, true == predicted


def test_the_line_of_the_reliability_diagram_is_that_of_scikit_learn() -> None:
    confidence, correct = confidence_and_correctness(EVALUATION)
    accuracies, confidences = calibration_curve(correct, confidence, n_bins=10)
    figure = drawn(figures.calibration(EVALUATION))
    above, below = figure.axes
    expected = np.column_stack([confidences, accuracies])
    many = np.array(heights(below)) >= 10
    assert 0 < many.sum() < len(many)
    _, joined, apart = above.get_lines()
    np.testing.assert_allclose(coordinates(joined), expected[many])
    np.testing.assert_allclose(coordinates(apart), expected[~many])
    assert apart.get_fillstyle() == "none"
    assert apart.get_linestyle() == "None"
    gaps = above.collections[0]
    assert isinstance(gaps, LineCollection)
    np.testing.assert_allclose(np.array(gaps.get_segments())[:, :, 1], expected[many])
    assert sum(heights(below)) == len(confidence)
    text = caption(figure)
    assert f"mean confidence {in_percent(confidence.mean())}, accuracy {in_percent(correct.mean())}" in text
    assert ("overconfident" if confidence.mean() > correct.mean() else "underconfident") in text
    assert f"(ECE) is {in_percent(EVALUATION.ece)}" in text


def test_without_predictions_the_diagram_is_drawn_from_the_bins() -> None:
    from_file = Evaluation.from_json(EVALUATION.to_json())
    assert from_file.tested == ()
    lines = [drawn(figures.calibration(one)).axes[0].get_lines() for one in (EVALUATION, from_file)]
    for one, other in zip(*lines, strict=True):
        np.testing.assert_array_equal(coordinates(one), coordinates(other))


def test_without_predictions_and_bins_there_is_no_diagram() -> None:
    empty = replace(EVALUATION, tested=(), reliability=None)
    assert figures.calibration(empty) is None
    assert figures.selective_accuracy(empty) is None


def test_confidence_that_agrees_with_accuracy_is_called_so() -> None:
    bins = EVALUATION.reliability
    assert bins is not None
    calibrated = replace(bins, accuracy=bins.confidence)
    assert "confidence and accuracy agree" in caption(figures.draw_calibration(calibrated))


def test_the_accuracy_of_the_most_confident_is_drawn_without_the_first_few_clips() -> None:
    kept, accuracy = accuracy_by_coverage(*confidence_and_correctness(EVALUATION))
    figure = drawn(figures.selective_accuracy(EVALUATION))
    (axes,) = figure.axes
    line, *marked = axes.get_lines()
    shown = kept >= 0.02
    assert 0 < (~shown).sum() < 5
    np.testing.assert_allclose(coordinates(line), np.column_stack([kept, accuracy])[shown])
    for one, share in zip(marked, (0.5, 0.25), strict=True):
        i = np.flatnonzero(kept >= share)[0]
        assert tuple(coordinates(one)[0]) == pytest.approx((kept[i], accuracy[i]))
        assert f"{in_percent(accuracy[i])} on the most confident {kept[i]:.0%}" in caption(figure)
    assert f"Accuracy: {in_percent(accuracy[-1])} on all clips" in caption(figure)


@pytest.mark.parametrize("counts", [[3, 4], [20, 4], [20, 100], [5]])
def test_the_reliability_diagram_has_its_height_however_few_predictions_a_bin_has(
    counts: list[int],
) -> None:
    shares = np.linspace(0.3, 1, len(counts))
    bins = Reliability(confidence=shares, accuracy=shares, count=np.array(counts))
    above, below = draw(figures.draw_calibration(bins)).axes
    assert above.get_position().height > 0.6
    assert below.get_position().height > 0.15
