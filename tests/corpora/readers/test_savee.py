"""SAVEE labels are read from folder and file, or from the name of the file alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.registry import load_corpus

Touch = Callable[..., Path]


@pytest.mark.parametrize("layout", ["AudioData/DC/{}.wav", "ALL/DC_{}.wav"])
@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        ("a01", "angry"),
        ("d15", "disgust"),
        ("f03", "fearful"),
        ("h07", "happy"),
        ("n30", "neutral"),
        ("sa01", "sad"),
        ("su15", "surprised"),
    ],
)
def test_a_code_is_read_as_an_emotion(
    touch: Touch, layout: str, code: str, emotion: str, tmp_path: Path
) -> None:
    corpus = load_corpus(touch(tmp_path, layout.format(code)))
    (clip,) = corpus.clips
    assert (corpus.name, clip.emotion, clip.speaker, clip.sex) == ("savee", emotion, "DC", "male")


def test_the_same_number_by_two_speakers_is_no_double(touch: Touch, tmp_path: Path) -> None:
    assert load_corpus(touch(tmp_path, "DC/a01.wav", "JE/a01.wav")).doubled == 0


def test_codes_in_other_folders_are_no_clips(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "happy/a01.wav", "sad/a01.wav"))
    assert corpus.emotions == ("happy", "sad")
