"""Rows of results: a file's content in, a row of the task's schema out; and the same over Arrow batches."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow

from affekt.batch.stores import ChangedError
from affekt.errors import AffektError, BatchError, StoreError
from affekt.features.feature_sets import extract, find_feature_set
from affekt.inference.prediction import Prediction, predict
from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import timeline
from affekt.model.bundle import Bundle, ModelLike, load

COUNTS = b"affekt.counts"  # key of a part's metadata: how many files failed, by reason; "" for none
_REASONS = {ChangedError: "changed", FileNotFoundError: "missing"}  # of others, the name of their class
_TEXT, _SHARE = pyarrow.string(), pyarrow.float32()


class Answerer:
    """Answers files by one task, a row each.

    Parameters
    ----------
    task
        ``predict``, ``timeline`` or ``features``.
    bundle
        The model; None for ``features``.
    feature_set
        The feature set of ``features``.

    Raises
    ------
    EncoderError
        The features need an encoder that is not on this machine, which would fail for each file.

    Attributes
    ----------
    schema
        Of its rows. ``reason`` is the kind of an error, empty if there is none, and ``error`` its message.
    """

    def __init__(self, task: str, bundle: Bundle | None, feature_set: str = "") -> None:
        self.task, self.bundle, self.feature_set = task, bundle, feature_set
        (bundle.feature_set if bundle else find_feature_set(feature_set)).check()
        self.schema = pyarrow.schema(
            [
                ("source", _TEXT),
                *self._task_fields(),
                ("reason", _TEXT),
                ("error", _TEXT),
                ("model_sha256", _TEXT),
            ]
        )

    def answer(self, name: str, read: Callable[[], bytes]) -> dict[str, Any]:
        """Return the row of a file; an error in reading or answering it is a row too.

        Raises
        ------
        StoreError
            The store cannot be reached, which is no property of the file.
        """
        row: dict[str, Any] = {
            "source": name,
            "reason": "",
            "error": "",
            "model_sha256": self.bundle.contract.sha256 if self.bundle else "",
        }
        try:
            content = io.BytesIO(read())
            content.name = name
            return row | self._columns(content)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one file of a million stops nothing
            text = str(error).split("\n", maxsplit=1)[0]
            return row | {
                "reason": _REASONS.get(type(error), type(error).__name__),
                "error": text or type(error).__name__,
            }

    def table(self, rows: Sequence[Mapping[str, Any]]) -> pyarrow.Table:
        """Return rows as a table with the counts of their reasons in its metadata."""
        counts = json.dumps(Counter(row["reason"] for row in rows))
        return pyarrow.Table.from_pylist(
            list(rows), schema=self.schema.with_metadata({COUNTS: counts.encode()})
        )

    def _task_fields(self) -> list[tuple[str, Any]]:
        if self.task == "features":
            return [(name, _SHARE) for name in find_feature_set(self.feature_set).columns]
        if self.bundle is None:
            raise BatchError(f"the task {self.task} needs a model")
        shares = [(name, _SHARE) for name in self.bundle.contract.emotions]
        answer = [
            ("emotion", _TEXT),
            ("confidence", _SHARE),
            *shares,
            ("prediction_set", pyarrow.list_(_TEXT)),
        ]
        both = [("duration_s", pyarrow.float64()), ("notes", pyarrow.list_(_TEXT))]
        if self.task == "predict":
            return [*answer, *both]
        span = [("start_s", pyarrow.float64()), ("end_s", pyarrow.float64())]
        return [("utterances", pyarrow.list_(pyarrow.struct([*span, *answer]))), *both]

    def _columns(self, content: Any) -> dict[str, Any]:
        if self.task == "features":
            values = extract(content, self.feature_set).reshape(-1).tolist()
            return dict(zip(find_feature_set(self.feature_set).columns, values, strict=True))
        if self.task == "timeline":
            return _timeline_columns(timeline(content, self.bundle))
        found = predict(content, self.bundle)
        return _answer_columns(found) | _both_columns(found)


def predict_batches(
    batches: Iterable[pyarrow.RecordBatch], model: ModelLike = None, *, content: str = "content"
) -> Iterator[pyarrow.RecordBatch]:
    """Predict the recordings of Arrow record batches, as Spark, Ray and Daft hand them to functions.

    Parameters
    ----------
    batches
        With a column of the bytes of audio files, or of their paths.
    model
        As for ``predict``; it is loaded once in each process.
    content
        The name of that column.

    Yields
    ------
    RecordBatch
        The batch with columns added: emotion, confidence, a probability for each emotion, prediction_set,
        duration_s, notes, reason, error and model_sha256. A recording that cannot be used has a reason and
        an error, and null in the others. A column of the batch that has one of these names is replaced.

    Raises
    ------
    BatchError
        A batch has no such column.
    """
    answerer = Answerer("predict", load(model))
    added = [one for one in answerer.schema if one.name != "source"]
    names = {one.name for one in added}
    for batch in batches:
        if content not in batch.schema.names:
            raise BatchError(
                f"a batch has no column {content!r}: give content=, one of {', '.join(batch.schema.names)}"
            )
        sources = batch.column(content).to_pylist()
        rows = [answerer.answer(_name_of(one), _reading(one)) for one in sources]
        kept = [(one, batch.column(one.name)) for one in batch.schema if one.name not in names]
        new = [(one, pyarrow.array([row.get(one.name) for row in rows], one.type)) for one in added]
        fields, columns = zip(*kept, *new, strict=True)
        yield pyarrow.RecordBatch.from_arrays(list(columns), schema=pyarrow.schema(fields))


def _name_of(source: object) -> str:
    return source if isinstance(source, str) else "bytes"


def _reading(source: Any) -> Callable[[], bytes]:
    def read() -> bytes:
        if source is None:
            raise AffektError("there is no recording: null")
        if isinstance(source, str):
            with open(source, "rb") as file:
                return file.read()
        return bytes(source)

    return read


def _answer_columns(found: Prediction) -> dict[str, Any]:
    return {
        "emotion": found.emotion,
        "confidence": found.confidence,
        **found.probabilities,
        "prediction_set": list(found.prediction_set),
    }


def _both_columns(found: Prediction | Timeline) -> dict[str, Any]:
    return {"duration_s": found.duration_s, "notes": [str(note) for note in found.notes]}


def _timeline_columns(found: Timeline) -> dict[str, Any]:
    utterances = [
        {"start_s": one.start_s, "end_s": one.end_s}
        | (_answer_columns(one.prediction) if one.prediction else {})
        for one in found.utterances
    ]
    return {"utterances": utterances, **_both_columns(found)}
