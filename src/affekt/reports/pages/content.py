"""What a page consists of: sections with figures, recordings, tables and lists."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import soundfile

from affekt.corpora.base import Clip
from affekt.corpora.clips import load_whole
from affekt.errors import AffektError
from affekt.reports import figures
from affekt.reports.figures.style import WIDTH_INCHES, CaptionedFigure
from affekt.reports.figures.svg import to_inline_svg

Result = TypeVar("Result")
AUDIO_SAMPLE_RATE = 22_050  # supported by MP3; speech has little energy above 11 kHz
SHOWN_ROWS = 30


@dataclass(frozen=True, kw_only=True)
class Part:
    """A figure, with or without audio; a table; or a list.

    Attributes
    ----------
    title
        A heading of the third level.
    text
        The caption of the figure or table.
    drawing, narrow
        A figure as an SVG element, and whether two stand side by side on a wide page.
    sound
        As a ``data:`` address.
    header, rows
        Of a table.
    items
        Of a list.
    """

    title: str = ""
    text: str = ""
    drawing: str = ""
    narrow: bool = False
    sound: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    items: Sequence[str] = ()


Maker = Callable[[], Part | None]
"""Makes a part of a page when it is its turn; None if there is nothing to show."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading, introductory text, and the makers of its parts; left out if no part is made."""

    title: str
    text: Sequence[str] = ()
    makers: Sequence[Maker] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page before its figures are drawn.

    Attributes
    ----------
    title
        The first heading.
    badge, warns
        The protocol, and whether it is shown as a warning.
    lead
        Paragraphs below the title.
    tiles
        (value, label) of the most important figures.
    sections
        In order.
    """

    title: str
    badge: str = ""
    warns: bool = False
    lead: Sequence[str] = ()
    tiles: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()


def figure_of(result: Result, draw: Callable[[Result], CaptionedFigure | None], title: str = "") -> Maker:
    """Return the maker of a figure of the result."""
    return partial(make_figure, partial(draw, result), title)


def make_figure(
    draw: Callable[[], CaptionedFigure | None], title: str = "", sound: str = ""
) -> Part | None:
    """Draw a figure as an SVG element."""
    figure = draw()
    if figure is None:
        return None
    return Part(
        title=title,
        text=str(figure.get_label()),
        drawing=to_inline_svg(figure),
        narrow=figure.get_figwidth() < WIDTH_INCHES,
        sound=sound,
    )


def make_recording(clip: Clip, title: str, colour: str) -> Part:
    """Draw a clip and embed its audio; the error message if it can no longer be read."""
    try:
        draw = partial(figures.waveform_and_mel, load_whole(clip), colour)
        part = make_figure(draw, title, _audio(clip))
    except AffektError as error:
        part = Part(title=title, items=[str(error)])
    return part or Part(title=title)


def _audio(clip: Clip) -> str:
    """The clip as MP3, about 8 kB for each second."""
    waveform = load_whole(clip, AUDIO_SAMPLE_RATE)
    file = io.BytesIO()
    loudest = np.abs(waveform.samples).max()
    soundfile.write(file, waveform.samples / max(1.0, loudest), AUDIO_SAMPLE_RATE, format="MP3")
    return embed(file.getvalue(), "audio/mpeg")


def embed(content: bytes, kind: str) -> str:
    """Return a ``data:`` address with this content of this MIME type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
