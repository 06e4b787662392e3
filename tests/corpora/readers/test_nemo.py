"""nEMO file names are read into labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus

Touch = Callable[..., Path]


def test_a_name_gives_every_field(touch: Touch, tmp_path: Path) -> None:
    (clip,) = load_corpus(touch(tmp_path / "nEMO", "samples/WR0_sadness_84.wav", "data.tsv")).clips
    assert clip == Clip(
        path=tmp_path / "nEMO/samples/WR0_sadness_84.wav",
        emotion="sad",
        speaker="WR0",
        corpus="nemo",
        sex="male",
        statement="84",
    )


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("anger", "angry"),
        ("fear", "fearful"),
        ("happiness", "happy"),
        ("neutral", "neutral"),
        ("surprised", "surprised"),
    ],
)
def test_a_word_is_read_as_an_emotion(touch: Touch, word: str, emotion: str, tmp_path: Path) -> None:
    (clip,) = load_corpus(touch(tmp_path, f"EB0_{word}_1.wav")).clips
    assert (clip.emotion, clip.sex) == (emotion, "female")
