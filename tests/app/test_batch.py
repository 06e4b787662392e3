"""The page *Many files*."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.errors import AudioContentError
from affekt.inference.prediction import Answer, Prediction

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app.batch import row, summarise

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
    expect(page.get_by_text("error 1")).to_be_visible()
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
    expect(page.get_by_text("error 1")).to_be_visible()
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
    expect(page.get_by_text("Each file becomes a row")).to_be_visible()


def test_the_summary_counts_each_emotion_and_the_errors() -> None:
    happy = Prediction("happy", 0.7, {"happy": 0.7, "sad": 0.3}, ("happy",), 1.0)
    failed = Answer("c.wav", error=AudioContentError("c.wav is empty (0 bytes)"))
    answers = [Answer("a.wav", happy), Answer("b.wav", happy), failed]
    assert summarise(answers) == "😊 happy **2** · :material/error: error **1**"
    assert summarise(answers[:2]) == "😊 happy **2**"


def test_a_row_has_a_prediction_or_an_error() -> None:
    happy = Prediction("happy", 0.7, {"happy": 0.7, "sad": 0.3}, ("happy",), 1.0)
    assert row(Answer("a.wav", happy)) == {
        "file": "a.wav", "emotion": "😊 happy", "confidence": 70.0, "length": 1.0, "error": "",
    }  # fmt: skip
    assert row(Answer("c.wav", error=AudioContentError("c.wav is empty (0 bytes)"))) == {
        "file": "c.wav", "emotion": "error", "confidence": None, "length": None,
        "error": "c.wav is empty (0 bytes)",
    }  # fmt: skip
