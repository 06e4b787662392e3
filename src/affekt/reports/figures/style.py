"""The style of all figures: page width, axes, colours that colour-blind readers distinguish, captions."""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from affekt.emotions import emotion_style

WIDTH_INCHES = 8.4
NOTEBOOK_DPI = 100
INK, QUIET, GRID, PAPER = "#1F2933", "#6B7785", "#E3E7EB", "#FFFFFF"
HONEST, LEAKY, ACCENT = "#0072B2", "#B9C0C8", "#C2410C"
DARK = {
    INK: "#E6EAEE", QUIET: "#A3AEB9", GRID: "#333C46", PAPER: "#15191E",
    HONEST: "#3D9BD9", LEAKY: "#66717D", ACCENT: "#F0955F",
}  # fmt: skip
"""The colours that differ on a dark page, see ``svg``; those of emotions are the same on both."""
ON_SHADE = "#FEFEFE"  # of texts on a dark shade, on both pages
# Low values are transparent and show the page, be it light or dark.
SHADES = LinearSegmentedColormap.from_list("shades", ["#0072B200", "#0072B2FF"])
DIVERGING = LinearSegmentedColormap.from_list(
    "diverging",
    [(0, "#C2570DFF"), (0.5, "#C2570D00"), (0.5, "#0072B200"), (1, "#0072B2FF")],
)
DARK_SHADE = 0.8  # from this value of SHADES on
PERCENT = PercentFormatter(1.0, decimals=0)
DASHED = (0, (4, 3))
MOST_LETTERS = 16  # of the name of a column, which is turned where there are many
MOST_LETTERS_OF_ROWS = 40


class CaptionedFigure(Figure):
    """A matplotlib figure whose caption is ``get_label()``; notebooks display it with the caption."""

    def __repr__(self) -> str:
        return f"<Figure: {textwrap.shorten(str(self.get_label()), 70, placeholder=' ...')}>"

    def to_png(self, dpi: float = NOTEBOOK_DPI) -> bytes:
        """Return the figure as a PNG image."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=dpi)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.to_png()

    def _repr_html_(self) -> str:
        caption = escape(str(self.get_label()))
        image = base64.b64encode(self.to_png()).decode()
        return (
            f'<figure><img alt="{caption}" src="data:image/png;base64,{image}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )


def new_figure(
    height: float, rows: int = 1, columns: int = 1, *, width: float = WIDTH_INCHES, **settings: Any
) -> tuple[CaptionedFigure, NDArray[Any]]:
    """Return a figure of this height and width in inches, and its axes, shape (rows, columns)."""
    figure = CaptionedFigure(figsize=(width, height), layout="constrained", facecolor=PAPER)
    axes = np.asarray(figure.subplots(rows, columns, squeeze=False, **settings))
    for one in axes.flat:
        tidy(one)
    return figure, axes


def caption(figure: CaptionedFigure, text: str) -> CaptionedFigure:
    """Give a finished figure its caption, which states in words what it shows, and return it."""
    for words in figure.findobj(Text):
        if isinstance(words, Text):
            words.set_parse_math(False)  # a name may contain dollar signs
    figure.set_label(text)
    return figure


def tidy(axes: Axes) -> None:
    """Remove the frame and set quiet colours."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=QUIET, labelcolor=INK, labelsize=8, length=3)
    axes.xaxis.label.set(color=QUIET, fontsize=8.5)
    axes.yaxis.label.set(color=QUIET, fontsize=8.5)
    axes.set_axisbelow(True)


def title(axes: Axes, text: str) -> None:
    """Set a title above the left end of the axes."""
    axes.set_title(text, loc="left", fontsize=9.5, color=INK, fontweight="bold")


def legend(axes: Axes, **settings: Any) -> None:
    """Add a legend without a frame."""
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, **settings)


def percent(*axis: Axis) -> None:
    """Format the ticks as whole percentages of 1."""
    for one in axis:
        one.set_major_formatter(PERCENT)


def shortened(name: str, most: int = MOST_LETTERS) -> str:
    """Return a name for an axis: a long one would take the space of what is drawn."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def name_rows(axes: Axes, names: Sequence[str], **settings: Any) -> None:
    """Label the rows 0, 1, ... and put row 0 at the top."""
    labels = [shortened(name, MOST_LETTERS_OF_ROWS) for name in names]
    axes.set_yticks(range(len(names)), labels, **settings)
    axes.invert_yaxis()


def name_columns(axes: Axes, names: Sequence[str], *, turned: float = 0, **settings: Any) -> None:
    """Label the columns 0, 1, ..., turned by so many degrees."""
    align = "right" if turned else "center"
    labels = list(map(shortened, names))
    axes.set_xticks(
        range(len(names)), labels, rotation=turned, ha=align, rotation_mode="anchor", **settings
    )


def mark(axes: Axes, share: float, text: str, **settings: Any) -> None:
    """Draw a dashed vertical reference line, with a text at its upper end."""
    axes.axvline(share, color=ACCENT, linewidth=1, linestyle=DASHED)
    axes.annotate(
        f" {text}", (share, 1), xycoords=("data", "axes fraction"), fontsize=8, color=ACCENT, **settings
    )


def interval_bar(axes: Axes, y: float, value: float, bounds: tuple[float, float], colour: str) -> None:
    """Draw a value as a point on a bar from the lower to the upper bound."""
    axes.plot(bounds, [y, y], color=colour, linewidth=5, solid_capstyle="round")
    (point,) = axes.plot(value, y, "o", color=PAPER, markeredgecolor=INK, markersize=7, clip_on=False)
    point.set_in_layout(False)


def heatmap(axes: Axes, values: NDArray[Any], names: Sequence[str], **settings: Any) -> None:
    """Draw a square matrix with named rows and columns."""
    axes.imshow(values, aspect="auto", **settings)
    name_columns(axes, names, turned=40)
    axes.set_yticks(range(len(names)), list(map(shortened, names)))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def count_bars(axes: Axes, counts: Sequence[int], colours: Sequence[str]) -> None:
    """Draw a bar for each count; few bars have the count above them."""
    axes.bar(range(len(counts)), list(counts), color=list(colours), width=0.75)
    if len(counts) <= 12:
        for x, count in enumerate(counts):
            axes.annotate(str(count), (x, count), ha="center", va="bottom", fontsize=7, color=INK)


def violins_by_emotion(
    axes: Axes, values: NDArray[np.float64], emotions: NDArray[np.str_], names: Sequence[str]
) -> None:
    """Draw a violin for each emotion, with its quartiles; NaN values are left out."""
    known = ~np.isnan(values)
    for x, name in enumerate(names):
        own = values[known & (emotions == name)]
        if not len(own):
            continue
        parts: Any = axes.violinplot([own], [x], showextrema=False, widths=0.85)
        for body in parts["bodies"]:
            body.set(facecolor=emotion_style(name).colour, alpha=0.85, edgecolor="none")
        low, middle, high = np.percentile(own, (25, 50, 75))
        axes.plot([x, x], [low, high], color=INK, linewidth=2)
        axes.plot(x, middle, "o", color=PAPER, markeredgecolor=INK, markersize=4)
    name_columns(axes, names, turned=40, fontsize=7.5)


def in_percent(share: float) -> str:
    """Return 0.423 as ``42.3 %`` with a no-break space; ``-`` for NaN."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%" if np.isfinite(share) else "-"
