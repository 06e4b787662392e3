"""The terminal output about a model: its contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.model.speaker_normalisation import MAX_ENROLLED
from affekt.reports.terminal.layout import Hanging, protocol, sample_rate
from affekt.support.terminal import one_line

if TYPE_CHECKING:
    from affekt.model.bundle import Bundle
    from affekt.model.contract import Contract, TrainingCorpus

LABEL_CELLS = 16


def model(bundle: Bundle) -> Group:
    """Return what a model predicts, what it was trained on and how it was scored."""
    lines = []
    for name, value in _rows(bundle):
        text = Text(one_line(value)) if isinstance(value, str) else value
        lines.append(Hanging(text, LABEL_CELLS, Text(f"{name:<{LABEL_CELLS}}", "bold")))
    return Group(*lines)


def _rows(bundle: Bundle) -> Iterator[tuple[str, str | Text]]:
    contract = bundle.contract
    yield "model", bundle.name
    yield "emotions", " ".join(f"{emotion_style(name).emoji} {name}" for name in contract.emotions)
    yield "features", f"{bundle.feature_set.name}, from {sample_rate(contract.sample_rate)}"
    yield "recipe", f"{contract.recipe}, seed {contract.seed}"
    for corpus in contract.corpora:
        yield from _training(corpus)
    yield from _scores(contract)
    yield from _making(contract)


def _training(corpus: TrainingCorpus) -> Iterator[tuple[str, str | Text]]:
    named = ", ".join([*corpus.speakers, *["unknown ones"] * corpus.unknown_speakers])
    text = f"{corpus.name}: {corpus.clips} clips, {len(corpus.speakers)} speakers ({named})"
    yield "trained on", text
    yield "licence", corpus.licence
    if corpus.citation:
        yield "", Text(one_line(corpus.citation), "dim")


def _scores(contract: Contract) -> Iterator[tuple[str, str | Text]]:
    scores, emotion_count = contract.scores, len(contract.emotions)
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
        yield "", f"90 % are an average over {contract.averaged_over}"
        if enrolled := contract.averaged_over_enrolled:
            yield "", f"with 1 to {MAX_ENROLLED} enrolled clips: over {enrolled}"


def _making(contract: Contract) -> Iterator[tuple[str, str | Text]]:
    yield "parity", f"{contract.parity:.1e} between graph and estimator, on real clips"
    yield "made with", ", ".join(f"{name} {number}" for name, number in contract.versions.items())
    yield "sha256", f"{contract.sha256} (checked, contract included)"
