"""Building blocks of terminal output: tables, bars, lists and entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from affekt.metrics import INTERVAL_RULE
from affekt.reports.score_rows import mean_size, percentage

if TYPE_CHECKING:
    from affekt.evaluation.scores import CorpusScore
    from affekt.metrics import Score

BAR_CELLS = 10
SCORE_LEGEND = (
    "95 %: interval over {over}; cov.: coverage of the prediction sets; size: their mean size; OOD: "
    "share flagged as out of distribution. All but size in percent."
)


def plain_table(*columns: str, gap: int = 2) -> Table:
    """Return a table without lines; the first column is aligned left, the others right."""
    table = Table(
        box=None, pad_edge=False, header_style="bold dim", padding=(0, gap, 0, 0), collapse_padding=True
    )
    for i, column in enumerate(columns):
        table.add_column(
            Text(column),
            justify="right" if i else "left",
            no_wrap=i > 0,
            overflow="fold",
            vertical="bottom",
        )
    return table


def score_table(title: str, rows: Iterable[tuple[str, CorpusScore]], *, with_clips: bool = False) -> Table:
    """Return a table of scores with a row for each corpus or condition; it fits 80 columns."""
    columns = ["accuracy, 95 %", "UAR, 95 %", "ECE", "cov.", "size", "OOD"]
    table = plain_table(title, *(["clips"] if with_clips else []), *columns, gap=1)
    for name, one in rows:
        cells = [str(one.n)] if with_clips else []
        cells += [_with_interval(one.accuracy), _with_interval(one.uar), percentage(one.ece)]
        cells += [percentage(one.coverage), mean_size(one.set_size), percentage(one.out_of_distribution)]
        table.add_row(Text(name, "bold cyan"), *cells)
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
    return Text(label, "bold red" if leaky else "bold green")


def listing(title: str, items: Sequence[str], style: str, count: int | None = None) -> Text:
    """Return a heading with the number of items, and the items below it; ``✓`` if there are none."""
    if not items:
        return Text.assemble(("✓ ", "green"), f"{title}: none")
    mark = "✗" if style == "red" else "!"
    heading = f"{mark} {title}: {len(items) if count is None else count}"
    return Text("\n".join([heading, *(f"  {item}" for item in items)]), style)


def entry(name: str, title: str, details: Iterable[str]) -> Text:
    """Return a name and its title, with indented details below; empty details are left out."""
    text = Text.assemble((name, "bold cyan"), f"  {title}\n")
    for detail in filter(None, details):
        text.append(f"    {detail}\n", "dim")
    return text


def sample_rate(rate: int | None) -> str:
    """Return ``16000 Hz``, or that the clip's own sample rate is used."""
    return f"{rate} Hz" if rate else "the clip's own rate"
