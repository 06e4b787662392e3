"""The terminal output of a comparison of recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.reports.terminal.layout import PlainTable, protocol
from affekt.support.terminal import one_line

if TYPE_CHECKING:
    from affekt.evaluation.comparison import Comparison

SHOWN = ("accuracy", "uar")


def comparison(result: Comparison) -> Group:
    """Return the scores, the best first, and the difference of every pair with its interval."""
    about = Text.assemble(
        protocol(result.protocol_label, leaky=result.leaky),
        f"\n{result.n} clips of {result.speakers or 'unknown'} speakers, chance {result.chance:.1%}\n",
    )
    over = result.interval_over
    note = (
        f"\n95 %: interval over {over}. The intervals of the {len(result.differences)} differences are "
        "not corrected for multiple comparisons."
    )
    reasons = [one[metric].no_interval for one in result.scores.values() for metric in SHOWN]
    missing = any([*reasons, *(one.no_interval for one in result.differences)])
    rule = [Text(INTERVAL_RULE, "yellow")] if missing else []
    return Group(about, _scores(result), "", _differences(result), *rule, Text(note, "dim"))


def _scores(result: Comparison) -> PlainTable:
    table = PlainTable("recipe", *(cell for name in SHOWN for cell in (METRIC_TITLES[name], "95 %")))
    for name, headlines in result.scores.items():
        shown = [headlines[metric] for metric in SHOWN]
        cells = [cell for one in shown for cell in (f"{one.value:.1%}", one.interval)]
        table.add_row(Text(one_line(name), "bold cyan"), *cells)
    return table


def _differences(result: Comparison) -> PlainTable:
    table = PlainTable("difference", "metric", "points", "95 %", "")
    for one in result.differences:
        table.add_row(
            Text.assemble((one_line(one.better), "bold"), " - ", one_line(one.worse)),
            METRIC_TITLES[one.metric],
            f"{100 * one.value:+.1f}",
            one.interval,
            Text("does not include 0", "green") if one.significant else Text("may be chance", "yellow"),
        )
    return table
