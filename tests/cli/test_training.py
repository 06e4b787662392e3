"""Train, recipes and reproduce: what they print, write and return."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affekt.errors import CorpusError
from affekt.model.bundle import Bundle

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"


@pytest.fixture
def called_with(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments of ``train`` or ``reproduce``, which are stopped by an error."""
    arguments: dict[str, Any] = {}

    def stop(*given: Any, **named: Any) -> None:
        arguments.update({"given": given, **named})
        raise CorpusError("stopped by the test")

    monkeypatch.setattr("affekt.experiments.training.train", stop)
    monkeypatch.setattr("affekt.experiments.reproduction.reproduce", stop)
    return arguments


def test_train_writes_a_model_that_predict_uses(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    code, out, err = run("train", small_ravdess, "--emotions", "anger,happy", "--out", file)
    assert code == 0, err
    assert "by-actor-5" in out
    assert f"affekt predict --model {file}" in out
    assert run("predict", "--json", "--model", file, EXAMPLES)[0] == 0
    code, out, _ = run("model", file)
    assert "happy" in out
    assert "svm, seed 0" in out


def test_the_score_is_shown_and_written_where_the_model_cannot_be(
    run: Run, small_ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Bundle, path: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Bundle, "save", fail)
    monkeypatch.chdir(tmp_path)
    code, out, err = run("train", small_ravdess, "--recipe", "svm", "--json-out", "e.json")
    assert (code, "error: no space" in err) == (1, True)
    assert "by-actor-5" in out
    assert "affekt predict" not in out
    assert json.loads(Path("e.json").read_text(encoding="utf-8"))["recipe"] == "svm"


def test_a_leaky_model_is_marked_wherever_it_is_shown(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    file = tmp_path / "m.onnx"
    _, out, _ = run("train", small_ravdess, "--protocol", "random-80-20", "--recipe", "svm", "--out", file)
    assert "LEAKY" in out
    assert "LEAKY" in run("model", file)[1]


def test_the_options_of_train_reach_the_function(run: Run, called_with: dict[str, Any]) -> None:
    code, _, err = run(
        "train", "A", "B", "--recipe", "svm", "--protocol", "loso", "--emotions", "sad,happy",
        "--seed", "7", "--channel", "song", "--out", "m.onnx", "--checkpoints", "kept",
    )  # fmt: skip
    assert (code, "stopped by the test" in err) == (1, True), err
    assert called_with.pop("jobs") >= 1
    assert called_with == {
        "given": (("A", "B"), "svm"),
        "protocol": "loso",
        "emotions": ("happy", "sad"),
        "vocal_channel": "song",
        "seeds": [7],
        "checkpoints": Path("kept"),
        "progress": True,
    }


def test_a_model_is_called_like_its_recipe_by_default(
    run: Run, called_with: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("train", "A")
    assert called_with.pop("given") == (("A",), "voice-svm")
    assert (called_with["seeds"], called_with["protocol"]) == ([0], None)
    called_with.clear()
    Path("voice-svm.onnx").mkdir()
    code, _, err = run("train", "A")
    assert (code, "'voice-svm.onnx'" in err) == (1, True)
    assert not called_with  # it is refused before


def test_recipes_are_listed_with_their_claims(run: Run) -> None:
    code, out, _ = run("recipes")
    assert code == 0
    assert "random-forest" in out
    assert "76.6%" in out
    assert "LEAKY" in out


@pytest.mark.parametrize("option", ["--system", "--seed-system"])
def test_the_options_of_reproduce_reach_the_function(
    run: Run, called_with: dict[str, Any], option: str
) -> None:
    code, _, err = run(
        "reproduce", "A", option, "mlp", "--quick", "--out", "tried", "--checkpoints", "kept"
    )
    assert (code, "stopped by the test" in err) == (1, True), err
    assert called_with.pop("jobs") >= 1
    assert called_with == {
        "given": ("A",),
        "system": "mlp",
        "quick": True,
        "out": Path("tried"),
        "checkpoints": Path("kept"),
        "progress": True,
    }


def test_a_system_that_does_not_exist_is_wrong_usage(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    code, _, err = run("reproduce", small_ravdess, "--system", "nonsense", "--out", tmp_path)
    assert (code, "'nonsense'" in err) == (2, True)
