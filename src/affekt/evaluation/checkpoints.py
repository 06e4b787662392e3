"""Checkpoints: predictions of finished folds in files, so that a run that was stopped continues."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.evaluation.dataset import Dataset
from affekt.evaluation.parts import Part
from affekt.evaluation.terms import Terms
from affekt.support.versions import installed_versions
from affekt.support.writing import whole_file

Arrays = dict[str, NDArray[Any]]
"""What is kept of one condition of one fold: arrays by name."""
EXCLUDED, REASONS = "excluded", "reasons"
"""The arrays with the files that could not be tested in a condition, and why."""


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
        about = installed_versions(), _hash_package(), terms.name, terms.protocol_name, part.seed, settings
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

    def read(self, file: Path, needed: Collection[str] = ()) -> Arrays:
        """Return the arrays of a file; none where it is missing, broken, or lacks a needed array."""
        try:
            with open(file, "rb") as raw, np.load(raw, allow_pickle=False) as content:
                found = dict(content)
        except (OSError, ValueError, EOFError, BadZipFile):
            return {}
        return found if found.keys() >= {"clips", "repeats", "probabilities", "distances", *needed} else {}

    def write(self, file: Path, arrays: Arrays) -> None:
        """Write a file, whole or not at all."""
        with whole_file(file, "wb") as open_file:
            np.savez(open_file, **arrays)  # type: ignore[arg-type]

    def _digest(self, dataset: Dataset) -> bytes:
        """Hash of a data set; computed once."""
        if id(dataset) not in self._digests:
            digest = hashlib.sha256(repr(tuple(dataset.relative)).encode())
            degraded = () if dataset.degraded is None else dataset.degraded
            for row in (dataset.labels, *dataset.features, *degraded):
                for array in row if isinstance(row, list) else [row]:
                    digest.update(np.ascontiguousarray(array).tobytes())
            for texts in (dataset.fingerprints, dataset.speakers, dataset.sessions):
                digest.update("|".join(texts).encode() + b"\n")
            self._digests[id(dataset)] = dataset, digest.digest()
        return self._digests[id(dataset)][1]


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
