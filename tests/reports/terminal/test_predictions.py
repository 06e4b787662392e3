"""The terminal table of predictions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len
from tests.reports.terminal.printing import HOSTILE, printed

from affekt.errors import AffektError
from affekt.inference.prediction import Answer, Prediction
from affekt.notes import Note, NoteKind
from affekt.reports.terminal import PredictionTable

EMOTIONS = ("neutral", "happy", "sad")
PREDICTION = Prediction(
    emotion="happy",
    confidence=0.62,
    probabilities={"neutral": 0.05, "happy": 0.62, "sad": 0.33},
    prediction_set=("happy", "sad"),
    duration_s=3.14,
)
UNSURE = replace(PREDICTION, prediction_set=("happy", "sad", "neutral", "calm"))
UNLIKE = replace(PREDICTION, notes=(Note(NoteKind.OUT_OF_DISTRIBUTION, "out of distribution: careful"),))
FORTY = [f"{i:02}-an-emotion-of-thirty-letters" for i in range(20)]


def rows(*answers: Answer, width: int | None = 120, emotions: Sequence[str] = EMOTIONS) -> list[str]:
    table = PredictionTable([answer.source for answer in answers], emotions, width)
    parts = [table.header(), *(table.row(answer) for answer in answers)]
    legend = table.legend()
    return printed(*parts, *([legend] if legend else []), width=width or 500).splitlines()


def mixed_up(*sources: str, emotions: Sequence[str] = EMOTIONS) -> list[Answer]:
    """Answers with every kind of mark, and an error."""
    shares = dict.fromkeys(emotions, 1 / len(emotions))
    note = Note(NoteKind.CUT_OFF, "the recording is cut off: 1.0 of 2.0 s are there")
    answers = [
        Answer(
            source,
            replace(
                (PREDICTION, UNSURE, UNLIKE)[i % 3], emotion=emotions[i % len(emotions)],
                probabilities=shares, notes=(*UNLIKE.notes, note)[: i % 3], duration_s=3599.9,
            ),
        )
        for i, source in enumerate(sources)
    ]  # fmt: skip
    return [*answers, Answer("bad.wav", error=AffektError("bad.wav is silent throughout, all of it"))]


def test_a_row_has_emotion_confidence_the_next_emotion_and_duration() -> None:
    _, row = rows(Answer("a.wav", PREDICTION))
    assert re.fullmatch(r"a\.wav +😊 happy +██████░░░░ +62% +sad 33% +3\.1 s", row)


def test_an_unsure_prediction_and_one_out_of_distribution_are_marked_in_words_and_signs() -> None:
    _, one, two, three, _, *legend = rows(
        Answer("a.wav", UNSURE),
        Answer("b.wav", UNLIKE),
        Answer("c.wav", replace(UNSURE, notes=UNLIKE.notes)),
    )
    assert UNSURE.unsure
    assert [row.split("3.1 s")[1] for row in (one, two, three)] == ["  ?", "  !", "  ! ?"]
    assert legend[0] == "!  out of distribution: careful (2 files)"
    assert legend[1].startswith("?  unsure: ")
    assert legend[1].endswith(" (2 files)")


def test_a_single_emotion_has_no_next_one() -> None:
    alone = replace(PREDICTION, probabilities={"happy": 1.0})
    assert "sad" not in rows(Answer("a.wav", alone))[1]


def test_an_error_is_shown_below_its_row_with_the_name_that_the_row_has() -> None:
    failed = Answer("far/away/a.wav", error=AffektError("far/away/a.wav is silent"))
    _, row, reason = rows(failed)
    assert row.split() == ["far/away/a.wav", "✗", "error"]
    assert reason == "  far/away/a.wav is silent"
    _, _, row, reason = rows(Answer("far/away/b.wav", PREDICTION), failed)
    assert row.split() == ["a.wav", "✗", "error"]
    assert reason == "  a.wav is silent"


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


def test_a_note_of_many_files_is_written_once_with_their_number() -> None:
    cut, mono = Note(NoteKind.CUT_OFF, "it is cut off"), Note(NoteKind.MIXED_TO_MONO, "mixed to mono")
    answers = [Answer(f"{i}.wav", replace(PREDICTION, notes=(mono, cut)[i % 2 :])) for i in range(60)]
    lines = rows(*answers, width=60)
    assert len(lines) == 1 + 60 + 1 + 2
    assert lines[-2:] == ["1  mixed to mono (30 files)", "2  it is cut off (60 files)"]
    assert [line.split("3.1 s")[1] for line in lines[1:3]] == ["  1 2", "  2"]


@pytest.mark.parametrize("width", [60, 80, 120, 160])
@pytest.mark.parametrize("emotions", [EMOTIONS, FORTY, HOSTILE, ["행복한 감정", "슬픈 감정"]])
def test_a_file_is_one_line_at_any_width_and_no_figure_is_cut(width: int, emotions: list[str]) -> None:
    sources = [f"a/long/folder/{i}/of recordings/name {i:03}.wav" for i in range(60)]
    answers = mixed_up(*sources, *HOSTILE, "한국어 녹음 파일 이름은 길다.wav", "😀" * 40, emotions=emotions)
    lines = rows(*answers, width=width, emotions=emotions)
    assert max(map(cell_len, lines)) <= width
    shown = [line for line in lines if " 62% " in line and " 3599.9 s" in line]
    assert len(shown) == len(answers) - 1
    assert len(lines) <= len(answers) + 12


def test_a_narrow_table_loses_its_bars_then_the_next_emotion_and_shortens_names_last() -> None:
    answers = mixed_up("recordings/of/last/monday.wav")
    wide, narrow, narrowest = ("\n".join(rows(*answers, width=width)) for width in (90, 75, 58))
    assert "█" in wide
    assert "recordings/of/last/monday.wav" in wide
    assert ("█" in narrow, "neutral 33%" in narrow or "happy 33%" in narrow) == (False, True)
    assert "33%" not in narrowest
    assert "monday.wav" in narrowest


def test_no_name_is_shortened_where_there_is_no_terminal() -> None:
    assert f"{'x' * 300}.wav" in rows(Answer(f"{'x' * 300}.wav", PREDICTION), width=None)[1]


def test_names_are_no_markup_and_move_no_cursor() -> None:
    for name in HOSTILE:
        shown = name.replace("\n", "\\n").replace("\x1b", "\\x1b")
        folder = [Answer(f"{name}/{file}.wav", PREDICTION) for file in "ab"]
        assert rows(*folder)[0].startswith(f"file in {shown} ")
        prediction = replace(PREDICTION, emotion=name, probabilities={name: 0.6, f"{name}2": 0.4})
        row = rows(Answer(f"{name}.wav", prediction), width=160, emotions=[name, f"{name}2"])[1]
        assert row.startswith(f"{shown}.wav ")
        assert f" {shown} " in row
        assert f" {shown}2 40%" in row
        error = rows(Answer(name, error=AffektError(f"{name} is silent")))
        assert error[2].endswith(f"{shown} is silent") or "/" in name


def test_the_table_loads_nothing_of_the_learning_path() -> None:
    program = (
        "import sys; from affekt.reports import terminal; "
        "print([name for name in sys.modules if name.startswith(("
        "'affekt.evaluation', 'affekt.experiments', 'affekt.estimators', 'affekt.recipes', 'sklearn', "
        "'matplotlib'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
