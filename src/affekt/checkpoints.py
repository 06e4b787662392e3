"""Answers of finished folds, kept in files: what was stopped goes on from there."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.dataset import Dataset
from affekt.protocols import Fold
from affekt.versions import installed_versions
from affekt.writing import whole_file

Tested = dict[str, NDArray[np.float64]]
"""What is kept of a fold: arrays by name, the ``probabilities`` of the tested clips among them."""


class Checkpoints:
    """A folder of them, made if need be, and found out at once whether it can be written.

    A file's name hashes all that its answers depend on: settings, code, libraries, clips, split and seed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder):
            pass

    def remember(
        self,
        test: Callable[[Fold], Tested],
        about: tuple[str, Any, str, int],
        dataset: Dataset,
        groups: NDArray[Any],
        needed: Collection[str] = (),
    ) -> Callable[[Fold], Tested]:
        """The same function of a fold, which looks into the folder first, and keeps its answers there.

        ``about`` is recipe, estimator, protocol and seed; ``groups`` are what inner folds keep apart. A
        file without an array that is ``needed`` is computed again.
        """
        recipe, estimator, protocol, seed = about
        settings = installed_versions(), _hash_package(), recipe, protocol, seed, tuple(dataset.relative)
        digest = hashlib.sha256(repr(settings).encode())
        digest.update(_describe(estimator).encode())
        digest.update("|".join(map(str, groups)).encode())
        for row in (
            dataset.labels,
            *dataset.features,
            *([] if dataset.degraded is None else dataset.degraded),
        ):
            digest.update(np.ascontiguousarray(row).tobytes())
        named = re.sub(r"[^\w-]+", "-", recipe)

        def remembered(fold: Fold) -> Tested:
            own = digest.copy()
            for part in (fold.train, fold.validation, fold.test):
                own.update(np.ascontiguousarray(part, np.int64).tobytes() + b"|")
            file = self.folder / f"{named}.{protocol}.seed{seed}.{own.hexdigest()[:16]}.npz"
            tested = _read(file)
            if len(tested.get("probabilities", ())) != len(fold.test) or not tested.keys() >= {*needed}:
                tested = test(fold)
                with whole_file(file, "wb") as open_file:
                    np.savez(open_file, **tested)  # type: ignore[arg-type]
            return tested

        return remembered


@functools.cache
def _hash_package() -> str:
    """Of all that is written here, as an answer may depend on any of it."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> Tested:
    """Nothing where there is no file, or a broken one."""
    try:
        with open(file, "rb") as raw, np.load(raw, allow_pickle=False) as content:
            return dict(content)
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}


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
    """Nothing for what is not written in Python; libraries are told apart by their versions."""
    try:
        source = inspect.getsource(inspect.getmodule(value) or value)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()
