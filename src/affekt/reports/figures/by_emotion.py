"""Figures of scores by emotion: the confusion matrix, and precision, recall and F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.emotions import emotion_style
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import EmotionScore
from affekt.reports.figures.style import (
    DARK_SHADE,
    INK,
    ON_SHADE,
    PAPER,
    QUIET,
    SHADES,
    WIDTH_INCHES,
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

MATRIX_INCHES = 4.15  # the width of a matrix: two stand side by side on a wide page
CELL_INCHES = 0.56
TARGET_RECALL = 0.75  # the target for each emotion in the published student projects


def confusion(evaluation: Evaluation) -> CaptionedFigure:
    """Draw the confusion matrix as shares of each row."""
    return draw_confusion(evaluation.confusion_matrix, evaluation.emotions)


def confusion_counts(evaluation: Evaluation) -> CaptionedFigure:
    """Draw the confusion matrix as numbers of clips."""
    return draw_confusion_counts(evaluation.confusion_matrix, evaluation.emotions, len(evaluation.by_seed))


def draw_confusion(counts: NDArray[np.int64], emotions: Sequence[str]) -> CaptionedFigure:
    """Draw a confusion matrix, such as that of a model's contract, as shares of each row.

    Parameters
    ----------
    counts
        Shape (emotions, emotions); rows are true, columns predicted emotions.
    emotions
        Their names, in order.
    """
    rates = _rates(counts)
    figure = _draw_matrix(rates, emotions, [f"{100 * rate:.0f}" for rate in rates.flat])
    title(figure.axes[0], "share of each row, %")
    return caption(
        figure, f"True emotions in rows, predicted ones in columns. {_worst_confusion(rates, emotions)}"
    )


def draw_confusion_counts(
    counts: NDArray[np.int64], emotions: Sequence[str], seeds: int = 1
) -> CaptionedFigure:
    """Draw a confusion matrix as numbers of clips, summed over so many seeds."""
    figure = _draw_matrix(_rates(counts), emotions, [f"{int(count)}" for count in counts.flat])
    title(figure.axes[0], "clips" if seeds == 1 else f"clips, {seeds} seeds")
    return caption(figure, f"The same matrix in clips, {int(counts.sum())} in all.")


def _rates(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _draw_matrix(
    rates: NDArray[np.float64], emotions: Sequence[str], texts: Sequence[str]
) -> CaptionedFigure:
    """Draw a matrix whose cells are shaded by their share of the row and have these texts."""
    side = 1.0 + CELL_INCHES * len(emotions)
    width = min(WIDTH_INCHES, max(MATRIX_INCHES, side))
    figure, ((axes,),) = new_figure(max(3.9, 0.6 + side), width=width)
    heatmap(axes, rates, emotions, cmap=SHADES, vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    for ((row, column), share), text in zip(np.ndenumerate(rates), texts, strict=True):
        colour = ON_SHADE if share > DARK_SHADE else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
    return figure


def _worst_confusion(rates: NDArray[np.float64], emotions: Sequence[str]) -> str:
    errors = rates * (1 - np.eye(len(rates)))
    if not errors.any():
        return "There are no errors."
    row, column = map(int, np.unravel_index(errors.argmax(), errors.shape))
    return (
        f"Most frequent confusion: {in_percent(errors[row, column])} of the {emotions[row]} clips are "
        f"predicted as {emotions[column]}."
    )


def emotions(evaluation: Evaluation, target: float | None = None) -> CaptionedFigure:
    """Draw precision, recall and F1 of each emotion, and a line at a target for the recall.

    On RAVDESS, that of the student projects is drawn where none is given.
    """
    if target is None and evaluation.corpus == "ravdess":
        target = TARGET_RECALL
    shown = {name: score for name, score in evaluation.per_emotion.items() if score.support}
    figure, ((axes,),) = new_figure(0.9 + 0.36 * len(shown))
    for y, (name, score) in enumerate(shown.items()):
        axes.barh(y, score.recall, color=emotion_style(name).colour, height=0.62, alpha=0.85)
        for drawn in (
            *axes.plot(score.precision, y, "D", color=PAPER, markeredgecolor=INK, markersize=6),
            *axes.plot(score.f1, y, "|", color=INK, markersize=13, markeredgewidth=2),
        ):
            drawn.set(clip_on=False, in_layout=False)
    if target is not None:
        mark(axes, target, f"{target:.0%}: target of the student projects ", va="bottom", ha="right")
    name_rows(axes, [f"{name}, {one.support}" for name, one in shown.items()])
    axes.set_xlim(0, 1)
    percent(axes.xaxis)
    axes.plot([], [], "s", color=QUIET, label="recall")
    axes.plot([], [], "D", color=PAPER, markeredgecolor=INK, label="precision")
    axes.plot([], [], "|", color=INK, markersize=11, markeredgewidth=2, label="F1")
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.5 / len(shown)), ncols=3)
    return caption(figure, _recall_caption(shown, target))


def _recall_caption(shown: Mapping[str, EmotionScore], target: float | None) -> str:
    best = max(shown, key=lambda name: shown[name].recall)
    worst = min(shown, key=lambda name: shown[name].recall)
    found = (
        f"The recall is highest for {best} ({in_percent(shown[best].recall)}) and lowest for {worst} "
        f"({in_percent(shown[worst].recall)})."
    )
    if target is None:
        return found
    above = ", ".join(name for name, one in shown.items() if one.recall >= target) or "none"
    return (
        f"{found} Emotions with a recall of {target:.0%} or more, the target "
        f"of the published student projects: {above}."
    )
