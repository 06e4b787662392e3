"""The emotions: their canonical names and order, and a colour and an emoji for each.

The words of a corpus are mapped to canonical names. Other words are kept, so that a corpus may have other
emotions, such as ``bliss`` or ``contempt``.
"""

from __future__ import annotations

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

_SYNONYMS = {
    "anger": "angry",
    "boredom": "bored",
    "calmness": "calm",
    "disgusted": "disgust",
    "fear": "fearful",
    "afraid": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}


def canonical_emotion(word: str) -> str:
    """Return the canonical name for a word; the word itself in lower case if it has none.

    >>> canonical_emotion("Happiness"), canonical_emotion("bliss")
    ('happy', 'bliss')
    """
    word = word.strip().lower()
    return _SYNONYMS.get(word, word)


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
