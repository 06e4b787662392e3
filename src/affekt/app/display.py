"""Elements that several pages show: audio players, figures, and text from files."""

from __future__ import annotations

import base64
import io
import re
from html import escape
from typing import BinaryIO

import soundfile
import streamlit as st
from matplotlib.figure import Figure

from affekt.audio.waveform import Waveform
from affekt.emotions import emotion_style


def play(waveform: Waveform) -> None:
    """Show an audio player, in a format that every browser supports."""
    file = io.BytesIO()
    soundfile.write(file, waveform.samples, waveform.sample_rate, format="WAV")
    st.audio(file.getvalue(), format="audio/wav")


def plain(text: str) -> str:
    """Escape Markdown, so that text from a file is shown as it is and loads no image."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>$~:&-])", r"\\\1", text)


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
