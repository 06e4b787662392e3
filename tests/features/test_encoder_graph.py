"""The graph computes what torch does: exactly in 32 bits, nearly in 8, and the same on every processor."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from tests.features.small_encoder import BLOCKS, WIDTH, small_weights, torch_encoder

from affekt.errors import EncoderError
from affekt.features.encoder import sinusoids
from affekt.features.encoder_graph import (
    MAX_WEIGHT,
    ZERO_POINT,
    _add_product,
    _Graph,
    _quantise,
    build_graph,
    quantise_columns,
    read_block,
)

Array = NDArray[Any]
RNG = np.random.default_rng(0)
MEL = RNG.normal(0, 0.5, (100, 80)).astype(np.float32)
POSITIONS = sinusoids(len(MEL) // 2, WIDTH)
TAPS = tuple(range(1, BLOCKS + 1))


def run(graph: bytes, mel: Array = MEL, positions: Array = POSITIONS) -> Array:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    return np.asarray(session.run(["frames"], {"mel": mel, "positions": positions})[0])


def by_torch(mel: Array = MEL, positions: Array = POSITIONS) -> Array:
    with torch.no_grad():
        return np.asarray(torch_encoder()(torch.from_numpy(mel), torch.from_numpy(positions)))


@pytest.mark.parametrize("rows", [1, 2, 7, 50])
def test_the_graph_of_32_bits_equals_torch(rows: int) -> None:
    mel, positions = MEL[: 2 * rows], POSITIONS[:rows]
    expected = by_torch(mel, positions)
    np.testing.assert_allclose(
        run(build_graph(small_weights(), BLOCKS, TAPS, precise=True), mel, positions), expected, atol=1e-5
    )


def test_the_graph_of_8_bits_nearly_equals_torch() -> None:
    expected = by_torch()
    error = run(build_graph(small_weights(), BLOCKS, TAPS)) - expected
    assert 1e-4 < np.abs(error).mean() / np.abs(expected).mean() < 0.03
    assert np.abs(error).max() < 0.2 * expected.std()


def test_taps_are_returned_alone_and_blocks_after_the_last_are_not_built() -> None:
    weights = small_weights()
    both = run(build_graph(weights, BLOCKS, TAPS))
    np.testing.assert_array_equal(run(build_graph(weights, 2, (2,))), both[:, WIDTH:])
    first = build_graph(weights, 1, (1,))
    np.testing.assert_array_equal(run(first), both[:, :WIDTH])
    assert b"blocks.1" not in first


def test_more_blocks_than_there_are_is_an_error() -> None:
    with pytest.raises(EncoderError, match="has 2 blocks, but 3 are needed"):
        build_graph(small_weights(), 3, (3,))


def product(matrix: Array, rows: Array) -> Array:
    """Return the product of quantised rows with a quantised matrix, as a graph computes it."""
    weights = {"conv1.bias": np.zeros(matrix.shape[1], np.float32)}
    graph = _Graph(weights, precise=False)
    made = _add_product(graph, _quantise(graph, "mel"), "only", matrix, None)
    graph.add("Identity", made, output="frames")
    return run(graph.serialize(1, {}), rows, POSITIONS[: len(rows), : matrix.shape[1]])


def test_extreme_products_are_exact_and_within_16_bits() -> None:
    """The sum of two products never exceeds 16 bits, where processors without VNNI cut it off."""
    matrix = np.stack([np.ones(80), -np.ones(80), np.tile([1, -1], 40), RNG.normal(size=80)], axis=1)
    matrix = (1e3 * matrix).astype(np.float32)
    rows = np.stack([np.ones(80), -np.ones(80), np.tile([1, -1], 40), np.zeros(80), RNG.normal(size=80)])
    rows = (1e4 * rows).astype(np.float32)
    integers, scales = quantise_columns(matrix)
    scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.float32(1e-9)) / np.float32(127)
    activations = np.round(rows / scale).astype(np.int32)
    assert np.abs(activations).max() == 127
    assert np.abs(integers).max() == MAX_WEIGHT
    pairs = (activations + ZERO_POINT)[:, :, None] * integers.astype(np.int32)
    assert np.abs(pairs[:, ::2] + pairs[:, 1::2]).max() < 2**15
    expected = (activations @ integers.astype(np.int32)).astype(np.float32) * scale * scales
    np.testing.assert_array_equal(product(matrix, rows), expected)


def test_no_weight_of_a_graph_could_saturate() -> None:
    weights = {name: values * np.float32(1e4) for name, values in small_weights().items()}
    model = onnx.load_from_string(build_graph(weights, BLOCKS, TAPS))
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(products) == 2 + 6 * BLOCKS
    for node in products:
        assert 2 * 255 * np.abs(constants[node.input[1]].astype(int)).max() < 2**15


def test_a_column_of_zeros_stays_zero() -> None:
    integers, scales = quantise_columns(np.zeros((3, 2), np.float32))
    assert not integers.any()
    assert np.isfinite(scales).all()


def test_the_same_weights_make_the_same_bytes_in_any_process() -> None:
    program = (
        "import hashlib, numpy as np\n"
        "from affekt.features.encoder_graph import build_graph\n"
        "from affekt.features.encoder_weights import expected_shapes\n"
        "rng = np.random.default_rng(0)\n"
        "weights = {name: rng.normal(size=shape) for name, shape in expected_shapes(128, 1).items()}\n"
        "weights = {name: values.astype(np.float32) for name, values in weights.items()}\n"
        "graph = build_graph(weights, 1, (1,), metadata={'b': '1', 'a': '2'})\n"
        "print(hashlib.sha256(graph).hexdigest())"
    )
    command = [sys.executable, "-c", program]
    seeds = ({**os.environ, "PYTHONHASHSEED": seed} for seed in "12")
    digests = {subprocess.check_output(command, text=True, env=one) for one in seeds}
    assert len(digests) == 1


@pytest.mark.parametrize("precise", [True, False])
def test_the_weights_of_a_block_are_read_from_its_graph(precise: bool) -> None:
    weights = small_weights()
    found = read_block(build_graph(weights, BLOCKS, TAPS, precise=precise), 2)
    expected = {
        name.removeprefix("blocks.1."): value for name, value in weights.items() if "blocks.1." in name
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        tolerance = 1e-6 if precise or values.ndim == 1 else np.abs(values).max() / MAX_WEIGHT / 2 + 1e-6
        np.testing.assert_allclose(found[name], values, rtol=0, atol=tolerance, err_msg=name)


def test_a_block_that_a_graph_does_not_have_is_an_error() -> None:
    with pytest.raises(EncoderError, match="no block 3"):
        read_block(build_graph(small_weights(), BLOCKS, TAPS), 3)


def test_metadata_is_in_the_graph() -> None:
    model = onnx.load_from_string(build_graph(small_weights(), 2, (1, 2), metadata={"name": "small"}))
    assert {one.key: one.value for one in model.metadata_props} == {"name": "small"}
