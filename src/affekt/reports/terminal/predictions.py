"""The terminal table of predictions. It imports nothing of the learning path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.notes import NoteKind
from affekt.reports.terminal.layout import BAR_CELLS, Hanging, bar, shorten
from affekt.support.terminal import one_line, plural

if TYPE_CHECKING:
    from affekt.inference.prediction import Answer, Prediction

HIDDEN_NOTES = {NoteKind.RESAMPLED, NoteKind.ADAPTED}
"""Kinds of notes that nearly all rows of a table would have; JSON has them."""

ERROR = "✗ error"
OUT_OF_DISTRIBUTION, UNSURE = "!", "?"
UNSURE_TEXT = "unsure: four emotions or more may be the true one; --json lists them"
GAP = 2
WITH_BAR, NO_BAR, LENGTH, MARKS = BAR_CELLS + 5, len("confidence"), len("3600.0 s"), len("! ? 1")
WHOLE_NAME = 16  # columns are left out before names are shortened to less than this
MIN_NAME = 8


class PredictionTable:
    """A table of predictions whose rows can be printed one by one, as they are computed.

    A row has the file, its emotion, confidence, next emotion and duration, and marks for its notes; the
    legend below the table says once what each mark means, and how many files it concerns. A narrow table
    leaves out the bar of the confidence, then the next emotion, and shortens names in their middle.

    Parameters
    ----------
    sources
        The names of all inputs.
    emotions
        All emotions that may be predicted.
    width
        The number of columns of the terminal; None for as many as needed.
    noun
        What a row is of.
    """

    def __init__(
        self, sources: Sequence[str], emotions: Sequence[str], width: int | None = None, noun: str = "file"
    ) -> None:
        self.noun = noun
        self.folder = _common_folder(sources) if noun == "file" else ""
        self.title = one_line(f"file in {self.folder}") if self.folder else noun
        self.longest = max(MIN_NAME, width // 4 - 3) if width else None
        self.widths = self._fit([self.title, *map(self._name, sources)], emotions, width or 10**9)
        self.marks: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.answers = 0

    def _fit(self, names: Sequence[str], emotions: Sequence[str], width: int) -> list[int]:
        """The width of each column but the last, the marks; 0 for a column that has no room."""
        longest = max(map(cell_len, names))
        emotion = max(map(cell_len, [ERROR, *map(self._emotion, emotions)]))
        following = max(cell_len(f"{self._short(name)} 100%") for name in emotions)
        for confidence, after in ((WITH_BAR, following), (NO_BAR, following), (NO_BAR, 0)):
            widths = [emotion, confidence, after, LENGTH]
            gaps = GAP * (1 + sum(one > 0 for one in widths))
            left = width - sum(widths) - gaps - MARKS
            if left >= min(longest, WHOLE_NAME):
                break
        return [max(MIN_NAME, min(longest, left)), *widths]

    def header(self) -> Text:
        """Return the names of the columns."""
        titles = [shorten(self.title, self.widths[0]), "emotion", "confidence", "next", "length"]
        return self._line([Text(title, "bold dim") for title in titles])

    def row(self, answer: Answer) -> RenderableType:
        """Return the row of an answer; the reason of an error is on the line below it."""
        self.answers += 1
        name = shorten(self._name(_answer_name(answer)), self.widths[0])
        prediction = answer.prediction
        if prediction is None:
            reason = str(answer.error).replace(answer.source, self._name(answer.source))
            line = self._line([Text(name, "red"), Text(ERROR, "red")])
            return Group(line, Hanging(Text(one_line(reason), "dim"), 2, "  "))
        style = emotion_style(prediction.emotion)
        share = f"{prediction.confidence:4.0%}"
        bars = self.widths[2] == WITH_BAR
        cells = [
            Text(name),
            Text(self._emotion(prediction.emotion), f"bold {style.colour}"),
            Text(f"{bar(prediction.confidence)} {share}" if bars else share, style.colour),
            Text(self._next(prediction)),
            Text(f"{prediction.duration_s:.1f} s"),
        ]
        return self._line([*cells, Text(" ".join(self._mark(prediction)), "bold yellow")])

    def legend(self) -> RenderableType | None:
        """Return what each mark means that was shown; None without any."""
        if not self.marks:
            return None
        lines = []
        for text, mark in sorted(
            self.marks.items(), key=lambda item: (item[1].isdigit(), len(item[1]), item[1])
        ):
            files = f" ({plural(self.counts[text], self.noun)})" if self.answers > 1 else ""
            lines.append(Hanging(Text(f"{one_line(text)}{files}"), 3, Text(f"{mark:<3}", "bold yellow")))
        return Group("", *lines)

    def _name(self, source: str) -> str:
        return one_line(Path(source).name if self.folder else source)

    def _emotion(self, name: str) -> str:
        return f"{emotion_style(name).emoji} {self._short(name)}"

    def _short(self, emotion: str) -> str:
        return shorten(emotion, self.longest) if self.longest else one_line(emotion)

    def _next(self, prediction: Prediction) -> str:
        """The second most probable emotion."""
        others = {name: p for name, p in prediction.probabilities.items() if name != prediction.emotion}
        if not others:
            return ""
        second = max(others, key=lambda name: others[name])
        return f"{self._short(second)} {others[second]:.0%}"

    def _mark(self, prediction: Prediction) -> Iterator[str]:
        """Yield and count the marks of a prediction: ``!``, ``?``, and a number for each other note."""
        shown = [note for note in prediction.notes if note.kind not in HIDDEN_NOTES]
        unlike = [str(note) for note in shown if note.kind == NoteKind.OUT_OF_DISTRIBUTION]
        others = [str(note) for note in shown if note.kind != NoteKind.OUT_OF_DISTRIBUTION]
        for text in unlike:
            yield self._counted(text, OUT_OF_DISTRIBUTION)
        if prediction.unsure:
            yield self._counted(UNSURE_TEXT, UNSURE)
        for text in others:
            numbered = sum(mark.isdigit() for mark in self.marks.values())
            yield self._counted(text, str(numbered + 1))

    def _counted(self, text: str, mark: str) -> str:
        self.counts[text] += 1
        return self.marks.setdefault(text, mark)

    def _line(self, cells: Sequence[Text]) -> Text:
        """Put cells of a row side by side; the duration is aligned to the right."""
        line = Text(no_wrap=True, overflow="ignore")
        for i, (cell, width) in enumerate(zip(cells, [*self.widths, 0], strict=False)):
            if i == 3 and not width:  # the next emotion is left out
                continue
            space = " " * (width - cell_len(cell.plain))
            line.append_text(Text.assemble(*((space, cell) if i == 4 else (cell, space)), " " * GAP))
        line.rstrip()
        return line


def _answer_name(answer: Answer) -> str:
    """The name of the source, and of the audio channel that was asked for."""
    return answer.source if answer.audio_channel == "mix" else f"{answer.source} ({answer.audio_channel})"


def _common_folder(sources: Sequence[str]) -> str:
    """The folder that contains all of several files; it is shown once instead of in each row."""
    folders = {str(Path(source).parent) for source in sources}
    return folders.pop() if len(folders) == 1 and len(sources) > 1 and folders != {"."} else ""
