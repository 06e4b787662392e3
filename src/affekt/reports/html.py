"""``write_report``: one self-contained HTML page about a corpus, a score, a comparison or a prediction."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from affekt.evaluation.comparison import Comparison
from affekt.evaluation.results import Evaluation
from affekt.experiments.exploration import Exploration
from affekt.inference.explanation import Explanation
from affekt.inference.explanation_page import explanation_page
from affekt.reports.figures.svg import variables
from affekt.reports.pages.comparison import comparison_page
from affekt.reports.pages.content import Page
from affekt.reports.pages.corpus import corpus_page
from affekt.reports.pages.score import score_page
from affekt.support.progress import progress_bar
from affekt.support.writing import check_place, whole_file

TEMPLATES = Path(__file__).with_name("pages")


def write_report(
    result: Exploration | Evaluation | Comparison | Explanation,
    file: str | os.PathLike[str],
    *,
    progress: bool = False,
) -> None:
    """Write an HTML page that opens in any browser and loads nothing from the network.

    Parameters
    ----------
    result
        What ``explore``, ``evaluate``, ``compare`` or ``explain`` returned. ``evaluate(...,
        for_report=True)`` computes more to show.
    file
        Path of the page.
    progress
        Whether to show a progress bar while the figures are drawn.
    """
    check_place(file)
    if isinstance(result, Explanation):
        html = explanation_page(result)
    else:
        html = _render(_page_of(result), progress)
    with whole_file(Path(file)) as opened:
        opened.write(html)


def _page_of(result: Exploration | Evaluation | Comparison) -> Page:
    if isinstance(result, Exploration):
        return corpus_page(result)
    return comparison_page(result) if isinstance(result, Comparison) else score_page(result)


def _render(page: Page, progress: bool) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    sections = _make_sections(page, progress)
    return environment.get_template("page.html").render(
        page=page,
        sections=sections,
        version=version("affekt"),
        light=variables(dark=False),
        dark=variables(dark=True),
    )


def _make_sections(page: Page, progress: bool) -> list[Mapping[str, Any]]:
    """Make the parts of each section; sections without parts are left out."""
    made: list[Mapping[str, Any]] = []
    total = sum(len(section.makers) for section in page.sections)
    with progress_bar("drawing", total, shown=progress) as advance:
        for section in page.sections:
            advance(section.title.lower(), steps=0)
            parts = []
            for make in section.makers:
                parts.append(make())
                advance()
            if any(parts):
                shown = [part for part in parts if part is not None]
                made.append({"title": section.title, "text": section.text, "parts": shown})
    return made
