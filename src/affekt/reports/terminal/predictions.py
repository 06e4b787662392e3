"""The terminal table of predictions. It imports nothing of the learning path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.notes import Note, NoteKind
from affekt.reports.terminal.layout import bar

if TYPE_CHECKING:
    from affekt.inference.prediction import Answer, Prediction

HIDDEN_NOTES = {NoteKind.RESAMPLED, NoteKind.ADAPTED}
"""Kinds of notes that nearly all rows of a table would have; JSON has them."""


def predictions(answers: Iterable[Answer]) -> Table:
    """Return a row for each input: emotion, confidence, the next emotion, duration, and notes."""
    answers = list(answers)
    folder = _common_folder([answer.source for answer in answers])
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    table.add_column(Text(f"file in {folder}" if folder else "file"), overflow="fold", ratio=1)
    table.add_column("emotion", no_wrap=True)
    table.add_column("confidence", no_wrap=True)
    table.add_column("next", no_wrap=True)
    table.add_column("length", justify="right", no_wrap=True)
    for answer in answers:
        table.add_row(*_row(answer, folder))
    return table


def _common_folder(sources: Sequence[str]) -> str:
    """The folder that contains all of several files; it is shown once instead of in each row."""
    folders = {str(Path(source).parent) for source in sources}
    return folders.pop() if len(folders) == 1 and len(sources) > 1 and folders != {"."} else ""


def _row(answer: Answer, folder: str) -> list[RenderableType]:
    name = Path(answer.source).name if folder else answer.source
    if answer.audio_channel != "mix":
        name += f" ({answer.audio_channel})"
    prediction = answer.prediction
    if prediction is None:
        reason = str(answer.error).replace(answer.source, Path(answer.source).name)
        return [Text.assemble((name, "red"), (f"\n  {reason}", "dim")), Text("✗ error", "red")]
    style = emotion_style(prediction.emotion)
    return [
        Text.assemble(name, *((f"\n  {note}", "dim") for note in _shown(prediction.notes))),
        Text(f"{style.emoji} {prediction.emotion}", f"bold {style.colour}"),
        Text(f"{bar(prediction.confidence)} {prediction.confidence:4.0%}", style.colour),
        _next(prediction),
        f"{prediction.duration_s:.1f} s",
    ]


def _shown(notes: Iterable[Note]) -> list[Note]:
    return [note for note in notes if note.kind not in HIDDEN_NOTES]


def _next(prediction: Prediction) -> str:
    """The second most probable emotion."""
    others = {name: p for name, p in prediction.probabilities.items() if name != prediction.emotion}
    if not others:
        return ""
    second = max(others, key=lambda name: others[name])
    return f"{'unsure: ' * prediction.unsure}{second} {others[second]:.0%}"
