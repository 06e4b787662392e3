"""Export of fitted estimators to ONNX, checked on real clips."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import onnxmltools
import onnxruntime
from numpy.typing import NDArray
from onnxmltools.convert.common.data_types import FloatTensorType as OnnxmlFloatTensorType
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import make_pipeline

from affekt.errors import ExportError
from affekt.estimators.onnx_graphs import OPSETS, GraphBuilder
from affekt.estimators.recipe import Estimator
from affekt.model.bundle import ENROLLED_PROBABILITIES, PROBABILITIES

PARITY_LIMIT = 1e-5
TREE_PARITY_LIMIT = 0.05  # rounding may put a value on the other side of a split
_BATCH = 256


def export(
    estimator: Estimator, features: NDArray[Any], emotions: int, shape: tuple[int | None, ...]
) -> tuple[bytes, float]:
    """Convert a fitted estimator to an ONNX graph, and compare the two.

    Parameters
    ----------
    estimator
        Fitted; of scikit-learn, imbalanced-learn, LightGBM or XGBoost, or with ``to_onnx``.
    features
        Features of the clips to compare on.
    emotions
        Number of emotions.
    shape
        Shape of one clip's features; None for an axis of any length.

    Returns
    -------
    graph : bytes
        A serialized ONNX model.
    parity : float
        The largest difference between probabilities of the graph and of the estimator.

    Raises
    ------
    ExportError
        The parity is above 1e-5, or above 0.05 if the estimator ``splits_at_thresholds``; or the estimator
        was not fitted on every emotion. With a parity of up to 0.05, the graph may predict another emotion
        where the two most probable ones differ by less than that.
    """
    if list(estimator.classes_) != list(range(emotions)):
        raise ExportError(
            f"the estimator was fitted on the emotions {list(estimator.classes_)}, not on all of {emotions}"
        )
    graph: bytes = convert(estimator, shape).SerializeToString()
    parity = float(np.abs(run(graph, features) - estimator.predict_proba(features)).max())
    if hasattr(estimator, "predict_proba_enrolled"):
        found = run(graph, features, ENROLLED_PROBABILITIES)
        parity = max(parity, float(np.abs(found - estimator.predict_proba_enrolled(features)).max()))
    limit = TREE_PARITY_LIMIT if getattr(estimator, "splits_at_thresholds", False) else PARITY_LIMIT
    if parity > limit:
        raise ExportError(
            f"probabilities of the graph differ from those of the estimator by {parity:.2g}; at most "
            f"{limit:g} is allowed"
        )
    return graph, parity


def convert(
    estimator: Any, shape: tuple[int | None, ...], *, decision_function: bool = False
) -> onnx.ModelProto:
    """Return a fitted estimator as a graph; parameters as for ``export``.

    With ``decision_function`` the output has values of the decision function instead of probabilities.
    """
    if hasattr(estimator, "to_onnx"):
        own: onnx.ModelProto = estimator.to_onnx(shape, convert)
        return own
    if type(estimator).__module__.startswith("imblearn"):  # samplers act in training alone
        parts = [part for _, part in estimator.steps if part != "passthrough"]
        steps = [part for part in parts if not hasattr(part, "fit_resample")]
        return convert(steps[0] if len(steps) == 1 else make_pipeline(*steps), shape)
    library = type(estimator).__module__.split(".")[0]
    if library in ("lightgbm", "xgboost"):
        model = _convert_boosted_trees(estimator, library, shape)
    else:
        model = _convert_sklearn(estimator, shape, decision_function=decision_function)
    graph = GraphBuilder(shape)
    return graph.finish(graph.include(model, "features", output=1))  # output 0 is the predicted class


def _convert_sklearn(
    estimator: Any, shape: tuple[int | None, ...], *, decision_function: bool
) -> onnx.ModelProto:
    inputs = [("features", FloatTensorType([None, *shape]))]
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    options = {id(last): {"zipmap": False, **({"raw_scores": True} if decision_function else {})}}
    with warnings.catch_warnings():  # skl2onnx 1.20 reads attributes that scikit-learn 1.9 deprecates
        warnings.filterwarnings("ignore", "Attribute `prob[AB]_`", FutureWarning)
        model: onnx.ModelProto = to_onnx(
            estimator, initial_types=inputs, options=options, target_opset=OPSETS
        )
    return model


def _convert_boosted_trees(estimator: Any, library: str, shape: tuple[int | None, ...]) -> onnx.ModelProto:
    inputs = [("features", OnnxmlFloatTensorType([None, *shape]))]
    model: onnx.ModelProto
    if library == "xgboost":
        model = onnxmltools.convert_xgboost(estimator, initial_types=inputs)
    else:
        model = onnxmltools.convert_lightgbm(estimator, initial_types=inputs, zipmap=False)
    return model


def run(graph: bytes, features: NDArray[Any], output: str = PROBABILITIES) -> NDArray[np.float32]:
    """Return an output of a graph, (clips, classes); clips of varying length one at a time."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches: Any = (features[i : i + _BATCH] for i in range(0, len(features), _BATCH))
    if features.dtype == object:
        batches = (clip[None] for clip in features)
    return np.concatenate([session.run([output], {name: batch})[0] for batch in batches])
