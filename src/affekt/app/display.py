"""How sounds, pictures and words from elsewhere are put on a page."""

from __future__ import annotations

import base64
import io
import re
from html import escape
from typing import BinaryIO

import soundfile
import streamlit as st
from matplotlib.figure import Figure

from affekt.audio import Waveform


def play(waveform: Waveform) -> None:
    """A player, in a format that every browser plays."""
    file = io.BytesIO()
    soundfile.write(file, waveform.samples, waveform.sample_rate, format="WAV")
    st.audio(file.getvalue(), format="audio/wav")


def plain(text: str) -> str:
    """Text from elsewhere, in which nothing is Markdown: no picture is fetched, no sign is lost."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>$~:&-])", r"\\\1", text)


def named(content: bytes, name: str) -> BinaryIO:
    """An open file that knows its name, for messages."""
    file = io.BytesIO(content)
    file.name = name
    return file


def show(figure: Figure) -> None:
    """A picture, and below it what it shows, which a screen reader is told too."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    words = str(figure.get_label())
    content = base64.b64encode(file.getvalue()).decode()
    st.html(f'<img style="width:100%" alt="{escape(words)}" src="data:image/png;base64,{content}">')
    st.caption(plain(words))
