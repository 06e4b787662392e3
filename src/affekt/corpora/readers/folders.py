"""A corpus of the user's own, one folder for each emotion: ``angry/one.wav``, ``happy/two.wav``, ...

Speakers are known from folders too: ``ann/angry/one.wav`` or ``angry/ann/one.wav``. Folders ``train``,
``test``, ... may be above either. A folder's name is an emotion if it is a known word for one, which digits
or a short code may precede: ``fear``, ``ANG``, ``01neutral``, ``OAF_happy``. A code is in capitals, or
stands before several emotions: ``less_happy`` alone is not happy. Beside two known emotions other words are
emotions too, as ``contempt``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affekt.audio.loading import find_audio
from affekt.corpora.base import Clip, CorpusCard
from affekt.emotions import EMOTIONS, canonical_emotion, similar_emotion
from affekt.errors import CorpusError

_SPLITS = {"train", "training", "test", "testing", "tst", "val", "valid", "validation", "dev", "eval"}
_NEITHER = _SPLITS | {  # names of folders that are neither emotions nor speakers
    *("audio", "wav", "wavs", "clips", "data", "files", "other", "unknown", "speech", "song", "video"),
    *("male", "female", "men", "women", "loud", "quiet", "normal", "strong", "weak", "soft", "clean"),
    *("low", "medium", "high", "noise", "noisy", "augmented", "original"),
}
_NUMBERED = re.compile(r"(part|batch|fold|set|disc|cd|group|take|version|v|chunk)[\W_]*\d+", re.IGNORECASE)
_PERSON = re.compile(r"(speaker|spk|actor|actress|subject|person|participant|session)", re.IGNORECASE)
_NEGATIONS = {"no", "not", "non", "un", "anti", "less"}
_PREFIX_LETTERS = 4
_SHOWN_FOLDERS = 6
_SHOWN_FILES = 2


@dataclass(frozen=True)
class _Layout:
    """Which level of folders is what; 0 is the topmost."""

    emotion: int
    speaker: int | None = None
    split: int | None = None


def read(root: Path) -> Iterator[Clip]:
    """Yield every clip in the folders below ``root``; ``CorpusError`` if these are not emotions."""
    files = find_audio(root)
    folders = [file.relative_to(root).parts[:-1] for file in files]
    layout = _find_layout(folders)
    if layout is None:
        raise CorpusError(_explain(root, files))
    emotions = emotions_of_folders(
        {above[layout.emotion] for above in folders if len(above) > layout.emotion}
    )
    for path, above in zip(files, folders, strict=True):
        if len(above) > layout.emotion:
            name = above[layout.emotion]
            yield Clip(
                path=path,
                emotion=emotions[name] or canonical_emotion(name),
                speaker="" if layout.speaker is None else above[layout.speaker],
                corpus=root.resolve().name or "folder",
                columns={} if layout.split is None else {"split": above[layout.split].lower()},
            )


def emotions_of_folders(names: Collection[str]) -> dict[str, str]:
    """Return the known emotion that each of these folders is named after; empty if there is none.

    >>> emotions_of_folders(["01neutral", "OAF_Sad", "x_sad", "x_happy", "hate_fear"])
    {'01neutral': 'neutral', 'OAF_Sad': 'sad', 'x_sad': 'sad', 'x_happy': 'happy', 'hate_fear': ''}
    """
    parts = {name: _split_code(name) for name in names}
    emotions_after = defaultdict(set)
    for code, emotion in parts.values():
        emotions_after[code].add(emotion)
    return {
        name: emotion if not code or code.isupper() or len(emotions_after[code]) > 1 else ""
        for name, (code, emotion) in parts.items()
    }


def _split_code(name: str) -> tuple[str, str]:
    """What may be a code before a known emotion, and that emotion; two empty texts if there is none."""
    words = re.sub(r"[\W\d_]+", " ", name).split()
    if (whole := canonical_emotion(" ".join(words))) in EMOTIONS:
        return "", whole
    coded = len(words) > 1 and len(words[0]) <= _PREFIX_LETTERS and words[0].lower() not in _NEGATIONS
    rest = canonical_emotion(" ".join(words[1:]))
    return (words[0], rest) if coded and rest in EMOTIONS else ("", "")


def _find_layout(folders: Sequence[Sequence[str]], level: int = 0) -> _Layout | None:
    """Find the level of the emotions among the folders of each file, from this level on or the next."""
    named = [above for above in folders if len(above) > level]
    tops = {above[level] for above in named}
    if not tops:
        return None
    if {top.lower() for top in tops} <= _SPLITS:
        inner = _find_layout(named, level + 1)
        return inner and replace(inner, split=level)
    if _are_emotions(tops):
        return _Layout(level, level + 1 if _have_speakers(named, level) else None)
    deep = [above for above in named if len(above) > level + 1]
    if len(deep) * 2 > len(named) and _are_emotions({above[level + 1] for above in deep}):
        return _Layout(level + 1, level if _are_speakers(tops) else None)
    return _find_layout(named, level + 1) if len(tops) == 1 else None


def _are_emotions(names: Collection[str]) -> bool:
    """Whether folders are named after emotions: all known, or others beside two that are known."""
    emotions = emotions_of_folders(names)
    known = {emotion for emotion in emotions.values() if emotion}
    others = [name for name, emotion in emotions.items() if not emotion]
    return bool(known) and (not others or (len(known) > 1 and all(map(_may_be_an_emotion, others))))


def _may_be_an_emotion(name: str) -> bool:
    odd = name.lower() in _NEITHER or re.search(r"\d", name) or _PERSON.match(name)
    return not odd and not similar_emotion(name)


def _have_speakers(named: Sequence[Sequence[str]], level: int) -> bool:
    """Whether the folders in those of the emotions are speakers: the same names in several emotions."""
    emotions_of = defaultdict(set)
    for above in named:
        if len(above) == level + 1:
            return False
        emotions_of[above[level + 1]].add(above[level])
    repeated = sum(len(emotions) > 1 for emotions in emotions_of.values())
    return repeated * 2 > len(emotions_of) and _are_speakers(emotions_of)


def _are_speakers(names: Collection[str]) -> bool:
    """Whether folders may be speakers: several, none of a name for something else."""
    others = [name for name in names if name.lower() in _NEITHER or _NUMBERED.fullmatch(name)]
    return len(names) > 1 and not others


def _explain(root: Path, files: Sequence[Path]) -> str:
    """Why a folder is no corpus, and what to do."""
    if not files:
        return f"{root} has no clip with an emotion: there is no audio file below it"
    tops = Counter(parts[0] for file in files if (parts := file.relative_to(root).parts[:-1]))
    odd = [name for name, emotion in sorted(emotions_of_folders(tops).items()) if not emotion]
    shown = ", ".join(odd[:_SHOWN_FOLDERS]) + f", ... ({len(odd)})" * (len(odd) > _SHOWN_FOLDERS)
    found = f"folders not named after emotions ({shown})" if odd else "no folder"
    guesses = [f"{name!r}: did you mean {guess!r}?" for name in odd if (guess := similar_emotion(name))]
    rows = [f"{file.relative_to(root).as_posix()},<emotion>,<speaker>" for file in files[:_SHOWN_FILES]]
    manifest = f"{root.resolve().name}.csv"
    return "\n".join(
        [
            f"{root} has no clip with an emotion: its {len(files)} audio files are in {found}, and most "
            "of their names are not those of one corpus that 'affekt corpora' lists.",
            *guesses[:_SHOWN_FOLDERS],
            f"Sort them into a folder for each emotion ({', '.join(EMOTIONS)}), or write a manifest "
            f"{manifest} in {root}:",
            "path,emotion,speaker",
            *rows,
        ]
    )


CARD = CorpusCard(
    name="folders",
    title="One folder for each emotion; speakers are known if they have folders above or below these",
    licence="your own",
    citation="",
    address="",
)
