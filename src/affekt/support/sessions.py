"""Sessions of onnxruntime: they run small graphs as these were written, on one thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def session_options() -> onnxruntime.SessionOptions:
    """Return options for a small graph."""
    import onnxruntime  # takes long, and many commands do without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # small graphs: waking threads costs more than they save
    options.log_severity_level = 4
    # optimizing a graph takes longer than a few hundred predictions save by it
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def open_session(graph: bytes | Path) -> onnxruntime.InferenceSession:
    """Return a session of a graph that is part of the package, or was checked."""
    import onnxruntime

    return onnxruntime.InferenceSession(graph, session_options(), ["CPUExecutionProvider"])
