"""Explain: what it prints, writes and returns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import rich_click as click

from affekt.cli.explanations import explain as command
from affekt.inference.explanation import MASKS, MIN_MASKS, explain
from affekt.inference.explanation_page import explanation_page

Run = Callable[..., tuple[int, str, str]]
EXAMPLE = Path(__file__).parents[1] / "synthetic_voices" / "high-fast-loud.flac"


def test_the_picture_names_the_emotion_and_has_a_row_for_each_band(run: Run) -> None:
    code, out, _ = run("explain", EXAMPLE, "--masks", 20, "--emotion", "SAD")
    assert code == 0
    assert "; explained: sad" in out
    assert out.count(" Hz ") == len(explain(EXAMPLE, masks=20).bands)


def test_json_is_printed_and_written(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "why.json"
    code, out, err = run("explain", EXAMPLE, "--masks", 20, "--json", "--json-out", place)
    assert code == 0
    expected = json.loads(json.dumps(explain(str(EXAMPLE), masks=20).to_dict()))
    assert json.loads(out) == expected
    assert json.loads(place.read_text(encoding="utf-8")) == expected
    assert f"wrote {place}" in err


def test_a_page_is_written(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "why.html"
    code, _, err = run("explain", EXAMPLE, "--masks", 20, "--report", place)
    assert code == 0
    assert f"wrote {place}" in err
    assert place.read_text(encoding="utf-8") == explanation_page(explain(str(EXAMPLE), masks=20))


def test_the_result_is_shown_and_written_where_the_page_cannot_be(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OSError("no space")

    monkeypatch.setattr("affekt.inference.explanation_page.explanation_page", fail)
    files = ("--report", tmp_path / "why.html", "--json-out", tmp_path / "why.json")
    code, out, err = run("explain", EXAMPLE, "--masks", 20, *files)
    assert (code, "error: no space" in err) == (1, True)
    assert " Hz " in out
    assert [one.name for one in tmp_path.iterdir()] == ["why.json"]


def test_an_emotion_that_is_left_out_is_an_error(run: Run) -> None:
    code, out, err = run("explain", EXAMPLE, "--emotion", "angry", "--emotions", "happy,sad")
    assert code != 0
    assert not out
    assert "There are: happy, sad" in err


def test_a_folder_of_several_recordings_is_refused(run: Run) -> None:
    code, _, err = run("explain", EXAMPLE.parent)
    assert code == 2
    assert "holds 4 recordings: give one of them" in err


def test_the_number_of_masks_is_that_of_the_function() -> None:
    (option,) = (one for one in command.params if one.name == "masks")
    assert option.default == MASKS
    assert isinstance(option.type, click.IntRange)
    assert option.type.min == MIN_MASKS
