"""Limits for each visitor: lower in a public demo than on one's own computer."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass

VARIABLE = "AFFEKT_DEMO"  # where no option can be given


@dataclass(frozen=True)
class Limits:
    """The limits of a visitor.

    Attributes
    ----------
    answer_s
        Length of the longest recording that gets one prediction.
    timeline_s
        Length of the longest recording that gets a timeline.
    files
        The most recordings on the page *Many files*, those in zip archives included.
    own_model
        Whether visitors may upload models, which is foreign code for ONNX Runtime.
    """

    answer_s: float
    timeline_s: float
    files: int
    own_model: bool


OWN = Limits(answer_s=600.0, timeline_s=math.inf, files=5000, own_model=True)
DEMO = Limits(answer_s=180.0, timeline_s=600.0, files=20, own_model=False)


def is_demo() -> bool:
    """Return whether the app is a public demo: ``affekt app --demo``, or ``AFFEKT_DEMO=1``."""
    return "--demo" in sys.argv[1:] or os.environ.get(VARIABLE, "0") not in ("", "0")


def limits() -> Limits:
    """Return the limits of this app's visitors."""
    return DEMO if is_demo() else OWN
