"""EmotionML 1.0: an emotion for each utterance.

Source: https://www.w3.org/TR/emotionml/ and, for ``big6``, https://www.w3.org/TR/emotion-voc/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from affekt.inference.timeline import Timeline
from affekt.inference.writers.tiers import Span, clean, distinct, spans
from affekt.inference.writers.xml_document import write_document

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
BIG6 = "http://www.w3.org/TR/emotion-voc/xml#big6"
OTHERS = "other-emotions"  # the name of our vocabulary within the document
BIG6_NAMES = {
    "angry": "anger",
    "disgust": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
# What names of items may not have: they are of the type NMTOKEN.
_OUTSIDE_NAMES = re.compile(
    "[^-.:\\w\u00b7]|[\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u00bc-\u00be]", re.UNICODE
)


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write an ``emotion`` for each utterance that has a prediction, with its confidence.

    Ekman's six emotions are those of W3C's vocabulary ``big6``, others those of a vocabulary that the
    document defines. ``offset-to-start`` and ``duration`` are in milliseconds from the start of the
    recording in ``time-ref-uri``, as ``start`` and ``end`` would be those of a clock. The speaker, and a
    channel other than the mean of all, are in ``info``.
    """
    root = Xml.Element("emotionml", xmlns=NAMESPACE, version="1.0")
    others = [name for one in timelines for name in one.emotions if name not in BIG6_NAMES]
    names = {name: (BIG6, word) for name, word in BIG6_NAMES.items()} | _own_names(others)
    if own := [word for vocabulary, word in names.values() if vocabulary != BIG6]:
        vocabulary = Xml.SubElement(root, "vocabulary", type="category", id=OTHERS)
        for word in own:
            Xml.SubElement(vocabulary, "item", name=word)
    for timeline in timelines:
        uri = quote(timeline.source.replace("\\", "/"), errors="surrogateescape")
        for speaker in dict.fromkeys(one.speaker for one in timeline.utterances):
            info = [f"speaker {clean(speaker)}"] if speaker else []
            if timeline.audio_channel not in ("mix", "mono"):
                info.append(f"channel {clean(timeline.audio_channel)}")
            for span in spans(timeline, speaker):
                _add(root, span, names, uri, ", ".join(info))
    write_document(root, stream)


def _own_names(emotions: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return our vocabulary, and the name in it, for each emotion."""
    emotions = list(dict.fromkeys(emotions))
    words = distinct([_OUTSIDE_NAMES.sub("-", clean(name)) or "-" for name in emotions], "-{}")
    return {name: (f"#{OTHERS}", word) for name, word in zip(emotions, words, strict=True)}


def _add(root: Xml.Element, span: Span, names: dict[str, tuple[str, str]], uri: str, info: str) -> None:
    found = span.utterance.prediction
    if found is None:
        return
    vocabulary, word = names[found.emotion]
    emotion = Xml.SubElement(
        root,
        "emotion",
        {
            "category-set": vocabulary,
            "time-ref-uri": uri,
            "offset-to-start": str(span.start_ms),
            "duration": str(span.end_ms - span.start_ms),
            "expressed-through": "voice",
        },
    )
    if info:
        Xml.SubElement(emotion, "info").text = info
    Xml.SubElement(emotion, "category", name=word, confidence=f"{min(max(found.confidence, 0), 1):.4f}")
    fragment = f"t={span.start_ms / 1000:.3f},{span.end_ms / 1000:.3f}"
    Xml.SubElement(emotion, "reference", uri=f"{uri}#{fragment}")
