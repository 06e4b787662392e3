"""The terminal output about a model: its contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.reports.terminal.layout import protocol, sample_rate

if TYPE_CHECKING:
    from affekt.model.bundle import Bundle
    from affekt.model.contract import Contract, ContractScores, TrainingCorpus


def model(bundle: Bundle) -> Table:
    """Return what a model predicts, what it was trained on and how it was scored."""
    contract = bundle.contract
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    emotions = " ".join(f"{emotion_style(name).emoji} {name}" for name in contract.emotions)
    table.add_row("model", Text(bundle.name))
    table.add_row("emotions", Text(emotions))
    table.add_row("features", Text(f"{bundle.feature_set.name}, from {sample_rate(contract.sample_rate)}"))
    table.add_row("recipe", Text(f"{contract.recipe}, seed {contract.seed}"))
    for corpus in contract.corpora:
        for row in _training(corpus):
            table.add_row(*row)
    for row in _scores(contract.scores, len(contract.emotions)):
        table.add_row(*row)
    for row in _making(contract):
        table.add_row(*row)
    return table


def _training(corpus: TrainingCorpus) -> Iterator[tuple[str, RenderableType]]:
    named = ", ".join([*corpus.speakers, *["unknown ones"] * corpus.unknown_speakers])
    text = f"{corpus.name}: {corpus.clips} clips, {len(corpus.speakers)} speakers ({named})"
    yield "trained on", Text(text)
    yield "licence", Text(corpus.licence)
    if corpus.citation:
        yield "", Text(corpus.citation, "dim")


def _scores(scores: ContractScores, emotion_count: int) -> Iterator[tuple[str, RenderableType]]:
    yield "protocol", protocol(scores.protocol_label, leaky=scores.leaky)
    yield "", f"{scores.n} clips, {emotion_count} emotions, chance {scores.chance:.1%}"
    yield "", "cross-validation of the recipe; the model itself was trained on all of these speakers"
    for name, title in METRIC_TITLES.items():
        score = scores.headlines[name]
        yield title, f"{score.value:.1%} (95 %: {score.interval})"
    if any(score.no_interval for score in scores.headlines.values()):
        yield "", Text(INTERVAL_RULE, "yellow")
    if scores.coverage is not None and scores.set_size is not None:
        sets = f"coverage {scores.coverage:.1%}, mean size {scores.set_size:.1f}"
        yield "prediction sets", sets


def _making(contract: Contract) -> Iterator[tuple[str, RenderableType]]:
    yield "parity", f"{contract.parity:.1e} between graph and estimator, on real clips"
    yield "made with", ", ".join(f"{name} {number}" for name, number in contract.versions.items())
    yield "sha256", f"{contract.sha256} (checked, contract included)"
