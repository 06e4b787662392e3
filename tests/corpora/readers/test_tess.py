"""TESS file names are read into labels, whatever the folders and the content of the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.corpora.base import Clip
from affekt.corpora.check import check_corpus
from affekt.corpora.clips import load_whole
from affekt.corpora.registry import find_card, load_corpus

Touch = Callable[..., Path]


def test_a_name_gives_every_field(touch: Touch, tmp_path: Path) -> None:
    name = "OAF_pleasant_surprised/OAF_back_ps.wav"
    (clip,) = load_corpus(touch(tmp_path, name)).clips
    assert clip == Clip(
        path=tmp_path / name,
        emotion="surprised",
        speaker="OAF",
        corpus="tess",
        sex="female",
        statement="back",
    )


@pytest.mark.parametrize(
    ("stem", "emotion", "speaker"),
    [
        ("YAF_date_angry", "angry", "YAF"),
        ("YAF_date_disgust", "disgust", "YAF"),
        ("OAF_date_fear", "fearful", "OAF"),
        ("OAF_date_happy", "happy", "OAF"),
        ("OAF_date_sad", "sad", "OAF"),
        ("OA_bite_neutral", "neutral", "OAF"),
    ],
)
def test_codes_are_read_as_words(
    touch: Touch, stem: str, emotion: str, speaker: str, tmp_path: Path
) -> None:
    (clip,) = load_corpus(touch(tmp_path, f"{stem}.wav")).clips
    assert (clip.emotion, clip.speaker) == (emotion, speaker)


def test_folders_of_speaker_and_emotion_are_seven_emotions_and_not_fourteen(
    touch: Touch, tmp_path: Path
) -> None:
    emotions = {"angry": "angry", "fear": "fear", "pleasant_surprise": "ps", "Sad": "sad"}
    for speaker in ("OAF", "YAF"):
        for folder, code in emotions.items():
            touch(tmp_path, f"TESS/{speaker}_{folder}/{speaker}_back_{code}.wav")
    corpus = load_corpus(tmp_path)
    assert (corpus.name, corpus.emotions) == ("tess", ("sad", "angry", "fearful", "surprised"))
    assert corpus.count("speaker") == {"OAF": 4, "YAF": 4}


def test_aiff_under_the_name_of_a_wav_is_read_and_another_rate_is_shown(tmp_path: Path) -> None:
    sound = 0.1 * np.random.default_rng(0).standard_normal(24_414)
    soundfile.write(tmp_path / "YAF_back_sad.wav", sound, 24_414, format="AIFF")
    soundfile.write(tmp_path / "OAF_food_sad.wav", sound, 96_000)
    corpus = load_corpus(tmp_path)
    assert [load_whole(clip).sample_rate for clip in corpus.clips] == [96_000, 24_414]
    check = check_corpus(corpus)
    assert (check.unusable, [one.sample_rate for _, one in check.recordings]) == ((), [96_000, 24_414])


def test_the_card_says_that_altered_clips_may_not_be_passed_on() -> None:
    assert "CC BY-NC-ND 4.0" in find_card("tess").licence
