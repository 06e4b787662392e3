"""The emotions: one order, one colour and one emoji for each, everywhere.

A corpus maps its own words onto these. A word that is not among them stays as it is, so that a
corpus of one's own may speak of ``bliss`` or ``contempt``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Emotion:
    """How an emotion is shown: its name, an emoji, a colour (``#rrggbb``)."""

    name: str
    emoji: str
    colour: str


# In the order of RAVDESS's codes 01-08, then what other corpora add. The colours are those of
# Okabe & Ito (2008), told apart by colour-blind readers, and two browns beside them.
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
    """The canonical name for a corpus's own word.

    >>> canonical_emotion("Happiness"), canonical_emotion("bliss")
    ('happy', 'bliss')
    """
    word = word.strip().lower()
    return _SYNONYMS.get(word, word)


def sort_emotions(names: Iterable[str]) -> tuple[str, ...]:
    """Distinct emotions, the canonical ones first and in their order, the others by alphabet.

    >>> sort_emotions(["sad", "bliss", "calm", "sad"])
    ('calm', 'sad', 'bliss')
    """
    order = list(EMOTIONS)
    return tuple(
        sorted(set(names), key=lambda name: (order.index(name) if name in order else len(order), name))
    )


def emotion_style(name: str) -> Emotion:
    """Emoji and colour of any emotion; one that is not canonical gets a neutral look."""
    return EMOTIONS.get(name, Emotion(name, "🗣️", "#5C4433"))
