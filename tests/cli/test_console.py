"""What commands print and write."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from affekt.cli.console import json_output, plain, say_written
from affekt.notes import NoteKind

VALUES = {"emotion": "émotion", "scores": [1, 2]}


def test_json_is_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with json_output(tmp_path / "a.json", indent=2) as write:
        write(VALUES)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == VALUES
    assert text.startswith('{\n  "emotion": "émotion"')
    assert text.endswith("}\n")
    assert capsys.readouterr().out == ""


def test_json_is_printed_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with json_output(None, printed=True) as write:
        write(VALUES)
    assert json.loads(capsys.readouterr().out) == VALUES


def test_json_can_be_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with json_output(tmp_path / "a.json", printed=True) as write:
        write(VALUES)
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
    with json_output(None) as write:
        write(VALUES)
    assert capsys.readouterr().out == ""


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(ZeroDivisionError), json_output(tmp_path / "a.json"):
        raise ZeroDivisionError
    assert (tmp_path / "a.json").read_text() == "old"


def test_written_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    say_written(None, Path("[bold]a.json"), Path("b.html"))
    assert capsys.readouterr().err == "wrote [bold]a.json\nwrote b.html\n"


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_does_not_keep_a_command_from_its_work(closed: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m affekt recipes {closed}>&- && echo done > {tmp_path / 'done'}"
    subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert (tmp_path / "done").is_file()
