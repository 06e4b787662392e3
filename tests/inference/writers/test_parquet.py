"""Parquet: the columns of the CSV file, with types."""

from __future__ import annotations

import io
from typing import Any

import pytest
from tests.inference.writers.synthetic import ALL, ODD, SILENT, SIMPLE

from affekt.errors import MissingExtraError
from affekt.inference.timeline import Timeline
from affekt.inference.writers.parquet import check, write
from affekt.inference.writers.rows import columns


def written(*timelines: Timeline) -> Any:
    parquet = pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    write(timelines, stream)
    return parquet.read_table(io.BytesIO(stream.getvalue()))


def test_a_row_has_typed_values() -> None:
    table = written(SIMPLE)
    row = table.to_pylist()[3]
    assert (row["start_s"], row["end_s"], row["emotion"]) == (8.0, 12.0, "sad")
    assert row["sad"] == pytest.approx(0.3)
    assert row["prediction_set"] == ["sad", "neutral", "calm", "happy", "angry"]
    assert row["notes"] == ["out of distribution: do not rely on it"]
    assert row["unsure"] is True
    assert {str(table.schema.field(name).type) for name in ("start_s", "confidence", "sad")} == {"double"}


def test_an_utterance_without_a_prediction_has_nulls() -> None:
    row = written(SIMPLE).to_pylist()[2]
    assert row["start_s"] == 6.1234
    assert all(row[name] is None for name in ("emotion", "confidence", "sad", "prediction_set", "unsure"))


@pytest.mark.parametrize("name", ALL)
def test_the_columns_do_not_depend_on_the_rows(name: str) -> None:
    assert written(*ALL[name]).column_names == columns(ALL[name][0].emotions)


def test_types_are_known_without_rows() -> None:
    assert written(SILENT).schema == written(SIMPLE).schema


def test_bytes_of_a_name_that_are_no_unicode_are_codes() -> None:
    (name,) = set(written(ODD).column("file").to_pylist())
    assert name.endswith("\\udcffé.wav")
    assert name.startswith('=a b\t"')


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"affekt\[parquet\]"):
        check()
