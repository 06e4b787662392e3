"""Figures and tables on pages: in the colours of the visitor's theme, and scrolled on a phone."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from affekt.app import display
from affekt.reports.figures.style import WIDTH_INCHES, CaptionedFigure
from affekt.reports.figures.svg import to_svg


def is_dark() -> bool:
    """Return whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"


_CELL = "text-align:left;padding:.3rem 1rem .3rem 0;border-bottom:1px solid rgba(127,127,127,.35)"


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


def show_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Show rows of texts, by the names of their columns."""
    header = "".join(f'<th scope="col" style="{_CELL}">{escape(name)}</th>' for name in rows[0])
    lines = ["".join(f'<td style="{_CELL}">{escape(text)}</td>' for text in row.values()) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    st.html(
        '<div tabindex="0" role="group" aria-label="table" style="overflow-x:auto">'
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )
