"""EmotionTTS numbers are read into labels as its scripts have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.registry import load_corpus

Touch = Callable[..., Path]
FOLDER = "Emotional/emotional-to-emotional/nea/wav"


@pytest.mark.parametrize(
    ("number", "emotion"),
    [
        ("00001", "neutral"),
        ("00100", "neutral"),
        ("00101", "happy"),
        ("00201", "sad"),
        ("00301", "angry"),
        ("00400", "angry"),
    ],
)
def test_the_hundreds_are_the_emotion(touch: Touch, number: str, emotion: str, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, f"{FOLDER}/nea{number}.wav"))
    (clip,) = corpus.clips
    assert (corpus.name, clip.emotion, clip.speaker, clip.sex) == ("emotiontts", emotion, "nea", "female")


@pytest.mark.parametrize("stem", ["nea00000", "nea00401", "nez00001"])
def test_another_number_or_speaker_is_misnamed(touch: Touch, stem: str, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "nea00001.wav", "nek00001.wav", f"{stem}.wav"))
    assert corpus.misnamed == (tmp_path / f"{stem}.wav",)


def test_recordings_of_plain_scripts_are_left_out(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, f"{FOLDER}/nea00001.wav", "Emotional/plain/ema/wav/ema00101.wav"))
    assert (len(corpus.clips), corpus.misnamed) == (1, ())


def test_the_manifest_of_a_folder_takes_precedence(touch: Touch, tmp_path: Path) -> None:
    folder = touch(tmp_path / "korean", "nea00001.wav")
    (folder / "korean.csv").write_text("path,emotion,speaker\nnea00001.wav,sad,ann\n", encoding="utf-8")
    (clip,) = load_corpus(folder).clips
    assert (clip.emotion, clip.speaker, clip.corpus) == ("sad", "ann", "korean")
