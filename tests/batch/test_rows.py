"""Rows: the same answers as those of ``predict``, and errors as rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest

import affekt
from affekt.batch.rows import Answerer, predict_batches
from affekt.errors import BatchError, StoreError


def test_batches_have_the_answers_of_predict_beside_their_own_columns(clips: Path) -> None:
    files = sorted(clips.rglob("*.wav"))[:2]
    contents = [*(path.read_bytes() for path in files), b"no audio", None]
    batch = pyarrow.record_batch({"id": [1, 2, 3, 4], "content": contents})
    (found,) = predict_batches([batch])
    rows = found.to_pylist()
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    assert [row["reason"] for row in rows] == ["", "", "AudioFormatError", "AffektError"]
    for path, row in zip(files, rows, strict=False):
        expected = affekt.predict(path)
        assert row["emotion"] == expected.emotion
        assert [row[name] for name in expected.probabilities] == pytest.approx(
            list(expected.probabilities.values())
        )
        assert tuple(row["prediction_set"]) == expected.prediction_set
    assert rows[2]["emotion"] is None


def test_batches_may_have_paths(clips: Path) -> None:
    (path, *_) = sorted(clips.rglob("*.wav"))
    (found,) = predict_batches([pyarrow.record_batch({"file": [str(path), "nowhere.wav"]})], content="file")
    assert found.column("reason").to_pylist() == ["", "missing"]
    with pytest.raises(BatchError, match="no column 'content'"):
        next(predict_batches([found]))


def test_batches_without_rows_have_the_columns_of_others_and_columns_of_the_same_name_are_replaced(
    clips: Path,
) -> None:
    content = pyarrow.array([next(clips.rglob("*.wav")).read_bytes()] * 3, pyarrow.large_binary())
    batch = pyarrow.record_batch({"emotion": [1, 2, 3], "content": content})
    empty, sliced = predict_batches([batch.slice(0, 0), batch.slice(1)])
    assert empty.num_rows == 0
    assert empty.schema == sliced.schema
    assert empty.schema.names.count("emotion") == 1
    assert sliced.column("emotion").to_pylist() == [affekt.predict(next(clips.rglob("*.wav"))).emotion] * 2
    table = pyarrow.Table.from_batches([empty, sliced])
    assert table.drop_columns(["content"]).num_rows == 2


def test_a_timeline_is_one_row_with_its_utterances(clips: Path) -> None:
    (path, *_) = sorted(clips.rglob("*.wav"))
    answerer = Answerer("timeline", affekt.load())
    row = answerer.answer("a.wav", path.read_bytes)
    assert row["reason"] == "", row["error"]
    (back,) = answerer.table([row]).to_pylist()
    expected = affekt.timeline(path)
    assert [one["start_s"] for one in back["utterances"]] == [one.start_s for one in expected.utterances]
    assert back["duration_s"] == expected.duration_s


def test_features_are_columns(clips: Path) -> None:
    (path, *_) = sorted(clips.rglob("*.wav"))
    row = Answerer("features", None, "spectral-120@1").answer("a.wav", path.read_bytes)
    values = affekt.extract(path, "spectral-120@1").reshape(-1).tolist()
    assert list(row.values())[-len(values) :] == pytest.approx(values)


def test_a_store_that_cannot_be_reached_is_no_row() -> None:
    def read() -> bytes:
        raise StoreError("cut")

    with pytest.raises(StoreError):
        Answerer("features", None, "spectral-120@1").answer("a.wav", read)
