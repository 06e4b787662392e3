"""Encoders are found in the package and in the user's cache folder, and a damaged file is never run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from affekt.errors import EncoderError, UnknownNameError
from affekt.features.encoder_registry import (
    ENCODERS,
    cache_folder,
    cached_name,
    check_encoder,
    find_encoder,
    graph_file,
    read_graph,
)

BASE = ENCODERS["whisper-base"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("AFFEKT_CACHE", str(tmp_path))
    (tmp_path / "encoders").mkdir()
    return tmp_path / "encoders"


def test_the_bundled_encoder_is_in_the_package() -> None:
    path = graph_file(ENCODERS["whisper-tiny"])
    assert path is not None
    assert path.parent.name == "features"
    assert read_graph("whisper-tiny") == path.read_bytes()


def test_a_cached_encoder_is_found_and_read(cache: Path) -> None:
    path = cache / cached_name(BASE, b"graph")
    path.write_bytes(b"graph")
    assert check_encoder("whisper-base") == path
    assert read_graph("whisper-base") == b"graph"


def test_a_damaged_file_is_never_returned(cache: Path) -> None:
    path = cache / cached_name(BASE, b"graph")
    path.write_bytes(b"grapf")
    with pytest.raises(EncoderError, match=r"is damaged, its checksum is wrong: run 'affekt encoders down"):
        read_graph("whisper-base")


def test_a_file_without_a_checksum_in_its_name_is_not_found(cache: Path) -> None:
    for name in ("whisper-base.onnx", "whisper-base.v2.onnx", "whisper-base.abc.part"):
        (cache / name).write_bytes(b"graph")
    assert graph_file(BASE) is None
    with pytest.raises(
        EncoderError, match="not on this machine: run 'affekt encoders download whisper-base'"
    ):
        check_encoder("whisper-base")


def test_a_folder_in_the_place_of_the_file_is_an_error(cache: Path) -> None:
    (cache / cached_name(BASE, b"graph")).mkdir()
    with pytest.raises(EncoderError, match="cannot be read"):
        read_graph("whisper-base")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"no encoder is called 'wisper-base'.*Did you mean"):
        find_encoder("wisper-base")


def test_a_checkpoint_is_named_by_its_checksum_as_openai_does() -> None:
    checkpoint = BASE.checkpoint
    assert checkpoint is not None
    assert checkpoint.url.split("/")[-2:] == [checkpoint.digest, "base.pt"]
    assert checkpoint.name == "base.pt"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "HOME/.cache/affekt/encoders"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/affekt/encoders"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "HOME/.cache/affekt/encoders"),
        ("linux", {"XDG_CACHE_HOME": "/xdg", "AFFEKT_CACHE": "/mine"}, "/mine/encoders"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "HOME/Library/Caches/affekt/encoders"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/affekt/encoders"),
        ("win32", {}, "HOME/AppData/Local/affekt/encoders"),
    ],
)
def test_the_cache_folder_is_the_usual_one_unless_a_variable_names_another(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AFFEKT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(expected.replace("HOME", str(Path.home())))
