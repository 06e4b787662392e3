"""Options that take several values, renamed options, output files and lists of emotions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rich_click as click
from click.testing import CliRunner, Result

from affekt.cli.parameters import Command, OutputFile, RenamedOption, SeveralValues, parse_emotions

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"


@click.command(cls=Command)
@click.argument("rest", nargs=-1)
@click.option("--many", cls=SeveralValues, multiple=True)
@click.option("--more", cls=SeveralValues, multiple=True)
@click.option("--one")
@click.option("--flag", is_flag=True)
@click.option("--new", "renamed", cls=RenamedOption, formerly="--old", type=click.Choice(["x", "y"]))
@click.option("--out", type=OutputFile(".csv", ".npz"))
@click.option("--emotions", callback=parse_emotions)
@click.pass_obj
def command(passed: dict[str, Any], /, **values: Any) -> None:
    passed.update(values)


def run(*arguments: str) -> tuple[Result, dict[str, Any]]:
    values: dict[str, Any] = {}
    return CliRunner().invoke(command, arguments, obj=values), values


@pytest.mark.parametrize(
    ("line", "many", "more", "rest"),
    [
        ("", (), (), ()),
        ("a b", (), (), ("a", "b")),
        ("--many a", ("a",), (), ()),
        ("--many a b c", ("a", "b", "c"), (), ()),
        ("--many a b --more c d", ("a", "b"), ("c", "d"), ()),
        ("--many a b --one x c", ("a", "b"), (), ("c",)),
        ("--many a b --flag c", ("a", "b"), (), ("c",)),
        ("--many a --flag --many b c", ("a", "b", "c"), (), ()),
        ("--many=a b", ("a",), (), ("b",)),
        ("--many=a --many b c", ("a", "b", "c"), (), ()),
        ("r --many a -- b --many", ("a",), (), ("r", "b", "--many")),
        ("r --many a - b", ("a", "-", "b"), (), ("r",)),
    ],
)
def test_values_are_collected_up_to_the_next_option(
    line: str, many: tuple[str, ...], more: tuple[str, ...], rest: tuple[str, ...]
) -> None:
    result, values = run(*line.split())
    assert result.exit_code == 0, result.output
    assert (values["many"], values["more"], values["rest"]) == (many, more, rest)


@pytest.mark.parametrize("line", ["--many", "a --many", "--many --one x", "--many -- a", "--many --many a"])
def test_an_option_without_a_value_is_wrong_usage(line: str) -> None:
    result, values = run(*line.split())
    assert result.exit_code == 2
    assert "'--many' requires an argument" in result.output
    assert not values


@pytest.mark.parametrize("line", ["--new x", "--old x", "--old=x", "--new y --old x"])
def test_a_renamed_option_is_accepted_under_both_names(line: str) -> None:
    assert run(*line.split())[1]["renamed"] == "x"


def test_a_value_under_a_former_name_is_checked_too() -> None:
    result, _ = run("--old", "z")
    assert result.exit_code == 2
    assert "'z' is not one of" in result.output


def test_the_help_shows_new_names_alone() -> None:
    result, _ = run("--help")
    assert "--new" in result.output
    assert "--old" not in result.output


@pytest.mark.parametrize("name", ["a.csv", "folder/A.NPZ"])
def test_an_output_file_with_its_suffix_is_accepted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert run("--out", name)[1]["out"] == Path(name)


@pytest.mark.parametrize("name", ["a.wav", "-", "x"])
def test_an_output_file_with_another_suffix_is_wrong_usage(name: str) -> None:
    result, values = run("--out", name)
    assert result.exit_code == 2
    assert f"'{name}' does not end in" in result.output
    assert not values


@pytest.mark.parametrize("name", ["none/a.csv", "a" * 300 + ".csv"])
def test_an_output_file_that_cannot_be_written_is_an_error_of_the_operating_system(name: str) -> None:
    result, values = run("--out", name)
    assert isinstance(result.exception, OSError)
    assert not values


@pytest.mark.parametrize(
    ("text", "emotions"),
    [
        ("sad,happy", ("happy", "sad")),
        (" Joy , sadness,", ("happy", "sad")),
        ("bliss,calm", ("calm", "bliss")),
        ("all", "all"),
        (None, None),
    ],
)
def test_emotions_are_canonical_and_sorted(text: str | None, emotions: object) -> None:
    assert run(*(() if text is None else ("--emotions", text)))[1]["emotions"] == emotions


@pytest.mark.parametrize("text", ["happy", "happy,joy"])
def test_one_emotion_is_no_choice(text: str) -> None:
    result, _ = run("--emotions", text)
    assert result.exit_code == 2
    assert "two emotions or more" in result.output


@pytest.mark.posix
def test_an_output_that_is_a_link_to_a_recording_is_refused(run: Run, tmp_path: Path) -> None:
    recording, link = tmp_path / "in.wav", tmp_path / "out.csv"
    shutil.copy(EXAMPLES / "low-plain.flac", recording)
    link.symlink_to(recording)
    before = recording.read_bytes()
    code, _, err = run("predict", recording, "--csv", link)
    assert code == 2
    assert "is a link to" in err
    assert recording.read_bytes() == before
