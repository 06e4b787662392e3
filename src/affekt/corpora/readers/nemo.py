"""nEMO: nine Polish actors, 90 sentences, six emotions.

File names are like ``WR0_sadness_84``: speaker, emotion, sentence.
"""

from __future__ import annotations

import re
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard
from affekt.emotions import canonical_emotion

_WOMEN, _MEN = ("EB0", "IC0", "KD0", "MK0"), ("KS0", "MP0", "SM0", "TP0", "WR0")
_STEM = re.compile(
    rf"(?P<speaker>{'|'.join(_WOMEN + _MEN)})_(?P<emotion>anger|fear|happiness|neutral|sadness|surprised)"
    r"_(?P<sentence>[1-9]\d?)"
)


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as one of nEMO."""
    match = _STEM.fullmatch(path.stem)
    return match and Clip(
        path=path,
        emotion=canonical_emotion(match["emotion"]),
        speaker=match["speaker"],
        corpus=CARD.name,
        sex="female" if match["speaker"] in _WOMEN else "male",
        statement=match["sentence"],
    )


CARD = CorpusCard(
    name="nemo",
    title="nEMO: Dataset of Emotional Speech in Polish",
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Christop I (2024). nEMO: Dataset of Emotional Speech in Polish. LREC-COLING 2024. arXiv:2404.06292"
    ),
    address="https://github.com/amu-cai/nEMO",
    counts={"speech": 4481},
    emotions={
        "angry": 749,
        "fearful": 736,
        "happy": 749,
        "neutral": 809,
        "sad": 769,
        "surprised": 669,
    },
    speakers=9,
)
