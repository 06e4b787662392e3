"""Features of many files are one table: a row for each file, with the error of one that failed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt.audio.loading import load_audio
from affekt.errors import AudioFormatError, MissingExtraError, UnknownNameError, WorkerError
from affekt.features import feature_table
from affekt.features.feature_sets import extract, find_feature_set
from affekt.features.feature_table import Description, extract_many, write_table

MFCC = find_feature_set("mfcc-stats@1")


@pytest.fixture
def folder(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    for i in range(5):
        write_voice(tmp_path / "in" / f"{i}.wav", seed=i)
    (tmp_path / "in" / "2b.wav").write_text("not audio")
    return tmp_path / "in"


def expected(file: str) -> np.ndarray:
    return extract(load_audio(file, MFCC.sample_rate), MFCC.name)


@pytest.mark.parametrize("jobs", [1, 3])
def test_files_keep_their_order_for_any_number_of_jobs(
    folder: Path, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.support.parallel.MANY", 2)
    described = list(extract_many([folder], MFCC.name, jobs=jobs))
    assert [Path(one.source).name for one in described] == [
        "0.wav",
        "1.wav",
        "2.wav",
        "2b.wav",
        "3.wav",
        "4.wav",
    ]
    for one in described:
        if one.features is None:
            assert "not audio" in str(one.error)
        else:
            np.testing.assert_array_equal(one.features, expected(one.source))


def test_a_csv_has_named_columns_and_a_row_for_each_file(folder: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "f.csv", MFCC, extract_many([folder], MFCC.name))
    with open(tmp_path / "f.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", *MFCC.columns, "error"]
    assert len(rows) == 6
    assert [row["file"] for row in rows if row["error"]] == [str(folder / "2b.wav")]
    values = np.array([float(rows[0][column]) for column in MFCC.columns], np.float32)
    np.testing.assert_array_equal(values, expected(rows[0]["file"]))


def test_an_npz_opens_without_pickle(folder: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "f.npz", MFCC, extract_many([folder], MFCC.name))
    with np.load(tmp_path / "f.npz", allow_pickle=False) as table:
        assert table["features"].shape == (6, 80)
        assert table["columns"].tolist() == list(MFCC.columns)
        failed = table["error"] != ""
        assert failed.tolist() == [False, False, False, True, False, False]
        assert np.isnan(table["features"][failed]).all()
        np.testing.assert_array_equal(table["features"][0], expected(str(table["file"][0])))


def test_a_parquet_file_is_a_table(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "f.parquet", MFCC, extract_many([folder], MFCC.name))
    table = parquet.read_table(tmp_path / "f.parquet")
    assert table.column_names == ["file", *MFCC.columns, "error"]
    assert table.num_rows == 6


@pytest.mark.parametrize("name", ["log-mel@1", "mfcc-sequence@1"])
def test_frames_of_all_files_are_concatenated(folder: Path, tmp_path: Path, name: str) -> None:
    feature_set = find_feature_set(name)
    write_table(tmp_path / "f.npz", feature_set, extract_many([folder], name))
    with np.load(tmp_path / "f.npz") as table:
        ends = np.cumsum(table["frames"])
        assert ends[-1] == len(table["features"])
        assert table["frames"][3] == 0
        file = str(table["file"][1])
        second = table["features"][ends[0] : ends[1]]
        np.testing.assert_array_equal(second, extract(load_audio(file, feature_set.sample_rate), name))


def test_an_array_of_more_than_two_gigabytes_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 1000)  # bytes stand for two gigabytes
    rows = [Description(str(number), np.full(80, number, np.float32)) for number in range(20)]
    write_table(tmp_path / "f.npz", MFCC, rows)
    with np.load(tmp_path / "f.npz") as table:
        assert table["features"][:, 0].tolist() == list(range(20))


def test_rows_are_kept_where_the_table_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, failures = feature_table._write_npz, [RuntimeError("too large")]

    def fail_once(*given: Any) -> None:
        if failures:
            raise failures.pop()
        usual(*given)

    monkeypatch.setattr(feature_table, "_write_npz", fail_once)
    rows = [Description(str(number), np.zeros(80, np.float32)) for number in range(2)]
    with pytest.raises(RuntimeError, match="too large") as found:
        write_table(tmp_path / "f.npz", MFCC, rows)
    assert row_count(tmp_path / "f.partial.npz") == 2
    assert found.value.__notes__ == [f"2 finished rows are kept in {tmp_path / 'f.partial.npz'}"]


def test_frames_do_not_fit_a_csv(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"\.npz"):
        write_table(tmp_path / "f.csv", find_feature_set("log-mel@1"), [])


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="kind of table"):
        write_table(tmp_path / "f.xlsx", MFCC, [])


def test_parquet_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"affekt\[parquet\]"):
        write_table(tmp_path / "f.parquet", MFCC, [])


def row_count(file: Path) -> int:
    if file.suffix == ".npz":
        with np.load(file) as table:
            return len(table["file"])
    if file.suffix == ".parquet":
        return int(pytest.importorskip("pyarrow.parquet").read_table(file).num_rows)
    with open(file, newline="", errors="surrogateescape") as opened:
        return len(list(csv.DictReader(opened)))


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), WorkerError("killed")])
def test_finished_rows_are_kept_beside_the_old_table(
    folder: Path, tmp_path: Path, suffix: str, error: BaseException
) -> None:
    def interrupted() -> Iterator[Description]:
        yield from list(extract_many([folder], MFCC.name))[:2]
        raise error

    (tmp_path / f"f.{suffix}").write_text("old")
    with pytest.raises(type(error)) as found:
        write_table(tmp_path / f"f.{suffix}", MFCC, interrupted())
    assert (tmp_path / f"f.{suffix}").read_text() == "old"
    assert row_count(tmp_path / f"f.partial.{suffix}") == 2
    assert found.value.__notes__[-1] == f"2 finished rows are kept in {tmp_path / f'f.partial.{suffix}'}"
    assert len(list(tmp_path.glob("f.*"))) == 2


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_where_nothing_was_finished_nothing_is_kept(tmp_path: Path, suffix: str) -> None:
    def interrupted() -> Iterator[Description]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / f"f.{suffix}", MFCC, interrupted())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_a_table_that_cannot_be_written_is_found_before_anything_is_computed(
    tmp_path: Path, suffix: str
) -> None:
    computed = iter([Description("a.wav", error=AudioFormatError("a.wav is not audio"))])
    (tmp_path / f"f.{suffix}").mkdir()
    with pytest.raises(IsADirectoryError, match=rf"f\.{suffix}"):
        write_table(tmp_path / f"f.{suffix}", MFCC, computed)
    assert len(list(computed)) == 1


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_odd_names_cost_no_table(tmp_path: Path, suffix: str) -> None:
    names = ["=1+1.wav", "-1.wav", "a\udcff.wav", "b.wav"]
    vector = np.full(80, -0.5, np.float32)
    write_table(tmp_path / f"f.{suffix}", MFCC, [Description(name, features=vector) for name in names])
    assert row_count(tmp_path / f"f.{suffix}") == 4
    if suffix == "csv":
        rows = list(csv.reader((tmp_path / "f.csv").read_text(errors="surrogateescape").splitlines()))
        assert [row[0] for row in rows[1:]] == ["'=1+1.wav", "'-1.wav", "a\udcff.wav", "b.wav"]
        assert rows[1][1] == "-0.5"
