"""Figures of scores by emotion: the confusion matrix, and precision, recall and F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.emotions import emotion_style
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import EmotionScore
from affekt.reports.figures.style import (
    INK,
    QUIET,
    SHADES,
    CaptionedFigure,
    caption,
    heatmap,
    in_percent,
    legend,
    mark,
    name_rows,
    new_figure,
    percent,
    title,
)

MOST_BESIDE = 9  # confusion matrices of more emotions stand below each other
TARGET_RECALL = 0.75  # the target for each emotion in the published student projects


def confusion(evaluation: Evaluation) -> CaptionedFigure:
    """Draw the confusion matrix twice: as shares of each row, and as counts."""
    return draw_confusion(evaluation.confusion_matrix, evaluation.emotions, len(evaluation.by_seed))


def draw_confusion(counts: NDArray[np.int64], emotions: Sequence[str], seeds: int = 1) -> CaptionedFigure:
    """Draw a confusion matrix, such as that of a model's contract.

    Parameters
    ----------
    counts
        Shape (emotions, emotions); rows are true, columns predicted emotions.
    emotions
        Their names, in order.
    seeds
        Number of seeds that the counts are summed over.
    """
    rates = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if len(emotions) <= MOST_BESIDE:
        figure, axes_of = new_figure(3.9, 1, 2)
    else:
        figure, axes_of = new_figure(1.6 + 0.56 * len(emotions), 2, 1)
    left, right = axes_of.flat
    for axes, texts in (
        (left, [f"{100 * rate:.0f}" for rate in rates.flat]),
        (right, [f"{int(count)}" for count in counts.flat]),
    ):
        heatmap(axes, rates, emotions, cmap=SHADES, vmin=0, vmax=1)
        axes.set_xlabel("predicted")
        for ((row, column), share), text in zip(np.ndenumerate(rates), texts, strict=True):
            colour = "white" if share > 0.5 else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
    for axes in axes_of[:, 0]:
        axes.set_ylabel("true")
    title(left, "share of each row, %")
    title(right, "clips" if seeds == 1 else f"clips, {seeds} seeds")
    return caption(
        figure, f"True emotions in rows, predicted ones in columns. {_worst_confusion(rates, emotions)}"
    )


def _worst_confusion(rates: NDArray[np.float64], emotions: Sequence[str]) -> str:
    errors = rates * (1 - np.eye(len(rates)))
    if not errors.any():
        return "There are no errors."
    row, column = map(int, np.unravel_index(errors.argmax(), errors.shape))
    return (
        f"Most frequent confusion: {in_percent(errors[row, column])} of the {emotions[row]} clips are "
        f"predicted as {emotions[column]}."
    )


def emotions(evaluation: Evaluation, target: float = TARGET_RECALL) -> CaptionedFigure:
    """Draw precision, recall and F1 of each emotion, and a line at a target for the recall."""
    shown = {name: score for name, score in evaluation.per_emotion.items() if score.support}
    figure, ((axes,),) = new_figure(0.9 + 0.36 * len(shown))
    for y, (name, score) in enumerate(shown.items()):
        axes.barh(y, score.recall, color=emotion_style(name).colour, height=0.62, alpha=0.85)
        for drawn in (
            *axes.plot(score.precision, y, "D", color="white", markeredgecolor=INK, markersize=6),
            *axes.plot(score.f1, y, "|", color=INK, markersize=13, markeredgewidth=2),
        ):
            drawn.set(clip_on=False, in_layout=False)
    mark(axes, target, f"target {target:.0%}", va="bottom")
    name_rows(axes, [f"{name}, {one.support}" for name, one in shown.items()])
    axes.set_xlim(0, 1)
    percent(axes.xaxis)
    axes.plot([], [], "s", color=QUIET, label="recall")
    axes.plot([], [], "D", color="white", markeredgecolor=INK, label="precision")
    axes.plot([], [], "|", color=INK, markersize=11, markeredgewidth=2, label="F1")
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.5 / len(shown)), ncols=3)
    return caption(figure, _recall_caption(shown, target))


def _recall_caption(shown: Mapping[str, EmotionScore], target: float) -> str:
    best = max(shown, key=lambda name: shown[name].recall)
    worst = min(shown, key=lambda name: shown[name].recall)
    above = ", ".join(name for name, one in shown.items() if one.recall >= target) or "none"
    return (
        f"The recall is highest for {best} ({in_percent(shown[best].recall)}) and lowest for {worst} "
        f"({in_percent(shown[worst].recall)}). Emotions with a recall of {target:.0%} or more, the target "
        f"of the published student projects: {above}."
    )
