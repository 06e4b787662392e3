"""A session runs a graph on one thread, as it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from affekt.estimators.onnx_graphs import GraphBuilder
from affekt.support.sessions import open_session, session_options


def test_a_graph_is_run_as_it_was_written_on_one_thread() -> None:
    options = session_options()
    assert options.intra_op_num_threads == 1
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


@pytest.mark.parametrize("from_file", [False, True])
def test_a_graph_is_read_from_bytes_or_a_file(from_file: bool, tmp_path: Path) -> None:
    builder = GraphBuilder((2,))
    graph = builder.finish(builder.add("Neg", "features")).SerializeToString()
    file = tmp_path / "graph.onnx"
    file.write_bytes(graph)
    session = open_session(file if from_file else graph)
    (found,) = session.run(None, {"features": np.array([[1, -2]], np.float32)})
    np.testing.assert_array_equal(found, [[-1, 2]])
