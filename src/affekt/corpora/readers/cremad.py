"""CREMA-D: 91 American actors, twelve sentences, six emotions.

File names are like ``1001_DFA_ANG_XX``: actor, sentence, emotion, intensity. The repository has each clip
as WAV, as MP3 and as video. Videos are not read, and an MP3 only where its WAV is not there.
"""

from __future__ import annotations

import re
from pathlib import Path

from affekt.corpora.base import Clip, CorpusCard

CODES = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
_INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "", "X": ""}
_STEM = re.compile(  # one file was published as 1040_ITH_SAD_X
    r"(?P<actor>10\d\d)_(?P<sentence>IEO|TIE|IOM|IWW|TAI|MTI|IWL|ITH|DFA|ITS|TSI|WSI)"
    r"_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_(?P<intensity>LO|MD|HI|XX?)"
)


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as a recording of CREMA-D."""
    match = _STEM.fullmatch(path.stem)
    if not match or path.suffix.lower() == ".flv":
        return None
    return Clip(
        path=path,
        emotion=CODES[match["emotion"]],
        speaker=match["actor"],
        corpus=CARD.name,
        intensity=_INTENSITIES[match["intensity"]],
        statement=match["sentence"],
    )


CARD = CorpusCard(
    name="cremad",
    title="CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset",
    licence="Open Database License (ODbL) 1.0; contents: Database Contents License (DbCL) 1.0",
    citation=(
        "Cao H, Cooper DG, Keutmann MK, Gur RC, Nenkova A, Verma R (2014). CREMA-D: Crowd-sourced "
        "Emotional Multimodal Actors Dataset. IEEE Transactions on Affective Computing 5(4): 377-390. "
        "https://doi.org/10.1109/TAFFC.2014.2336244"
    ),
    address="https://github.com/CheyneyComputerScience/CREMA-D",
    counts={"speech": 7442},
    emotions=dict.fromkeys(CODES.values(), 1271) | {"neutral": 1087},
    speakers=91,
    not_read=re.compile(rf"{_STEM.pattern}\.(mp3|flv)", re.IGNORECASE),
    known_faults={  # issue 8 of the publisher's repository
        "1076_MTI_SAD_XX": "has no sound as it was published",
        "1076_MTI_NEU_XX": "cannot be played as it was published",
    },
)
