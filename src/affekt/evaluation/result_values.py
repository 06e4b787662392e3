"""The values of results in JSON: checked, and turned into arguments of ``Scores`` and ``Evaluation``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import CorpusError
from affekt.evaluation.scores import (
    CorpusScore,
    EmotionScore,
    FoldScore,
    Importance,
    PredictionSetScore,
    Provenance,
    SliceScore,
)
from affekt.metrics import HEADLINES, Score
from affekt.model.calibration import Calibration, Reliability
from affekt.notes import Note, NoteKind
from affekt.support.plain_values import build, parse_json

MAX_RESULT_BYTES = 256 << 20
RENAMED_PROTOCOLS = {"cross-corpus": "leave-one-corpus-out"}
"""Former name of a protocol -> its name."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever a malformed result raises into a ``CorpusError``."""
    try:
        yield
    except CorpusError:
        raise
    except KeyError as error:
        raise CorpusError(f"there is no {error.args[0]!r} in it") from error
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise CorpusError(f"its values are not those of a result ({error})") from error


def read_json(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Read a file that holds a JSON object; ``CorpusError`` where it holds something else."""
    with open(path, "rb") as file:
        content = file.read(MAX_RESULT_BYTES + 1)
    if len(content) > MAX_RESULT_BYTES:
        raise CorpusError(f"it is larger than {MAX_RESULT_BYTES} bytes")
    try:
        values = parse_json(content)
    except ValueError as error:
        raise CorpusError(str(error)) from error
    if not isinstance(values, dict):
        raise CorpusError("it is not a JSON object")
    return values


def _lenient(kind: Any, value: Any, name: str) -> Any:
    """As ``build``, where a number may be None: JSON has no NaN."""
    return build(kind, value, finite=False, name=name)


def scores_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``Scores``."""
    found: dict[str, Any] = {
        name: build(kind, values[name], name=name)
        for name, kind in (
            ("protocol_label", str),
            ("leaky", bool),
            ("n", int),
            ("emotions", tuple[str, ...]),
            ("chance", float),
            ("majority", float),
            ("confusion_matrix", NDArray[np.int64]),
        )
    }
    for old, new in RENAMED_PROTOCOLS.items():
        if found["protocol_label"].startswith(old):
            found["protocol_label"] = new + found["protocol_label"].removeprefix(old)
    found["per_emotion"] = _lenient(Mapping[str, EmotionScore], values["per_emotion"], "per_emotion")
    found["headlines"] = {name: _headline(values, name) for name in HEADLINES}
    found["by_seed"] = {
        build(int, one["seed"], name="seed"): _slice(one, "seeds") for one in values["seeds"]
    }
    count = len(found["emotions"])
    if (
        not count
        or len(set(found["emotions"])) != count
        or found["per_emotion"].keys() != set(found["emotions"])
    ):
        raise ValueError("the scores of emotions are not those of its emotions")
    if found["confusion_matrix"].shape != (count, count):
        raise ValueError(f"the confusion matrix has the shape {found['confusion_matrix'].shape}")
    return found


def _headline(values: Mapping[str, Any], name: str) -> Score:
    low, high = _lenient(tuple[float, float], values["intervals"][name], f"intervals.{name}")
    reasons = build(Mapping[str, str], values.get("no_interval", {}), name="no_interval")
    return Score(
        value=_lenient(float, values[name], name),
        low=low,
        high=high,
        spread=_lenient(float, values["spread"][name], f"spread.{name}"),
        no_interval=build(str, reasons.get(name, ""), name=f"no_interval.{name}"),
    )


def _slice(one: Mapping[str, Any], name: str) -> SliceScore:
    found: SliceScore = _lenient(SliceScore, {key: one[key] for key in ("n", "accuracy", "uar")}, name)
    return found


_REQUIRED: Mapping[str, Any] = {
    "corpus": str,
    "recipe": str,
    "protocol": str,
    "speakers_overlap": bool | None,
}
_OPTIONAL: Mapping[str, Any] = {  # formats 1 and 2 lack some
    "condition": str,
    "out_of_distribution": float | None,
    "flagged_accuracy": float | None,
    "unflagged_accuracy": float | None,
    "distance_threshold": float | None,
    "reliability": Reliability | None,
    "calibration": Calibration | None,
    "enrolled_calibration": Calibration | None,
    "human_accuracy": tuple[float, str] | None,
    "provenance": Provenance | None,
}
_WITH_UNKNOWN_NUMBERS: Mapping[str, Any] = {
    "by_corpus": Mapping[str, CorpusScore],
    "importances": Mapping[str, Importance],
    "histories": tuple[Mapping[str, NDArray[np.float64]], ...],
}


def details_from(values: Mapping[str, Any], emotions: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of ``Evaluation`` that ``Scores`` does not have, and that are in a file."""
    found = {name: build(kind, values[name], name=name) for name, kind in _REQUIRED.items()}
    for kinds, finite in ((_OPTIONAL, True), (_WITH_UNKNOWN_NUMBERS, False)):
        found |= {
            name: build(kind, values[name], finite=finite, name=name)
            for name, kind in kinds.items()
            if name in values
        }
    found["protocol"] = RENAMED_PROTOCOLS.get(found["protocol"], found["protocol"])
    found["ece"] = _lenient(float, values.get("ece"), "ece")
    found["by_speaker"] = build(
        Mapping[str, NDArray[np.int64]], values.get("by_speaker", {}), name="by_speaker"
    )
    found["slices"] = {
        {"channel": "vocal_channel"}.get(name, name): {
            key: _slice(one, name) for key, one in scores.items()
        }
        for name, scores in values["slices"].items()
    }
    found["by_fold"] = _lenient(tuple[FoldScore, ...], values["folds"], "folds")
    found["excluded"] = tuple(
        build(tuple[str, str], (one["file"], one["error"]), name="excluded")
        for one in values.get("excluded", ())
    )
    found["notes"] = tuple(
        Note(NoteKind(one["kind"]), build(str, one["text"], name="notes"))
        for one in values.get("notes", ())
    )
    sets = values.get("prediction_sets", values.get("likely"))
    found["prediction_sets"] = _lenient(PredictionSetScore | None, sets, "prediction_sets")
    _check_shapes(found, len(emotions))
    return found


def _check_shapes(found: Mapping[str, Any], emotions: int) -> None:
    """Check that the arrays of an evaluation fit each other."""
    if "speaker" not in found["slices"]:
        raise ValueError("its slices lack those by speaker")
    shapes = {one.shape for one in found["by_speaker"].values()}
    if len(shapes) > 1 or any(len(one) != 3 or one[1:] != (emotions, emotions) for one in shapes):
        raise ValueError("the matrices of its speakers do not fit the emotions")
    bins = found.get("reliability")
    if bins and (len({one.shape for one in vars(bins).values()}) != 1 or bins.count.ndim != 1):
        raise ValueError("the bins of its reliability diagram differ in number")
    if any(row.ndim != 1 for one in found.get("histories", ()) for row in one.values()):
        raise ValueError("the histories are not lists of numbers")
