"""Figures as SVG in the colours of a light or a dark page.

A figure is drawn in the colours of a light page and has no background. The colours of ``DARK`` are replaced
in its SVG: by those of a dark page, or by CSS variables, so that the page itself can switch them.
"""

from __future__ import annotations

import io
import re
from html import escape

from matplotlib import rc_context

from affekt.reports.figures.style import DARK, CaptionedFigure

PIXELS_PER_INCH = 130  # of images and of shapes that are drawn as pixels
_HEX = re.compile(r"#[0-9a-f]{6}\b")
_UNUSED = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_DARK = {light.lower(): dark for light, dark in DARK.items()}


def to_svg(figure: CaptionedFigure, *, dark: bool = False) -> str:
    """Return the figure as an SVG file for a light or a dark page."""
    svg = _draw(figure)
    return _HEX.sub(lambda found: _DARK.get(found[0], found[0]), svg) if dark else svg


def to_inline_svg(figure: CaptionedFigure) -> str:
    """Return the figure as an element for HTML, whose colours are variables that ``variables`` sets."""
    svg = _UNUSED.sub("", _draw(figure))
    svg = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])  # other figures have the same ids
    svg = _HEX.sub(lambda found: f"var({_variable(found[0])})" if found[0] in _DARK else found[0], svg)
    label = escape(str(figure.get_label()))
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def variables(*, dark: bool) -> str:
    """Return the CSS that sets the colours of inline figures for a light or a dark page."""
    return " ".join(f"{_variable(one)}: {_DARK[one] if dark else one};" for one in _DARK)


def _variable(colour: str) -> str:
    return f"--figure-{colour[1:]}"


def _draw(figure: CaptionedFigure) -> str:
    file = io.StringIO()
    with rc_context({"svg.hashsalt": "affekt"}):  # the same figure has the same bytes in every process
        figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True, dpi=PIXELS_PER_INCH)
    return file.getvalue()
