"""JSON: a list with all that a timeline holds, except its envelope."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from affekt.inference.timeline import Timeline


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write a list of ``Timeline.to_dict()``; all of it is ASCII, so that any file name is valid JSON."""
    json.dump([timeline.to_dict() for timeline in timelines], stream, indent=1, allow_nan=False)
    stream.write("\n")
