"""The table of answers: a row for each input, whatever became of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from affekt.answer_table import into_csv
from affekt.errors import AudioContentError
from affekt.prediction import Answer, Prediction

EMOTIONS = ("happy", "sad")
HEARD = Prediction(
    emotion="sad",
    confidence=0.75,
    probabilities={"happy": 0.25, "sad": 0.75},
    likely=("sad", "happy"),
    duration_s=1.5,
    notes=("x", "y"),
)
ANSWERS = [
    Answer("a, b.wav", prediction=HEARD),
    Answer("c.wav", error=AudioContentError("c.wav is silent")),
]


def test_a_row_has_the_answer_or_the_reason_why_there_is_none() -> None:
    file = io.StringIO()
    assert list(into_csv(ANSWERS, file, EMOTIONS)) == ANSWERS
    head, heard, failed = csv.reader(io.StringIO(file.getvalue()))
    assert head == [
        "file",
        "emotion",
        "confidence",
        "likely",
        "happy",
        "sad",
        "duration_s",
        "notes",
        "error",
    ]
    assert heard == ["a, b.wav", "sad", "0.750000", "sad|happy", "0.250000", "0.750000", "1.500", "x|y", ""]
    assert failed == ["c.wav", "", "", "", "", "", "", "", "c.wav is silent"]


def test_a_row_is_in_the_file_as_soon_as_its_answer_has_passed(tmp_path: Path) -> None:
    with open(tmp_path / "out.csv", "w", newline="") as file:
        passing = into_csv(ANSWERS, file, EMOTIONS)
        next(passing)
        assert (tmp_path / "out.csv").read_text().count("\n") == 2
        list(passing)
