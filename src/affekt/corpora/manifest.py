"""A corpus of one's own as a CSV file with the columns ``path,emotion,speaker``.

Commas, semicolons or tabs; the first line names the columns.

``channel``, ``sex``, ``intensity``, ``statement``, ``repetition``, ``corpus`` and ``augmented_from``
are understood where they are given; any other column is kept. Paths count from the manifest's folder.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from affekt.corpus import Clip, CorpusCard
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError

REQUIRED = ("path", "emotion", "speaker")
_UNDERSTOOD = {field.name for field in fields(Clip)} - {*REQUIRED, "columns"}


def read(path: Path) -> Iterator[Clip]:
    """Every row of a manifest; ``CorpusError`` names the line that is not one."""
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
        raise CorpusError(f"{path} names {twice} twice")
    for clip in clips:
        if clip.augmented_from and clip.augmented_from not in known:
            raise CorpusError(f"{path}: {clip.path} is a copy of {clip.augmented_from}, which is not in it")
    yield from clips


def _clips(path: Path, rows: csv.DictReader[str]) -> Iterator[Clip]:
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
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
        given = {key: value for key in _UNDERSTOOD & values.keys() if (value := values.pop(key))}
        if "augmented_from" in given:
            given["augmented_from"] = os.path.normpath(path.parent / given["augmented_from"])
        yield Clip(
            path=Path(os.path.normpath(path.parent / values.pop("path"))),
            emotion=canonical_emotion(values.pop("emotion")),
            speaker=values.pop("speaker"),
            **{"corpus": path.stem, **given},
            columns=values,
        )


CARD = CorpusCard(
    name="manifest",
    title="A CSV file of path,emotion,speaker",
    licence="your own",
    citation="",
    address="",
)
