"""Completion in the shell: names of all kinds, and paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, ShellComplete, get_completion_class

from affekt.cli.command_line import affekt
from affekt.cli.completion import PROTOCOLS

SHELLS = ["bash", "zsh", "fish"]


def complete(line: str, shell: type[ShellComplete] = BashComplete) -> list[tuple[str, str]]:
    """What the Tab key offers at the end of a line: kind and value."""
    *words, incomplete = line.split(" ")
    offered = shell(affekt, {}, "affekt", "_AFFEKT_COMPLETE").get_completions(words, incomplete)
    return [(one.type, one.value) for one in offered]


def names(line: str) -> list[str]:
    return [value for kind, value in complete(line) if kind == "plain"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pre", ["predict"]),
        ("corpora ch", ["check"]),
        ("predict --json", ["--json", "--json-out"]),
        ("evaluate X --recipe voice", ["voice-svm"]),
        ("train X --recipe se-", ["se-cnn"]),
        ("train X --protocol by", ["by-actor-5"]),
        ("evaluate X --protocol random-8", ["random-80-20"]),
        ("features a.wav --set voice", ["voice@1"]),
        ("explore X --set spectral-1", ["spectral-120@1"]),
        ("predict a.wav --emotions s", ["sad", "surprised"]),
        ("predict a.wav --emotions sad,happy,s", ["sad,happy,surprised"]),
        ("enrolment X --enrol neu", ["neutral"]),
        ("evaluate rav", ["ravdess"]),
        ("evaluate --train-on ravdess --test-on emod", ["emodb"]),
        ("corpora download ", ["ravdess"]),
        ("encoders download ", ["whisper-base"]),
        ("encoders add a.pt --name whisper", ["whisper-base"]),
        ("corpora check rav", ["ravdess"]),
        ("reproduce --system ml", ["mlp"]),
        ("evaluate X --vocal-channel s", ["speech", "song"]),
    ],
)
def test_names_are_offered(
    line: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ravdess", "emodb"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    assert names(line) == expected


def test_corpora_that_are_not_there_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFFEKT_DATA", raising=False)
    assert complete("evaluate rav") == [("file", "rav")]


@pytest.mark.parametrize(
    "line",
    [
        "predict ", "predict a.wav b", "adapt ", "features ", "predict --model ", "predict --voice ",
        "predict --csv ", "evaluate ", "evaluate ./rav", "evaluate --train-on ", "evaluate X --test-on ",
        "compare ", "compare a.json ", "corpora check ", "corpora check ./x", "explore ", "train ",
        "model ", "encoders add ", "evaluate X --json-out ",
    ],
)  # fmt: skip
def test_paths_are_left_to_the_shell(line: str) -> None:
    assert complete(line) == [("file", line.rsplit(" ", maxsplit=1)[-1])]


def test_all_protocols_are_offered() -> None:
    from affekt.evaluation.protocols import PROTOCOLS as ALL

    assert tuple(ALL) == PROTOCOLS
    assert names("evaluate X --protocol ") == list(ALL)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_offered_the_same(shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None
    assert ("plain", "svm") in complete("evaluate X --recipe s", found)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_for_a_shell_is_printed_by_the_command(shell: str) -> None:
    done = run(_AFFEKT_COMPLETE=f"{shell}_source")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_AFFEKT_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize("line", ["affekt evaluate X --protocol ", "affekt evaluate X --recipe s"])
def test_the_command_answers_a_shell_without_loading_anything_heavy(line: str) -> None:
    words = line.split(" ")
    done = run(_AFFEKT_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    answer, modules = done.stdout.split("loaded: ")
    assert (done.returncode, done.stderr) == (0, "")
    assert "plain,by-actor-5" in answer or "plain,svm" in answer
    assert not {"sklearn", "scipy", "pandas", "onnxruntime"} & set(modules.split())


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command with environment variables, and print at its end what it has loaded."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('loaded:', *sys.modules) if 'bash' in sys.argv[1] else None)\n"
        "kind = sys.argv[1]\n"
        "from affekt.cli import main\n"
        "sys.argv[0] = 'affekt'\n"
        "main()\n"
    )
    kind = variables["_AFFEKT_COMPLETE"]
    command = [sys.executable, "-c", program, kind]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables})
