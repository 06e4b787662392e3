"""The table of answers: a row for each input, whether it was predicted or failed."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest

from affekt.errors import AudioContentError, MissingExtraError
from affekt.inference.answer_table import into_csv, to_dataframe
from affekt.inference.prediction import Answer, Prediction, predict_many
from affekt.notes import Note, NoteKind

EMOTIONS = ("happy", "sad")
NOTES = (Note(NoteKind.OUT_OF_DISTRIBUTION, "out of distribution"), Note(NoteKind.WINDOWS, "2 windows"))
SAD = Prediction(
    emotion="sad",
    confidence=0.75,
    probabilities={"happy": 0.25, "sad": 0.75},
    prediction_set=("sad", "happy"),
    duration_s=1.5,
    notes=NOTES,
)
FAILED = Answer("c.wav", error=AudioContentError("c.wav is silent"))
ANSWERS = [Answer("a, b.wav", prediction=SAD), FAILED]
EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"


def written(answers: list[Answer], emotions: tuple[str, ...]) -> list[list[str]]:
    file = io.StringIO()
    assert list(into_csv(answers, file, emotions)) == answers
    return list(csv.reader(io.StringIO(file.getvalue())))


def test_a_row_has_the_prediction_or_the_error() -> None:
    assert written(ANSWERS, EMOTIONS) == [
        [
            "file",
            "emotion",
            "confidence",
            "prediction_set",
            "happy",
            "sad",
            "duration_s",
            "audio_channel",
            "unsure",
            "out_of_distribution",
            "notes",
            "error",
        ],
        [
            "a, b.wav",
            "sad",
            "0.750000",
            "sad|happy",
            "0.250000",
            "0.750000",
            "1.500000",
            "mix",
            "False",
            "True",
            "out of distribution|2 windows",
            "",
        ],
        ["c.wav", "", "", "", "", "", "", "mix", "", "", "", "c.wav is silent"],
    ]


def test_a_spreadsheet_computes_nothing() -> None:
    evil = Prediction("=1+1", 0.75, {"=1+1": 0.75, "sad": 0.25}, ("=1+1",), 1.5)
    head, row, failed = written(
        [Answer("-a.wav", prediction=evil), Answer("@a", error=AudioContentError("@a is silent"))],
        ("=1+1", "sad"),
    )
    assert head[:5] == ["file", "emotion", "confidence", "prediction_set", "'=1+1"]
    assert row[:5] == ["'-a.wav", "'=1+1", "0.750000", "'=1+1", "0.750000"]
    assert [failed[0], failed[-1]] == ["'@a", "'@a is silent"]


def test_limited_emotions_are_the_only_columns_of_probabilities() -> None:
    answers = list(predict_many([EXAMPLES / "low-plain.flac", "none.wav"], emotions=["sad", "calm"]))
    head, row, failed = written(answers, ("calm", "sad"))
    assert head[3:-4] == ["prediction_set", "calm", "sad", "duration_s", "audio_channel"]
    assert float(row[4]) + float(row[5]) == pytest.approx(1, abs=2e-6)
    assert row[1] in ("calm", "sad")
    assert [name for name, cell in zip(head, failed, strict=True) if cell] == [
        "file",
        "audio_channel",
        "error",
    ]


def test_a_row_is_in_the_file_as_soon_as_its_answer_has_passed(tmp_path: Path) -> None:
    with open(tmp_path / "out.csv", "w", newline="") as file:
        passing = into_csv(ANSWERS, file, EMOTIONS)
        next(passing)
        assert (tmp_path / "out.csv").read_text().count("\n") == 2
        list(passing)


def test_a_dataframe_has_a_row_for_each_answer_and_missing_values_for_an_error() -> None:
    pytest.importorskip("pandas")
    table = to_dataframe(iter(ANSWERS))
    assert list(table.columns) == [
        "file",
        "emotion",
        "confidence",
        "prediction_set",
        "happy",
        "sad",
        "duration_s",
        "audio_channel",
        "unsure",
        "out_of_distribution",
        "notes",
        "error",
    ]
    good, failed = table.iloc[0], table.iloc[1]
    assert (good["file"], good["emotion"], good["confidence"]) == ("a, b.wav", "sad", 0.75)
    assert (good["happy"], good["sad"], good["duration_s"]) == (0.25, 0.75, 1.5)
    assert good["prediction_set"] == ("sad", "happy")
    assert good["notes"] == ("out of distribution", "2 windows")
    assert good.isna().to_dict() == {name: name == "error" for name in table.columns}
    assert (failed["file"], failed["error"]) == ("c.wav", "c.wav is silent")
    given = ("file", "audio_channel", "error")
    assert failed.isna().to_dict() == {name: name not in given for name in table.columns}


def test_flagged_rows_of_a_dataframe_can_be_selected_although_some_inputs_failed() -> None:
    pytest.importorskip("pandas")
    plain = Answer("d.wav", prediction=Prediction("sad", 0.75, {"happy": 0.25, "sad": 0.75}, ("sad",), 1.5))
    table = to_dataframe([*ANSWERS, plain])
    assert list(table[table.out_of_distribution].file) == ["a, b.wav"]
    assert list(table[~table.out_of_distribution].file) == ["d.wav"]


def test_a_dataframe_of_nothing_has_columns_and_no_rows() -> None:
    pytest.importorskip("pandas")
    assert to_dataframe([]).shape == (0, 10)
    assert to_dataframe([FAILED]).shape == (1, 10)


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"affekt\.to_dataframe needs .*affekt\[pandas\]"):
        to_dataframe(ANSWERS)
