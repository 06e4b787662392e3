"""The terminal table of predictions."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

from tests.reports.terminal.printing import printed

from affekt.errors import AffektError
from affekt.inference.prediction import Answer, Prediction
from affekt.notes import Note, NoteKind
from affekt.reports import terminal

PREDICTION = Prediction(
    emotion="happy",
    confidence=0.62,
    probabilities={"neutral": 0.05, "happy": 0.62, "sad": 0.33},
    prediction_set=("happy", "sad"),
    duration_s=3.14,
)


def rows(*answers: Answer, width: int = 120) -> list[str]:
    return printed(terminal.predictions(answers), width=width).splitlines()


def test_a_row_has_emotion_confidence_the_next_emotion_and_duration() -> None:
    _, row = rows(Answer("a.wav", PREDICTION))
    assert re.fullmatch(r"a\.wav +😊 happy +██████░░░░ +62% +sad 33% +3\.1 s", row)


def test_an_unsure_prediction_is_marked() -> None:
    unsure = replace(PREDICTION, prediction_set=("happy", "sad", "neutral", "calm"))
    assert unsure.unsure
    assert "unsure: sad 33%" in rows(Answer("a.wav", unsure))[1]


def test_a_single_emotion_has_no_next_one() -> None:
    alone = replace(PREDICTION, probabilities={"happy": 1.0})
    assert "sad" not in rows(Answer("a.wav", alone))[1]


def test_an_error_is_shown_without_the_folder_of_the_file() -> None:
    text = "\n".join(rows(Answer("far/away/a.wav", error=AffektError("far/away/a.wav is silent"))))
    assert "✗ error" in text
    assert "  a.wav is silent" in text


def test_a_common_folder_is_named_once() -> None:
    header, first, second = rows(Answer("far/a.wav", PREDICTION), Answer("far/b.wav", PREDICTION))
    assert header.startswith("file in far ")
    assert (first[:6], second[:6]) == ("a.wav ", "b.wav ")
    header, *paths = rows(Answer("far/a.wav", PREDICTION), Answer("near/b.wav", PREDICTION))
    assert header.startswith("file ")
    assert [path.split()[0] for path in paths] == ["far/a.wav", "near/b.wav"]


def test_notes_are_shown_by_their_kind() -> None:
    notes = tuple(Note(kind, f"the note about {kind}") for kind in NoteKind)
    text = "\n".join(rows(Answer("a.wav", replace(PREDICTION, notes=notes)), width=200))
    for kind in NoteKind:
        hidden = kind in (NoteKind.RESAMPLED, NoteKind.ADAPTED)
        assert (f"the note about {kind}" in text) == (not hidden)


def test_names_are_no_markup() -> None:
    folder = [Answer(f"[red]x[/]/{name}.wav", PREDICTION) for name in "ab"]
    assert rows(*folder)[0].startswith("file in [red]x[/]")
    assert rows(Answer("[b]c.wav", PREDICTION))[1].startswith("[b]c.wav")


def test_the_table_loads_nothing_of_the_learning_path() -> None:
    program = (
        "import sys; from affekt.reports import terminal; "
        "print([name for name in sys.modules if name.startswith(("
        "'affekt.evaluation', 'affekt.experiments', 'affekt.estimators', 'affekt.recipes', 'sklearn', "
        "'matplotlib'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
