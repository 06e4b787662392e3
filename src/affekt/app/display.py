"""Elements that several pages show: audio players, figures, and text from files.

Streamlit renders nearly every text as Markdown, and a browser fetches the images in it. So a page gives
Streamlit texts of its own and what ``plain``, ``fill`` and the like return, nothing else.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from html import escape
from string import Formatter
from typing import TYPE_CHECKING, Any, BinaryIO

import soundfile
import streamlit as st

from affekt.audio.waveform import Waveform
from affekt.emotions import emotion_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def play(waveform: Waveform) -> None:
    """Show an audio player, in a format that every browser supports."""
    file = io.BytesIO()
    soundfile.write(file, waveform.samples, waveform.sample_rate, format="WAV")
    st.audio(file.getvalue(), format="audio/wav")


def plain(text: str) -> str:
    """Escape Markdown, so that text from a file is shown as it is, in one line, and loads no image."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


class _PlainFields(Formatter):
    """``str.format``, with Markdown escaped in what is filled in."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return plain(format(value, format_spec))


def fill(template: str, *values: object) -> str:
    """Return a Markdown template whose fields ``{}``, ``{:.1%}`` are filled in as by ``plain``."""
    return _PlainFields().format(template, *values)


def sentence(text: str) -> str:
    """Return the text, Markdown escaped, with a capital letter and a full stop."""
    return plain(f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}")


def read_failure(error: Exception, name: str) -> str:
    """Return a sentence that says why the file of this name cannot be read, with Markdown escaped.

    Messages of ``load_audio`` start with the name of the file, which the page shows already.
    """
    reason = str(error)
    if reason.startswith(f"{name} "):
        reason = f"it {reason.removeprefix(name).lstrip()}"
    return sentence(f"this file cannot be read: {reason.removeprefix(f'{name}: ')}")


def emotion_label(name: str) -> str:
    """Return an emotion's emoji and name, with Markdown escaped."""
    return f"{emotion_style(name).emoji} {plain(name)}"


def emotion_labels(names: Iterable[str]) -> str:
    """Return the labels of several emotions, with a dot between them."""
    return " · ".join(map(emotion_label, names))


def named_file(content: bytes, name: str) -> BinaryIO:
    """Return an open file with a name, which error messages mention."""
    file = io.BytesIO(content)
    file.name = name
    return file


def show(figure: Figure) -> None:
    """Show a figure, with its description as caption and alternative text."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    description = str(figure.get_label())
    content = base64.b64encode(file.getvalue()).decode()
    st.html(f'<img style="width:100%" alt="{escape(description)}" src="data:image/png;base64,{content}">')
    st.caption(plain(description))
