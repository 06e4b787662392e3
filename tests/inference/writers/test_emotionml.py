"""EmotionML: what the Recommendation and its schema demand of the elements that are used."""

from __future__ import annotations

import io
import re
from urllib.parse import unquote
from xml.etree import ElementTree as Xml

import pytest
from tests.inference.writers.synthetic import ALL, HAPPY, ODD, SILENT, SIMPLE, TWO_CHANNELS, make_timeline

from affekt.inference.timeline import Timeline
from affekt.inference.writers.emotionml import write

SPACE = "{http://www.w3.org/2009/10/emotionml}"
BIG6 = "http://www.w3.org/TR/emotion-voc/xml#big6"
BIG6_WORDS = {"anger", "disgust", "fear", "happiness", "sadness", "surprise"}
ATTRIBUTES = {"category-set", "time-ref-uri", "offset-to-start", "duration", "expressed-through"}


def read(*timelines: Timeline) -> Xml.Element:
    stream = io.StringIO()
    write(timelines, stream)
    return Xml.fromstring(stream.getvalue().encode())


@pytest.mark.parametrize("name", ALL)
def test_the_document_has_the_structure_of_the_schema(name: str) -> None:
    root = read(*ALL[name])
    assert (root.tag, root.attrib) == (f"{SPACE}emotionml", {"version": "1.0"})
    words = {BIG6: BIG6_WORDS}
    for vocabulary in root.findall(f"{SPACE}vocabulary"):
        assert vocabulary.get("type") == "category"
        items = [item.get("name") or "" for item in vocabulary]
        assert items, "a vocabulary has an item or more"
        assert len(set(items)) == len(items)
        assert not [item for item in items if not re.fullmatch(r"[\w.:·-]+", item)]  # NMTOKEN
        words[f"#{vocabulary.get('id')}"] = set(items)
    answered = [one for each in ALL[name] for one in each.utterances if one.prediction]
    emotions = root.findall(f"{SPACE}emotion")
    assert len(emotions) == len(answered)
    for emotion in emotions:
        assert emotion.attrib.keys() == ATTRIBUTES
        assert emotion.get("expressed-through") == "voice"
        *info, category, reference = emotion
        assert [one.tag for one in info] in ([], [f"{SPACE}info"])
        assert category.tag == f"{SPACE}category"
        assert category.get("name") in words[emotion.get("category-set", "")]
        assert 0 <= float(category.get("confidence", "-1")) <= 1
        assert reference.tag == f"{SPACE}reference"
        start, length = int(emotion.get("offset-to-start", "")), int(emotion.get("duration", ""))
        assert start >= 0
        assert length > 0
        uri, _, fragment = reference.get("uri", "").partition("#")
        assert uri == emotion.get("time-ref-uri")
        assert fragment == f"t={start / 1000:.3f},{(start + length) / 1000:.3f}"
        assert re.fullmatch(r"[!-~]+", uri), "blanks and other letters are written as %20"


def test_the_six_emotions_have_the_words_of_the_w3c() -> None:
    happy, calm, sad = read(SIMPLE).findall(f"{SPACE}emotion")
    found = [(one.get("category-set"), one.find(f"{SPACE}category").attrib) for one in (happy, calm, sad)]  # type: ignore[union-attr]
    assert found == [
        (BIG6, {"name": "happiness", "confidence": "0.8300"}),
        ("#other-emotions", {"name": "calm", "confidence": "0.5000"}),
        (BIG6, {"name": "sadness", "confidence": "0.3000"}),
    ]


def test_other_emotions_are_defined_in_the_document() -> None:
    assert [one.get("name") for one in read(SILENT).iter(f"{SPACE}item")] == ["neutral", "calm"]
    assert not list(read(make_timeline(emotions=("happy", "sad"))).iter(f"{SPACE}vocabulary"))


def test_names_that_differ_stay_different() -> None:
    names = [one.get("name") for one in read(ODD).iter(f"{SPACE}item")]
    assert names == ["-1-1---x--n-", "-bad--mood", "злость", "-bad--mood-2"]


def test_the_address_is_that_of_the_recording() -> None:
    (emotion,) = read(make_timeline((1, 2, HAPPY, ""), source="a dir/b#1 é.wav")).findall(f"{SPACE}emotion")
    assert emotion.get("time-ref-uri") == "a%20dir/b%231%20%C3%A9.wav"
    assert unquote(emotion.get("time-ref-uri", "")) == "a dir/b#1 é.wav"


def test_speaker_and_channel_are_told() -> None:
    left, right = read(*TWO_CHANNELS).findall(f"{SPACE}emotion")
    assert left.findtext(f"{SPACE}info") == "channel left"
    assert right.findtext(f"{SPACE}info") == "channel right"
    (one,) = read(make_timeline((0, 1, HAPPY, "A"), audio_channel="3")).findall(f"{SPACE}emotion")
    assert one.findtext(f"{SPACE}info") == "speaker A, channel 3"
