"""The terminal output of a reproduction: claims of published systems beside results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from affekt.reports.terminal.layout import PlainTable
from affekt.support.terminal import one_line

if TYPE_CHECKING:
    from affekt.experiments.reproduction_result import Reproduction, TrialResult


def reproduction(results: Reproduction) -> PlainTable:
    """Return a row for each trial: what the published system claims, and the scores."""
    table = PlainTable("recipe and reading", "n", "claim", "accuracy", "UAR")
    for trial in results.trials:
        headlines, claim = trial.evaluation.headlines, trial.claims.get("accuracy")
        table.add_row(
            _about(trial),
            str(trial.evaluation.n),
            f"{claim:.1%}" if claim else "-",
            Text(f"{headlines['accuracy'].value:.1%}", "bold"),
            f"{headlines['uar'].value:.1%}",
        )
    return table


def _about(trial: TrialResult) -> Text:
    """Recipe and reading; below them, protocol and material."""
    leaky = trial.evaluation.leaky
    return Text.assemble(
        (one_line(trial.recipe), "bold cyan"),
        f": {one_line(trial.reading)}\n  ",
        (one_line(f"{trial.protocol}{' LEAKY' * leaky}"), "red" if leaky else "green"),
        (one_line(f", {trial.material}"), "dim"),
    )
