"""From a fitted estimator to an ONNX graph that answers the same, proven on real clips."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

from affekt.calibration import SpeakerCalibratedClassifier
from affekt.errors import ExportError
from affekt.recipe import Estimator

PARITY_LIMIT = 1e-5
_CALIBRATED = "calibrated_probabilities"


def export(estimator: Estimator, features: NDArray[np.float32], emotions: int) -> tuple[bytes, float]:
    """Write a fitted estimator as a graph, and compare the two.

    Parameters
    ----------
    estimator
        Fitted, and known to skl2onnx, or calibrated by speaker.
    features
        float32 array of shape (clips, columns), real clips to compare on.
    emotions
        How many it must tell apart.

    Returns
    -------
    graph, parity
        A serialized ONNX model, and the largest difference between the two's probabilities.

    Raises
    ------
    ExportError
        They differ by more than 1e-5, or the estimator has not seen every emotion.
    """
    if list(estimator.classes_) != list(range(emotions)):
        raise ExportError(f"fitted on emotions {list(estimator.classes_)}, not on all of {emotions}")
    if isinstance(estimator, SpeakerCalibratedClassifier):
        model = _calibrate(_convert(estimator.classifier_, features.shape[1]), estimator)
    else:
        model = _convert(estimator, features.shape[1])
    graph: bytes = model.SerializeToString()
    parity = measure_parity(graph, estimator, features)
    if parity > PARITY_LIMIT:
        raise ExportError(f"the graph differs from the estimator by {parity:.2g}, over {PARITY_LIMIT:g}")
    return graph, parity


def _convert(estimator: Any, columns: int) -> onnx.ModelProto:
    """One output: probabilities, or the values of the decision function where there are none."""
    inputs = [("features", FloatTensorType([None, columns]))]
    with warnings.catch_warnings():  # skl2onnx 1.20 looks at what scikit-learn 1.9 calls deprecated
        warnings.filterwarnings("ignore", "Attribute `prob[AB]_`", FutureWarning)
        model = to_onnx(estimator, initial_types=inputs, options={id(estimator): {"zipmap": False}})
    selected: onnx.ModelProto = select_model_inputs_outputs(model, model.graph.output[1].name)
    return selected


def _calibrate(model: onnx.ModelProto, estimator: SpeakerCalibratedClassifier) -> onnx.ModelProto:
    """Append Platt's sigmoids: skl2onnx 1.20 gets them wrong for an SVM of two classes."""
    slopes, offsets = estimator.sigmoids
    scores = model.graph.output[0].name
    tensors = [
        numpy_helper.from_array(slopes.astype(np.float32), "slopes"),
        numpy_helper.from_array(offsets.astype(np.float32), "offsets"),
        numpy_helper.from_array(np.array([0]), "first"),
        numpy_helper.from_array(np.array([1]), "last_axis"),
        numpy_helper.from_array(np.ones(1, np.float32), "one"),
    ]
    sigmoids = [
        helper.make_node("Mul", ["decision", "slopes"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offsets"], ["shifted"]),
        helper.make_node("Sigmoid", ["shifted"], ["likely"]),
    ]
    if len(slopes) == 1:  # two classes share one decision: the second column of the pair is its negative
        before = [helper.make_node("Gather", [scores, "first"], ["decision"], axis=1)]
        after = [
            helper.make_node("Sub", ["one", "likely"], ["unlikely"]),
            helper.make_node("Concat", ["unlikely", "likely"], [_CALIBRATED], axis=1),
        ]
    else:
        before = [helper.make_node("Identity", [scores], ["decision"])]
        after = [
            helper.make_node("ReduceSum", ["likely", "last_axis"], ["total"], keepdims=1),
            helper.make_node("Div", ["likely", "total"], [_CALIBRATED]),
        ]
    model.graph.node.extend([*before, *sigmoids, *after])
    model.graph.initializer.extend(tensors)
    shape = [None, len(estimator.classes_)]
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(_CALIBRATED, onnx.TensorProto.FLOAT, shape))
    return model


def measure_parity(graph: bytes, estimator: Estimator, features: NDArray[np.float32]) -> float:
    """The largest difference between the probabilities of a graph and of an estimator."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    (answered,) = session.run(None, {session.get_inputs()[0].name: features})
    return float(np.abs(answered - estimator.predict_proba(features)).max())
