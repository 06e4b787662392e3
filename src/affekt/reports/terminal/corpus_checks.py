"""The terminal output of a corpus check."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.emotions import similar_emotion
from affekt.reports.terminal.layout import Hanging, PlainTable, listing
from affekt.support.terminal import one_line, plural

if TYPE_CHECKING:
    from affekt.corpora.base import CorpusCard
    from affekt.corpora.check import CorpusCheck


SHOWN, SHOWN_DOUBLES = 10, 3
SHOWN_RATES = 4
HOW_TO_SEE_ALL = "'affekt corpora check --all' lists them"
_LEGEND_CELLS = 13


def corpus_check(check: CorpusCheck, *, show_all: bool = False) -> Group:
    """Return the counts beside those on the card, then every problem with the names of the files.

    Of long lists the first names are shown, unless ``show_all``.
    """
    corpus = check.corpus
    return Group(
        *_cards(corpus.cards),
        *_parts(check),
        _counts(check, "vocal_channel"),
        "",
        _counts(check, "emotion"),
        *_unknown_emotions(corpus.emotions),
        "",
        *_speakers(check),
        "",
        *_recordings(check),
        *_problems(check, None if show_all else SHOWN),
        "",
        Text(f"✗ {check.problems}, see above", "red")
        if check.problems
        else Text("✓ every clip can be used", "green"),
    )


def _cards(cards: Sequence[CorpusCard]) -> Iterator[RenderableType]:
    for card in cards:
        yield Hanging(Text(one_line(card.title), "bold"), 2)
        yield Hanging(Text(one_line(f"licence: {card.licence}")), 2)
        if card.citation:
            yield Hanging(Text(one_line(f"cite: {card.citation}")), 2)
        yield ""


def _parts(check: CorpusCheck) -> Iterator[RenderableType]:
    """Say which part of the corpus is here, if it is not the whole."""
    corpus, expected = check.corpus, check.expected.clips
    if check.absent_vocal_channels:
        present = " and ".join(corpus.count("vocal_channel"))
        absent = " and ".join(check.absent_vocal_channels)
        yield Text(one_line(f"{present} alone: no clip of {absent} is there"), "yellow")
    here = len(corpus.clips) - corpus.doubled
    if expected and check.missing and here < expected:
        yield Text(f"{here:,} of {expected:,} clips are here", "yellow")


def _counts(check: CorpusCheck, field: str) -> PlainTable:
    """Clips by a field of the clip, beside the counts on the card if the corpus has a single card."""
    found, cards = check.corpus.count(field), check.corpus.cards
    on_card = cards[0].counts if field == "vocal_channel" else check.expected.emotions
    expected: Mapping[str, int] = on_card if len(cards) == 1 else {}
    table = PlainTable(field.replace("_", " "), "clips", *(["expected", ""] if expected else []))
    for name in {**expected, **found}:
        cells: list[str | Text] = [name, str(found.get(name, 0))]
        if expected:
            agrees = found.get(name, 0) == expected.get(name)
            mark = Text("✓", "green") if agrees else Text("!", "yellow")
            absent = name in check.absent_vocal_channels
            cells += [str(expected.get(name, "-")), Text("absent", "dim") if absent else mark]
        table.add_row(*cells)
    return table


def _unknown_emotions(emotions: Sequence[str]) -> Iterator[RenderableType]:
    """Say which emotions are probably misspellings of a known one."""
    guesses = [f"{name} (did you mean {guess}?)" for name in emotions if (guess := similar_emotion(name))]
    if guesses:
        yield Hanging(Text(one_line(f"! not known: {', '.join(guesses)}"), "yellow"), 2)


def _speakers(check: CorpusCheck) -> Iterator[RenderableType]:
    counts = dict(check.corpus.count("speaker"))
    unknown = counts.pop("", 0)
    expected = check.expected.speakers
    verdict = f" of {expected} expected{' ✓' * (len(counts) == expected)}" if expected else ""
    yield Text(f"{plural(len(counts), 'speaker')}{verdict}")
    if counts:
        names = ", ".join(f"{name}: {count}" for name, count in counts.items())
        yield Text(one_line(names), "dim")
    if unknown:
        text = f"{unknown} clips of unknown speakers: they can be scored with random protocols alone"
        yield Hanging(Text(text, "yellow"), 2)


def _recordings(check: CorpusCheck) -> Iterator[RenderableType]:
    """Yield how the clips were recorded, a line each; nothing if none could be read."""
    recordings = [one for _, one in check.recordings]
    if not recordings:
        return
    lengths = sorted(one.duration_s for one in recordings)
    rows = {
        "sample rate": _most_common(f"{one.sample_rate} Hz" for one in recordings),
        "channels": _most_common(str(one.channels or "unknown") for one in recordings),
        "length": f"{lengths[0]:.1f} to {lengths[-1]:.1f} s, median {lengths[len(lengths) // 2]:.1f} s",
        "peak": _range_db([one.peak_db for one in recordings]),
        "level (RMS)": _range_db([one.level_db for one in recordings]),
    }
    for name, text in rows.items():
        yield Hanging(Text(text), _LEGEND_CELLS, f"{name:<{_LEGEND_CELLS}}")
    for files, what in ((check.clipped, "clipped"), (check.quiet, "very quiet")):
        if files:
            yield Hanging(Text(one_line(f"! {what}: {len(files)}, such as {files[0].name}"), "yellow"), 2)
    yield ""


def _most_common(values: Iterable[str]) -> str:
    counts = Counter(values).most_common()
    shown = ", ".join(f"{value}: {count}" for value, count in counts[:SHOWN_RATES])
    return shown + f", and {len(counts) - SHOWN_RATES} others" * (len(counts) > SHOWN_RATES)


def _range_db(values: Sequence[float]) -> str:
    low, high = (round(value, 1) + 0.0 for value in (min(values), max(values)))  # + 0.0: never -0.0
    return f"{low:.1f} to {high:.1f} dB of full scale"


def _problems(check: CorpusCheck, limit: int | None) -> Iterator[RenderableType]:
    """Yield every problem, with paths within the folder that holds all clips."""
    folder = _folder([clip.path for clip in check.corpus.clips])
    yield Text(one_line(f"in {folder or 'this folder'}:"))

    def within(path: Path | str) -> str:
        return str(path).replace(f"{folder}{os.sep}", "") if folder else str(path)

    missing = [within(path) for path in check.missing]
    yield from _listing("missing", missing, "red", _missing_limit(check, limit))
    yield from _listing("surplus", check.surplus, "red", limit)
    yield from _listing("misnamed", [within(path) for path in check.misnamed], "red", limit)
    yield from _unusable([(within(path), within(why)) for path, why in check.unusable], limit)
    if check.known_faults:
        faults = [f"{within(path)} {why}" for path, why in check.known_faults]
        yield from _listing("unusable as they were published", faults, "yellow", limit)
    yield from _listing(
        "identical audio under different names",
        [" = ".join(within(path) for path in group) for group in check.identical],
        "yellow",
        limit,
    )
    if doubles := check.corpus.doubles:
        names = [" = ".join(within(clip.name) for clip in group) for group in doubles]
        title = "doubled clips (same name and labels in another folder)"
        few = min(limit, SHOWN_DOUBLES) if limit else None
        yield from _listing(title, names, "yellow", few, check.corpus.doubled)


def _missing_limit(check: CorpusCheck, limit: int | None) -> int | None:
    """No name is shown where more clips are missing than there are."""
    return 0 if limit and len(check.missing) > max(limit, len(check.corpus.clips)) else limit


def _listing(
    title: str, items: Sequence[str], style: str, limit: int | None, count: int | None = None
) -> Iterator[RenderableType]:
    """Yield a list, cut at a limit: then it ends with the number of the others and how to see them."""
    if limit is None or len(items) <= limit:
        yield from listing(title, items, style, count)
        return
    others = f"and {len(items) - limit} more" if limit else "names are not shown"
    yield from listing(title, [*items[:limit], f"{others}: {HOW_TO_SEE_ALL}"], style, count or len(items))


def _folder(paths: Sequence[Path]) -> str:
    """The folder that holds all of these files; empty if there is none."""
    try:
        return os.path.commonpath([path.parent for path in paths]) if paths else ""
    except ValueError:  # on several drives
        return ""


def _unusable(files: Sequence[tuple[str, str]], limit: int | None) -> Iterator[RenderableType]:
    """Yield each reason once, with the files that it concerns."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, why in files:
        by_reason[why.replace(repr(name), "").removeprefix(name).strip()].append(name)
    yield from listing("unusable", [], "red") if not files else [Text(f"✗ unusable: {len(files)}", "red")]
    for reason, names in by_reason.items():
        heading = Text(one_line(f"{reason} ({plural(len(names), 'file')})"), "red")
        yield Hanging(heading, 4, "  ")
        for name in names[:limit]:
            yield Hanging(Text(one_line(name), "red"), 6, "    ")
        if limit is not None and len(names) > limit:
            yield Hanging(Text(f"and {len(names) - limit} more: {HOW_TO_SEE_ALL}", "red"), 6, "    ")
