"""The terminal output of a corpus check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from affekt.reports.score_rows import plural
from affekt.reports.terminal.layout import listing, plain_table

if TYPE_CHECKING:
    from affekt.corpora.base import Corpus, CorpusCard
    from affekt.corpora.check import CorpusCheck


def corpus_check(check: CorpusCheck) -> Group:
    """Return the counts beside those on the card, then every problem with the names of the files."""
    corpus = check.corpus
    return Group(
        *_cards(corpus.cards),
        _counts(corpus, "vocal_channel", "counts"),
        "",
        _counts(corpus, "emotion", "emotions"),
        "",
        *_speakers(corpus),
        *(Text(f"no clip of {name} is there", "yellow") for name in check.absent_vocal_channels),
        "",
        *_problems(check),
        "",
        Text("✓ every clip can be used", "green")
        if check.passed
        else Text(f"✗ {len(check.missing)} missing, {len(check.unusable)} unusable, see above", "red"),
    )


def _cards(cards: Sequence[CorpusCard]) -> Iterator[RenderableType]:
    for card in cards:
        yield Text(card.title, "bold")
        yield Text(f"licence: {card.licence}")
        if card.citation:
            yield Text(f"cite: {card.citation}")
        yield ""


def _counts(corpus: Corpus, field: str, field_on_card: str) -> Table:
    """Clips by a field of the clip, beside the counts on the card if the corpus has a single card."""
    found = corpus.count(field)
    cards = corpus.cards
    expected: Mapping[str, int] = getattr(cards[0], field_on_card) if len(cards) == 1 else {}
    table = plain_table(field.replace("_", " "), "clips", *(["expected", ""] if expected else []))
    for name in {**expected, **found}:
        cells: list[RenderableType] = [Text(name), str(found.get(name, 0))]
        if expected:
            agrees = found.get(name, 0) == expected.get(name)
            cells += [str(expected.get(name, "-")), Text("✓", "green") if agrees else Text("!", "yellow")]
        table.add_row(*cells)
    return table


def _speakers(corpus: Corpus) -> Iterator[RenderableType]:
    counts = dict(corpus.count("speaker"))
    unknown = counts.pop("", 0)
    expected = sum(card.speakers for card in corpus.cards)
    verdict = f" of {expected} expected{' ✓' * (len(counts) == expected)}" if expected else ""
    yield f"{plural(len(counts), 'speaker')}{verdict}"
    if counts:
        yield Text(", ".join(f"{name}: {count}" for name, count in counts.items()), "dim")
    if unknown:
        yield Text(f"{unknown} clips of unknown speakers", "yellow")


def _problems(check: CorpusCheck) -> Iterator[Text]:
    yield listing("missing", check.missing, "red")
    yield listing("surplus", check.surplus, "red")
    yield listing("misnamed", [str(path) for path in check.misnamed], "red")
    yield listing("unusable", [why for _, why in check.unusable], "red")
    yield listing(
        "identical audio under different names",
        [" = ".join(str(path) for path in group) for group in check.identical],
        "yellow",
    )
