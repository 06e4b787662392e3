"""EmotionTTS Open DB: ten Korean speakers, emotional scripts, four emotions; the part that is public.

File names are like ``nea00101``: speaker, and a number whose hundreds are the emotion. Labels follow the
scripts that were read: the README of the corpus swaps anger and sadness. The recordings of plain scripts,
``ema00101``, are not read, since nothing but this README says what they express.
"""

from __future__ import annotations

import re
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard

_WOMEN, _MEN = ("nea", "neb", "nec", "ned", "nee"), ("nek", "nel", "nem", "nen", "neo")
_EMOTIONS = ("neutral", "happy", "sad", "angry")  # 1 to 100, 101 to 200, 201 to 300, 301 to 400
_STEM = re.compile(rf"(?P<speaker>{'|'.join(_WOMEN + _MEN)})(?P<number>00[0-4]\d\d)")


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as one of the emotional scripts."""
    match = _STEM.fullmatch(path.stem)
    if not match or not 1 <= int(match["number"]) <= 400:
        return None
    return Clip(
        path=path,
        emotion=_EMOTIONS[(int(match["number"]) - 1) // 100],
        speaker=match["speaker"],
        corpus=CARD.name,
        sex="female" if match["speaker"] in _WOMEN else "male",
        statement=match["number"],
    )


CARD = CorpusCard(
    name="emotiontts",
    title="EmotionTTS Open DB, emotional scripts (Korean): the 5 % that are public",
    licence="CC BY-NC-SA (version not stated), for research only",
    citation=(
        "Selvas AI, KAIST (2020). EmotionTTS Open DB. Supported by the Ministry of Trade, Industry "
        "& Energy (MOTIE, Korea) under Industrial Technology Innovation Program (No. 10080667)."
    ),
    address="https://github.com/emotiontts/emotiontts_open_db",
    counts={"speech": 200},
    emotions=dict.fromkeys(_EMOTIONS, 50),
    speakers=10,
    not_read=re.compile(r"em[abfgh]\d{5}\.wav"),
)
