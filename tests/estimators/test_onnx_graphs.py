"""Graphs that are built from parts compute what the parts compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from affekt.errors import ExportError
from affekt.estimators.onnx_graphs import OPSETS, GraphBuilder

Array = NDArray[Any]
FEATURES = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def run(model: onnx.ModelProto, features: Array) -> Array:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output: Array = session.run(["probabilities"], {"features": features})[0]
    return output


def add_and_scale(number: float) -> onnx.ModelProto:
    """A part with the outputs x + number and 10 x; all such parts use the same names."""
    floats = TensorProto.FLOAT
    nodes = [helper.make_node("Add", ["x", "c"], ["a"]), helper.make_node("Mul", ["x", "ten"], ["b"])]
    constants = [
        numpy_helper.from_array(np.array(number, np.float32), "c"),
        numpy_helper.from_array(np.array(10, np.float32), "ten"),
    ]  # fmt: skip
    outputs = [helper.make_tensor_value_info(name, floats, [None, 3]) for name in "ab"]
    graph = helper.make_graph(
        nodes, "part", [helper.make_tensor_value_info("x", floats, [None, 3])], outputs, constants
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets)


def test_nodes_and_constants_make_a_graph() -> None:
    graph = GraphBuilder((3,))
    doubled = graph.add("Mul", "features", graph.constant(np.float32(2)))
    total = graph.add("ReduceSum", doubled, graph.constant([1]), keepdims=1)
    np.testing.assert_allclose(
        run(graph.finish(total), FEATURES), 2 * FEATURES.sum(axis=1, keepdims=True), rtol=1e-5
    )


def test_a_graph_without_nodes_returns_its_input() -> None:
    np.testing.assert_array_equal(run(GraphBuilder((3,)).finish("features"), FEATURES), FEATURES)


def test_each_tensor_has_a_name_of_its_own() -> None:
    graph = GraphBuilder((3,))
    names = [graph.constant(1.0), graph.constant(1.0), graph.add("Neg", "features")]
    names += [graph.add("Neg", "features"), graph.include(add_and_scale(1), "features")]
    names.append(graph.include(add_and_scale(1), "features"))
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("output", "expected"), [(0, FEATURES + 4), (1, 10 * FEATURES)])
def test_one_output_of_a_part_is_used(output: int, expected: Array) -> None:
    graph = GraphBuilder((3,))
    np.testing.assert_allclose(
        run(graph.finish(graph.include(add_and_scale(4), "features", output)), FEATURES), expected
    )


def test_parts_may_use_the_same_names() -> None:
    graph = GraphBuilder((3,))
    once = graph.include(add_and_scale(1), "features")
    twice = graph.include(add_and_scale(2), once)
    both = graph.add("Concat", once, twice, axis=1)
    expected = np.hstack([FEATURES + 1, FEATURES + 3])
    np.testing.assert_allclose(run(graph.finish(both), FEATURES), expected, rtol=1e-6)


def test_an_included_part_is_not_changed() -> None:
    part = add_and_scale(1)
    before = part.SerializeToString()
    GraphBuilder((3,)).include(part, "features")
    assert part.SerializeToString() == before


def test_a_finished_graph_can_be_a_part() -> None:
    inner = GraphBuilder((3,))
    negative = inner.finish(inner.add("Neg", "features"))
    outer = GraphBuilder((3,))
    back = outer.include(negative, outer.include(negative, "features"))
    np.testing.assert_array_equal(run(outer.finish(back), FEATURES), FEATURES)


@pytest.mark.parametrize("frames", [1, 9])
def test_none_stands_for_any_length(frames: int) -> None:
    graph = GraphBuilder((None, 2))
    mean = graph.finish(graph.add("ReduceMean", "features", graph.constant([1]), keepdims=0))
    clips = np.ones((4, frames, 2), np.float32)
    np.testing.assert_array_equal(run(mean, clips), np.ones((4, 2)))
    shape = mean.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_value for dim in shape] == [0, 0, 2]


def test_a_part_with_operators_of_another_set_is_refused() -> None:
    old = helper.make_model(
        helper.make_graph(
            [helper.make_node("ReduceSum", ["x"], ["y"], axes=[1])],
            "old",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 3])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 1])],
        ),
        opset_imports=[helper.make_opsetid("", 11)],
    )
    with pytest.raises(
        ExportError, match="has ReduceSum of ONNX operator set 11; operator set 18 is needed"
    ):
        GraphBuilder((3,)).include(old, "features")
