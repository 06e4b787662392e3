"""The terminal output of a corpus check."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.reports.score_rows import plural
from affekt.reports.terminal.layout import Hanging, PlainTable, listing, one_line

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
        *(Text(one_line(f"no clip of {name} is there"), "yellow") for name in check.absent_vocal_channels),
        "",
        *_problems(check),
        "",
        Text("✓ every clip can be used", "green")
        if check.passed
        else Text(f"✗ {len(check.missing)} missing, {len(check.unusable)} unusable, see above", "red"),
    )


def _cards(cards: Sequence[CorpusCard]) -> Iterator[RenderableType]:
    for card in cards:
        yield Hanging(Text(one_line(card.title), "bold"), 2)
        yield Hanging(Text(one_line(f"licence: {card.licence}")), 2)
        if card.citation:
            yield Hanging(Text(one_line(f"cite: {card.citation}")), 2)
        yield ""


def _counts(corpus: Corpus, field: str, field_on_card: str) -> PlainTable:
    """Clips by a field of the clip, beside the counts on the card if the corpus has a single card."""
    found = corpus.count(field)
    cards = corpus.cards
    expected: Mapping[str, int] = getattr(cards[0], field_on_card) if len(cards) == 1 else {}
    table = PlainTable(field.replace("_", " "), "clips", *(["expected", ""] if expected else []))
    for name in {**expected, **found}:
        cells: list[str | Text] = [name, str(found.get(name, 0))]
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
    yield Text(f"{plural(len(counts), 'speaker')}{verdict}")
    if counts:
        names = ", ".join(f"{name}: {count}" for name, count in counts.items())
        yield Text(one_line(names), "dim")
    if unknown:
        yield Text(f"{unknown} clips of unknown speakers", "yellow")


def _problems(check: CorpusCheck) -> Iterator[RenderableType]:
    """Yield every problem, with paths within the folder that holds all clips."""
    folder = _folder([clip.path for clip in check.corpus.clips])
    yield Text(one_line(f"in {folder}:")) if folder else Text()

    def within(path: Path | str) -> str:
        return str(path).replace(f"{folder}{os.sep}", "") if folder else str(path)

    yield from listing("missing", [within(path) for path in check.missing], "red")
    yield from listing("surplus", check.surplus, "red")
    yield from listing("misnamed", [within(path) for path in check.misnamed], "red")
    yield from _unusable([(within(path), within(why)) for path, why in check.unusable])
    yield from listing(
        "identical audio under different names",
        [" = ".join(within(path) for path in group) for group in check.identical],
        "yellow",
    )


def _folder(paths: Sequence[Path]) -> str:
    """The folder that holds all of these files; empty if there is none."""
    try:
        return os.path.commonpath([path.parent for path in paths]) if paths else ""
    except ValueError:  # on several drives
        return ""


def _unusable(files: Sequence[tuple[str, str]]) -> Iterator[RenderableType]:
    """Yield each reason once, with the files that it concerns."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, why in files:
        by_reason[why.replace(repr(name), "").removeprefix(name).strip()].append(name)
    yield from listing("unusable", [], "red") if not files else [Text(f"✗ unusable: {len(files)}", "red")]
    for reason, names in by_reason.items():
        heading = Text(one_line(f"{reason} ({plural(len(names), 'file')})"), "red")
        yield Hanging(heading, 4, "  ")
        for name in names:
            yield Hanging(Text(one_line(name), "red"), 6, "    ")
