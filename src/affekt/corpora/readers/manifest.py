"""A corpus of the user's own as a CSV file with the columns ``path,emotion,speaker``.

The first line names the columns, separated by commas, semicolons or tabs. Optional columns are
``vocal_channel`` (or ``channel``), ``sex``, ``intensity``, ``statement``, ``repetition``, ``corpus`` and
``augmented_from``; any other column is kept as metadata. Paths are relative to the manifest's folder. A
folder ``mine`` that holds a manifest ``mine.csv`` is read by it.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError

REQUIRED = ("path", "emotion", "speaker")
_OPTIONAL = {field.name for field in fields(Clip)} - {*REQUIRED, "columns"}
_SYNONYMS = {"channel": "vocal_channel"}


def read(path: Path) -> Iterator[Clip]:
    """Yield the clip of every row; ``CorpusError`` names the line that is malformed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: {error}") from error
    header, _, _ = text.partition("\n")
    rows = csv.DictReader(
        io.StringIO(text, newline=""), strict=True, delimiter=max(",;\t", key=header.count)
    )
    try:
        clips = list(_clips(path, rows))
    except csv.Error as error:
        raise CorpusError(f"{path}, line {rows.line_num}: {error}") from error
    known = {str(clip.path) for clip in clips}
    if len(known) < len(clips):
        twice = Counter(str(clip.path) for clip in clips).most_common(1)[0][0]
        raise CorpusError(f"{path} lists {twice} twice")
    for clip in clips:
        if clip.augmented_from and clip.augmented_from not in known:
            raise CorpusError(
                f"{path}: {clip.path} is a copy of {clip.augmented_from}, which the file does not list"
            )
    yield from clips


def is_manifest(path: Path) -> bool:
    """Return whether the first line of a file names the columns of a manifest."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        header = file.readline(10_000)
    names = header.strip().split(max(",;\t", key=header.count))
    return set(REQUIRED) <= set(_column_names(names))


def _clips(path: Path, rows: csv.DictReader[str]) -> Iterator[Clip]:
    rows.fieldnames = _column_names(rows.fieldnames or ())
    missing = [column for column in REQUIRED if column not in rows.fieldnames]
    if missing:
        raise CorpusError(
            f"{path} has no column {', '.join(missing)}: a manifest begins with the line "
            f"{','.join(REQUIRED)}, and may have more columns"
        )
    for row in rows:
        values = {key: (value or "").strip() for key, value in row.items() if key is not None}
        if None in row or None in row.values() or not values["path"] or not values["emotion"]:
            raise CorpusError(f"{path}, line {rows.line_num}: not one value for each column: {row}")
        given = {key: value for key in _OPTIONAL & values.keys() if (value := values.pop(key))}
        if "augmented_from" in given:
            given["augmented_from"] = os.path.normpath(path.parent / given["augmented_from"])
        yield Clip(
            path=Path(os.path.normpath(path.parent / values.pop("path"))),
            emotion=canonical_emotion(values.pop("emotion")),
            speaker=values.pop("speaker"),
            **{"corpus": path.stem, **given},
            columns=values,
        )


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
