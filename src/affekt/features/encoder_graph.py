"""The ONNX graph of the first blocks of Whisper's encoder, with weights and activations of 8 bits.

Only what builds encoders imports this module: it needs the ``onnx`` library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from affekt.errors import EncoderError
from affekt.features.encoder_weights import MEL_BANDS, Weights, count_blocks

HEAD_WIDTH = 64  # in every size of Whisper
OPSET, IR_VERSION = 20, 10

# Processors of x86 without VNNI add two products of 8 bits in 16 bits, and cut off what is beyond.
# Activations are at most 255 and weights at most 63, so that the sum of two products is at most 32,130,
# within 16 bits: every processor computes the same.
MAX_ACTIVATION, ZERO_POINT = 127, 128
MAX_WEIGHT = 63
MIN_SCALE = 1e-9

Array = NDArray[Any]


def build_graph(
    weights: Weights,
    blocks: int,
    taps: Sequence[int],
    *,
    precise: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Build the graph of an encoder: the same bytes for the same weights.

    Its inputs are ``mel``, of shape (2 * rows, 80), and ``positions``, of shape (rows, width). Its output
    is ``frames``, of shape (rows, taps * width).

    Parameters
    ----------
    weights
        What ``read_weights`` returns.
    blocks
        How many blocks are run.
    taps
        The blocks whose outputs are returned side by side, counted from 1.
    precise
        Keep weights and activations in 32 bits.
    metadata
        Names and values to store in the graph.

    Raises
    ------
    EncoderError
        The weights have fewer blocks.
    """
    if count_blocks(weights) < blocks:
        raise EncoderError(f"the checkpoint has {count_blocks(weights)} blocks, but {blocks} are needed")
    graph = _Graph(weights, precise=precise)
    rows = _add_convolution(graph, "mel", "conv1", stride=1)
    rows = _add_convolution(graph, rows, "conv2", stride=2)
    rows = graph.add("Add", rows, "positions")
    outputs = []
    for i in range(blocks):
        rows = graph.add("Add", rows, _add_attention(graph, rows, f"blocks.{i}"))
        rows = graph.add("Add", rows, _add_perceptron(graph, rows, f"blocks.{i}"))
        outputs += [rows] if i + 1 in taps else []
    graph.add("Concat", *outputs, output="frames", axis=1)
    return graph.serialize(len(outputs), metadata or {})


class _Graph:
    """Nodes and constants. Its methods return the name of the tensor that they add."""

    def __init__(self, weights: Weights, *, precise: bool) -> None:
        self.weights = weights
        self.width = len(weights["conv1.bias"])
        self.precise = precise
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator}{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Array | Sequence[int]) -> str:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def serialize(self, taps: int, metadata: Mapping[str, str]) -> bytes:
        def tensor(name: str, *shape: int | str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [tensor("mel", "frames", MEL_BANDS), tensor("positions", "rows", self.width)],
            [tensor("frames", "rows", taps * self.width)],
            list(self._constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        helper.set_model_props(model, dict(metadata))
        return bytes(model.SerializeToString(deterministic=True))


def _add_convolution(graph: _Graph, rows: str, name: str, *, stride: int) -> str:
    """Add a convolution of width 3 and GELU, as a product of each row and its neighbours with a matrix."""
    padded = graph.add("Pad", rows, graph.constant("pads", [1, 0, 1, 0]))
    neighbours = [
        graph.add(
            "Slice",
            padded,
            graph.constant(f"from{i}", [i]),
            graph.constant(f"to{i}", [i - 2 or np.iinfo(np.int64).max]),
            graph.constant("axis0", [0]),
            graph.constant(f"stride{stride}", [stride]),
        )
        for i in range(3)
    ]
    weight = graph.weights[f"{name}.weight"].transpose(2, 1, 0).reshape(-1, graph.width)
    together = _quantise(graph, graph.add("Concat", *neighbours, axis=1))
    return graph.add("Gelu", _add_product(graph, together, name, weight, graph.weights[f"{name}.bias"]))


def _add_attention(graph: _Graph, rows: str, block: str) -> str:
    """Add multi-head self-attention to normalised rows."""
    normalised = _quantise(graph, _add_normalisation(graph, rows, f"{block}.attn_ln"))
    scale = HEAD_WIDTH**-0.5  # of the products of queries and keys
    heads = graph.constant("heads", [0, graph.width // HEAD_WIDTH, HEAD_WIDTH])
    query, key, value = (
        graph.add(
            "Transpose",
            graph.add("Reshape", _add_linear(graph, normalised, f"{block}.attn.{part}", factor), heads),
            perm=order,
        )
        for part, factor, order in (
            ("query", scale, [1, 0, 2]),
            ("key", 1.0, [1, 2, 0]),
            ("value", 1.0, [1, 0, 2]),
        )
    )
    attention = graph.add("Softmax", graph.add("MatMul", query, key), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", attention, value), perm=[1, 0, 2])
    joined = graph.add("Reshape", mixed, graph.constant("joined", [0, graph.width]))
    return _add_linear(graph, _quantise(graph, joined), f"{block}.attn.out")


def _add_perceptron(graph: _Graph, rows: str, block: str) -> str:
    """Add the two linear layers of a block to normalised rows."""
    normalised = _quantise(graph, _add_normalisation(graph, rows, f"{block}.mlp_ln"))
    hidden = graph.add("Gelu", _add_linear(graph, normalised, f"{block}.mlp.0"))
    return _add_linear(graph, _quantise(graph, hidden), f"{block}.mlp.2")


def _add_normalisation(graph: _Graph, rows: str, name: str) -> str:
    weight, bias = graph.weight(f"{name}.weight"), graph.weight(f"{name}.bias")
    return graph.add("LayerNormalization", rows, weight, bias, axis=-1)


def _add_linear(graph: _Graph, rows: tuple[str, str], name: str, factor: float = 1.0) -> str:
    """Add a linear layer whose output is multiplied by a factor."""
    weight, bias = graph.weights[f"{name}.weight"], graph.weights.get(f"{name}.bias")
    return _add_product(graph, rows, name, weight.T * factor, None if bias is None else bias * factor)


def _quantise(graph: _Graph, rows: str) -> tuple[str, str]:
    """Add the rounding of each row to 8 bits, and return the integers and the scale of each row."""
    if graph.precise:
        return rows, ""
    last = graph.constant("last", [-1])
    largest = graph.add("ReduceMax", graph.add("Abs", rows), last, keepdims=1)
    largest = graph.add("Max", largest, graph.constant("min_scale", np.array(MIN_SCALE, np.float32)))
    limit = graph.constant("max_activation", np.array(MAX_ACTIVATION, np.float32))
    scale = graph.add("Div", largest, limit)
    rounded = graph.add("Round", graph.add("Div", rows, scale))
    shifted = graph.add("Add", rounded, graph.constant("shift", np.array(ZERO_POINT, np.float32)))
    return graph.add("Cast", shifted, to=TensorProto.UINT8), scale


def _add_product(graph: _Graph, rows: tuple[str, str], name: str, matrix: Array, bias: Array | None) -> str:
    """Add the product of quantised rows with a matrix, of which each column has its own scale."""
    values, scale = rows
    if graph.precise:
        product = graph.add("MatMul", values, graph.constant(f"{name}.weight", matrix))
    else:
        integers, scales = quantise_columns(matrix)
        product = graph.add(
            "MatMulInteger",
            values,
            graph.constant(f"{name}.weight", integers),
            graph.constant("zero_point", np.array(ZERO_POINT, np.uint8)),
        )
        product = graph.add("Mul", graph.add("Cast", product, to=TensorProto.FLOAT), scale)
        product = graph.add("Mul", product, graph.constant(f"{name}.scale", scales))
    return product if bias is None else graph.add("Add", product, graph.constant(f"{name}.bias", bias))


def quantise_columns(
    matrix: Array, largest: int = MAX_WEIGHT
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round each column of a matrix to integers within ``largest``, and return them and the scales."""
    scales = np.abs(matrix).max(axis=0) / np.float32(largest)
    scales[scales == 0] = 1
    return np.round(matrix / scales).astype(np.int8), scales.astype(np.float32)


def read_block(graph: bytes, block: int) -> Weights:
    """Return the weights of a block in a graph that ``build_graph`` made, as rounded there.

    Parameters
    ----------
    graph
        Of an encoder.
    block
        The block, counted from 1.

    Returns
    -------
    dict of str to float32 array
        Under OpenAI's names in the block: ``attn.query.weight``, ...

    Raises
    ------
    EncoderError
        The graph has no such block.
    """
    prefix = f"blocks.{block - 1}."
    stored = {
        one.name.removeprefix(prefix): numpy_helper.to_array(one)
        for one in onnx.load_from_string(graph).graph.initializer
        if one.name.startswith(prefix)
    }
    if not stored:
        raise EncoderError(f"the graph of the encoder has no block {block}")
    weights = {}
    for name, values in stored.items():
        layer, _, kind = name.rpartition(".")
        factor = HEAD_WIDTH**-0.5 if layer == "attn.query" else 1.0
        scale = stored.get(f"{layer}.scale", np.float32(1)) if values.ndim == 2 else np.float32(1)
        if kind != "scale":
            weights[name] = np.asarray(values * scale / factor, np.float32).T  # (outputs, inputs)
    return weights
