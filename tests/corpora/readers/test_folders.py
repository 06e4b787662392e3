"""A folder for each emotion is a corpus without speakers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus

Touch = Callable[..., Path]


def only_clip(path: Path) -> Clip:
    (clip,) = load_corpus(path).clips
    return clip


@pytest.mark.parametrize(
    ("folder", "emotion"), [("anger", "angry"), ("Joy", "happy"), ("sad", "sad"), (" Bliss", "bliss")]
)
def test_a_folder_is_its_emotion(touch: Touch, folder: str, emotion: str, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"{folder}/a.wav")).emotion == emotion


def test_the_topmost_folder_is_the_emotion(touch: Touch, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, "fear/loud/happy.wav")).emotion == "fearful"


def test_the_corpus_is_named_after_its_folder(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path / "mine", "sad/a.wav"))
    assert (corpus.name, corpus.clips[0].corpus) == ("mine", "mine")


def test_the_speakers_are_unknown(touch: Touch, tmp_path: Path) -> None:
    clip = only_clip(touch(tmp_path, "sad/a.wav"))
    assert (clip.speaker, clip.speaker_id) == ("", "")


def test_a_file_outside_the_folders_is_misnamed(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "sad/a.wav", "happy/b.wav", "c.wav"))
    assert (len(corpus.clips), corpus.misnamed) == (2, (tmp_path / "c.wav",))
