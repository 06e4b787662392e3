"""Label tracks of Audacity: start, end and text of each utterance, separated by tabs.

Source: https://manual.audacityteam.org/man/importing_and_exporting_labels.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from affekt.inference.timeline import Timeline
from affekt.inference.writers.tiers import make_tiers, ordered_spans


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write a line for each utterance, such as ``1.500000  2.750000  happy 0.83``.

    Where there are several channels or speakers, they are named before the emotion.

    Raises
    ------
    ValueError
        There is no timeline, or they are of several recordings.
    """
    for name, span in ordered_spans(make_tiers(timelines)):
        label = f"{name}: {span.emotion}" if name else span.emotion
        times = f"{span.start_ms / 1000:.6f}\t{span.end_ms / 1000:.6f}"
        stream.write(f"{times}\t{label} {span.confidence}".rstrip() + "\n")
