"""Figures on pages, in the colours of the visitor's theme."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape

import streamlit as st

from affekt.app import display
from affekt.reports.figures.style import WIDTH_INCHES, CaptionedFigure
from affekt.reports.figures.svg import to_svg


def is_dark() -> bool:
    """Return whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"


@dataclass(frozen=True)
class Picture:
    """A figure as SVG for one theme, its description, and whether it is narrower than a page."""

    svg: str
    description: str
    narrow: bool


def draw(figure: CaptionedFigure, *, dark: bool) -> Picture:
    """Draw a figure for a theme."""
    narrow = figure.get_figwidth() < WIDTH_INCHES
    return Picture(to_svg(figure, dark=dark), str(figure.get_label()), narrow)


def show(picture: Picture) -> None:
    """Show a figure, with its description as caption and alternative text.

    On a phone, a figure of the width of a page is scrolled, so that its texts can be read.
    """
    content = base64.b64encode(picture.svg.encode()).decode()
    width = "max-width:32rem" if picture.narrow else "min-width:34rem"
    st.html(
        f'<div tabindex="0" role="group" aria-label="figure" style="overflow-x:auto">'
        f'<img style="width:100%;{width}" alt="{escape(picture.description)}" '
        f'src="data:image/svg+xml;base64,{content}"></div>'
    )
    st.caption(display.plain(picture.description))
