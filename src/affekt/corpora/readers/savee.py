"""SAVEE: four English men, 15 sentences for each of seven emotions, 30 neutral ones.

Files are ``DC/sa01`` or ``DC_sa01``: speaker, emotion, number of the sentence.
"""

from __future__ import annotations

import re
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard

CODES = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}
_NAME = re.compile(r"(?P<speaker>DC|JE|JK|KL)_(?P<emotion>sa|su|[adfhn])(?P<sentence>[0-3]\d)")


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it, or its folder and it, are not named as in SAVEE."""
    match = _NAME.fullmatch(path.stem) or _NAME.fullmatch(f"{path.parent.name}_{path.stem}")
    return match and Clip(
        path=path,
        emotion=CODES[match["emotion"]],
        speaker=match["speaker"],
        corpus=CARD.name,
        sex="male",
        columns={"sentence": f"{match['emotion']}{match['sentence']}"},  # few emotions share a sentence
    )


CARD = CorpusCard(
    name="savee",
    title="Surrey Audio-Visual Expressed Emotion database",
    licence="its own: see its web page",
    citation=(
        "Haq S, Jackson PJB (2010). Multimodal emotion recognition. In: Wang W (ed.), Machine Audition: "
        "Principles, Algorithms and Systems. IGI Global, 398-423."
    ),
    address="http://kahlan.eps.surrey.ac.uk/savee/",
    counts={"speech": 480},
    emotions=dict.fromkeys(CODES.values(), 60) | {"neutral": 120},
    speakers=4,
)
