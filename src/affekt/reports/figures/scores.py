"""Figures of headline scores: with their intervals, and differences between recipes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.ticker import PercentFormatter

from affekt.evaluation.results import Evaluation
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.reports.figures.style import (
    ACCENT,
    GRID,
    HONEST,
    INK,
    LEAKY,
    CaptionedFigure,
    caption,
    in_percent,
    interval_bar,
    mark,
    new_figure,
    percent,
)
from affekt.reports.score_rows import human_score

SHOWN = ("accuracy", "uar")


def headlines(evaluation: Evaluation) -> CaptionedFigure:
    """Draw accuracy and UAR with their intervals, beside chance and human accuracy.

    Where the evaluation has a counterpart under a protocol of the other kind, honest or leaky, both are
    drawn.
    """
    both = [one for one in (evaluation, evaluation.counterpart) if one is not None]
    both.sort(key=lambda one: one.leaky)
    rows = [(one, name) for name in SHOWN for one in both]
    figure, ((axes,),) = new_figure(0.75 + 0.42 * len(rows))
    for y, (one, name) in enumerate(rows):
        score = one.headlines[name]
        interval_bar(axes, y, score.value, (score.low, score.high), LEAKY if one.leaky else HONEST)
        axes.annotate(
            in_percent(score.value), (score.value, y), (0, 8), textcoords="offset points", ha="center",
            fontsize=8.5, color=INK,
        )  # fmt: skip
    names = [f"{METRIC_TITLES[name]}, {one.protocol}{', LEAKY' * one.leaky}" for one, name in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8.5)
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.75))
    percent(axes.xaxis)
    axes.grid(axis="x", color=GRID)
    references = {"chance": evaluation.chance}
    if human := human_score(evaluation):
        references["human accuracy"] = human[0]
    for name, share in references.items():
        mark(axes, share, f"{name} {in_percent(share)}", va="top")
    return caption(figure, _headline_caption(both))


def _headline_caption(both: Sequence[Evaluation]) -> str:
    sentences = []
    for one in both:
        accuracy, uar = one.headlines["accuracy"], one.headlines["uar"]
        sentences.append(
            f"{one.protocol_label}: accuracy {in_percent(accuracy.value)}{accuracy.in_brackets}, "
            f"UAR {in_percent(uar.value)}."
        )
    if len(both) == 2:
        gap = 100 * (both[1].headlines["accuracy"].value - both[0].headlines["accuracy"].value)
        sentences.append(
            f"The leaky accuracy is {gap:.1f} points higher than the accuracy on unseen speakers."
            if gap > 0
            else f"The leaky accuracy is not higher here ({gap:+.1f} points)."
        )
    sentences.append(f"Chance is {in_percent(both[0].chance)}.")
    if human := human_score(both[0]):
        share, source = human
        sentences.append(f"Human accuracy is {in_percent(share)} ({source}).")
    return " ".join(sentences)


def differences(
    pairs: Mapping[str, tuple[float, float, float]], metric: str, *, over: str = "speakers"
) -> CaptionedFigure:
    """Draw differences between recipes with paired intervals.

    Parameters
    ----------
    pairs
        Name of the pair -> (difference, lower bound, upper bound), as shares.
    metric
        Title of the metric.
    over
        What the intervals are drawn over: speakers, or clips of unknown speakers.
    """
    figure, ((axes,),) = new_figure(0.8 + 0.36 * len(pairs))
    significant = {name: low > 0 or high < 0 for name, (_, low, high) in pairs.items()}
    for y, (name, (value, low, high)) in enumerate(pairs.items()):
        interval_bar(axes, y, value, (low, high), HONEST if significant[name] else LEAKY)
    axes.axvline(0, color=ACCENT, linewidth=1)
    axes.set_yticks(range(len(pairs)), list(pairs))
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"difference in {metric}, with its 95 % interval over {over}")
    named = ", ".join(name for name, clear in significant.items() if clear) or "none"
    text = f"Differences in {metric} whose interval does not include 0: {named}."
    if lacking := [name for name, (_, low, _) in pairs.items() if math.isnan(low)]:
        text += f" No interval for {', '.join(lacking)}. {INTERVAL_RULE}"
    if len(pairs) > 1:
        text += f" The intervals of the {len(pairs)} pairs are not corrected for multiple comparisons."
    return caption(figure, text)
