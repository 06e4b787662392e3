"""A graph consists of operators that compute, and of no more of them than can be loaded in a moment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.model.contracts import CONTRACT, make_graph

from affekt.errors import BundleError
from affekt.model import graph as graph_rules
from affekt.model import wire
from affekt.model.bundle import DEFAULT_MODEL, parse, seal
from affekt.model.graph import MAX_GRAPH_FIELDS, MAX_MODEL_FIELDS, OPERATORS, check_graph

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    """A sealed model whose graph was changed first."""
    model = onnx.load_from_string(make_graph())
    change(model)
    return seal(model.SerializeToString(), CONTRACT)


def with_nodes(*nodes: onnx.NodeProto, **constants: onnx.TensorProto) -> bytes:
    """A sealed model that computes ``probabilities`` by these nodes."""

    def replace_nodes(model: onnx.ModelProto) -> None:
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        for name, tensor in constants.items():
            tensor.name = name
            model.graph.initializer.append(tensor)

    return changed(replace_nodes)


def endless_loop() -> bytes:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, []),
            helper.make_tensor_value_info("go", BOOL, []),
            helper.make_tensor_value_info("before", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still", BOOL, []),
            helper.make_tensor_value_info("after", FLOAT, None),
        ],
    )
    return with_nodes(
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["first"]),
        helper.make_node("Loop", ["", "true", "first"], ["probabilities"], body=body),
        true=helper.make_tensor("true", BOOL, [], [True]),
    )


def loop_in_a_function() -> bytes:
    def define(model: onnx.ModelProto) -> None:
        function = helper.make_function(
            "own", "Softmax", ["x"], ["y"], [helper.make_node("Loop", ["x"], ["y"])],
            [helper.make_opsetid("", 17)],
        )  # fmt: skip
        model.functions.append(function)

    return changed(define)


def operator_of_another_library() -> bytes:
    return with_nodes(helper.make_node("Run", ["features"], ["probabilities"], domain="com.example"))


def sequence() -> bytes:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node[1].output[0] = "tensor"
        model.graph.node.append(helper.make_node("SequenceConstruct", ["tensor"], ["probabilities"]))
        model.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("probabilities", FLOAT, None))

    return changed(change)


def subgraph_of_a_harmless_operator() -> bytes:
    inner = helper.make_graph(
        [helper.make_node("Loop", [], ["z"])], "s", [], [helper.make_tensor_value_info("z", FLOAT, None)]
    )
    return changed(lambda model: model.graph.node[1].attribute.append(helper.make_attribute("body", inner)))


def constant_in_another_file() -> bytes:
    tensor = onnx.TensorProto(data_type=FLOAT, dims=[80, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/hostname")
    return with_nodes(
        helper.make_node("Constant", [], ["elsewhere"], value=tensor),
        helper.make_node("MatMul", ["features", "elsewhere"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    )


def many_metadata() -> bytes:
    entry = wire.field(14, wire.field(1, b"k") + wire.field(2, b"v"))
    return seal(make_graph() + entry * MAX_MODEL_FIELDS, CONTRACT)


def many_nodes() -> bytes:
    node = helper.make_node("Relu", ["features"], [])
    return changed(lambda model: model.graph.node.extend([node] * MAX_GRAPH_FIELDS))


REFUSED = {
    endless_loop: "the operator 'Loop'",
    loop_in_a_function: "functions of its own",
    operator_of_another_library: r"the operator 'com\.example\.Run'",
    sequence: "the operator 'SequenceConstruct'",
    subgraph_of_a_harmless_operator: "holds no graph that takes",
    constant_in_another_file: "holds no graph that takes",
    many_metadata: "more than 10000 fields",
    many_nodes: "more than 20000 fields",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_a_graph_that_does_more_than_compute_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(BundleError, match=REFUSED[make]):
        parse(make(), "m.onnx")


@pytest.mark.parametrize("operator", ["If", "Loop", "Scan", "SequenceMap", "RandomNormal", "ZipMap", "GRU"])
def test_operators_with_a_graph_inside_or_of_chance_are_not_allowed(operator: str) -> None:
    assert not any(operator in names for names in OPERATORS.values())


def test_every_allowed_operator_exists() -> None:
    known = {(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas()}
    assert {(domain, name) for domain, names in OPERATORS.items() for name in names} <= known


def test_the_bundled_model_is_within_the_rules_by_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_rules, "MAX_GRAPH_FIELDS", MAX_GRAPH_FIELDS // 10)
    monkeypatch.setattr(graph_rules, "MAX_MODEL_FIELDS", MAX_MODEL_FIELDS // 100)
    check_graph(DEFAULT_MODEL.read_bytes())


def test_nodes_of_very_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_rules, "MAX_NODE_FIELDS", 8)
    check_graph(make_graph())  # two nodes of four parts
    node = helper.make_node("Relu", ["features"], ["more"])
    model = onnx.load_from_string(make_graph())
    model.graph.node.append(node)
    with pytest.raises(ValueError, match="more than 8 parts"):
        check_graph(model.SerializeToString())


def test_a_tag_that_readers_take_differently_is_refused() -> None:
    """Protobuf cuts a tag to 32 bits: field 2^32 + 7 would be a graph to it, and unknown to us."""
    tag = (1 << 35) | (7 << 3) | 2
    hidden = bytes([tag & 0x7F | 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0])
    with pytest.raises(ValueError, match="no such field"):
        check_graph(hidden)


def test_bytes_that_look_like_the_format_of_onnxruntime_are_read_as_onnx() -> None:
    """That format is recognised by four bytes; a graph in it would not have been checked."""
    disguise = wire.field(2, b"xxORTM")  # the name of the program that wrote it
    content = seal(disguise + make_graph(), CONTRACT)
    assert content[4:8] == b"ORTM"
    assert parse(content, "m.onnx").run(np.zeros((1, 80), np.float32)).shape == (1, 2)


def test_nothing_is_printed_about_a_graph_that_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """onnxruntime's wrapper prints to the standard output, where a result in JSON may be."""
    no_text = make_graph().replace(b"weights", b"\xff" * 7, 1)
    for content in (
        constant_in_another_file(),
        seal(b"\x3a\x02\x12\xff", CONTRACT),
        seal(no_text, CONTRACT),
    ):
        with pytest.raises(BundleError, match=r"holds no graph|does not run"):
            parse(content, "m.onnx")
    assert capfd.readouterr() == ("", "")


def outer_product(length: int) -> bytes:
    shape = helper.make_tensor("shape", INT64, [1], [length])
    return with_nodes(
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["first"]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["first", "zero"], ["probabilities"]),
        shape=shape,
    )


@pytest.mark.parametrize("length", [1 << 30, 1 << 50])
def test_a_graph_that_asks_for_more_memory_than_any_model_needs_is_refused(length: int) -> None:
    assert parse(outer_product(1000), "m.onnx").run(np.zeros((1, 80), np.float32)).shape == (1, 2)
    with pytest.raises(BundleError, match="holds no graph that takes"):
        parse(outer_product(length), "m.onnx")
