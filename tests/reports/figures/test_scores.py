"""Headline scores with their intervals, differences between recipes, and unusual evaluations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from tests.reports.synthetic import (
    EVALUATION,
    LEAKY,
    caption,
    coordinates,
    draw,
    interval_bars,
    labels_of,
    make_evaluation,
    points,
    tick_labels,
)

from affekt.evaluation.results import Evaluation
from affekt.metrics import INTERVAL_RULE
from affekt.reports import figures


def headline_rows(figure: Figure) -> dict[str, tuple[float, ...]]:
    """Label -> (value, low, high), as drawn."""
    (axes,) = figure.axes
    values = points(axes, "o")
    assert [y for _, y in values] == list(range(len(values)))
    rows = zip(tick_labels(axes, "y"), values, interval_bars(axes), strict=True)
    return {label: (value, *bounds) for label, (value, _), bounds in rows}


def test_points_of_headlines_are_the_scores_and_bars_their_intervals() -> None:
    figure = figures.headlines(replace(EVALUATION, human_accuracy=(0.66, "somebody (2001)")))
    shown = headline_rows(figure)
    true, predicted = labels_of(EVALUATION)
    assert shown["accuracy, by-actor-5"][0] == pytest.approx(accuracy_score(true, predicted))
    assert shown["UAR, by-actor-5"][0] == pytest.approx(balanced_accuracy_score(true, predicted))
    for name, row in (("accuracy", "accuracy"), ("uar", "UAR")):
        score = EVALUATION.headlines[name]
        assert shown[f"{row}, by-actor-5"][1:] == (score.low, score.high)
    marks = [coordinates(line)[:, 0] for line in figure.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert [mark.tolist() for mark in marks] == [[0.25, 0.25], [0.66, 0.66]]
    assert f"({EVALUATION.headlines['accuracy'].interval})" in caption(figure)
    assert "Human accuracy is 66.0\xa0% (somebody (2001))" in caption(figure)


def test_people_did_not_hear_degraded_clips_so_their_accuracy_is_not_drawn() -> None:
    degraded = replace(EVALUATION, human_accuracy=(0.66, "somebody"), condition="white noise, 20 dB")
    assert "Human" not in caption(figures.headlines(degraded))


@pytest.mark.parametrize(("asked", "other"), [(EVALUATION, LEAKY), (LEAKY, EVALUATION)])
def test_honest_and_leaky_scores_are_drawn_together_the_honest_one_first(
    asked: Evaluation, other: Evaluation
) -> None:
    figure = figures.headlines(replace(asked, counterpart=other))
    expected = {
        f"{label}, {kind}": one.headlines[name].value
        for name, label in (("accuracy", "accuracy"), ("uar", "UAR"))
        for one, kind in ((EVALUATION, "by-actor-5"), (LEAKY, "random-80-20, LEAKY"))
    }
    shown = {label: row[0] for label, row in headline_rows(figure).items()}
    assert list(shown) == list(expected)
    assert shown == pytest.approx(expected)
    gap = LEAKY.headlines["accuracy"].value - EVALUATION.headlines["accuracy"].value
    assert gap > 0.1
    assert f"{100 * gap:.1f} points higher than the accuracy on unseen speakers" in caption(figure)


def test_differences_are_drawn_with_their_intervals_and_significant_ones_are_named() -> None:
    pairs = {"a > b": (0.1, 0.05, 0.16), "b > c": (0.02, -0.01, 0.05), "c > d": (-0.1, -0.2, -0.04)}
    figure = figures.differences(pairs, "UAR")
    (axes,) = figure.axes
    assert points(axes, "o") == [(value, y) for y, (value, _, _) in enumerate(pairs.values())]
    assert interval_bars(axes) == [(low, high) for _, low, high in pairs.values()]
    assert tick_labels(axes, "y") == list(pairs)
    assert "does not include 0: a > b, c > d. The intervals of the 3 pairs" in caption(draw(figure))
    assert axes.get_xlabel() == "difference in UAR, with its 95 % interval over speakers"


UNUSUAL = {
    "one speaker": make_evaluation(speakers=("07",)),
    "unknown speakers": make_evaluation(speakers=("",)),
    "two emotions": make_evaluation(("happy", "angry")),
    "uncommon names": make_evaluation(("bliss", "<i>spleen</i> & co", "50 $ fear, 60 $ joy")),
    "perfect": make_evaluation(skill=50),
    "leaky": replace(LEAKY, counterpart=EVALUATION),
}
OF_EVALUATIONS: tuple[Callable[[Evaluation], Figure | None], ...] = (
    figures.headlines,
    figures.confusion,
    figures.emotions,
    figures.speakers,
    figures.slices,
    figures.calibration,
    figures.selective_accuracy,
)


@pytest.mark.parametrize("function", OF_EVALUATIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_evaluations_are_drawn_too(
    name: str, function: Callable[[Evaluation], Figure | None]
) -> None:
    figure = function(UNUSUAL[name])
    if figure is None:
        assert name in ("unknown speakers", "one speaker")
    else:
        assert "nan" not in caption(draw(figure) if name == "uncommon names" else figure)


@pytest.mark.parametrize("function", OF_EVALUATIONS, ids=lambda function: function.__name__)
def test_an_evaluation_from_a_file_is_drawn_without_its_predictions(
    function: Callable[[Evaluation], Figure | None],
) -> None:
    read = Evaluation.from_json(EVALUATION.to_json())
    figure = function(read)
    if function is figures.selective_accuracy:
        assert figure is None
    else:
        assert caption(figure) == caption(function(EVALUATION))


def test_intervals_of_differences_over_clips_are_called_that() -> None:
    (axes,) = figures.differences({"a > b": (0.1, 0.05, 0.16)}, "UAR", over="clips").axes
    assert axes.get_xlabel() == "difference in UAR, with its 95 % interval over clips"


def test_where_there_are_no_intervals_captions_say_why() -> None:
    few = make_evaluation(speakers=("1", "2"))
    assert "(no interval: 2 speakers)" in caption(draw(figures.headlines(few)))
    figure = figures.differences({"a > b": (0.1, math.nan, math.nan)}, "UAR")
    assert f"No interval for a > b. {INTERVAL_RULE}" in caption(draw(figure))
