"""Features of many files, and the table they are written to."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio import AudioSource, expand_folders, load_audio, source_name
from affekt.errors import AffektError, MissingExtraError, UnknownNameError
from affekt.features import FeatureSet, extract, find_feature_set
from affekt.parallel import map_in_order
from affekt.writing import whole_file

TABLE_SUFFIXES = (".csv", ".parquet", ".npz")


@dataclass(frozen=True, slots=True)
class Description:
    """One file of many: its features, or the error that says why there are none."""

    source: str
    features: NDArray[np.float32] | None = None
    error: AffektError | None = None


def extract_many(
    sources: AudioSource | Iterable[AudioSource], name: str, *, jobs: int = 1
) -> Iterator[Description]:
    """Describe many inputs; a broken one costs its own description and no other.

    Parameters
    ----------
    sources
        As for ``load_audio``; a folder stands for every audio file below it.
    name
        A feature set, ``name@version``.
    jobs
        Processes, as for ``predict_many``. The numbers do not depend on it.
    """
    find_feature_set(name)
    return map_in_order(partial(_describe, name=name), expand_folders(sources), jobs)


def _describe(source: AudioSource, name: str) -> Description:
    try:
        waveform = load_audio(source, find_feature_set(name).sample_rate)
        return Description(source_name(source), features=extract(waveform, name))
    except AffektError as error:
        return Description(source_name(source), error=error)


def check_table(path: str | os.PathLike[str], feature_set: FeatureSet) -> None:
    """Refuse a file that such a table cannot be written to, before anything is computed."""
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
    """Write one row a file, as they come, to a ``.csv``, ``.parquet`` or ``.npz`` file.

    The columns are ``file``, those of the feature set, and ``error``; a file that failed has a row too. A
    ``.npz`` file holds the arrays ``file``, ``error``, ``columns`` and ``features``, of shape (files,
    columns); for frames it is (all frames, columns), and ``frames`` says how many belong to each file.

    Raises
    ------
    UnknownNameError
        Another kind of file, or frames that only ``.npz`` can hold.
    MissingExtraError
        ``.parquet`` needs ``affekt[parquet]``.
    """
    check_table(path, feature_set)
    if Path(path).suffix.lower() == ".csv":
        _write_csv(path, feature_set, described)
        return
    rows: list[Description] = []
    with whole_file(path, "wb", keep_on_interrupt=True) as file:
        try:
            rows.extend(described)
        finally:  # after Ctrl-C too: what is finished is kept
            if Path(path).suffix.lower() == ".npz":
                _write_npz(file, _arrays(rows, feature_set))
            else:
                arrow, parquet = _parquet()
                parquet.write_table(arrow.table(_columns(rows, feature_set)), file)


def _write_csv(
    path: str | os.PathLike[str], feature_set: FeatureSet, described: Iterable[Description]
) -> None:
    with whole_file(path, keep_on_interrupt=True) as file:
        writer = csv.writer(file)
        writer.writerow(["file", *feature_set.columns, "error"])
        for one in described:
            values = [""] * len(feature_set.columns) if one.features is None else map(str, one.features)
            writer.writerow([one.source, *values, str(one.error or "")])
            file.flush()


def _write_npz(file: IO[bytes], arrays: dict[str, NDArray[Any]]) -> None:
    """``numpy.savez``, which cannot have an array called ``file``."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
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
    return {"file": [one.source for one in rows], **values, "error": [str(one.error or "") for one in rows]}


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("writing .parquet", "parquet") from error
    return pyarrow, pyarrow.parquet
