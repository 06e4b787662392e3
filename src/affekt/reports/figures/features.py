"""Figures of a corpus's features: distributions, correlations, and how they separate emotions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from affekt.emotions import emotion_style, sort_emotions
from affekt.experiments.exploration import (
    REDUNDANT,
    Exploration,
    correlations,
    effect_sizes,
    redundant_pairs,
)
from affekt.reports.figures.style import (
    ACCENT,
    DIVERGING,
    GRID,
    HONEST,
    INK,
    PAPER,
    QUIET,
    CaptionedFigure,
    caption,
    legend,
    name_rows,
    new_figure,
    shortened,
    title,
    violins_by_emotion,
)

BATCH = 12  # features in one figure
SMALL_FAMILY = 4  # features of smaller families share a figure
BESIDE = 4
HISTOGRAM_BINS = 24
RIDGE_HEIGHT = 1.6  # of the highest ridge, in the distance from one ridge to the next
SHOWN_FEATURES = 20
SHOWN_PAIRS = 4


def distributions(exploration: Exploration, columns: Sequence[str]) -> CaptionedFigure:
    """Draw histograms of some features: a ridge for each emotion, all of the same area."""
    emotions = exploration.values("emotion")
    names = sort_emotions(emotions)
    rows = -(-len(columns) // BESIDE)
    figure, axes = new_figure(0.4 + rows * (0.5 + 0.17 * max(4, len(names))), rows, BESIDE)
    for i, (one, column) in enumerate(zip(axes.flat, columns, strict=False)):
        _draw_ridges(one, exploration.features[:, exploration.columns.index(column)], emotions, names)
        one.set_yticks(-np.arange(len(names)), list(map(shortened, names)) if i % BESIDE == 0 else [])
        one.set_xlabel(column)
        one.spines["left"].set_visible(False)
        one.tick_params(axis="y", length=0)
        one.tick_params(labelsize=7)
    _remove(axes.flat[len(columns) :])
    return caption(
        figure, f"Histograms by emotion, without the outermost 1 % of the values: {', '.join(columns)}."
    )


def _draw_ridges(
    axes: Axes, values: NDArray[np.float64], emotions: NDArray[np.str_], names: Sequence[str]
) -> None:
    edges = np.histogram_bin_edges(np.clip(values, *np.percentile(values, (0.5, 99.5))), HISTOGRAM_BINS)
    inside = np.array([np.histogram(values[emotions == name], edges)[0] for name in names])
    density = inside / np.maximum(1, inside.sum(axis=1, keepdims=True)) / np.diff(edges)
    height = RIDGE_HEIGHT / (density.max() or 1.0)
    for place, (name, ridge) in enumerate(zip(names, density, strict=True)):
        axes.stairs(
            ridge * height - place, edges, baseline=-place, fill=True, label=name, zorder=2 + place,
            facecolor=emotion_style(name).colour, edgecolor=PAPER, linewidth=0.6,
        )  # fmt: skip


def _remove(unused: Iterable[Axes]) -> None:
    for axes in unused:
        axes.remove()


def violins(exploration: Exploration, columns: Sequence[str]) -> CaptionedFigure:
    """Draw violins of some features, one for each emotion, with the quartiles."""
    rows = -(-len(columns) // 2)
    figure, axes = new_figure(0.3 + 1.7 * rows, rows, 2)
    emotions = exploration.values("emotion")
    names = sort_emotions(emotions)
    for one, column in zip(axes.flat, columns, strict=False):
        values = exploration.features[:, exploration.columns.index(column)]
        violins_by_emotion(one, values, emotions, names)
        title(one, column)
    _remove(axes.flat[len(columns) :])
    return caption(figure, f"Distribution by emotion, with the quartiles: {', '.join(columns)}.")


def feature_batches(columns: Sequence[str]) -> dict[str, list[str]]:
    """Group features into batches of at most twelve whose names differ only in their number."""
    families: dict[str, list[str]] = {}
    for column in columns:
        families.setdefault(_family(column), []).append(column)
    small = [name for name, members in families.items() if len(members) < SMALL_FAMILY]
    if small:
        families["single features"] = [column for name in small for column in families.pop(name)]
    batches = {}
    for name, members in families.items():
        parts = -(-len(members) // BATCH)
        for part, chosen in enumerate(np.array_split(np.array(members), parts)):
            batches[f"{name}{f', {part + 1} of {parts}' if parts > 1 else ''}"] = chosen.tolist()
    return batches


def _family(column: str) -> str:
    """The name of a feature without its number: ``mfcc3_mean`` -> ``mfcc mean``."""
    stem, _, statistic = column.partition("_")
    return f"{stem.rstrip('0123456789')} {statistic}".strip()


def correlation(exploration: Exploration) -> CaptionedFigure:
    """Draw the correlation matrix of all features; the caption names redundant pairs."""
    figure, ((axes,),) = new_figure(6.4)
    matrix = correlations(exploration.features)
    image = axes.imshow(matrix, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=QUIET, labelcolor=INK)
    bar.set_label("correlation", color=QUIET, fontsize=8.5)
    _name_families(axes, exploration.columns)
    pairs = redundant_pairs(exploration.features, exploration.columns)
    named = ", ".join(f"{one} and {other} ({r:+.2f})" for one, other, r in pairs[:SHOWN_PAIRS])
    total = len(exploration.columns) * (len(exploration.columns) - 1) // 2
    return caption(
        figure,
        f"{len(pairs)} of {total} pairs of features are redundant (absolute correlation of {REDUNDANT} or "
        f"more){f': {named}' if pairs else ''}.",
    )


def _name_families(axes: Axes, columns: Sequence[str]) -> None:
    """Name families of consecutive features in the middle of their rows and columns."""
    starts: dict[str, int] = {}
    for i, column in enumerate(columns):
        starts.setdefault(_family(column), i)
    firsts = list(starts.values())
    middles = np.diff([*firsts, len(columns)]) / 2 + firsts - 0.5
    axes.set_xticks(middles, list(starts), rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)
    axes.set_yticks(middles, list(starts), fontsize=7.5)
    for first in firsts[1:]:
        axes.axhline(first - 0.5, color=GRID, linewidth=0.6)
        axes.axvline(first - 0.5, color=GRID, linewidth=0.6)


def separation(exploration: Exploration) -> CaptionedFigure:
    """Draw the features that separate emotions best, and how well they separate speakers."""
    of_emotion = effect_sizes(exploration.features, exploration.values("emotion"))
    top = np.argsort(-of_emotion, kind="stable")[:SHOWN_FEATURES]
    names = [exploration.columns[i] for i in top]
    figure, ((axes,),) = new_figure(0.8 + 0.22 * len(top))
    axes.barh(range(len(top)), of_emotion[top], color=HONEST, height=0.62, label="emotion")
    best = ", ".join(f"{name} ({of_emotion[i]:.2f})" for name, i in zip(names[:3], top, strict=False))
    text = f"Share of a feature's variance between emotions (epsilon squared). Largest: {best}."
    speakers = exploration.values("speaker_id")
    known = speakers != ""
    if len(set(speakers[known].tolist())) > 1:
        of_speaker = effect_sizes(exploration.features[known], speakers[known])
        axes.plot(
            of_speaker[top], range(len(top)), "D", color=PAPER, markeredgecolor=ACCENT, label="speaker"
        )
        more = int((of_speaker > of_emotion).sum())
        text += f" {more} of {len(of_emotion)} features separate speakers better than emotions."
    name_rows(axes, names, fontsize=8)
    axes.set_xlabel("share of the variance between groups, epsilon squared")
    axes.set_xlim(left=0)
    legend(axes, loc="lower right")
    return caption(figure, text)
