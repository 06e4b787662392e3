"""Answers as a table: CSV while they are computed, or a pandas DataFrame."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from affekt.errors import explain_import
from affekt.inference.prediction import Answer, Prediction
from affekt.support.writing import harmless_cell

if TYPE_CHECKING:
    import pandas as pd

_FLAGS = ("unsure", "out_of_distribution")
SEPARATOR = "|"  # between several values in one cell


def into_csv(answers: Iterable[Answer], file: IO[str], emotions: Sequence[str]) -> Iterator[Answer]:
    """Write a row for each answer as it passes; an input that failed has its error in the last column.

    The columns are those of ``to_dataframe``, with several values in one cell separated by ``|``. A text
    that a spreadsheet would take for a formula, as it begins with ``=``, ``+``, ``-`` or ``@``, begins with
    ``'``.

    Parameters
    ----------
    answers
        As ``predict_many`` returns them.
    file
        An open text file.
    emotions
        All emotions that could be predicted, in the order of their columns.

    Returns
    -------
    iterator of Answer
        The same answers, each after its row is written.
    """
    columns = _columns(emotions)
    writer = csv.DictWriter(file, columns)
    writer.writer.writerow(map(harmless_cell, columns))
    for answer in answers:
        writer.writerow({column: harmless_cell(cell) for column, cell in _cells(answer).items()})
        file.flush()
        yield answer


def _cells(answer: Answer) -> dict[str, str]:
    row = _row(answer)
    probabilities = row.pop("probabilities")
    return {name: cell_text(value) for name, value in {**row, **probabilities}.items()}


def cell_text(value: object) -> str:
    """Return a value as the text of a cell: numbers with six digits, several values with ``|`` between."""
    if isinstance(value, float):
        return f"{value:.6f}"
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)


def _columns(emotions: Iterable[str]) -> list[str]:
    columns = ["file", "emotion", "confidence", "prediction_set", *emotions, "duration_s", "audio_channel"]
    return [*columns, *_FLAGS, "notes", "error"]


def to_dataframe(answers: Iterable[Answer]) -> pd.DataFrame:
    """Return a pandas DataFrame with a row for each answer.

    The columns are ``file``, ``emotion``, ``confidence``, ``prediction_set`` (a tuple), the probability of
    each emotion, ``duration_s``, ``audio_channel``, ``unsure``, ``out_of_distribution``, ``notes`` (a tuple
    of texts) and ``error``. A value that an input does not have is missing: all but ``file``,
    ``audio_channel`` and ``error`` where it failed, ``error`` where it did not.

    Raises
    ------
    MissingExtraError
        pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise explain_import(error, "affekt.to_dataframe") from error
    rows = [_row(answer) for answer in answers]
    emotions = dict.fromkeys(name for row in rows for name in row["probabilities"])
    cells = [{**row, **row["probabilities"]} for row in rows]
    return pd.DataFrame(cells, columns=_columns(emotions)).astype(dict.fromkeys(_FLAGS, "boolean"))


def _row(answer: Answer) -> dict[str, Any]:
    found = answer.prediction
    if found is None:
        return {
            "file": answer.source,
            "audio_channel": answer.audio_channel,
            "probabilities": {},
            "error": str(answer.error),
        }
    return {"file": answer.source, "audio_channel": answer.audio_channel, **prediction_cells(found)}


def prediction_cells(found: Prediction) -> dict[str, Any]:
    """Return the cells of a prediction; those of ``probabilities`` are columns of their own."""
    return {
        "emotion": found.emotion,
        "confidence": found.confidence,
        "prediction_set": found.prediction_set,
        "probabilities": found.probabilities,
        "duration_s": found.duration_s,
        "unsure": found.unsure,
        "out_of_distribution": found.out_of_distribution,
        "notes": tuple(map(str, found.notes)),
    }
