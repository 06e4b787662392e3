"""Parquet: a row for each utterance, with typed columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from affekt.errors import require
from affekt.inference.timeline import Timeline
from affekt.inference.writers.rows import all_emotions, columns, rows

_TEXTS = ("file", "audio_channel", "speaker", "emotion")
_LISTS = ("prediction_set", "notes")
_FLAGS = ("unsure", "out_of_distribution")


def check() -> None:
    """Raise ``MissingExtraError`` unless pyarrow is installed."""
    require("writing .parquet", "pyarrow.parquet")


def write(timelines: Sequence[Timeline], stream: BinaryIO) -> None:
    """Write a table with the columns of the CSV file; what an utterance does not have is null.

    ``prediction_set`` and ``notes`` are lists of texts. In a file name that is not valid Unicode, the bytes
    that are none are written as codes.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed.
    """
    check()
    import pyarrow
    import pyarrow.parquet

    emotions = all_emotions(timelines)
    kinds = {
        **dict.fromkeys(_TEXTS, pyarrow.string()),
        **dict.fromkeys(_LISTS, pyarrow.list_(pyarrow.string())),
        **dict.fromkeys(_FLAGS, pyarrow.bool_()),
    }
    schema = pyarrow.schema((name, kinds.get(name, pyarrow.float64())) for name in columns(emotions))
    found = [
        {**row, "file": _encodable(row["file"]), "speaker": _encodable(row["speaker"])}
        for row in rows(timelines)
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(found, schema), stream)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
