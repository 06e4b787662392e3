"""WebVTT, the subtitles of web pages.

Source: https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TextIO

from affekt.inference.timeline import Timeline
from affekt.inference.writers.subtitles import cues


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write a cue for each utterance, such as ``clearly happy``, in the voice of its speaker if known.

    Raises
    ------
    ValueError
        There is no timeline, or they are of several recordings.
    """
    stream.write("WEBVTT\n")
    for times, name, text in cues(timelines, "."):
        voice = f"<v {escape(name, quote=False)}>" if name else ""
        stream.write(f"\n{times}\n{voice}{escape(text, quote=False)}\n")
