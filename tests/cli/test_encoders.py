"""Encoders: what the commands print, write and return."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.features.small_encoder import registered, state, torch_encoder

from affekt.features.encoder_registry import ENCODERS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and a small encoder that can be added to it."""
    monkeypatch.setenv("AFFEKT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENCODERS, "small", registered())
    return tmp_path / "cache" / "encoders"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The checkpoint of the small encoder."""
    torch.save(state(torch_encoder()), tmp_path / "[small].pt")
    return tmp_path / "[small].pt"


@pytest.mark.parametrize("words", [[], ["list"]])
def test_encoders_are_listed_with_size_licence_and_how_to_get_them(run: Run, words: list[str]) -> None:
    code, out, _ = run("encoders", *words)
    assert code == 0
    assert "6.0 MB, in the package" in out
    assert "MIT (OpenAI)" in out
    assert "affekt encoders download whisper-base" in out


def test_the_list_is_json_too(run: Run) -> None:
    found = json.loads(run("encoders", "--json")[1])
    assert [one["name"] for one in found] == ["whisper-tiny", "whisper-base", "small"]
    assert [one["file"] is None for one in found] == [False, True, True]
    assert found[0]["taps"] == [2, 3]


def test_options_of_a_subcommand_are_not_lost_before_it(run: Run, checkpoint: Path) -> None:
    code, out, err = run("encoders", "--json", "add", checkpoint)
    assert (code, out, "after the command" in " ".join(err.split())) == (2, "", True)


def test_an_encoder_is_added_and_listed(run: Run, checkpoint: Path, cache: Path) -> None:
    code, out, err = run("encoders", "add", checkpoint)
    assert code == 0, err
    assert f"small is in {cache}" in out
    assert str(cache) in run("encoders")[1]


def test_a_wrong_checkpoint_is_refused_in_one_line(run: Run, checkpoint: Path) -> None:
    code, _, err = run("encoders", "add", checkpoint, "--name", "whisper-base")
    assert code == 1
    assert "another network than Whisper base" in err
    checkpoint.write_text("this is no checkpoint")
    code, _, err = run("encoders", "add", checkpoint)
    assert (code, len(err.splitlines())) == (1, 1)
    assert "cannot be read as a checkpoint" in err


@pytest.mark.parametrize("name", ["whisper-tiny", "nonsense"])
def test_only_optional_encoders_are_downloaded(run: Run, name: str) -> None:
    assert run("encoders", "download", name)[0] == 2


def test_a_download_that_cannot_be_is_an_error(run: Run) -> None:
    code, _, err = run("encoders", "download", "small")
    assert code == 1
    assert "cannot be downloaded by affekt" in err


def test_features_that_need_an_absent_encoder_say_how_to_get_it(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    clip = write_voice(tmp_path / "a.wav")
    code, _, err = run("features", clip, "--set", "whisper-base@1", "--out", tmp_path / "f.csv")
    assert code == 1
    assert "affekt encoders download whisper-base" in err
    assert not (tmp_path / "f.csv").exists()
