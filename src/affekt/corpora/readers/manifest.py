"""A corpus of the user's own as a CSV file with the columns ``path,emotion,speaker``.

The first line names the columns, separated by commas, semicolons or tabs; lines before it that begin with
``#`` are skipped. Optional columns are ``start`` and ``end`` (the part of the file that the clip is, in
seconds), ``vocal_channel`` (or ``channel``), ``sex``, ``intensity``, ``statement``, ``repetition``,
``corpus`` and ``augmented_from``; any other column is kept as metadata. Paths are relative to the
manifest's folder. A folder ``mine`` that holds a manifest ``mine.csv`` or ``mine.tsv`` is read by it.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard, check_part
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError

REQUIRED = ("path", "emotion", "speaker")
_SECONDS = ("start_s", "end_s")
_OPTIONAL = {field.name for field in fields(Clip)} - {*REQUIRED, *_SECONDS, "columns"}
_SYNONYMS = {"channel": "vocal_channel", "start": "start_s", "end": "end_s"}
_HEADER_CHARACTERS = 10_000


def read(path: Path) -> Iterator[Clip]:
    """Yield the clip of every row; ``CorpusError`` names the line that is malformed."""
    try:
        text = _decode(path.read_bytes())
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: {error}") from error
    table, skipped = _skip_comments(text)
    rows = _rows(table)
    try:
        clips = list(_clips(path, rows, skipped))
    except csv.Error as error:
        raise CorpusError(f"{path}, line {rows.line_num + skipped}: {error}") from error
    ((most, count),) = Counter(clip.name for clip in clips).most_common(1) or [("", 0)]
    if count > 1:
        raise CorpusError(f"{path} lists {most} twice")
    yield from _with_originals(path, clips)


def is_manifest(path: Path) -> bool:
    """Return whether the header of a file names the columns of a manifest."""
    try:
        with open(path, "rb") as file:
            table, _ = _skip_comments(_decode(file.read(_HEADER_CHARACTERS), errors="replace"))
        return set(REQUIRED) <= set(_column_names(_rows(table).fieldnames or ()))
    except (OSError, csv.Error):
        return False


def _decode(content: bytes, errors: str = "strict") -> str:
    """UTF-8, with or without a byte-order mark, or UTF-16, as spreadsheets write it."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors)
    return content.decode("utf-8-sig", errors)


def _skip_comments(text: str) -> tuple[str, int]:
    """The text from its header on, and the number of lines before it."""
    lines = io.StringIO(text, newline="")
    skipped = list(itertools.takewhile(lambda line: line.startswith("#") or not line.strip(), lines))
    return text[sum(map(len, skipped)) :], len(skipped)


def _rows(table: str) -> csv.DictReader[str]:
    header, _, _ = table.partition("\n")
    return csv.DictReader(
        io.StringIO(table, newline=""), strict=True, delimiter=max(",;\t", key=header.count)
    )


def _clips(path: Path, rows: csv.DictReader[str], skipped: int) -> Iterator[Clip]:
    rows.fieldnames = _column_names(rows.fieldnames or ())
    missing = [column for column in REQUIRED if column not in rows.fieldnames]
    if missing:
        raise CorpusError(
            f"{path} has no column {', '.join(missing)}: a manifest begins with the line "
            f"{','.join(REQUIRED)}, and may have more columns"
        )
    parts = [name for name in ("start_s", "end_s") if name in rows.fieldnames]
    if len(parts) == 1:
        raise CorpusError(f"{path} has a column {parts[0]} alone: a part has a start and an end")
    if twice := [name for name, count in Counter(rows.fieldnames).items() if count > 1 and name]:
        raise CorpusError(f"{path} has two columns {twice[0]!r}: which of them counts is not known")
    for row in rows:
        values = {key: (value or "").strip() for key, value in row.items() if key is not None}
        place = f"{path}, line {rows.line_num + skipped}"
        if None in row or None in row.values() or not values["path"] or not values["emotion"]:
            raise CorpusError(f"{place}: not one value for each column: {row}")
        start_s, end_s = _part(values, place)
        given = {key: value for key in _OPTIONAL & values.keys() if (value := values.pop(key))}
        if "augmented_from" in given:
            given["augmented_from"] = os.path.normpath(path.parent / given["augmented_from"])
        yield Clip(
            path=Path(os.path.normpath(path.parent / values.pop("path"))),
            emotion=canonical_emotion(values.pop("emotion")),
            speaker=values.pop("speaker"),
            start_s=start_s,
            end_s=end_s,
            **{"corpus": path.stem, **given},
            columns=values,
        )


def _part(values: dict[str, str], place: str) -> tuple[float | None, float | None]:
    """Take start and end out of the values of a row."""
    texts = [values.pop(key, "") for key in _SECONDS]
    try:
        start_s, end_s = (float(text.replace(",", ".")) if text else None for text in texts)
    except ValueError:
        raise CorpusError(f"{place}: start and end are seconds, such as 1.5, not {texts}") from None
    check_part(start_s, end_s, place)
    return start_s, end_s


def _with_originals(path: Path, clips: Sequence[Clip]) -> Iterator[Clip]:
    """The clips, each copy with the name of its original: the file, or the same part of that file."""
    names = {clip.name for clip in clips}
    for clip in clips:
        if not clip.augmented_from:
            yield clip
            continue
        same_part = replace(clip, path=Path(clip.augmented_from)).name
        original = next((name for name in (clip.augmented_from, same_part) if name in names), None)
        if original is None:
            raise CorpusError(f"{path}: {clip.name} is a copy of {same_part}, which the file does not list")
        yield replace(clip, augmented_from=original)


def _column_names(header: Sequence[str]) -> list[str]:
    """Return the names in lower case, synonyms replaced unless the column proper is there too."""
    names = [name.strip().lower() for name in header]
    return [
        _SYNONYMS[name] if name in _SYNONYMS and _SYNONYMS[name] not in names else name for name in names
    ]


CARD = CorpusCard(
    name="manifest",
    title="A CSV file of path,emotion,speaker",
    licence="your own",
    citation="",
    address="",
)
