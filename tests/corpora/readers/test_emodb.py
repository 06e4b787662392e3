"""EMO-DB file names are read into labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus

Touch = Callable[..., Path]
NAME = "14a05Wb"


def only_clip(path: Path) -> Clip:
    (clip,) = load_corpus(path).clips
    return clip


def test_a_name_gives_every_field(touch: Touch, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"wav/{NAME}.wav")) == Clip(
        path=tmp_path / f"wav/{NAME}.wav",
        emotion="angry",
        speaker="14",
        corpus="emodb",
        sex="female",
        statement="a05",
        repetition="b",
    )


@pytest.mark.parametrize(
    ("letter", "emotion"),
    [
        ("W", "angry"),
        ("L", "bored"),
        ("E", "disgust"),
        ("A", "fearful"),
        ("F", "happy"),
        ("T", "sad"),
        ("N", "neutral"),
    ],
)
def test_a_letter_is_read_as_an_emotion(touch: Touch, letter: str, emotion: str, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"03a01{letter}a.wav")).emotion == emotion


@pytest.mark.parametrize(
    ("speaker", "sex"),
    [
        ("03", "male"),
        ("08", "female"),
        ("09", "female"),
        ("10", "male"),
        ("11", "male"),
        ("12", "male"),
        ("13", "female"),
        ("14", "female"),
        ("15", "male"),
        ("16", "female"),
    ],
)
def test_a_speaker_has_a_sex(touch: Touch, speaker: str, sex: str, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"{speaker}b10Ta.wav")).sex == sex


@pytest.mark.parametrize("stem", ["04a01Fa", "03a03Fa", "03a01Xa", "03a01F", "03a01Faa"])
def test_a_name_of_another_form_is_misnamed(touch: Touch, stem: str, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, f"{NAME}.wav", "03a01Fa.wav", f"{stem}.wav"))
    assert corpus.misnamed == (tmp_path / f"{stem}.wav",)


def test_the_real_emodb_is_recognised(emodb: Path) -> None:
    corpus = load_corpus(emodb)
    assert (corpus.name, corpus.misnamed) == ("emodb", ())
    assert len(corpus.count("speaker")) == 10
    assert len(corpus.clips) in (339, 535)  # four emotions, as some mirrors have it, or all seven
