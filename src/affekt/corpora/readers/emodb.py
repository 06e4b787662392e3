"""EMO-DB: ten German actors, ten sentences, seven emotions.

File names are like ``03a01Fa``: speaker 03, text a01, emotion F, version a.
"""

from __future__ import annotations

import re
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard

CODES = {  # initials of the German words: Wut, Langeweile, Ekel, Angst, Freude, Trauer
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_MEN = {"03", "10", "11", "12", "15"}
_STEM = re.compile(
    r"(?P<speaker>03|08|09|1[0-6])(?P<text>a0[12457]|b0[1239]|b10)(?P<emotion>[WLEAFTN])(?P<version>[a-f])"
)


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as one of EMO-DB."""
    match = _STEM.fullmatch(path.stem)
    return match and Clip(
        path=path,
        emotion=CODES[match["emotion"]],
        speaker=match["speaker"],
        corpus=CARD.name,
        sex="male" if match["speaker"] in _MEN else "female",
        statement=match["text"],
        repetition=match["version"],
    )


CARD = CorpusCard(
    name="emodb",
    title="Berlin Database of Emotional Speech",
    licence="CC0 1.0",
    citation=(
        "Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). "
        "A database of German emotional speech. Interspeech 2005, 1517-1520."
    ),
    address="http://emodb.bilderbar.info",
    counts={"speech": 535},
    emotions={
        "neutral": 79,
        "happy": 71,
        "sad": 62,
        "angry": 127,
        "fearful": 69,
        "disgust": 46,
        "bored": 81,
    },
    speakers=10,
)
