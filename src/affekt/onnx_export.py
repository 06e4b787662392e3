"""From a fitted estimator to an ONNX graph that answers the same, proven on real clips."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import make_pipeline

from affekt.errors import ExportError
from affekt.onnx_graphs import OPSETS, GraphBuilder
from affekt.recipe import Estimator

PARITY_LIMIT = 1e-5
TREE_PARITY_LIMIT = 0.05  # where a last digit may decide on which side of a split a number falls
_BATCH = 256


def export(
    estimator: Estimator, features: NDArray[Any], emotions: int, shape: tuple[int | None, ...]
) -> tuple[bytes, float]:
    """Write a fitted estimator as a graph, and compare the two.

    Parameters
    ----------
    estimator
        Fitted, and known to skl2onnx, LightGBM or XGBoost, or with a ``to_onnx`` of its own.
    features
        Of real clips to compare on, as a dataset has them.
    emotions
        How many it must tell apart.
    shape
        Of one clip's features, None for an axis of any length.

    Returns
    -------
    graph, parity
        A serialized ONNX model, and the largest difference between the two's probabilities.

    Raises
    ------
    ExportError
        They differ by more than 1e-5, or by more than .05 where an estimator ``splits_at_thresholds``;
        such a one may decide differently where two emotions are as likely as that. Or the estimator has
        not seen every emotion.
    """
    if list(estimator.classes_) != list(range(emotions)):
        raise ExportError(f"fitted on emotions {list(estimator.classes_)}, not on all of {emotions}")
    graph: bytes = convert(estimator, shape).SerializeToString()
    answered, expected = run(graph, features), estimator.predict_proba(features)
    parity = float(np.abs(answered - expected).max())
    limit = TREE_PARITY_LIMIT if getattr(estimator, "splits_at_thresholds", False) else PARITY_LIMIT
    if parity > limit:
        raise ExportError(f"the graph differs from the estimator by {parity:.2g}, over {limit:g}")
    return graph, parity


def convert(
    estimator: Any, shape: tuple[int | None, ...], *, decision_function: bool = False
) -> onnx.ModelProto:
    """A graph from ``features`` to one output: probabilities, or values of the decision function."""
    if hasattr(estimator, "to_onnx"):
        own: onnx.ModelProto = estimator.to_onnx(shape, convert)
        return own
    if type(estimator).__module__.startswith("imblearn"):  # samplers are for training alone
        steps = [
            step
            for _, step in estimator.steps
            if step != "passthrough" and not hasattr(step, "fit_resample")
        ]
        return convert(steps[0] if len(steps) == 1 else make_pipeline(*steps), shape)
    library = type(estimator).__module__.split(".")[0]
    if library in ("lightgbm", "xgboost"):
        model = _convert_boosted(estimator, library, shape)
    else:
        inputs = [("features", FloatTensorType([None, *shape]))]
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        options = {id(last): {"zipmap": False, **({"raw_scores": True} if decision_function else {})}}
        with warnings.catch_warnings():  # skl2onnx 1.20 looks at what scikit-learn 1.9 calls deprecated
            warnings.filterwarnings("ignore", "Attribute `prob[AB]_`", FutureWarning)
            model = to_onnx(estimator, initial_types=inputs, options=options, target_opset=OPSETS)
    graph = GraphBuilder(shape)
    return graph.finish(graph.include(model, "features", output=1))  # the first are labels


def _convert_boosted(estimator: Any, library: str, shape: tuple[int | None, ...]) -> onnx.ModelProto:
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType as OnnxmlFloatTensorType

    inputs = [("features", OnnxmlFloatTensorType([None, *shape]))]
    model: onnx.ModelProto
    if library == "xgboost":
        model = onnxmltools.convert_xgboost(estimator, initial_types=inputs)
    else:
        model = onnxmltools.convert_lightgbm(estimator, initial_types=inputs, zipmap=False)
    return model


def run(graph: bytes, features: NDArray[Any]) -> NDArray[np.float32]:
    """What a graph answers, with onnxruntime alone; clips of any length are asked one by one."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches: Any = (features[i : i + _BATCH] for i in range(0, len(features), _BATCH))
    if features.dtype == object:
        batches = (clip[None] for clip in features)
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
