"""The terminal table of a timeline: a row for each utterance."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.errors import AudioContentError
from affekt.inference.prediction import Answer
from affekt.reports.terminal.layout import Hanging
from affekt.reports.terminal.predictions import PredictionTable
from affekt.support.terminal import one_line, plural

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


def clock(seconds: float) -> str:
    """Return a time as ``2:03.4``, or ``1:02:03.4`` where there are hours.

    >>> clock(123.44), clock(3723.4), clock(59.96)
    ('2:03.4', '1:02:03.4', '1:00.0')
    """
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{tenths // 10:02}.{tenths % 10}"


def _head(found: Timeline) -> Text:
    channel = "" if found.audio_channel in ("mix", "mono") else f" ({found.audio_channel})"
    voice_s = sum(one.end_s - one.start_s for one in found.utterances)
    read = clock(found.duration_s) + ("" if found.complete else " read before it was stopped")
    facts = [read, plural(len(found.utterances), "utterance")]
    if found.utterances:
        facts.append(f"together {clock(voice_s)}")
    text = Text.assemble((one_line(found.source) + channel, "bold cyan"), f"  {', '.join(facts)}")
    if shares := _shares(found):
        text.append(f": {', '.join(f'{emotion} {share:.0%}' for emotion, share in shares)}")
    for note in found.notes:
        text.append(f"; {one_line(str(note))}", "dim")
    return text


def _shares(found: Timeline) -> list[tuple[str, float]]:
    """Return the share of each emotion in the length of the utterances, the largest first."""
    lengths_s: Counter[str] = Counter()
    for one in found.utterances:
        if one.prediction:
            lengths_s[one.prediction.emotion] += one.end_s - one.start_s  # type: ignore[assignment]
    return [(emotion, length / lengths_s.total()) for emotion, length in lengths_s.most_common()]


def _label(one: Utterance) -> str:
    times = f"{clock(one.start_s)} – {clock(one.end_s)}"
    return f"{times} {one.speaker}" if one.speaker else times


def no_prediction() -> AudioContentError:
    """Return what is shown of an utterance that could not be answered."""
    return AudioContentError("too short or silent: there is no prediction")
