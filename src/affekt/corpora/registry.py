"""The registry of corpora: finds the reader of a path, and loads the labels.

Every module in ``affekt.corpora.readers`` is registered by its ``CARD`` and one of two functions:
``label(path)`` where the name of a file says what it is, else ``read(root)``. ``load_corpus`` recognises
what a path holds: a CSV file is a manifest, a file of JSON lines is one of EmoBox, a folder whose files
have the names of a published corpus is that corpus, and any other has one folder for each emotion.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from affekt.audio.loading import find_audio
from affekt.corpora import readers
from affekt.corpora.base import Clip, Corpus, CorpusCard, check_named, join
from affekt.corpora.readers.emobox import is_listing
from affekt.corpora.readers.manifest import is_manifest
from affekt.emotions import EMOTIONS, canonical_emotion
from affekt.errors import AudioReadError, CorpusError, UnknownNameError

CorpusLike = str | os.PathLike[str] | Corpus | Sequence[str | os.PathLike[str] | Corpus]
"""A corpus: a path or name as for ``load_corpus``, a loaded ``Corpus``, or several of these to join."""

_TABLES, _JSON_LINES = (".csv", ".tsv"), ".jsonl"


@dataclass(frozen=True)
class Reader:
    """The card of a corpus, and the function that reads its labels from a path.

    ``label`` returns the clip that a file is by its name, or None; it is None itself where labels are
    elsewhere.
    """

    card: CorpusCard
    read: Callable[[Path], Iterator[Clip]]
    label: Callable[[Path], Clip | None] | None = None


def _readers() -> dict[str, Reader]:
    found = pkgutil.iter_modules(readers.__path__)
    modules = [import_module(f"{readers.__name__}.{one.name}") for one in found]
    return {module.CARD.name: _reader(module) for module in modules}


def _reader(module: ModuleType) -> Reader:
    card, label = module.CARD, getattr(module, "label", None)
    return Reader(card, partial(_read_names, card, label) if label else module.read, label)


def _read_names(card: CorpusCard, label: Callable[[Path], Clip | None], root: Path) -> Iterator[Clip]:
    """Yield the clip of every name, without files of ``not_read`` that are second copies."""
    clips = [clip for path in find_audio(root) if (clip := label(path))]
    first = {clip.path.stem for clip in clips if not card.leaves_out(clip.path)}
    return (clip for clip in clips if not card.leaves_out(clip.path) or clip.path.stem not in first)


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
        A folder, a CSV manifest, or a file of EmoBox. A bare name such as ``ravdess`` that is not a path is
        looked up in the folder that the environment variable ``AFFEKT_DATA`` names.

    Raises
    ------
    CorpusError
        The path does not exist, may not be opened, or holds no clip with an emotion.
    """
    check_named([path])
    try:
        return _load(_locate(Path(path)))
    except (AudioReadError, PermissionError) as error:  # without that folder, a part would be missing
        raise CorpusError(
            f"{error}: a corpus is read whole or not at all. Get the right to open it, or move it out of "
            f"{os.fspath(path)!r}"
        ) from error


def _load(root: Path) -> Corpus:
    name = _recognise(root)
    reader = READERS[name]
    clips = tuple(sorted(reader.read(root), key=_order))
    if not clips:
        raise CorpusError(
            f"{root} has no clip with an emotion: it lists none. 'affekt corpora' shows what can be read"
        )
    read = {clip.path for clip in clips}
    unread = [file for file in find_audio(root) if file not in read] if root.is_dir() else []
    return Corpus(
        name=name if reader.card.counts else clips[0].corpus,
        clips=clips,
        cards=(reader.card,),
        misnamed=tuple(file for file in unread if not reader.card.leaves_out(file)),
    )


def load_corpora(corpora: CorpusLike) -> Corpus:
    """Load one path or several, joined as one corpus; a loaded corpus is returned as it is."""
    one = isinstance(corpora, str | os.PathLike | Corpus) or not isinstance(corpora, Iterable)
    several: list[Any] = [corpora] if one else list(cast(Iterable[Any], corpora))
    check_named(several)
    loaded = [each if isinstance(each, Corpus) else load_corpus(each) for each in several]
    return loaded[0] if len(loaded) == 1 else join(loaded)


def _order(clip: Clip) -> tuple[str, str, float]:
    return clip.corpus, str(clip.path), clip.start_s or 0.0


def _locate(path: Path) -> Path:
    """Return the folder or manifest; the manifest of a folder, if there is one of the folder's name."""
    root = _existing(path)
    own = [root / f"{root.resolve().name}{suffix}" for suffix in (*_TABLES, _JSON_LINES)]
    lists_clips = {_JSON_LINES: is_listing}
    found = (file for file in own if file.is_file() and lists_clips.get(file.suffix, is_manifest)(file))
    return next(found, root)


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
        suffix = root.suffix.lower()
        if suffix not in (*_TABLES, _JSON_LINES):
            raise CorpusError(
                f"{root} is a file, but not a CSV manifest ({', '.join(_TABLES)}) or one of EmoBox "
                f"({_JSON_LINES}): name the folder of the clips. 'affekt corpora' shows what can be read"
            )
        return "emobox" if suffix == _JSON_LINES else "manifest"
    files = find_audio(root)
    named = {name: list(_named(reader, files)) for name, reader in READERS.items() if reader.label}
    best = max(named, key=lambda name: len(named[name]))
    recognised = {clip.path for clip in named[best]} | {*filter(READERS[best].card.leaves_out, files)}
    if not named[best] or len(recognised) * 2 <= len(files):
        return "folders"
    return "folders" if _are_sorted_otherwise(root, files, named[best]) else best


def _are_sorted_otherwise(root: Path, files: Sequence[Path], named: Sequence[Clip]) -> bool:
    """Whether all files are in folders of emotions, and these say otherwise than the names of the files."""
    tops = {file: canonical_emotion(file.relative_to(root).parts[0]) for file in files}
    return set(tops.values()) <= set(EMOTIONS) and any(tops[clip.path] != clip.emotion for clip in named)


def _named(reader: Reader, files: Sequence[Path]) -> Iterator[Clip]:
    """The clips among the files by their names."""
    return (clip for file in files if reader.label and (clip := reader.label(file)))
