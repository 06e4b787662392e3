"""CSV: a row for each utterance."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from affekt.inference.answer_table import cell_text
from affekt.inference.timeline import Timeline
from affekt.inference.writers.rows import all_emotions, columns, rows
from affekt.support.writing import harmless_cell


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write a table with a row for each utterance, in which a spreadsheet finds no formula.

    Several values in one cell are separated by ``|``; what an utterance does not have is empty.
    """
    names = columns(all_emotions(timelines))
    writer = csv.DictWriter(stream, names)
    writer.writer.writerow(map(harmless_cell, names))
    for row in rows(timelines):
        writer.writerow({name: harmless_cell(cell_text(value)) for name, value in row.items()})
