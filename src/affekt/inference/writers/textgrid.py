"""Praat's TextGrid: tiers for the emotions, for their confidence, and for how far to trust them.

Source: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from affekt.inference.timeline import Timeline
from affekt.inference.writers.tiers import Tier, make_tiers

Interval = tuple[float, float, str]


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write interval tiers that begin and end with the recording and have no gaps.

    An interval without an emotion has no voice. The tiers are called ``emotion``, ``confidence`` and
    ``trust``, after the channel and the speaker where there are several.

    Raises
    ------
    ValueError
        There is no timeline, or they are of several recordings.
    """
    tiers = make_tiers(timelines)
    end = max(float(tier.timeline.duration_s) for tier in tiers)
    named = [
        (f"{tier.name} {what}".strip(), list(_intervals(tier, what, end)))
        for tier in tiers
        for what in ("emotion", "confidence", "trust")
    ]
    stream.write('File type = "ooTextFile"\nObject class = "TextGrid"\n\n')
    stream.write(f"xmin = 0\nxmax = {end!r}\ntiers? <exists>\nsize = {len(named)}\nitem []:\n")
    for number, (name, intervals) in enumerate(named, start=1):
        stream.write(f'    item [{number}]:\n        class = "IntervalTier"\n')
        stream.write(f"        name = {_quoted(name)}\n        xmin = 0\n        xmax = {end!r}\n")
        stream.write(f"        intervals: size = {len(intervals)}\n")
        for place, (start, stop, label) in enumerate(intervals, start=1):
            stream.write(f"        intervals [{place}]:\n")
            stream.write(f"            xmin = {start!r}\n            xmax = {stop!r}\n")
            stream.write(f"            text = {_quoted(label)}\n")


def _intervals(tier: Tier, what: str, end: float) -> Iterator[Interval]:
    """Yield what is said of the utterances, and empty intervals between, from 0 to the end in seconds."""
    before = 0.0
    for one in tier.spans:
        start, stop, label = one.start_ms / 1000, one.end_ms / 1000, getattr(one, what)
        if start > before:
            yield before, start, ""
        # The recording may end within the last millisecond.
        before = end if end - stop < 0.001 else stop
        yield start, before, label
    if before < end:
        yield before, end, ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
