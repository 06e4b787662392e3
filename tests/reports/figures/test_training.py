"""Losses by epoch, and the importance of features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from tests.reports.synthetic import EVALUATION, caption, coordinates, drawn, tick_labels, widths

from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import Importance
from affekt.reports import figures
from affekt.reports.figures.training import OWN, PERMUTED


def test_without_importances_or_epochs_there_is_no_figure_of_them() -> None:
    assert figures.importances(EVALUATION) is None
    assert figures.histories(EVALUATION) is None


def with_importances(own: float, permuted: float) -> Evaluation:
    """30 features; the last is the most important in the model, the first by permutation."""
    rows = {
        f"feature{i}": Importance(own=own * (i + 1) / 465, permuted=permuted * (29 - i) / 100)
        for i in range(30)
    }
    return replace(EVALUATION, importances=rows)


def importance_bars(axes: Axes) -> dict[str, float]:
    assert axes.yaxis_inverted()  # the first bar is the topmost
    return dict(zip(tick_labels(axes, "y"), widths(axes), strict=True))


def test_the_most_important_features_are_drawn_by_both_measures() -> None:
    figure = drawn(figures.importances(with_importances(1, 1)))
    own, permuted = map(importance_bars, figure.axes)
    assert own == pytest.approx({f"feature{i}": (i + 1) / 465 for i in range(29, 9, -1)})
    assert list(own) == [f"feature{i}" for i in range(29, 9, -1)]
    assert permuted == pytest.approx({f"feature{i}": (29 - i) / 100 for i in range(20)})
    assert list(permuted) == [f"feature{i}" for i in range(20)]
    assert f"Highest {OWN}: feature29, feature28, feature27." in caption(figure)
    assert f"Highest {PERMUTED}: feature0, feature1, feature2." in caption(figure)


@pytest.mark.parametrize(("own", "permuted", "title"), [(np.nan, 1, PERMUTED), (1, np.nan, OWN)])
def test_a_measure_that_was_not_computed_is_not_drawn(own: float, permuted: float, title: str) -> None:
    (axes,) = drawn(figures.importances(with_importances(own, permuted))).axes
    assert axes.get_title(loc="left") == title
    assert len(widths(axes)) == 20


def test_without_any_measure_there_is_no_figure() -> None:
    assert figures.importances(with_importances(np.nan, np.nan)) is None


def test_each_epoch_of_each_fold_is_drawn_and_the_lowest_validation_loss_marked() -> None:
    rng = np.random.default_rng(0)
    histories = tuple(
        {name: rng.uniform(size=epochs) for name in ("train_loss", "valid_loss", "valid_acc")}
        for epochs in (4, 7, 1)
    )
    figure = drawn(figures.histories(replace(EVALUATION, histories=histories)))
    left, right = figure.axes
    lines = left.get_lines()
    for fold, history in enumerate(histories):
        training, validation, best = lines[3 * fold : 3 * fold + 3]
        epochs = np.arange(1, len(history["valid_loss"]) + 1)
        for line, name in ((training, "train_loss"), (validation, "valid_loss")):
            np.testing.assert_array_equal(coordinates(line), np.column_stack([epochs, history[name]]))
        lowest = history["valid_loss"].argmin()
        assert tuple(coordinates(best)[0]) == (1 + lowest, history["valid_loss"][lowest])
        np.testing.assert_array_equal(coordinates(right.get_lines()[fold])[:, 1], history["valid_acc"])
    assert len(lines) == 9
    legend = left.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]
    assert caption(figure) == (
        "3 trainings, one for each fold and seed, of at most 7 epochs. Points mark the lowest validation "
        "loss."
    )
