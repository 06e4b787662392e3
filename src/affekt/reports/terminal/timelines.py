"""The terminal table of a timeline: a row for each utterance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.errors import AudioContentError
from affekt.inference.prediction import Answer
from affekt.inference.timeline import emotion_shares, voiced_seconds
from affekt.reports.terminal.layout import Hanging
from affekt.reports.terminal.predictions import PredictionTable
from affekt.support.terminal import clock, one_line, plural

if TYPE_CHECKING:
    from affekt.inference.timeline import Timeline, Utterance


def timeline(found: Timeline, width: int | None = None, *, summarised: bool = False) -> RenderableType:
    """Return the length and the emotions of a recording, and a row for each utterance.

    Parameters
    ----------
    found
        A timeline.
    width
        The number of columns of the terminal; None for as many as needed.
    summarised
        Whether the rows are left out.
    """
    head = Hanging(_head(found), 2)
    if summarised or not found.utterances:
        return head
    names = [_label(one) for one in found.utterances]
    table = PredictionTable(names, found.emotions, width, "utterance")
    rows = [
        table.row(Answer(name, one.prediction, None if one.prediction else no_prediction()))
        for name, one in zip(names, found.utterances, strict=True)
    ]
    legend = table.legend()
    return Group(head, table.header(), *rows, *([legend] if legend else []), "")


def _head(found: Timeline) -> Text:
    channel = "" if found.audio_channel in ("mix", "mono") else f" ({found.audio_channel})"
    read = clock(found.duration_s) + ("" if found.complete else " read before it was stopped")
    facts = [read, plural(len(found.utterances), "utterance")]
    if found.utterances:
        facts.append(f"{clock(voiced_seconds(found))} of speech")
    text = Text.assemble((one_line(found.source) + channel, "bold cyan"), f"  {', '.join(facts)}")
    if shares := emotion_shares(found):
        text.append(f": {', '.join(f'{one_line(label)} {share:.0%}' for label, share in shares.items())}")
    for note in found.notes:
        text.append(f"; {one_line(str(note))}", "dim")
    return text


def _label(one: Utterance) -> str:
    times = f"{clock(one.start_s)} – {clock(one.end_s)}"
    return f"{times} {one.speaker}" if one.speaker else times


def no_prediction() -> AudioContentError:
    """Return what is shown of an utterance that could not be answered."""
    return AudioContentError("too short or silent: there is no prediction")
