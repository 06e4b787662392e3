"""EMOVO: six Italian actors, 14 sentences, seven emotions.

File names are like ``gio-f2-b1``: emotion, speaker, sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard

CODES = {  # disgusto, gioia, neutrale, paura, rabbia, sorpresa, tristezza
    "dis": "disgust",
    "gio": "happy",
    "neu": "neutral",
    "pau": "fearful",
    "rab": "angry",
    "sor": "surprised",
    "tri": "sad",
}
_SPEAKERS = ("f1", "f2", "f3", "m1", "m2", "m3")
_SENTENCES = ("b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5")
_STEM = re.compile(
    rf"(?P<emotion>{'|'.join(CODES)})-(?P<speaker>{'|'.join(_SPEAKERS)})"
    rf"-(?P<sentence>{'|'.join(_SENTENCES)})"
)


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as one of EMOVO."""
    match = _STEM.fullmatch(path.stem)
    return match and Clip(
        path=path,
        emotion=CODES[match["emotion"]],
        speaker=match["speaker"],
        corpus=CARD.name,
        sex="female" if match["speaker"].startswith("f") else "male",
        statement=match["sentence"],
    )


def _expected_stems() -> Mapping[str, list[str]]:
    return {"speech": ["-".join(parts) for parts in product(CODES, _SPEAKERS, _SENTENCES)]}


CARD = CorpusCard(
    name="emovo",
    title="EMOVO Corpus: an Italian Emotional Speech Database",
    licence="its own: see its web page",
    citation=(
        "Costantini G, Iaderola I, Paoloni A, Todisco M (2014). EMOVO Corpus: an Italian Emotional Speech "
        "Database. LREC 2014."
    ),
    address="http://voice.fub.it/activities/corpora/emovo/index.html",
    counts={"speech": 588},
    emotions=dict.fromkeys(CODES.values(), 84),
    speakers=6,
    expected_stems=_expected_stems,
)
