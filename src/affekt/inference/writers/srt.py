"""SRT, the subtitles of SubRip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from affekt.inference.timeline import Timeline
from affekt.inference.writers.subtitles import cues


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write a numbered cue for each utterance, such as ``clearly happy``, after its speaker if known.

    Raises
    ------
    ValueError
        There is no timeline, or they are of several recordings.
    """
    for number, (times, name, text) in enumerate(cues(timelines, ","), start=1):
        shown = f"{name}: {text}" if name else text
        stream.write(f"{number}\n{times}\n{shown.replace('-->', '→')}\n\n")
