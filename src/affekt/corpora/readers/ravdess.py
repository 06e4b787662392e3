"""RAVDESS: 24 actors, two sentences, spoken in eight emotions and sung in six.

File names have seven fields, ``modality-vocal_channel-emotion-intensity-statement-repetition-actor``; the
folders above a file do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from affekt.corpora.base import Archive, Clip, CorpusCard

_VOCAL_CHANNELS = {"01": "speech", "02": "song"}
CODES = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
_SUNG_EMOTIONS = list(CODES)[:6]
_INTENSITIES = {"01": "normal", "02": "strong"}
_STATEMENTS = {"01": "kids", "02": "dogs"}  # "Kids / Dogs are talking / sitting by the door"
_ACTORS = [f"{actor:02}" for actor in range(1, 25)]
_ACTOR_WITHOUT_SONGS = "18"
_STEM = re.compile(
    r"03-(?P<vocal_channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>0[1-9]|1\d|2[0-4])"
)
_VIDEO = re.compile(r"0[12](-\d\d){6}\.(mp4|mov|mkv|avi|webm)", re.IGNORECASE)


def label(path: Path) -> Clip | None:
    """Return the clip of a file; None if it is not named as an audio-only clip of RAVDESS."""
    match = _STEM.fullmatch(path.stem)
    return match and Clip(
        path=path,
        emotion=CODES[match["emotion"]],
        speaker=match["actor"],
        corpus=CARD.name,
        vocal_channel=_VOCAL_CHANNELS[match["vocal_channel"]],
        sex="male" if int(match["actor"]) % 2 else "female",
        intensity=_INTENSITIES[match["intensity"]],
        statement=_STATEMENTS[match["statement"]],
        repetition=match["repetition"],
        columns={"modality": "audio-only"},  # the first field, 03; 01 and 02 are videos
    )


def _expected_stems() -> Mapping[str, list[str]]:
    stems: dict[str, list[str]] = {"speech": [], "song": []}
    deliveries = list(product(_INTENSITIES, _STATEMENTS, ("01", "02")))
    for (code, name), emotion, delivery, actor in product(
        _VOCAL_CHANNELS.items(), CODES, deliveries, _ACTORS
    ):
        strong_neutral = emotion == "01" and delivery[0] == "02"
        never_sung = name == "song" and (emotion not in _SUNG_EMOTIONS or actor == _ACTOR_WITHOUT_SONGS)
        if not (strong_neutral or never_sung):
            stems[name].append("-".join(["03", code, emotion, *delivery, actor]))
    return stems


def _folds(*folds: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(f"{actor:02}" for actor in fold) for fold in folds)


CARD = CorpusCard(
    name="ravdess",
    title="Ryerson Audio-Visual Database of Emotional Speech and Song",
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and "
        "Song (RAVDESS). PLoS ONE 13(5): e0196391. https://doi.org/10.1371/journal.pone.0196391"
    ),
    address="https://zenodo.org/records/1188976",
    counts={"speech": 1440, "song": 1012},
    emotions={name: 376 if code in _SUNG_EMOTIONS else 192 for code, name in CODES.items()}
    | {"neutral": 188},  # recorded at one intensity only
    speakers=24,
    human_accuracy=(0.67, "about, for audio alone; ratings of Livingstone & Russo (2018)"),
    expected_stems=_expected_stems,
    not_read=_VIDEO,
    folds={
        # Luna-Jimenez et al. (2021), Sensors 21(22):7665; also used by ResLSTM-SER.
        "by-actor-5": _folds(
            (2, 5, 14, 15, 16),
            (3, 6, 7, 13, 18),
            (10, 11, 12, 19, 20),
            (8, 17, 21, 23, 24),
            (1, 4, 9, 22),
        ),
        # Ma et al. (2024), EmoBox, Interspeech.
        "emobox-6": _folds(
            (1, 11, 20, 21),
            (4, 10, 12, 14),
            (8, 9, 19, 23),
            (3, 5, 7, 24),
            (2, 15, 16, 18),
            (6, 13, 17, 22),
        ),
    },
    archives=(
        Archive(
            url="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
            size_bytes=208_468_073,
            md5="bc696df654c87fed845eb13823edef8a",
        ),
        Archive(
            url="https://zenodo.org/records/1188976/files/Audio_Song_Actors_01-24.zip?download=1",
            size_bytes=225_505_317,
            md5="5411230427d67a21e18aa4d466e6d1b9",
        ),
    ),
)
