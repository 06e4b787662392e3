"""TESS: two Canadian actresses, the phrase "Say the word ..." with 200 words, seven emotions.

File names are like ``OAF_back_angry``: speaker (the older or the younger one), word, emotion. ``ps`` is
pleasant surprise. Two of the files are AIFF, whatever their names end in, and one has another sample rate.
"""

from __future__ import annotations

import re
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard

CODES = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",
    "sad": "sad",
}
_STEM = re.compile(  # one file is called OA_bite_neutral
    rf"(?P<speaker>OA|YA)F?_(?P<word>[a-z]+)_(?P<emotion>{'|'.join(CODES)})", re.IGNORECASE
)


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as one of TESS."""
    match = _STEM.fullmatch(path.stem)
    return match and Clip(
        path=path,
        emotion=CODES[match["emotion"].lower()],
        speaker=f"{match['speaker'].upper()}F",
        corpus=CARD.name,
        sex="female",
        statement=match["word"].lower(),
    )


CARD = CorpusCard(
    name="tess",
    title="Toronto emotional speech set",
    licence="CC BY-NC-ND 4.0: may be used for scores, may not be passed on in an altered form",
    citation=(
        "Pichora-Fuller MK, Dupuis K (2020). Toronto emotional speech set (TESS). Borealis. "
        "https://doi.org/10.5683/SP2/E8H2MF"
    ),
    address="https://doi.org/10.5683/SP2/E8H2MF",
    counts={"speech": 2800},
    emotions=dict.fromkeys(CODES.values(), 400),
    speakers=2,
)
