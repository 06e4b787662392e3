"""Every emotion has one name, one place in the order, one colour and one emoji."""

from __future__ import annotations

import re
from dataclasses import astuple

import pytest

from affekt.emotions import (
    EMOTIONS,
    canonical_emotion,
    emotion_style,
    similar_emotion,
    sort_emotions,
)


def test_the_emotions_of_ravdess_come_first_and_in_the_order_of_its_codes() -> None:
    expected = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
    assert list(EMOTIONS)[:8] == expected


@pytest.mark.parametrize("name", EMOTIONS)
def test_an_emotion_is_found_by_its_name(name: str) -> None:
    assert EMOTIONS[name].name == name


@pytest.mark.parametrize("name", EMOTIONS)
def test_an_emotion_has_an_emoji_and_a_colour(name: str) -> None:
    assert EMOTIONS[name].emoji
    assert re.fullmatch("#[0-9A-F]{6}", EMOTIONS[name].colour)


@pytest.mark.parametrize("part", [0, 1, 2], ids=["name", "emoji", "colour"])
def test_no_two_emotions_have_the_same_style(part: int) -> None:
    assert len({astuple(emotion)[part] for emotion in EMOTIONS.values()}) == len(EMOTIONS)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("anger", "angry"),
        ("boredom", "bored"),
        ("calmness", "calm"),
        ("disgusted", "disgust"),
        ("fear", "fearful"),
        ("afraid", "fearful"),
        ("happiness", "happy"),
        ("joy", "happy"),
        ("sadness", "sad"),
        ("surprise", "surprised"),
        ("ANG", "angry"),
        ("hap", "happy"),
        ("Sad", "sad"),
        ("NEU", "neutral"),
        ("FEA", "fearful"),
        ("DIS", "disgust"),
        ("sur", "surprised"),
        ("CAL", "calm"),
        ("bor", "bored"),
        ("fearfull", "fearful"),
        ("suprise", "surprised"),
        ("pleasant surprise", "surprised"),
        ("pleasant_surprised", "surprised"),
    ],
)
def test_a_synonym_has_a_canonical_name(word: str, name: str) -> None:
    assert canonical_emotion(word) == name


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_canonical_name_is_kept(name: str) -> None:
    assert canonical_emotion(name) == name


@pytest.mark.parametrize("word", ["Fear", "FEAR", " fear\n"])
def test_case_and_space_do_not_matter(word: str) -> None:
    assert canonical_emotion(word) == "fearful"


def test_another_word_is_kept_in_lower_case() -> None:
    assert canonical_emotion(" Bliss") == "bliss"


@pytest.mark.parametrize(
    ("word", "name"), [("Hapyness", "happy"), ("angery", "angry"), ("neutrall", "neutral")]
)
def test_a_misspelt_emotion_is_similar_to_a_known_one(word: str, name: str) -> None:
    assert (canonical_emotion(word), similar_emotion(word)) == (word.lower(), name)


@pytest.mark.parametrize("word", ["bliss", "contempt", "excited", "exc", "happy", "fear", "ann"])
def test_an_emotion_of_its_own_and_a_known_one_are_similar_to_none(word: str) -> None:
    assert similar_emotion(word) == ""


def test_distinct_emotions_are_sorted_with_canonical_ones_first() -> None:
    assert sort_emotions(["zeal", "sad", "bliss", "neutral", "sad"]) == ("neutral", "sad", "bliss", "zeal")


def test_no_emotions_are_an_empty_tuple() -> None:
    assert sort_emotions([]) == ()


def test_the_style_of_an_emotion_is_its_own() -> None:
    assert emotion_style("happy") is EMOTIONS["happy"]


def test_another_emotion_has_its_own_name_and_the_default_style() -> None:
    style = emotion_style("bliss")
    assert style.name == "bliss"
    assert style.colour not in {emotion.colour for emotion in EMOTIONS.values()}
    assert style.emoji not in {emotion.emoji for emotion in EMOTIONS.values()}
