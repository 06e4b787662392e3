"""RAVDESS file names are read into labels, and its card lists what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import find_card, load_corpus
from affekt.emotions import EMOTIONS

Touch = Callable[..., Path]
NAME = "03-01-05-02-01-02-13"


def only_clip(path: Path) -> Clip:
    (clip,) = load_corpus(path).clips
    return clip


def test_a_name_gives_every_field(touch: Touch, tmp_path: Path) -> None:
    touch(tmp_path, f"{NAME}.wav")
    assert only_clip(tmp_path) == Clip(
        path=tmp_path / f"{NAME}.wav",
        emotion="angry",
        speaker="13",
        corpus="ravdess",
        vocal_channel="speech",
        sex="male",
        intensity="strong",
        statement="kids",
        repetition="02",
        columns={"modality": "audio-only"},
    )


@pytest.mark.parametrize(
    ("stem", "field", "value"),
    [
        ("03-02-03-01-01-01-01", "vocal_channel", "song"),
        ("03-01-01-01-01-01-01", "emotion", "neutral"),
        ("03-01-02-01-01-01-01", "emotion", "calm"),
        ("03-01-03-01-01-01-01", "emotion", "happy"),
        ("03-01-04-01-01-01-01", "emotion", "sad"),
        ("03-01-06-01-01-01-01", "emotion", "fearful"),
        ("03-01-07-01-01-01-01", "emotion", "disgust"),
        ("03-01-08-01-01-01-01", "emotion", "surprised"),
        ("03-01-03-01-01-01-01", "intensity", "normal"),
        ("03-01-03-01-02-01-01", "statement", "dogs"),
        ("03-01-03-01-01-01-01", "repetition", "01"),
        ("03-01-03-01-01-01-24", "sex", "female"),
        ("03-01-03-01-01-01-24", "speaker_id", "ravdess/24"),
    ],
)
def test_a_code_is_read_as_a_word(touch: Touch, stem: str, field: str, value: str, tmp_path: Path) -> None:
    assert getattr(only_clip(touch(tmp_path, f"{stem}.wav")), field) == value


@pytest.mark.parametrize("layout", ["Audio_Speech_Actors_01-24/Actor_13", "Actor_13", "."])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_the_folders_above_a_clip_do_not_matter(
    touch: Touch, layout: str, suffix: str, tmp_path: Path
) -> None:
    clip = only_clip(touch(tmp_path, f"{layout}/{NAME}{suffix}"))
    assert (clip.corpus, clip.speaker, clip.emotion) == ("ravdess", "13", "angry")


@pytest.mark.parametrize(
    "stem",
    [
        "03-01-05-02-01-02",  # a field is missing
        "03-01-09-02-01-02-13",  # no such emotion
        "03-01-05-02-01-02-25",  # no such actor
        "03-01-05-02-01-02-00",
        "02-01-05-02-01-02-13",  # a video without audio
        "03-01-05-02-01-02-13 copy",
        "happy",
    ],
)
def test_a_misnamed_file_is_listed_and_not_read(touch: Touch, stem: str, tmp_path: Path) -> None:
    named = [
        f"Actor_{actor}/03-0{code}-03-01-01-01-{actor}.wav" for actor in ("01", "02") for code in (1, 2)
    ]
    corpus = load_corpus(touch(tmp_path, *named, f"Actor_01/{stem}.wav"))
    assert len(corpus.clips) == 4
    assert corpus.misnamed == (tmp_path / f"Actor_01/{stem}.wav",)


def test_1440_spoken_and_1012_sung_clips_are_expected() -> None:
    expected_stems = find_card("ravdess").expected_stems
    assert expected_stems is not None
    assert {vocal_channel: len(stems) for vocal_channel, stems in expected_stems().items()} == {
        "speech": 1440,
        "song": 1012,
    }


@pytest.mark.parametrize(
    ("stem", "why"),
    [
        ("03-01-01-02-01-01-01", "neutral is never strong"),
        ("03-02-07-01-01-01-01", "disgust is not sung"),
        ("03-02-03-01-01-01-18", "actor 18 does not sing"),
    ],
)
def test_what_was_never_recorded_is_not_expected(stem: str, why: str) -> None:
    expected_stems = find_card("ravdess").expected_stems
    assert expected_stems is not None
    assert not any(stem in stems for stems in expected_stems().values()), why


@pytest.mark.parametrize("protocol", ["by-actor-5", "emobox-6"])
def test_the_published_folds_have_all_24_actors(protocol: str) -> None:
    folds = find_card("ravdess").folds[protocol]
    assert sorted(actor for fold in folds for actor in fold) == [f"{actor:02}" for actor in range(1, 25)]
    assert len(folds) == int(protocol[-1])


def test_the_real_ravdess_is_complete(ravdess: Path) -> None:
    corpus = load_corpus(ravdess)
    assert (corpus.name, corpus.misnamed) == ("ravdess", ())
    assert corpus.count("vocal_channel") == {"song": 1012, "speech": 1440}
    assert len(corpus.count("speaker")) == 24
    assert corpus.count("sex") == {"female": 1204, "male": 1248}
    assert corpus.emotions == tuple(EMOTIONS)[:8]
