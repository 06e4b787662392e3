"""The limits of a visitor."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from affekt.app.limits import DEMO, OWN, VARIABLE, limits
from affekt.app.session import Recording, check_length
from affekt.app.voice import enrol
from affekt.errors import AffektError, AudioContentError
from affekt.model.bundle import load


@pytest.mark.parametrize(
    ("words", "value", "expected"),
    [((), None, OWN), (("--demo",), None, DEMO), ((), "1", DEMO), ((), "0", OWN), ((), "", OWN)],
)
def test_a_demo_is_asked_for_by_an_option_or_a_variable(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], value: str | None, expected: object
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", *words])
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert limits() == expected


def test_a_voice_of_a_demo_may_not_unpack_more_recordings_than_are_allowed(
    monkeypatch: pytest.MonkeyPatch, write_voice: Callable[..., Path], tmp_path: Path
) -> None:
    clip = write_voice(tmp_path / "a.wav", seconds=0.2)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        for number in range(DEMO.files + 1):
            packed.write(clip, f"{number}.wav")
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(AffektError, match="more than 20 recordings are too many here"):
        enrol([("many.zip", (tmp_path / "many.zip").read_bytes())], load())


def test_a_recording_too_long_for_a_demo_is_refused_by_its_header(
    monkeypatch: pytest.MonkeyPatch, write_voice: Callable[..., Path], tmp_path: Path
) -> None:
    content = write_voice(tmp_path / "a.wav", seconds=DEMO.timeline_s + 1).read_bytes()
    long = Recording("a.wav", content[:100_000], "uploaded")
    check_length(long)
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(AudioContentError, match=r"a.wav is longer than 10 minutes"):
        check_length(long)
