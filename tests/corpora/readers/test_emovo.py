"""EMOVO file names are read into labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus

Touch = Callable[..., Path]


def test_a_name_gives_every_field(touch: Touch, tmp_path: Path) -> None:
    (clip,) = load_corpus(touch(tmp_path, "EMOVO/f2/gio-f2-b1.wav")).clips
    assert clip == Clip(
        path=tmp_path / "EMOVO/f2/gio-f2-b1.wav",
        emotion="happy",
        speaker="f2",
        corpus="emovo",
        sex="female",
        statement="b1",
    )


@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        ("dis", "disgust"),
        ("neu", "neutral"),
        ("pau", "fearful"),
        ("rab", "angry"),
        ("sor", "surprised"),
        ("tri", "sad"),
    ],
)
def test_a_code_is_read_as_an_emotion(touch: Touch, code: str, emotion: str, tmp_path: Path) -> None:
    (clip,) = load_corpus(touch(tmp_path, f"{code}-m3-n5.wav")).clips
    assert (clip.emotion, clip.sex) == (emotion, "male")
