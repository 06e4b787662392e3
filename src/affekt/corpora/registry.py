"""The registry of corpora: finds the reader of a path, and loads the labels.

Every module in ``affekt.corpora.readers`` is registered by its ``CARD`` and ``read(path)``. ``load_corpus``
recognises what a path holds: a CSV file is a manifest, a folder whose file names match a card's pattern is
that corpus, and any other folder is read as one subfolder for each emotion.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from affekt.audio.loading import find_audio
from affekt.corpora import readers
from affekt.corpora.base import Clip, Corpus, CorpusCard, join
from affekt.corpora.readers.manifest import is_manifest
from affekt.emotions import EMOTIONS, canonical_emotion
from affekt.errors import CorpusError, UnknownNameError

CorpusLike = str | os.PathLike[str] | Corpus | Sequence[str | os.PathLike[str]]
"""A corpus: a path or name as for ``load_corpus``, a loaded ``Corpus``, or several paths to be joined."""


@dataclass(frozen=True)
class Reader:
    """The card of a corpus, and the function that reads its labels from a path."""

    card: CorpusCard
    read: Callable[[Path], Iterator[Clip]]


def _readers() -> dict[str, Reader]:
    found = pkgutil.iter_modules(readers.__path__)
    modules = [import_module(f"{readers.__name__}.{one.name}") for one in found]
    return {module.CARD.name: Reader(module.CARD, module.read) for module in modules}


READERS: dict[str, Reader] = _readers()


def find_card(name: str) -> CorpusCard:
    """Return the card of that name; ``UnknownNameError`` where there is none."""
    if name not in READERS:
        raise UnknownNameError("corpus", name, READERS)
    return READERS[name].card


def load_corpus(path: str | os.PathLike[str]) -> Corpus:
    """Read the labels of every clip at a path; audio is not opened.

    Parameters
    ----------
    path
        A folder, or a CSV manifest. A bare name such as ``ravdess`` that is not a path is looked up in the
        folder that the environment variable ``AFFEKT_DATA`` names.

    Raises
    ------
    CorpusError
        The path does not exist, or holds no clip with an emotion.
    """
    root = _locate(Path(path))
    name = _recognise(root)
    reader = READERS[name]
    clips = tuple(sorted(reader.read(root), key=lambda clip: (clip.corpus, str(clip.path))))
    if not clips:
        raise CorpusError(
            f"{root} has no clip with an emotion: a corpus is RAVDESS, EMO-DB, a folder for each emotion, "
            "or a CSV file of path,emotion,speaker"
        )
    known = {clip.path for clip in clips}
    return Corpus(
        name=name if reader.card.counts else clips[0].corpus,
        clips=clips,
        cards=(reader.card,),
        misnamed=tuple(file for file in find_audio(root) if file not in known) if root.is_dir() else (),
    )


def load_corpora(corpora: CorpusLike) -> Corpus:
    """Load one path or several, joined as one corpus; a loaded corpus is returned as it is."""
    if isinstance(corpora, Corpus):
        return corpora
    paths = [corpora] if isinstance(corpora, str | os.PathLike) else list(corpora)
    loaded = [load_corpus(path) for path in paths]
    return loaded[0] if len(loaded) == 1 else join(loaded)


def _locate(path: Path) -> Path:
    """Return the folder or manifest; the manifest of a folder, if there is one of the folder's name."""
    root = _existing(path)
    own = root / f"{root.resolve().name}.csv"
    return own if root.is_dir() and own.is_file() and is_manifest(own) else root


def _existing(path: Path) -> Path:
    if path.exists():
        return path
    data = os.environ.get("AFFEKT_DATA")
    if data and len(path.parts) == 1:
        for name in (path.name, path.name.lower()):
            if Path(data, name).exists():
                return Path(data, name)
    place = f"AFFEKT_DATA, which is {data!r}" if data else "AFFEKT_DATA, which is not set"
    raise CorpusError(
        f"there is no corpus at {str(path)!r}: no such file or folder, and none of that name in the folder "
        f"{place}"
    )


def _recognise(root: Path) -> str:
    """Return the name of the reader for an existing path."""
    if root.is_file():
        if root.suffix.lower() not in (".csv", ".tsv"):
            raise CorpusError(f"{root} is a file, but not a CSV manifest: name the folder of the clips")
        return "manifest"
    files = find_audio(root)
    tops = {file.relative_to(root).parts[0] if file.parent != root else "" for file in files}
    if {canonical_emotion(top) for top in tops} <= set(EMOTIONS):
        return "folders"  # files sorted into folders by emotion are labelled by these, whatever their names
    stems = [file.stem for file in files]
    matches = {
        name: sum(bool(reader.card.stem.fullmatch(stem)) for stem in stems)
        for name, reader in READERS.items()
        if reader.card.stem
    }
    best = max(matches, key=lambda name: matches[name])
    return best if matches[best] * 2 > len(stems) else "folders"
