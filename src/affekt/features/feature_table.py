"""Features of many files, written to a table in CSV, Parquet or NumPy format."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.archives import expand_sources
from affekt.audio.loading import AudioSource, source_name
from affekt.errors import AffektError, MissingExtraError, UnknownNameError
from affekt.features.feature_sets import FeatureSet, extract, find_feature_set
from affekt.support.parallel import map_in_order
from affekt.support.writing import check_place, finished_rows, harmless_cell, kept_beside, whole_file

TABLE_SUFFIXES = (".csv", ".parquet", ".npz")


@dataclass(frozen=True, slots=True, repr=False)
class Description:
    """The features of one source of many, or the error that reading it raised."""

    source: str
    features: NDArray[np.float32] | None = None
    error: AffektError | None = None

    def __repr__(self) -> str:
        found = self.error if self.features is None else f"features of shape {self.features.shape}"
        return f"<Description {self.source}: {found}>"


def extract_many(
    sources: AudioSource | Iterable[AudioSource], name: str, *, jobs: int = 1
) -> Iterator[Description]:
    """Compute a feature set of many sources; one that fails does not stop the others.

    Parameters
    ----------
    sources
        As for ``load_audio``; a folder stands for every audio file below it.
    name
        The name of a feature set, ``name@version``.
    jobs
        Number of processes, as for ``predict_many``; results do not depend on it.

    Raises
    ------
    EncoderError
        The feature set needs an encoder that is not on this machine.
    """
    find_feature_set(name).check()
    return map_in_order(partial(_describe, name=name), expand_sources(sources), jobs)


def _describe(source: AudioSource, name: str) -> Description:
    try:
        return Description(source_name(source), features=extract(source, name))
    except AffektError as error:
        return Description(source_name(source), error=error)


def check_table(path: str | os.PathLike[str], feature_set: FeatureSet) -> None:
    """Raise an error if the table cannot be written to a file of this name, before it is computed."""
    suffix = Path(path).suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise UnknownNameError("kind of table", suffix, TABLE_SUFFIXES)
    if feature_set.frames != 0 and suffix != ".npz":
        raise UnknownNameError(
            f"kind of table that holds the frames of {feature_set.name}", suffix, [".npz"]
        )
    if suffix == ".parquet":
        _parquet()


def write_table(
    path: str | os.PathLike[str], feature_set: FeatureSet, described: Iterable[Description]
) -> None:
    """Write a table with one row for each file to a ``.csv``, ``.parquet`` or ``.npz`` file.

    The columns are ``file``, those of the feature set, and ``error``; a file that failed has a row too. A
    ``.npz`` file has the arrays ``file``, ``error``, ``columns`` and ``features``, of shape (files,
    columns). For a feature set with frames, ``features`` has the shape (all frames, columns), and the array
    ``frames`` has the number of rows of each file. In CSV, a name or error that a spreadsheet would take
    for a formula begins with ``'``.

    The file is replaced by a whole new one. If ``described`` raises an error, or the table cannot be
    written, the file stays as it is, the rows that are finished are in another one beside it, and a note of
    the error says in which.

    Raises
    ------
    UnknownNameError
        The suffix is none of these, or the feature set has frames and the suffix is not ``.npz``.
    MissingExtraError
        ``.parquet`` needs ``affekt[parquet]``.
    OSError
        The file cannot be written: before anything is computed, where that can be known.
    """
    check_table(path, feature_set)
    check_place(path)
    if Path(path).suffix.lower() == ".csv":
        _write_csv(path, feature_set, described)
        return
    rows: list[Description] = []
    try:
        rows.extend(described)
        _write_arrays(path, feature_set, rows)
    except BaseException as error:
        if rows:
            with suppress(OSError), kept_beside(path, finished_rows(len(rows)), error) as place:
                _write_arrays(place, feature_set, rows)
        raise


def _write_csv(
    path: str | os.PathLike[str], feature_set: FeatureSet, described: Iterable[Description]
) -> None:
    with whole_file(path, keep_on_interrupt=True) as file:
        writer = csv.writer(file)
        writer.writerow(["file", *feature_set.columns, "error"])
        for one in described:
            values = [""] * len(feature_set.columns) if one.features is None else map(str, one.features)
            writer.writerow([harmless_cell(one.source), *values, harmless_cell(str(one.error or ""))])
            file.flush()


def _write_arrays(
    path: str | os.PathLike[str], feature_set: FeatureSet, rows: Sequence[Description]
) -> None:
    with whole_file(path, "wb") as file:
        if Path(path).suffix.lower() == ".npz":
            _write_npz(file, _arrays(rows, feature_set))
        else:
            arrow, parquet = _parquet()
            parquet.write_table(arrow.table(_columns(rows, feature_set)), file)


def _write_npz(file: IO[bytes], arrays: dict[str, NDArray[Any]]) -> None:
    """Write as ``numpy.savez`` does, which does not allow an array named ``file``."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:  # it may exceed 2 GiB
                np.lib.format.write_array(member, array, allow_pickle=False)


def _arrays(rows: Sequence[Description], feature_set: FeatureSet) -> dict[str, Any]:
    width = len(feature_set.columns)
    empty = np.full((1, width) if feature_set.frames == 0 else (0, width), np.nan, np.float32)
    features = [empty if one.features is None else one.features.reshape(-1, width) for one in rows]
    arrays: dict[str, Any] = {
        "file": np.array([one.source for one in rows], dtype=np.str_),
        "error": np.array([str(one.error or "") for one in rows], dtype=np.str_),
        "columns": np.array(feature_set.columns),
        "features": np.concatenate([np.zeros((0, width), np.float32), *features]),
    }
    if feature_set.frames != 0:
        arrays["frames"] = np.array([len(one) for one in features], np.int64)
    return arrays


def _columns(rows: Sequence[Description], feature_set: FeatureSet) -> dict[str, object]:
    arrays = _arrays(rows, feature_set)
    values = dict(zip(feature_set.columns, np.asarray(arrays["features"]).T, strict=True))
    names, errors = [one.source for one in rows], [str(one.error or "") for one in rows]
    return {"file": list(map(_as_unicode, names)), **values, "error": list(map(_as_unicode, errors))}


def _as_unicode(text: str) -> str:
    """The text, with bytes of a file name that are not UTF-8 shown as such: Parquet holds Unicode alone."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("writing .parquet", "parquet") from error
    return pyarrow, pyarrow.parquet
