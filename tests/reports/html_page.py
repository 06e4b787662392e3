"""Reads HTML pages."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from affekt.evaluation.comparison import Comparison
from affekt.evaluation.results import Evaluation
from affekt.experiments.exploration import Exploration
from affekt.reports.html import write_report

Audio = tuple[NDArray[np.float64], int]


class HtmlPage(HTMLParser):
    """The tags of a page, its text, and the text of each section by its heading."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.size = file.stat().st_size
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.sections: dict[str, str] = {}
        self.badge = ""
        self._within = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._within = "badge" if "badge" in self.tags[-1][1].get("class", "") else tag

    def handle_data(self, data: str) -> None:
        if self._within == "badge":
            self.badge += data
        elif self._within == "h2" and data.strip():
            self.sections[data] = ""
        elif self.sections:
            self.sections[[*self.sections][-1]] += data
        self.text += data if self._within != "style" else ""

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def badge_classes(self) -> list[str]:
        return [one["class"] for one in self.all("span") if "badge" in one.get("class", "")]

    def captions(self) -> list[str]:
        return [figure["aria-label"] for figure in self.all("svg")]

    def audio(self) -> list[Audio]:
        return [soundfile.read(io.BytesIO(embedded(one["src"], "audio/mpeg"))) for one in self.all("audio")]


def embedded(address: str, kind: str) -> bytes:
    """The content of a ``data:`` address."""
    start = f"data:{kind};base64,"
    assert address.startswith(start), address[:60]
    return base64.b64decode(address.removeprefix(start), validate=True)


def write(result: Evaluation | Exploration | Comparison, folder: Path) -> HtmlPage:
    """Write a page into an empty folder and read it."""
    write_report(result, folder / "page.html")
    assert [file.name for file in folder.iterdir()] == ["page.html"]
    return HtmlPage(folder / "page.html")
