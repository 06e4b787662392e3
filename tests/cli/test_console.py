"""What commands print and write."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import pytest

from affekt.cli.console import hand_over, json_text, plain, say, say_written
from affekt.notes import NoteKind

CLIP = Path(__file__).parents[1] / "synthetic_voices" / "low-plain.flac"
VALUES = {"emotion": "émotion", "scores": [1, 2]}


def test_json_is_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_over(VALUES, lambda: None, tmp_path / "a.json", indent=2)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == VALUES
    assert text.startswith('{\n  "emotion": "émotion"')
    assert text.endswith("}\n")
    assert capsys.readouterr().out == ""


def test_json_is_printed_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    hand_over(VALUES, lambda: None, None, printed=True)
    assert json.loads(capsys.readouterr().out) == VALUES


def test_json_can_be_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_over(VALUES, lambda: None, tmp_path / "a.json", printed=True)
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == capsys.readouterr().out


def test_a_result_is_plain_values() -> None:
    @dataclass
    class Found:
        path: Path
        shares: tuple[float, ...]
        build: Callable[[], None]
        pattern: re.Pattern[str]
        kind: NoteKind

    found = Found(Path("a.wav"), (0.5, math.nan), lambda: None, re.compile("x"), NoteKind.WINDOWS)
    assert plain({"found": [found], 1: None}) == {
        "found": [{"path": "a.wav", "shares": [0.5, None], "kind": "windows"}],
        "1": None,
    }


def test_without_a_file_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    hand_over(VALUES, lambda: None, None)
    assert capsys.readouterr().out == ""


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    failing = Mock(to_dict=Mock(side_effect=ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        hand_over(failing, lambda: None, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == "old"


def test_what_fails_keeps_nothing_else_from_being_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> None:
        raise OSError(f"no space for {given}")

    with pytest.raises(OSError, match=r"no space for \(\)") as found:
        hand_over(VALUES, fail, tmp_path / "a.json", (Path("b"), fail), (tmp_path / "c", Path.touch))
    assert [note for note in found.value.__notes__ if "no space" in note] == [
        f"no space for ({Path('b')!r},)"
    ]
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == VALUES
    assert capsys.readouterr().err == f"wrote {tmp_path / 'a.json'}\nwrote {tmp_path / 'c'}\n"
    with pytest.raises(FileNotFoundError):
        hand_over(VALUES, fail, tmp_path / "none" / "a.json", (None, fail), printed=True)
    assert json.loads(capsys.readouterr().out) == VALUES


def test_written_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    say_written(None, Path("[bold]a.json"), Path("b.html"))
    assert capsys.readouterr().err == "wrote [bold]a.json\nwrote b.html\n"


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of affekt with redirections."""
    command = f"{sys.executable} -m affekt {command}"
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, **environment}
    )


@pytest.mark.posix
@pytest.mark.parametrize("closed", ["2>&-", "0<&-", "0<&- 2>&-"])
def test_a_closed_stream_does_not_keep_a_command_from_its_work(closed: str) -> None:
    done = shell(f"recipes {closed}")
    assert done.returncode == 0
    assert "voice-svm" in done.stdout


@pytest.mark.posix
@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_output_is_an_error_after_the_work(closed: str, unbuffered: str, tmp_path: Path) -> None:
    table = tmp_path / "p.csv"
    done = shell(f"predict {CLIP} --csv {table} {closed}", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert "standard output" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(table.read_text().splitlines()) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
@pytest.mark.parametrize("arguments", [f"predict {CLIP}", f"predict --json {CLIP}", "recipes"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_on_a_full_disk_is_an_error_of_one_line(arguments: str, unbuffered: str) -> None:
    done = shell(f"{arguments} > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device: 'standard output'\n"


def test_json_can_be_read_whatever_the_encoding_of_the_output(tmp_path: Path) -> None:
    clip = shutil.copy(CLIP, tmp_path / "a\N{GRINNING FACE}\N{LATIN SMALL LETTER E WITH ACUTE}.flac")
    done = subprocess.run(
        [sys.executable, "-m", "affekt", "predict", "--json", clip],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert [one["source"] for one in json.loads(done.stdout.decode("cp1252"))] == [str(clip)]


@pytest.mark.parametrize("name", ["a\x9b31m", "a\x7f", "a\u202eb", "a\udcff", "a\u2028b", "a\x1b[2J\n"])
def test_json_has_the_exact_name_and_nothing_that_controls_a_terminal(name: str) -> None:
    text = json_text({"source": name})
    assert json.loads(text) == {"source": name}
    assert text.isprintable()


def test_a_message_is_one_line_and_does_not_control_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("[red]no[/] a\x1b[2J\nb")
    assert capsys.readouterr().err == "no a\\x1b[2J\\nb\n"
