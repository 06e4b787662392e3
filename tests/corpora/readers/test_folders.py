"""A folder for each emotion is a corpus; speakers and splits are known from folders above or below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError

Touch = Callable[..., Path]


def only_clip(path: Path) -> Clip:
    (clip,) = load_corpus(path).clips
    return clip


@pytest.mark.parametrize(
    ("folder", "emotion"),
    [
        ("anger", "angry"),
        ("Joy", "happy"),
        ("sad", "sad"),
        ("ANG", "angry"),
        ("01neutral", "neutral"),
        ("1_happy", "happy"),
        ("03-Sad", "sad"),
        ("OAF_pleasant_surprised", "surprised"),
        ("fearfull", "fearful"),
    ],
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


# Other emotions


def test_beside_two_known_emotions_other_words_are_emotions_too(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "sad/a.wav", "happy/b.wav", " Bliss/c.wav", "contempt/d.wav"))
    assert corpus.emotions == ("happy", "sad", "bliss", "contempt")


@pytest.mark.parametrize(
    "folder", ["actor_01", "s1", "Speaker A", "train", "male", "audio", "non-neutral1", "angery"]
)
def test_a_folder_that_is_no_emotion_is_refused_beside_two_that_are(
    touch: Touch, folder: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=f"not named after emotions .*{folder}"):
        load_corpus(touch(tmp_path, "sad/a.wav", "happy/b.wav", f"{folder}/c.wav"))


def test_a_negated_emotion_is_not_that_emotion(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "sad/a.wav", "happy/b.wav", "not_happy/c.wav"))
    assert corpus.count("emotion") == {"happy": 1, "not_happy": 1, "sad": 1}


@pytest.mark.parametrize(
    "folder", ["less_happy", "semi_sad", "hate_fear", "low_fear", "Low Fear", "LESS_SAD"]
)
def test_a_word_before_an_emotion_is_no_code(touch: Touch, folder: str, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "sad/a.wav", "happy/b.wav", f"{folder}/c.wav"))
    assert corpus.count("emotion") == {"happy": 1, "sad": 1, folder.lower(): 1}


@pytest.mark.parametrize("layout", ["{}", "ann/{}"])
@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("oaf_happy", "oaf_sad", "yaf_happy", "yaf_sad"), {"happy": 2, "sad": 2}),
        (("OAF_happy", "YAF_sad"), {"happy": 1, "sad": 1}),
        (("e1_happy", "e2_sad", "happy"), {"happy": 2, "sad": 1}),
        (
            ("low_fear", "low_fearful", "sad", "happy"),
            {"happy": 1, "low_fear": 1, "low_fearful": 1, "sad": 1},
        ),
    ],
)
def test_a_code_is_in_capitals_or_before_several_emotions(
    touch: Touch, folders: tuple[str, ...], expected: dict[str, int], layout: str, tmp_path: Path
) -> None:
    corpus = load_corpus(touch(tmp_path, *(f"{layout.format(folder)}/a.wav" for folder in folders)))
    assert corpus.count("emotion") == expected


@pytest.mark.parametrize("folders", [("bliss", "zeal"), ("bliss", "sad"), ("ann", "bob", "joe")])
def test_words_that_are_not_known_need_two_known_emotions_or_a_manifest(
    touch: Touch, folders: tuple[str, ...], tmp_path: Path
) -> None:
    touch(tmp_path / "mine", *(f"{folder}/a.wav" for folder in folders))
    with pytest.raises(CorpusError, match=r"write a manifest mine\.csv in .*mine:\npath,emotion,speaker"):
        load_corpus(tmp_path / "mine")


def test_a_refusal_shows_what_was_found_and_rows_of_a_manifest_with_files_of_this_folder(
    touch: Touch, tmp_path: Path
) -> None:
    touch(tmp_path, *(f"actor_{i:02}/{i}.wav" for i in range(1, 25)))
    with pytest.raises(CorpusError) as caught:
        load_corpus(tmp_path)
    text = str(caught.value)
    assert "its 24 audio files are in folders not named after emotions (actor_01, actor_02, " in text
    assert "... (24))" in text
    assert "\nactor_01/1.wav,<emotion>,<speaker>\nactor_02/2.wav,<emotion>,<speaker>" in text


def test_a_misspelt_emotion_is_met_with_a_suggestion(touch: Touch, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"'angery': did you mean 'angry'\?"):
        load_corpus(touch(tmp_path, "angery/a.wav", "sad/b.wav"))


# Speakers and splits


@pytest.mark.parametrize(
    "layout", ["{speaker}/{emotion}", "{emotion}/{speaker}", "mine/{speaker}/{emotion}"]
)
def test_speakers_are_known_from_folders_above_or_below_the_emotions(
    touch: Touch, layout: str, tmp_path: Path
) -> None:
    for speaker in ("ann", "bob"):
        for emotion in ("01happy", "sad"):
            touch(tmp_path, f"{layout.format(speaker=speaker, emotion=emotion)}/{speaker}.wav")
    corpus = load_corpus(tmp_path)
    assert (corpus.count("emotion"), corpus.count("speaker")) == (
        {"happy": 2, "sad": 2},
        {"ann": 2, "bob": 2},
    )
    assert {clip.path.stem == clip.speaker for clip in corpus.clips} == {True}


@pytest.mark.parametrize("layout", ["{speaker}/{emotion}", "{emotion}/{speaker}"])
@pytest.mark.parametrize("splits", [("train", "test"), ("Train", "validation"), ("dev", "val")])
def test_a_split_above_is_kept_as_metadata(
    touch: Touch, layout: str, splits: tuple[str, str], tmp_path: Path
) -> None:
    for split, speaker in zip(splits, ("ann", "bob"), strict=True):
        for emotion in ("happy", "sad"):
            touch(tmp_path, f"{split}/{layout.format(speaker=speaker, emotion=emotion)}/a.wav")
    clips = load_corpus(tmp_path).clips
    found = {(clip.columns["split"], clip.emotion) for clip in clips}
    assert found == {(split.lower(), emotion) for split in splits for emotion in ("happy", "sad")}


@pytest.mark.parametrize(
    "folders", [("mine",), ("fold_1", "fold_2"), ("Part 1", "Part 2"), ("male", "female"), ("wav", "mp3s")]
)
def test_folders_above_emotions_that_are_no_speakers_leave_speakers_unknown(
    touch: Touch, folders: tuple[str, ...], tmp_path: Path
) -> None:
    touch(tmp_path, *(f"{folder}/{emotion}/a.wav" for folder in folders for emotion in ("sad", "happy")))
    assert set(load_corpus(tmp_path).count("speaker")) == {""}


def test_a_split_above_emotions_alone_leaves_speakers_unknown(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, "train/sad/a.wav", "test/happy/b.wav"))
    assert corpus.count("speaker") == {"": 2}


@pytest.mark.parametrize("below", [("loud", "quiet"), ("male", "female"), ("clean", "noisy")])
def test_folders_below_emotions_that_are_no_speakers_leave_speakers_unknown(
    touch: Touch, below: tuple[str, str], tmp_path: Path
) -> None:
    touch(tmp_path, *(f"{emotion}/{kind}/a.wav" for emotion in ("sad", "happy") for kind in below))
    assert load_corpus(tmp_path).count("speaker") == {"": 4}


@pytest.mark.parametrize("folders", [("actor_01", "actor_02"), ("train", "test"), ("1", "2"), ("audio",)])
def test_folders_without_any_emotion_are_refused(
    touch: Touch, folders: tuple[str, ...], tmp_path: Path
) -> None:
    touch(tmp_path, *(f"{folder}/x/a.wav" for folder in folders))
    with pytest.raises(CorpusError, match="has no clip with an emotion"):
        load_corpus(tmp_path)
