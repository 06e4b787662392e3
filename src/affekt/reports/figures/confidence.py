"""Figures of confidence: the reliability diagram, and the accuracy of the most confident predictions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from affekt.evaluation.results import Evaluation
from affekt.model.calibration import Reliability, accuracy_by_coverage, reliability
from affekt.reports.figures.style import (
    ACCENT,
    DASHED,
    GRID,
    HONEST,
    QUIET,
    CaptionedFigure,
    caption,
    in_percent,
    new_figure,
    percent,
)

FEW_PREDICTIONS = 10  # in a bin of the reliability diagram
CALIBRATED_WITHIN = 0.02  # difference of mean confidence and accuracy
KEPT_SHARES = 0.5, 0.25
LEAST_SHOWN = 0.02  # the accuracy on fewer clips varies by chance


def calibration(evaluation: Evaluation) -> CaptionedFigure | None:
    """Draw the reliability diagram; None if the evaluation has neither predictions nor bins."""
    bins = reliability(*evaluation.confidences()) if evaluation.tested else evaluation.reliability
    return draw_calibration(bins) if bins else None


def draw_calibration(bins: Reliability) -> CaptionedFigure:
    """Draw a reliability diagram from its bins, such as those of a model's contract.

    Above, accuracy by confidence; below, the number of predictions in each bin.
    """
    figure, ((above,), (below,)) = new_figure(
        4.6, 2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 1]}
    )
    above.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=DASHED)
    above.annotate(
        "perfectly calibrated", (0.03, 0.05), rotation=45, rotation_mode="anchor",
        transform_rotates_text=True, fontsize=8, color=QUIET,
    )  # fmt: skip
    _draw_bins(above, bins)
    above.set(ylabel="accuracy", ylim=(0, 1))
    below.bar(bins.confidence, bins.count, width=0.06, color=HONEST)
    below.set(xlabel="confidence", ylabel="predictions", xlim=(0, 1))
    percent(above.yaxis, below.xaxis)
    return caption(figure, _calibration_caption(bins))


def _draw_bins(axes: Axes, bins: Reliability) -> None:
    many = bins.count >= FEW_PREDICTIONS
    full, few = ((bins.confidence[some], bins.accuracy[some]) for some in (many, ~many))
    axes.vlines(full[0], *full, color=ACCENT, linewidth=1)
    for points in (
        *axes.plot(*full, "o-", color=HONEST, markersize=6, clip_on=False, zorder=3),
        *axes.plot(*few, "o", color=QUIET, fillstyle="none", markersize=5, clip_on=False, zorder=3),
    ):
        points.set_in_layout(
            False
        )  # no space is kept for what is drawn over the edge, if there is anything


def _calibration_caption(bins: Reliability) -> str:
    confidence = float(np.average(bins.confidence, weights=bins.count))
    accuracy = float(np.average(bins.accuracy, weights=bins.count))
    if abs(confidence - accuracy) < CALIBRATED_WITHIN:
        verdict = "On average, confidence and accuracy agree"
    else:
        verdict = f"On average, the model is {'over' if confidence > accuracy else 'under'}confident"
    text = (
        f"{verdict}: mean confidence {in_percent(confidence)}, accuracy {in_percent(accuracy)}. The "
        f"expected calibration error (ECE) is {in_percent(bins.ece)}."
    )
    if (bins.count < FEW_PREDICTIONS).any():
        text += f" Hollow points are bins with fewer than {FEW_PREDICTIONS} predictions."
    return text


def selective_accuracy(evaluation: Evaluation) -> CaptionedFigure | None:
    """Draw the accuracy if only the most confident predictions are kept; None without predictions."""
    if not evaluation.tested:
        return None
    kept, accuracy = accuracy_by_coverage(*evaluation.confidences())
    figure, ((axes,),) = new_figure(2.9)
    some = kept >= min(LEAST_SHOWN, kept[-1])
    axes.plot(kept[some], accuracy[some], color=HONEST, linewidth=2)
    axes.set(
        xlabel="share of clips kept, most confident first", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02)
    )
    axes.grid(color=GRID)
    percent(axes.xaxis, axes.yaxis)
    parts = []
    for i in np.searchsorted(kept, KEPT_SHARES):
        parts.append(f"{in_percent(accuracy[i])} on the most confident {kept[i]:.0%}")
        axes.plot(kept[i], accuracy[i], "o", color=ACCENT)
        axes.annotate(
            in_percent(accuracy[i]), (kept[i], accuracy[i]), (6, 6), textcoords="offset points",
            fontsize=8, color=ACCENT,
        )  # fmt: skip
    return caption(figure, f"Accuracy: {in_percent(accuracy[-1])} on all clips, {', '.join(parts)}.")
