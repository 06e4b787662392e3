"""HTML tables for ``_repr_html_``, the representation of objects in notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_LEFT = ' style="text-align:left"'


def html_table(title: str, rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Return an HTML table with a caption, texts to the left; all texts are escaped."""
    lines = [_row("th", header)] if header else []
    lines += [_row("td", row) for row in rows]
    caption = f'<caption style="text-align:left;white-space:nowrap">{escape(title)}</caption>'
    return f"<table>{caption}{''.join(lines)}</table>"


def _row(tag: str, cells: Iterable[object]) -> str:
    inner = "".join(f"<{tag}{_LEFT}>{escape(str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"
