"""The corpora. This folder is the registry: one file, one corpus, with ``CARD`` and ``read(path)``.

``load`` finds out by itself which corpus lies at a path: a CSV file is a manifest, file names that
fit a card's pattern are that corpus, and anything else is a folder for each emotion.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from affekt.audio import find_audio
from affekt.corpus import Clip, Corpus, CorpusCard
from affekt.emotions import EMOTIONS, canonical_emotion
from affekt.errors import CorpusError, UnknownNameError


@dataclass(frozen=True)
class Reader:
    """A corpus module: its card, and what reads it."""

    card: CorpusCard
    read: Callable[[Path], Iterator[Clip]]


def _readers() -> dict[str, Reader]:
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.CARD.name: Reader(module.CARD, module.read) for module in modules}


READERS: dict[str, Reader] = _readers()


def find_card(name: str) -> CorpusCard:
    """The card of that name; ``UnknownNameError`` where there is none."""
    if name not in READERS:
        raise UnknownNameError("corpus", name, READERS)
    return READERS[name].card


def load(path: str | os.PathLike[str]) -> Corpus:
    """Read the labels of every clip at a path; no audio is opened.

    Parameters
    ----------
    path
        A folder, or a CSV manifest. A bare name such as ``ravdess`` also stands for the folder of
        that name in the folder that the environment variable ``AFFEKT_DATA`` points at.

    Raises
    ------
    CorpusError
        Nothing is there, or no clip of it tells its emotion.
    """
    root = _locate(Path(path))
    name = _recognise(root)
    reader = READERS[name]
    clips = tuple(sorted(reader.read(root), key=lambda clip: (clip.corpus, str(clip.path))))
    if not clips:
        raise CorpusError(
            f"{root} holds no clip that tells its emotion: a corpus is RAVDESS, EMO-DB, a folder "
            "for each emotion, or a CSV file of path,emotion,speaker"
        )
    known = {clip.path for clip in clips}
    return Corpus(
        name=name if reader.card.counts else clips[0].corpus,
        clips=clips,
        cards=(reader.card,),
        misnamed=tuple(file for file in find_audio(root) if file not in known) if root.is_dir() else (),
    )


def _locate(path: Path) -> Path:
    if path.exists():
        return path
    data = os.environ.get("AFFEKT_DATA")
    if data and len(path.parts) == 1:
        for name in (path.name, path.name.lower()):
            if Path(data, name).exists():
                return Path(data, name)
    raise CorpusError(
        f"there is no corpus at {str(path)!r}: no such file or folder (and AFFEKT_DATA, where it is set, "
        "points at no folder that has it)"
    )


def _recognise(root: Path) -> str:
    if root.is_file():
        if root.suffix.lower() not in (".csv", ".tsv"):
            raise CorpusError(f"{root} is a file, but not a CSV manifest: name the folder of the clips")
        return "manifest"
    files = find_audio(root)
    tops = {file.relative_to(root).parts[0] if file.parent != root else "" for file in files}
    if {canonical_emotion(top) for top in tops} <= set(EMOTIONS):
        return "folders"  # whoever sorts files by emotion means the folders, whatever the files are called
    stems = [file.stem for file in files]
    fits = {
        name: sum(bool(reader.card.stem.fullmatch(stem)) for stem in stems)
        for name, reader in READERS.items()
        if reader.card.stem
    }
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] * 2 > len(stems) else "folders"
