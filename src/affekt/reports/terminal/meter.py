"""A meter of the level and the emotion of now, and a row for each utterance that has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.inference.events import Event, Measurement, UtteranceEnd, UtteranceStart
from affekt.inference.prediction import Answer
from affekt.reports.terminal.layout import bar
from affekt.reports.terminal.predictions import PredictionTable
from affekt.reports.terminal.timelines import no_prediction
from affekt.support.terminal import clock, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIETEST_DB = -60.0  # the level at which its bar is empty
LONGEST = "0:00:00.0 – 0:00:00.0"


class Meter:
    """What a terminal shows while it listens: level, voice, and the probabilities of the emotions.

    Parameters
    ----------
    emotions
        All emotions that may be predicted.
    width
        The number of columns of the terminal; None for as many as needed.
    """

    def __init__(self, emotions: Sequence[str], width: int | None = None) -> None:
        self.table = PredictionTable([LONGEST], emotions, width, "utterance")
        self._emotions = emotions
        self._shares: Mapping[str, float] = {}
        self._speaks = False
        self._level_db, self._elapsed_s = QUIETEST_DB, 0.0

    def add(self, samples: NDArray[np.float32], sample_rate: int) -> None:
        """Add samples to the time, and measure their level."""
        self._elapsed_s += len(samples) / sample_rate
        power = float(np.mean(np.square(samples))) if len(samples) else 0.0
        self._level_db = max(QUIETEST_DB, 10 * np.log10(max(power, 1e-12)))

    def take(self, event: Event) -> RenderableType | None:
        """Take an event, and return the row of an utterance that has ended."""
        if isinstance(event, UtteranceStart):
            self._speaks = True
        elif isinstance(event, Measurement):
            self._shares = event.probabilities
        elif isinstance(event, UtteranceEnd):
            self._speaks, found = False, event.prediction
            self._shares = found.probabilities if found else {}
            label = f"{clock(event.start_s)} – {clock(event.end_s)}"
            return self.table.row(Answer(label, found, None if found else no_prediction()))
        return None

    def __rich__(self) -> RenderableType:
        """Return what is shown now."""
        state = Text("● voice  ", "bold green") if self._speaks else Text("○ no voice", "dim")
        level = 1 - self._level_db / QUIETEST_DB
        head = Text.assemble(state, f"  {clock(self._elapsed_s)}  level {bar(min(1.0, max(0.0, level)))}")
        return Group("", head, *map(self._line, self._emotions))

    def _line(self, emotion: str) -> Text:
        style, share = emotion_style(emotion), self._shares.get(emotion, 0.0)
        name = f"{style.emoji} {one_line(emotion)}"
        space = " " * (max(cell_len(one_line(one)) for one in self._emotions) + 3 - cell_len(name))
        return Text.assemble(name, f"{space}  ", (f"{bar(share)} {share:4.0%}", style.colour), no_wrap=True)
