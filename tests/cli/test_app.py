"""The command that serves the web app: what it starts, and what it refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.model.bundle import DEFAULT_MODEL

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The programs that are started; each exits with 3."""
    pytest.importorskip("streamlit")
    commands: list[list[str]] = []

    def call(command: list[str]) -> int:
        commands.append(command)
        return 3

    monkeypatch.setattr("affekt.cli.app.subprocess.call", call)
    return commands


def test_the_app_is_served_to_this_machine_alone(run: Run, started: list[list[str]]) -> None:
    code, _, _ = run("app", "--port", "8600")
    ((program, *words),) = started
    assert (code, program, words[:3]) == (3, sys.executable, ["-m", "streamlit", "run"])
    assert Path(words[3]).is_file()
    assert words[4:] == ["--server.address", "127.0.0.1", "--server.port", "8600", "--"]


def test_model_and_corpus_are_handed_on(run: Run, started: list[list[str]], small_ravdess: Path) -> None:
    run("app", "--model", DEFAULT_MODEL, "--corpus", small_ravdess)
    words = started[0]
    assert words[words.index("--") + 1 :] == [
        "--model",
        str(DEFAULT_MODEL),
        "--corpus",
        str(small_ravdess),
    ]


@pytest.mark.parametrize("option", ["--model", "--corpus"])
def test_a_model_or_corpus_that_cannot_be_read_is_an_error_before_anything_starts(
    run: Run, started: list[list[str]], tmp_path: Path, option: str
) -> None:
    (tmp_path / "odd").write_text("odd")
    code, _, err = run("app", option, tmp_path / "odd")
    assert (code, "odd" in err, started) == (1, True, [])


def test_without_streamlit_the_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamlit", None)
    code, _, err = run("app")
    assert (code, "pip install 'affekt[app]'" in err) == (1, True)
