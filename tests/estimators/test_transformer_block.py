"""A block computes what Whisper's does, ignores rows that are not kept, and is stored in 8 bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.estimators.encoder_rows import block_weights
from tests.features.small_encoder import WIDTH, torch_encoder
from torch import nn

from affekt.estimators.transformer_block import (
    LARGEST_INTEGER,
    RoundedLinear,
    TransformerBlock,
    round_linear_layers,
)
from affekt.features.encoder_graph import read_block
from affekt.features.encoder_registry import read_graph

ROWS = torch.tensor(np.random.default_rng(0).standard_normal((2, 9, WIDTH)), dtype=torch.float32)


@pytest.fixture
def block() -> TransformerBlock:
    return TransformerBlock(block_weights(), 0.5).eval()


def test_a_block_equals_that_of_whisper(block: TransformerBlock) -> None:
    reference = torch_encoder().blocks[1]
    with torch.inference_mode():
        for clip, found in zip(ROWS, block(ROWS), strict=True):
            torch.testing.assert_close(found, reference(clip), atol=1e-5, rtol=1e-5)


def test_rows_that_are_not_kept_change_nothing(block: TransformerBlock) -> None:
    kept = torch.ones(2, 9, dtype=torch.bool)
    kept[0, 3:5] = False
    with torch.inference_mode():
        found = block(ROWS, kept)
        alone = block(ROWS[:1, [0, 1, 2, 5, 6, 7, 8]])
        torch.testing.assert_close(found[:1, kept[0]], alone, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found[1], block(ROWS)[1], atol=1e-5, rtol=1e-5)


def test_dropout_is_in_training_alone(block: TransformerBlock) -> None:
    assert torch.equal(block(ROWS), block(ROWS))
    assert not torch.equal(block.train()(ROWS), block(ROWS))


def test_rounded_layers_have_8_bits_and_nearly_the_same_outputs(block: TransformerBlock) -> None:
    with torch.inference_mode():
        exact = block(ROWS)
        round_linear_layers(block)
        error = (block(ROWS) - exact).abs().max()
    assert not any(isinstance(layer, nn.Linear) for layer in block.modules())
    rounded = [layer for layer in block.modules() if isinstance(layer, RoundedLinear)]
    assert len(rounded) == 6
    assert all(layer.integers.dtype == torch.int8 for layer in rounded)
    assert max(int(layer.integers.abs().max()) for layer in rounded) == LARGEST_INTEGER
    assert 1e-5 < error < 0.03


def test_a_rounded_layer_rounds_to_the_nearest_of_255_steps() -> None:
    linear = nn.Linear(WIDTH, 5)
    rounded = RoundedLinear(linear)
    weights = (rounded.integers.float() * rounded.scales).T
    step = linear.weight.abs().amax(dim=1, keepdim=True) / LARGEST_INTEGER
    assert ((weights - linear.weight).abs() <= step / 2 + 1e-7).all()
    torch.testing.assert_close(rounded(ROWS), nn.functional.linear(ROWS, weights, linear.bias))


def test_the_third_block_of_the_bundled_encoder_can_be_trained_further() -> None:
    block = TransformerBlock(read_block(read_graph("whisper-tiny"), 3), 0.0)
    assert block.width == 384
    assert sum(values.numel() for values in block.parameters()) == 1_774_080
