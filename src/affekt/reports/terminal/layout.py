"""Building blocks of terminal output: tables, bars, lists and entries.

No text that is given to them is read as markup, and they fit terminals of 60 columns or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from affekt.metrics import INTERVAL_RULE
from affekt.reports.score_rows import mean_size, percentage
from affekt.support.terminal import one_line

if TYPE_CHECKING:
    from affekt.evaluation.scores import CorpusScore
    from affekt.metrics import Score

BAR_CELLS = 10
SCORE_LEGEND = (
    "95 %: interval over {over}; cov.: coverage of the prediction sets; size: their mean size; OOD: "
    "share flagged as out of distribution. All but size in percent."
)


class PlainTable:
    """A table without lines: names aligned to the left, then figures aligned to the right.

    Figures are never wrapped. A name that has no room beside its figures stands on the line above them.
    """

    def __init__(self, *columns: str, gap: int = 2) -> None:
        self.gap = gap
        self.rows: list[list[Text]] = []
        self.add_row(*(Text(one_line(column), "bold dim") for column in columns))

    @property
    def row_count(self) -> int:
        """The number of rows below the header."""
        return len(self.rows) - 1

    def add_row(self, *cells: str | Text) -> None:
        """Add a row: a name, which may have several lines, and a figure for each other column."""
        self.rows.append([cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells])

    def width(self) -> int:
        """Return the width of the table if each row is one line."""
        return self._figures_width() + max(_cells(row[0]) for row in self.rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines that fit the console."""
        room = max(0, options.max_width - self._figures_width())
        beside = [cells for row in self.rows if (cells := _cells(row[0].split("\n")[-1])) <= room]
        name_width, widths = max(beside, default=0), self._widths()
        for name, *figures in self.rows:
            *above, last = name.split("\n", allow_blank=True)
            if cell_len(last.plain) > name_width:
                above, last = [*above, last], Text()
            for line in above:
                yield from Hanging(line, 2).__rich_console__(console, options)
            yield _joined([last, *figures], [name_width, *widths], self.gap)

    def _widths(self) -> list[int]:
        """The width of each column of figures."""
        columns = range(1, len(self.rows[0]))
        return [max(_cells(row[i]) for row in self.rows if i < len(row)) for i in columns]

    def _figures_width(self) -> int:
        return sum(self.gap + width for width in self._widths())


def _cells(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.split("\n")), default=0)


def _joined(cells: Sequence[Text], widths: Sequence[int], gap: int) -> Text:
    """One line: the first cell is aligned to the left, the others to the right."""
    line = Text(no_wrap=True, overflow="ignore")
    for i, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        space = " " * (width - _cells(cell))
        line.append_text(Text.assemble(cell, space) if i == 0 else Text.assemble(" " * gap, space, cell))
    line.rstrip()
    return line


@dataclass(frozen=True)
class Hanging:
    """A text with ``lead`` before its first line, and ``indent`` spaces before each wrapped line."""

    text: Text
    indent: int
    lead: str | Text = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines that fit the console; one line where lines are not to be wrapped."""
        if options.no_wrap:
            yield Text.assemble(self.lead, self.text)
            return
        width = max(1, options.max_width - self.indent)
        for i, line in enumerate(self.text.wrap(console, width, overflow="fold") or [Text()]):
            line.rstrip()
            yield Text.assemble(" " * self.indent if i else self.lead, line)


@dataclass(frozen=True)
class FirstThatFits:
    """The first of several tables that is no wider than the console, or else a text."""

    tables: Sequence[PlainTable]
    otherwise: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield the table, or the text."""
        fitting = (table for table in self.tables if table.width() <= options.max_width)
        yield next(fitting, Text(self.otherwise, "dim"))


def shorten(text: str, width: int) -> str:
    """Return a text of at most ``width`` cells; ``…`` stands for what is left out of its middle.

    >>> shorten("recordings/2024/monday.wav", 20)
    'recordi…4/monday.wav'
    """
    text = one_line(text)
    if cell_len(text) <= width:
        return text
    end = (width - 1) * 2 // 3  # names differ at their end more often than at their beginning
    head = text[: _how_many_fit(text, width - 1 - end)]
    tail = text[len(text) - _how_many_fit(text[::-1], end) :]
    return f"{head}…{tail}"


def _how_many_fit(characters: str, width: int) -> int:
    used = 0
    for i, character in enumerate(characters):
        used += cell_len(character)
        if used > width:
            return i
    return len(characters)


def score_table(
    title: str, rows: Iterable[tuple[str, CorpusScore]], *, with_clips: bool = False
) -> PlainTable:
    """Return a table of scores with a row for each corpus or condition."""
    columns = ["accuracy, 95 %", "UAR, 95 %", "ECE", "cov.", "size", "OOD"]
    table = PlainTable(title, *(["clips"] if with_clips else []), *columns, gap=1)
    for name, one in rows:
        cells = [str(one.n)] if with_clips else []
        cells += [_with_interval(one.accuracy), _with_interval(one.uar), percentage(one.ece)]
        cells += [percentage(one.coverage), mean_size(one.set_size), percentage(one.out_of_distribution)]
        table.add_row(Text(one_line(name), "bold cyan"), *cells)
    return table


def _with_interval(score: Score) -> str:
    """Value and interval in percent, in two columns of their own."""
    return f"{percentage(score.value)} {score.bounds:>11}"


def missing_intervals(scores: Iterable[tuple[str, Score]]) -> Text | None:
    """Return why named scores have no interval, and what one takes; None where all have one."""
    names: dict[str, list[str]] = {}
    for name, score in scores:
        if score.no_interval:
            names.setdefault(score.no_interval, []).append(name)
    if not names:
        return None
    reasons = "; ".join(f"{', '.join(dict.fromkeys(of))}: {why}" for why, of in names.items())
    return Text(f"no interval for {reasons}. {INTERVAL_RULE}", "yellow")


def bar(share: float) -> str:
    """Return a share as a bar of ten cells."""
    full = round(share * BAR_CELLS)
    return "█" * full + "░" * (BAR_CELLS - full)


def protocol(label: str, *, leaky: bool) -> Text:
    """Return the label of a protocol, in red if it is leaky, else in green."""
    return Text(one_line(label), "bold red" if leaky else "bold green")


def listing(
    title: str, items: Sequence[str], style: str, count: int | None = None
) -> Iterator[RenderableType]:
    """Yield a heading with the number of items, and the items below it; ``✓`` if there are none."""
    if not items:
        yield Text.assemble(("✓ ", "green"), f"{title}: none")
        return
    mark = "✗" if style == "red" else "!"
    yield Text(f"{mark} {title}: {len(items) if count is None else count}", style)
    for item in items:
        yield Hanging(Text(one_line(item), style), 4, "  ")


def entry(name: str, title: str, details: Iterable[str]) -> Iterator[RenderableType]:
    """Yield a name and its title, with indented details below; empty details are left out."""
    yield Hanging(Text.assemble((one_line(name), "bold cyan"), f"  {one_line(title)}"), 4)
    for detail in filter(None, details):
        yield Hanging(Text(one_line(detail), "dim"), 6, "    ")
    yield Text()


def sample_rate(rate: int | None) -> str:
    """Return ``16000 Hz``, or that the clip's own sample rate is used."""
    return f"{rate} Hz" if rate else "the clip's own rate"
