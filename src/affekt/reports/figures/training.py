"""Figures of the training: losses by epoch, and the importance of features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from affekt.evaluation.results import Evaluation
from affekt.reports.figures.style import (
    ACCENT,
    HONEST,
    LEAKY,
    CaptionedFigure,
    caption,
    legend,
    name_rows,
    new_figure,
    percent,
    title,
)

SHOWN_FEATURES = 20
OWN, PERMUTED = "importance in the model or its feature selection", "accuracy lost by permutation"


def histories(evaluation: Evaluation) -> CaptionedFigure | None:
    """Draw losses and accuracy of a network by epoch, a line for each fold; None if there are none."""
    if not evaluation.histories:
        return None
    figure, ((left, right),) = new_figure(2.9, 1, 2)
    for i, history in enumerate(evaluation.histories):
        _draw_history(left, right, history, labelled=i == 0)
    longest = max(len(history["valid_loss"]) for history in evaluation.histories)
    left.set(xlabel="epoch", xlim=(0, longest + 1))
    right.set(xlabel="epoch", xlim=(0, longest + 1), ylim=(0, 1))
    percent(right.yaxis)
    title(left, "loss")
    title(right, "accuracy on validation clips")
    left.set_ylabel("loss")
    right.set_ylabel("accuracy")
    legend(left)
    return caption(
        figure,
        f"{len(evaluation.histories)} trainings, one for each fold and seed, of at most {longest} epochs. "
        "Points mark the lowest validation loss.",
    )


def _draw_history(
    left: Axes, right: Axes, history: Mapping[str, NDArray[np.float64]], *, labelled: bool
) -> None:
    validation = history["valid_loss"]
    epochs = np.arange(1, len(validation) + 1)
    for values, colour, label in (
        (history["train_loss"], LEAKY, "training"),
        (validation, HONEST, "validation"),
    ):
        left.plot(epochs, values, color=colour, linewidth=1.2, label=label if labelled else "")
    best = int(np.argmin(validation))
    left.plot(epochs[best], validation[best], "o", color=ACCENT, markersize=4)
    right.plot(epochs, history["valid_acc"], color=HONEST, linewidth=1.2)


def importances(evaluation: Evaluation) -> CaptionedFigure | None:
    """Draw the most important features, in the model and by permutation; None if they are unknown."""
    measures = {
        OWN: {name: one.own for name, one in evaluation.importances.items()},
        PERMUTED: {name: one.permuted for name, one in evaluation.importances.items()},
    }
    known = {
        name: found
        for name, found in measures.items()
        if found and not np.isnan(list(found.values())).any()
    }
    if not known:
        return None
    figure, (row,) = new_figure(4.2, 1, len(known))
    sentences = []
    for axes, (name, found) in zip(row, known.items(), strict=True):
        top = sorted(found, key=lambda column: -found[column])[:SHOWN_FEATURES]
        axes.barh(range(len(top)), [found[column] for column in top], color=HONEST, height=0.7)
        name_rows(axes, top, fontsize=7.5)
        axes.xaxis.set_major_formatter("{x:.1%}")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        title(axes, name)
        sentences.append(f"Highest {name}: {', '.join(top[:3])}.")
    return caption(figure, f"{' '.join(sentences)} Correlated features share their importance.")
