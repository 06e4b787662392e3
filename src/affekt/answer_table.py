"""Answers as a CSV table, one row an input."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import IO

from affekt.prediction import Answer


def into_csv(answers: Iterable[Answer], file: IO[str], emotions: tuple[str, ...]) -> Iterator[Answer]:
    """Write a row for each answer as it passes by; a failed input has its reason in the last column.

    Likely emotions and notes are several in one cell, between them ``|``.
    """
    writer = csv.writer(file)
    writer.writerow(["file", "emotion", "confidence", "likely", *emotions, "duration_s", "notes", "error"])
    for answer in answers:
        if heard := answer.prediction:
            shares = [f"{heard.probabilities[emotion]:.6f}" for emotion in emotions]
            told = [heard.emotion, f"{heard.confidence:.6f}", "|".join(heard.likely)]
            row = [*told, *shares, f"{heard.duration_s:.3f}", "|".join(heard.notes), ""]
        else:
            row = [*[""] * (5 + len(emotions)), str(answer.error)]
        writer.writerow([answer.source, *row])
        file.flush()
        yield answer
