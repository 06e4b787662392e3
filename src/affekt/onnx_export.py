"""From a fitted estimator to an ONNX graph that answers the same, proven on real clips."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

from affekt.errors import ExportError
from affekt.recipe import Estimator

PARITY_LIMIT = 1e-5
_OUTPUT = "probabilities"


def export(estimator: Estimator, features: NDArray[np.float32], emotions: int) -> tuple[bytes, float]:
    """Write a fitted estimator as a graph, and compare the two.

    Parameters
    ----------
    estimator
        Fitted. One that wraps what can be exported holds that as ``exported_``.
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
    source: Any = getattr(estimator, "exported_", estimator)
    inputs = [("features", FloatTensorType([None, features.shape[1]]))]
    with warnings.catch_warnings():  # skl2onnx 1.20 looks at what scikit-learn 1.9 calls deprecated
        warnings.filterwarnings("ignore", "Attribute `prob[AB]_`", FutureWarning)
        model = to_onnx(source, initial_types=inputs, options={id(source): {"zipmap": False}})
    graph: bytes = select_model_inputs_outputs(model, _OUTPUT).SerializeToString()
    parity = measure_parity(graph, estimator, features)
    if parity > PARITY_LIMIT:
        raise ExportError(f"the graph differs from the estimator by {parity:.2g}, over {PARITY_LIMIT:g}")
    return graph, parity


def measure_parity(graph: bytes, estimator: Estimator, features: NDArray[np.float32]) -> float:
    """The largest difference between the probabilities of a graph and of an estimator."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    (answered,) = session.run([_OUTPUT], {session.get_inputs()[0].name: features})
    return float(np.abs(answered - estimator.predict_proba(features)).max())
