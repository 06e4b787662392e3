"""The options that evaluate, enrolment and robustness share: what the functions are called with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affekt.errors import CorpusError

Run = Callable[..., tuple[int, str, str]]
FUNCTIONS = {
    "evaluate": "affekt.experiments.scoring.evaluate",
    "enrolment": "affekt.experiments.enrolment.enrolment",
    "robustness": "affekt.experiments.robustness.robustness",
}
OWN: dict[str, dict[str, object]] = {
    "evaluate": {"for_report": False, "seeds": 1},
    "enrolment": {"enrolled_emotion": None},
    "robustness": {"seeds": 1},
}
DEFAULTS: dict[str, object] = {
    "test_on": None,
    "recipe": None,
    "model": None,
    "protocol": None,
    "emotions": None,
    "vocal_channel": None,
    "tested_vocal_channel": None,
    "checkpoints": None,
    "progress": True,
}
each_command = pytest.mark.parametrize("command", FUNCTIONS)


@pytest.fixture
def called_with(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments of the command's function, which is stopped by an error."""
    arguments: dict[str, Any] = {}

    def stop(**given: Any) -> None:
        arguments.update(given)
        raise CorpusError("stopped by the test")

    for place in FUNCTIONS.values():
        monkeypatch.setattr(place, stop)
    return arguments


@each_command
@pytest.mark.parametrize(
    ("line", "corpus", "test_on"),
    [
        ("A", ("A",), None),
        ("A B", ("A", "B"), None),
        ("--recipe svm A B", ("A", "B"), None),
        ("A B --test-on C D --recipe svm", ("A", "B"), ("C", "D")),
        ("A --recipe svm --test-on C --test-on D", ("A",), ("C", "D")),
        ("--recipe svm --test-on C -- A B", ("A", "B"), ("C",)),
        ("--train-on A B --test-on C D --recipe svm", ("A", "B"), ("C", "D")),
        ("--test-on C D --recipe svm --train-on A B", ("A", "B"), ("C", "D")),
        ("--train-on A --train-on B --recipe svm --test-on C", ("A", "B"), ("C",)),
    ],
)
def test_corpora_are_trained_and_tested_on(
    run: Run,
    called_with: dict[str, Any],
    command: str,
    line: str,
    corpus: tuple[str, ...],
    test_on: tuple[str, ...] | None,
) -> None:
    code, _, err = run(command, *line.split())
    assert (code, "stopped by the test" in err) == (1, True), err
    assert (called_with["corpus"], called_with["test_on"]) == (corpus, test_on)


@each_command
def test_without_options_the_bundled_model_is_tested(
    run: Run, called_with: dict[str, Any], command: str
) -> None:
    run(command, "A")
    assert called_with.pop("jobs") >= 1
    assert called_with == {"corpus": ("A",), **DEFAULTS, **OWN[command]}


@each_command
def test_every_option_reaches_the_function(run: Run, called_with: dict[str, Any], command: str) -> None:
    seeds = ["--seeds", "3"] if command != "enrolment" else []
    code, _, err = run(
        command, "A", "--recipe", "svm", "--protocol", "loso", "--emotions", "sadness,happy", *seeds,
        "--vocal-channel", "speech", "--test-vocal-channel", "song", "--checkpoints", "kept",
    )  # fmt: skip
    assert (code, "stopped by the test" in err) == (1, True), err
    expected: dict[str, object] = {
        "recipe": "svm",
        "protocol": "loso",
        "emotions": ("happy", "sad"),
        "vocal_channel": "speech",
        "tested_vocal_channel": "song",
        "checkpoints": Path("kept"),
        **({"seeds": 3} if seeds else {}),
    }
    assert called_with.pop("jobs") >= 1
    assert called_with == {"corpus": ("A",), **DEFAULTS, **OWN[command], **expected}


@each_command
def test_a_model_and_its_limits_reach_the_function(
    run: Run, called_with: dict[str, Any], command: str, tmp_path: Path
) -> None:
    file = tmp_path / "m.onnx"
    file.touch()
    run(
        command, "A", "B", "--model", file, "--emotions", "all", "--channel", "song",
        "--test-channel=speech", "--checkpoints", tmp_path,
    )  # fmt: skip
    assert (called_with["corpus"], called_with["model"], called_with["recipe"]) == (("A", "B"), file, None)
    assert (called_with["emotions"], called_with["checkpoints"]) == ("all", tmp_path)
    assert (called_with["vocal_channel"], called_with["tested_vocal_channel"]) == ("song", "speech")


@each_command
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "give a corpus"),
        ("--recipe svm", "give a corpus"),
        ("--train-on A --recipe svm", "--train-on needs --test-on"),
        ("A --train-on B --test-on C --recipe svm", "not both"),
        ("A --train-on B --recipe svm", "not both"),
        ("--test-on C --recipe svm", "--test-on needs the corpora to train on"),
        ("A --recipe svm --test-on", "'--test-on' requires an argument"),
        ("A --test-on --recipe svm", "'--test-on' requires an argument"),
        ("A --test-on B", "--test-on: only with --recipe"),
        ("A --protocol loso", "--protocol: only with --recipe"),
        ("A --seeds 2", "--seeds: only with --recipe"),
        (f"A --model {__file__} --seeds 2 --protocol loso", "--protocol and --seeds: only with --recipe"),
        (f"A --recipe svm --model {__file__}", "not both"),
        ("A --model none.onnx", "none.onnx"),
        ("A --recipe svm --seeds 0", "--seeds"),
        ("A --emotions happy", "two emotions or more"),
        ("A --vocal-channel whisper", "'whisper' is not one of"),
        ("A --json-out scores.txt", "does not end in .json"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(
    run: Run, called_with: dict[str, Any], command: str, line: str, message: str
) -> None:
    if command == "enrolment" and "--seeds" in line:
        pytest.skip("enrolment trains once: it has no --seeds")
    code, out, err = run(command, *line.split())
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not called_with


def test_enrolment_trains_once(run: Run, called_with: dict[str, Any]) -> None:
    code, _, err = run("enrolment", "A", "--recipe", "svm", "--seeds", "2")
    assert (code, "No such option" in err, called_with) == (2, True, {})


@each_command
def test_scores_that_cannot_be_written_are_an_error_before_they_are_computed(
    run: Run, called_with: dict[str, Any], command: str, tmp_path: Path
) -> None:
    code, _, err = run(command, "A", "--json-out", tmp_path / "none" / "scores.json")
    assert (code, "no folder" in err) == (1, True)
    assert not called_with


@each_command
def test_no_name_of_an_option_is_broken_in_a_help_of_80_columns(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affekt.cli.command_line import affekt

    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(command, "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for option in affekt.commands[command].params:
        if option.param_type_name == "option":
            assert f"{option.opts[0]} " in out
    assert "--channel" not in out.replace("--vocal-channel", "")
    assert "--train-on" in out
