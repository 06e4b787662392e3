"""How pictures look: one page width, quiet axes, colours that colour-blind readers tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import PercentFormatter

WIDTH_INCHES = 8.4
INK, QUIET, GRID = "#1F2933", "#6B7785", "#E3E7EB"
HONEST, LEAKY, ACCENT = "#0072B2", "#B9C0C8", "#D55E00"  # of Okabe & Ito (2008)
SHADES = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", "#9CC9E8", "#0072B2", "#08304F"])
DIVERGING = LinearSegmentedColormap.from_list("diverging", ["#B2560D", "#FFFFFF", "#0072B2"])
PERCENT = PercentFormatter(1.0, decimals=0)


def new_figure(height: float, rows: int = 1, columns: int = 1, **settings: Any) -> tuple[Figure, Any]:
    """A figure of the page's width, ``height`` in inches, and an array (rows, columns) of its axes."""
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, **settings)
    for one in axes.flat:
        tidy(one)
    return figure, axes


def tidy(axes: Axes) -> None:
    """Axes without a frame, in quiet colours."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=QUIET, labelcolor=INK, labelsize=8, length=3)
    axes.xaxis.label.set(color=QUIET, fontsize=8.5)
    axes.yaxis.label.set(color=QUIET, fontsize=8.5)
    axes.set_axisbelow(True)


def title(axes: Axes, text: str) -> None:
    """A title above the left end of the axes."""
    axes.set_title(text, loc="left", fontsize=9.5, color=INK, fontweight="bold")


def describe(figure: Figure, text: str) -> Figure:
    """The same figure, which says in words what it shows: ``figure.get_label()``."""
    for words in figure.findobj(Text):
        words.set_parse_math(False)  # a name may hold dollar signs
    figure.set_label(text)
    return figure


def heatmap(axes: Axes, values: np.ndarray[Any, Any], names: Sequence[str], **settings: Any) -> Any:
    """A square of shares with its rows and columns named."""
    image = axes.imshow(values, aspect="auto", **settings)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def legend(axes: Axes, **settings: Any) -> None:
    """A legend without a frame."""
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, **settings)


def in_percent(share: float) -> str:
    """0.423 -> ``42.3 %``, which no line break parts; a dash for what is no number."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%" if np.isfinite(share) else "-"
