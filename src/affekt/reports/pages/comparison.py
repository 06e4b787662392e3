"""The page about several recipes: a ``Comparison``."""

from __future__ import annotations

from functools import partial

from affekt.evaluation.comparison import COMPARED, Comparison
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.reports import figures
from affekt.reports.figures.style import CaptionedFigure, in_percent
from affekt.reports.pages.content import Page, Part, Section, figure_of
from affekt.reports.score_rows import NOT_UNSEEN


def comparison_page(result: Comparison) -> Page:
    """Return the page about a comparison."""
    over = result.interval_over
    lead = (
        f"{result.n} clips of {result.speakers or 'unknown'} speakers, chance {in_percent(result.chance)}. "
        f"Intervals are 95 % bootstrap intervals over {over}; the same {over} are drawn for all recipes."
    )
    if any(one.no_interval for one in result.differences):
        lead += f" {INTERVAL_RULE}"
    return Page(
        title=", ".join(result.scores),
        badge=result.protocol_label,
        warns=result.leaky,
        lead=[lead, NOT_UNSEEN] if result.leaky else [lead],
        sections=[
            Section(title="Scores", makers=[partial(_scores, result)]),
            Section(
                title="Differences",
                makers=[
                    figure_of(result, partial(_draw_differences, metric=metric)) for metric in COMPARED
                ],
            ),
        ],
    )


def _scores(result: Comparison) -> Part:
    rows = [
        [name, *(headlines[metric].with_interval for metric in COMPARED)]
        for name, headlines in result.scores.items()
    ]
    return Part(header=("recipe", *(f"{METRIC_TITLES[metric]}, %" for metric in COMPARED)), rows=rows)


def _draw_differences(result: Comparison, metric: str) -> CaptionedFigure:
    pairs = {
        f"{one.better} > {one.worse}": (one.value, one.low, one.high)
        for one in result.differences
        if one.metric == metric
    }
    return figures.differences(pairs, METRIC_TITLES[metric], over=result.interval_over)
