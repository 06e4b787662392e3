"""Checkpoints: predictions of finished folds in files, so that a run that was stopped continues."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.audio.archives import UNREADABLE
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.parts import Part
from affekt.evaluation.terms import Terms
from affekt.support.versions import installed_versions
from affekt.support.writing import whole_file

Arrays = dict[str, NDArray[Any]]
"""What is kept of one condition of one fold: arrays by name."""
PREDICTED = "clips", "repeats", "probabilities", "distances"
"""The arrays of predictions, a row for each."""
ENROLLED = "enrolled_"
"""Begins the names of the same arrays of clips that are predicted with others of the speaker enrolled."""
EXCLUDED, REASONS = "excluded", "reasons"
"""The arrays with the files that could not be tested in a condition, and why."""
_SEAL = "checksum"


class Checkpoints:
    """A folder of them.

    The name of a file hashes everything that its arrays depend on: settings, code, libraries, clips,
    split and seed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._digests: dict[int, tuple[Dataset, bytes]] = {}

    def places(self, terms: Terms, part: Part, conditions: Sequence[str], settings: str) -> dict[str, Path]:
        """Return the file of each condition of a part; ``settings`` are all else that arrays depend on."""
        who = (
            _describe(terms.recipe.build(part.seed))
            if terms.recipe
            else terms.bundle and terms.bundle.contract.sha256
        )
        versions = installed_versions("scipy", "av")  # which degrade clips, and are in no contract
        about = versions, _hash_package(), terms.name, terms.protocol_name, part.seed, settings
        digest = hashlib.sha256(f"{about!r}{who}".encode())
        digest.update("|".join(map(str, part.groups)).encode())
        digest.update(self._digest(part.dataset))
        for side in (part.fold.train, part.fold.validation, part.fold.test):
            digest.update(np.ascontiguousarray(side, np.int64).tobytes() + b"|")
        recipe = re.sub(r"[^\w-]+", "-", terms.name)
        named = f"{recipe}.{terms.protocol_name}.seed{part.seed}"
        found = {}
        for condition in conditions:
            own = digest.copy()
            own.update(condition.encode())
            found[condition] = self.folder / f"{named}.{own.hexdigest()[:16]}.npz"
        return found

    def read(self, file: Path, part: Part, emotions: int, needed: Collection[str] = ()) -> Arrays:
        """Return the arrays of a file; none where it is missing, or lacks a needed array.

        A file that is damaged or not of this part counts as missing, with a warning.
        """
        try:
            found = _load(file)
            _check(found, part, emotions)
        except FileNotFoundError:
            return {}
        except (*UNREADABLE, TypeError, KeyError, MemoryError, RecursionError) as error:
            _warn(f"{file} is not a checkpoint of this fold ({error}): the fold is computed again")
            return {}
        return found if found.keys() >= set(needed) else {}

    def write(self, file: Path, arrays: Arrays) -> None:
        """Write a file, whole or not at all; a warning says so where it cannot be written."""
        try:
            with whole_file(file, "wb") as open_file:
                np.savez(open_file, **arrays, **{_SEAL: np.array(_seal(file, arrays))})  # type: ignore[arg-type]
        except OSError as error:
            _warn(f"{file} cannot be written ({error}): if this run stops, the fold is computed again")

    def _digest(self, dataset: Dataset) -> bytes:
        """Hash of a data set; computed once."""
        if id(dataset) not in self._digests:
            digest = hashlib.sha256(repr(tuple(dataset.relative)).encode())
            degraded = () if dataset.degraded is None else dataset.degraded
            for row in (dataset.labels, *dataset.features, *degraded):
                for array in row if isinstance(row, list) else [row]:
                    digest.update(np.ascontiguousarray(array).tobytes())
            for texts in (dataset.fingerprints, dataset.speakers, dataset.sessions, dataset.corpora):
                digest.update("|".join(texts).encode() + b"\n")
            self._digests[id(dataset)] = dataset, digest.digest()
        return self._digests[id(dataset)][1]


def _load(file: Path) -> Arrays:
    """Read the arrays of a file and check that they are those that were written under its name."""
    with open(file, "rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        with ZipFile(raw) as packed:  # numpy would unpack and allocate whatever is declared
            members = packed.infolist()
            if sum(one.file_size for one in members) > size or any(one.compress_type for one in members):
                raise ValueError("it was packed by another program")
        raw.seek(0)
        with np.load(raw, allow_pickle=False) as content:
            found = dict(content)
    seal = str(found.pop(_SEAL, ""))
    if seal != _seal(file, found):
        raise ValueError("its arrays are not those that were written under this name")
    return found


def _seal(file: Path, arrays: Arrays) -> str:
    """A checksum of the name of a file and of its arrays."""
    digest = hashlib.sha256(file.name.encode())
    for name, values in sorted(arrays.items()):
        array = np.asarray(values)
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _check(arrays: Arrays, part: Part, emotions: int) -> None:
    """Raise ``ValueError`` unless these are predictions for clips that the part tests."""
    _check_predicted([arrays[name] for name in PREDICTED], part, emotions)
    if any(name.startswith(ENROLLED) for name in arrays):
        _check_predicted([arrays[ENROLLED + name] for name in PREDICTED], part, emotions)


def _check_predicted(predicted: Sequence[NDArray[Any]], part: Part, emotions: int) -> None:
    clips, repeats, probabilities, distances = predicted
    count = len(clips)
    shapes = [one.shape for one in (clips, repeats, probabilities, distances)]
    if shapes != [(count,), (count,), (count, emotions), (count,)]:
        raise ValueError(f"its arrays have the shapes {shapes}")
    if [one.dtype.kind for one in (clips, repeats, probabilities, distances)] != ["i", "i", "f", "f"]:
        raise ValueError("its arrays are of other types")
    if not np.isin(clips, part.fold.test).all():
        raise ValueError("it has clips that this fold does not test")
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if not ((probabilities >= 0).all() and (abs(sums - 1) < 1e-3).all() and np.isfinite(distances).all()):
        raise ValueError("its values are not probabilities and distances")


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


@functools.cache
def _hash_package() -> str:
    """Hash of the whole package, as a prediction may depend on any of it."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _describe(value: Any) -> str:
    """An estimator's settings and those of its parts, as text that is the same in every process.

    A function or class stands for the source of its file, as it may use all that is in there.
    """
    if hasattr(value, "get_params") and not isinstance(value, type):
        settings = value.get_params(deep=False)
        return f"{_describe(type(value))}({_describe(settings)})"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_describe(inner)}" for key, inner in sorted(value.items()))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_describe, value))}]"
    if isinstance(value, functools.partial):
        return f"{_describe(value.func)}{_describe(value.args)}{_describe(value.keywords)}"
    if inspect.isroutine(value) or isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}:{_hash_source(value)}"
    return repr(value)


def _hash_source(value: Any) -> str:
    """Hash of the source; empty for what is not written in Python, whose version is hashed elsewhere."""
    try:
        source = inspect.getsource(inspect.getmodule(value) or value)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()
