"""The page *Many files*."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from affekt.errors import AudioContentError
from affekt.inference.prediction import Answer, Prediction, predict

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app import batch, session
from affekt.app.batch import FAILED, GUESSES, Row, count, guesses, hear
from affekt.app.limits import OWN
from affekt.model.bundle import load
from affekt.notes import Note, NoteKind

Open = Callable[..., Page]
Upload = Callable[..., None]


@pytest.fixture
def ten_files(tmp_path: Path, write_voice: Callable[..., Path]) -> list[Path]:
    """Nine recordings, and a file that cannot be read."""
    files = [write_voice(tmp_path / f"clip{i}.wav", seed=i) for i in range(9)]
    broken = tmp_path / "clip9.wav"
    broken.write_bytes(b"RIFF, but nothing behind it")
    return [*files, broken]


def download(page: Page) -> list[list[str]]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the table").click()
    return list(csv.reader(io.StringIO(Path(waiting.value.path()).read_text())))


def from_command_line(files: list[Path], folder: Path) -> list[list[str]]:
    names = [file.name for file in files]
    command = [sys.executable, "-m", "affekt", "predict", *names, "--csv", "out.csv"]
    subprocess.run(command, cwd=folder, capture_output=True)
    return list(csv.reader((folder / "out.csv").read_text().splitlines()))


def test_the_table_of_many_files_is_that_of_the_command_line(
    open_page: Open, upload: Upload, ten_files: list[Path]
) -> None:
    page = open_page("batch")
    upload(page, *ten_files)
    expect(page.get_by_text("failed 1")).to_be_visible()
    table = download(page)
    assert len(table) == 11
    assert table == from_command_line(ten_files, ten_files[0].parent)


def test_a_zip_archive_of_the_files_gives_the_same_table(
    open_page: Open, upload: Upload, ten_files: list[Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in ten_files:
            archive.write(file, file.name)
    page = open_page("batch")
    upload(page, tmp_path / "all.zip")
    expect(page.get_by_text("failed 1")).to_be_visible()
    assert download(page) == from_command_line(ten_files, ten_files[0].parent)


def test_a_zip_archive_with_a_path_outside_its_folder_is_refused(
    open_page: Open, upload: Upload, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(write_voice(tmp_path / "a.wav"), "../../a.wav")
    page = open_page("batch")
    upload(page, tmp_path / "evil.zip")
    page.get_by_role("button", name="Download the table").wait_for()
    (_, refused) = download(page)
    assert "outside its folder" in refused[-1]


def test_the_table_is_kept_until_the_visitor_forgets_it(
    open_page: Open, upload: Upload, follow: Callable[[Page, str], None], ten_files: list[Path]
) -> None:
    page = open_page("batch")
    upload(page, *ten_files)
    page.get_by_role("button", name="Download the table").wait_for()
    follow(page, "Models")
    follow(page, "Many files")
    expect(page.get_by_text("9 of 10 recordings predicted by the bundled model")).to_be_visible()
    page.get_by_role("button", name="Forget these").click()
    expect(page.get_by_text("Each recording gets a row")).to_be_visible()


def test_failures_are_on_top_and_each_other_row_can_be_heard(
    open_page: Open, upload: Upload, ten_files: list[Path]
) -> None:
    page = open_page("batch")
    upload(page, *ten_files)
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(re.compile("clip9.wav: This file cannot be read: it is not audio"))
    players = page.locator("audio")
    expect(players).to_have_count(9)
    assert alert.bounding_box()["y"] < players.first.bounding_box()["y"]  # type: ignore[index]
    ready = "(one) => new Promise((heard) => { one.oncanplay = () => heard(one.duration); one.load(); })"
    assert players.first.evaluate(ready) == pytest.approx(0.6, abs=0.1)
    expect(page.get_by_text("None")).to_have_count(0)
    page.get_by_text("failed 1").click()
    expect(players).to_have_count(0)


def test_a_fault_of_affekt_costs_one_row_alone(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    write_voice: Callable[..., Path],
    tmp_path: Path,
) -> None:
    content = write_voice(tmp_path / "a.wav").read_bytes()
    assert hear(content, "a.wav", load(), None).answer.prediction == predict(content)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(batch, "predict_waveform", fail)
    row = hear(content, "a.wav", load(), None)
    assert str(row.answer.error) == "a.wav cannot be read, by a fault of affekt (ZeroDivisionError)"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("uploaded", [2, 3])
def test_a_limit_is_told_where_there_are_more_recordings_than_it(
    uploaded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "limits", lambda: replace(OWN, files=2))
    monkeypatch.setattr(batch, "_rows", lambda files: ((BROKEN, 0.5) for _ in files))
    monkeypatch.setattr(batch, "st", Mock())
    monkeypatch.setattr(session, "model_description", lambda: "a model")
    monkeypatch.setattr(session, "bundle", load)
    rows = batch._predict([None] * uploaded, "key")
    assert len(rows.rows) == 2
    assert rows.emotions == load().contract.emotions  # a table has these, whatever model is chosen later
    assert ("No more than 2 are read" in rows.summary) == (uploaded > 2)


HAPPY = Prediction("happy", 0.7, {"sad": 0.3, "happy": 0.7}, ("happy",), 1.0)
BROKEN = Row(Answer("c.wav", error=AudioContentError("c.wav is empty (0 bytes)")))


def test_failures_are_counted_first_and_then_each_emotion() -> None:
    rows = [Row(Answer("a.wav", HAPPY)), BROKEN, Row(Answer("b.wav", HAPPY))]
    assert list(count(rows).items()) == [(FAILED, 1), ("happy", 2)]
    assert count(rows[:1]) == {"happy": 1}


def test_a_row_has_the_second_guess_and_a_warning_before_both() -> None:
    def words(**changes: Any) -> str:
        return GUESSES.format(*guesses(replace(HAPPY, **changes)))

    assert words() == " 😊 **happy** 70%, then 😢 sad 30%"
    unsure = {"prediction_set": ("happy", "sad", "calm", "angry")}
    assert words(**unsure) == f"Unsure:{words()}"
    unlike = (Note(NoteKind.OUT_OF_DISTRIBUTION, "odd"),)
    assert words(notes=unlike, **unsure) == f"Unlike the training data, do not rely on it:{words()}"
