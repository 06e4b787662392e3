"""The emotions: their canonical names and order, and a colour and an emoji for each.

The words of a corpus are mapped to canonical names. Other words are kept, so that a corpus may have other
emotions, such as ``bliss`` or ``contempt``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Emotion:
    """The name of an emotion, and the emoji and colour (``#rrggbb``) that it is shown with."""

    name: str
    emoji: str
    colour: str


# In the order of RAVDESS's codes 01-08, followed by emotions of other corpora. The colours are those of
# Okabe & Ito (2008), which colour-blind readers can distinguish, and a brown.
EMOTIONS: dict[str, Emotion] = {
    emotion.name: emotion
    for emotion in (
        Emotion("neutral", "😐", "#999999"),
        Emotion("calm", "😌", "#56B4E9"),
        Emotion("happy", "😊", "#E69F00"),
        Emotion("sad", "😢", "#0072B2"),
        Emotion("angry", "😠", "#D55E00"),
        Emotion("fearful", "😨", "#CC79A7"),
        Emotion("disgust", "🤢", "#009E73"),
        Emotion("surprised", "😲", "#F0E442"),
        Emotion("bored", "🥱", "#8C6D4F"),
    )
}

# Nouns, abbreviations of three letters, and misspellings that corpora have in their labels.
_SYNONYMS = {
    "anger": "angry",
    "ang": "angry",
    "boredom": "bored",
    "bor": "bored",
    "calmness": "calm",
    "cal": "calm",
    "disgusted": "disgust",
    "dis": "disgust",
    "fear": "fearful",
    "afraid": "fearful",
    "fea": "fearful",
    "fearfull": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "hap": "happy",
    "neu": "neutral",
    "neutrality": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
    "sur": "surprised",
    "suprise": "surprised",
    "suprised": "surprised",
    "pleasant surprise": "surprised",
    "pleasant surprised": "surprised",
}


def canonical_emotion(word: str) -> str:
    """Return the canonical name for a word; the word itself in lower case if it has none.

    >>> canonical_emotion("Happiness"), canonical_emotion("ANG"), canonical_emotion("bliss")
    ('happy', 'angry', 'bliss')
    """
    word = word.strip().lower()
    return _SYNONYMS.get(" ".join(word.replace("_", " ").replace("-", " ").split()), word)


def similar_emotion(word: str) -> str:
    """Return the canonical name that an unknown word is probably a misspelling of; empty if none is.

    >>> similar_emotion("hapyness"), similar_emotion("bliss"), similar_emotion("happy")
    ('happy', '', '')
    """
    word = canonical_emotion(word)
    if word in EMOTIONS:
        return ""
    full_words = [name for name in (*EMOTIONS, *_SYNONYMS) if len(name) > 3]
    closest = difflib.get_close_matches(word, full_words, n=1, cutoff=0.8)
    return canonical_emotion(closest[0]) if closest else ""


def sort_emotions(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct emotions: canonical ones in their order, then others alphabetically.

    >>> sort_emotions(["sad", "bliss", "calm", "sad"])
    ('calm', 'sad', 'bliss')
    """
    order = list(EMOTIONS)
    return tuple(
        sorted(set(names), key=lambda name: (order.index(name) if name in order else len(order), name))
    )


def emotion_style(name: str) -> Emotion:
    """Return emoji and colour of an emotion; the same defaults for all that are not canonical."""
    return EMOTIONS.get(name, Emotion(name, "🗣️", "#5C4433"))
