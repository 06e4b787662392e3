"""Answers of finished folds, kept in files: what was stopped goes on from there."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.dataset import Dataset
from affekt.protocols import Fold
from affekt.versions import installed_versions
from affekt.writing import whole_file

Answers = NDArray[np.float64]


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
        test: Callable[[Fold], Answers],
        about: tuple[str, Any, str, int],
        dataset: Dataset,
        groups: NDArray[Any],
    ) -> Callable[[Fold], Answers]:
        """The same function of a fold, which looks into the folder first, and keeps its answers there.

        ``about`` is recipe, estimator, protocol and seed; ``groups`` are what inner folds keep apart.
        """
        recipe, estimator, protocol, seed = about
        digest = hashlib.sha256(repr((installed_versions(), recipe, protocol, seed)).encode())
        digest.update(_describe(estimator).encode())
        digest.update("|".join(map(str, groups)).encode())
        for row in (dataset.labels, *dataset.features):
            digest.update(np.ascontiguousarray(row).tobytes())
        named = re.sub(r"[^\w-]+", "-", recipe)

        def remembered(fold: Fold) -> Answers:
            own = digest.copy()
            for part in (fold.train, fold.validation, fold.test):
                own.update(np.ascontiguousarray(part, np.int64).tobytes() + b"|")
            file = self.folder / f"{named}.{protocol}.seed{seed}.{own.hexdigest()[:16]}.npz"
            answers = _read(file)
            if answers is None or len(answers) != len(fold.test):
                answers = test(fold)
                with whole_file(file, "wb") as open_file:
                    np.savez(open_file, probabilities=answers)
            return answers

        return remembered


def _read(file: Path) -> Answers | None:
    """None where there is no file, or a broken one."""
    try:
        with open(file, "rb") as raw, np.load(raw, allow_pickle=False) as content:
            answers: Answers = content["probabilities"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return answers


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
