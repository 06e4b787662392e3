"""A pretrained block is trained further, and kept as averaged weights of 8 bits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.estimators.encoder_rows import CLASSES, COLUMNS, block_weights, draw_rows
from tests.features.small_encoder import WIDTH

from affekt.estimators.fine_tuned import FineTunedNetwork, _Network, multiplies_16_bits
from affekt.estimators.onnx_export import convert, run
from affekt.estimators.transformer_block import TransformerBlock

make = partial(
    FineTunedNetwork, block_weights, epochs=8, batch_size=8, learning_rate=1e-2,
    block_learning_rate=1e-3, crop_rows=20, seed=0,
)  # fmt: skip
X, TARGET, _ = draw_rows()


def fit(clips: NDArray[Any] = X, target: Any = TARGET, **changes: Any) -> FineTunedNetwork:
    degraded, weights = changes.pop("degraded", None), changes.pop("weights", np.ones(len(clips)))
    return make(**changes).fit(clips, target, weights, np.zeros((len(clips), CLASSES)), degraded)


@pytest.fixture(scope="module")
def fitted() -> FineTunedNetwork:
    return fit()


def test_it_learns_and_predicts_for_clips_of_any_length(fitted: FineTunedNetwork) -> None:
    unseen, target, _ = draw_rows(seed=5)
    assert (fitted.predict_proba(unseen).argmax(axis=1) == target).mean() > 0.8
    short = np.empty(2, object)
    short[:] = [X[0][:1], X[1][:3]]
    np.testing.assert_allclose(fitted.predict_proba(short).sum(axis=1), 1, atol=1e-6)


def test_only_inputs_of_the_block_are_used(fitted: FineTunedNetwork) -> None:
    changed = np.empty_like(X)
    for i, clip in enumerate(X):
        changed[i] = clip.copy()
        changed[i][:, WIDTH:] = 7
    np.testing.assert_array_equal(fitted.predict_proba(changed), fitted.predict_proba(X))


def test_an_older_pytorch_trains_with_numbers_of_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not say what the processor can do."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": True})
    assert multiplies_16_bits()
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not multiplies_16_bits()


def test_the_block_begins_with_the_pretrained_weights_and_is_trained() -> None:
    before = block_weights()["mlp.0.weight"]
    step = np.abs(before).max(axis=1, keepdims=True) / 127
    distances = []
    for rate in (1e-9, 1e-2):
        block: Any = fit(epochs=2, block_learning_rate=rate).module_.block
        layer = block.mlp[0]
        distances.append(np.abs((layer.integers.numpy() * layer.scales.numpy()).T - before) / step)
    assert distances[0].max() < 0.6  # rounding alone
    assert distances[1].max() > 3


def test_pooled_outputs_of_training_clips_begin_standardised() -> None:
    network = _Network(TransformerBlock(block_weights(), 0.0), X, CLASSES)
    with torch.inference_mode():
        pooled = np.concatenate([network.pool(torch.as_tensor(clip)[None]).numpy() for clip in X])
        standardised = network.classify[0](torch.as_tensor(pooled)).numpy()
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(standardised.std(axis=0), 1, atol=1e-3)


def test_pooling_is_mean_and_deviation_of_inputs_and_outputs_over_the_kept_rows() -> None:
    network = _Network(TransformerBlock(block_weights(), 0.0), X, CLASSES)
    clip = torch.as_tensor(X[0])[None]
    padded = torch.cat([clip, torch.full((1, 4, COLUMNS), 9.0)], dim=1)
    kept = torch.arange(padded.shape[1])[None] < clip.shape[1]
    with torch.inference_mode():
        rows = clip[..., :WIDTH]
        outputs = torch.cat([rows, network.block(rows)], dim=2)[0].numpy()
        expected = np.concatenate([outputs.mean(axis=0), outputs.std(axis=0)])
        for found in (network.pool(clip), network.pool(padded, kept)):
            np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-3)
        torch.testing.assert_close(network.pool(clip), network.pool(padded, kept), atol=1e-5, rtol=1e-5)


def test_a_clip_of_weight_zero_is_not_learned_from() -> None:
    both = np.concatenate([X, X])
    target = np.concatenate([TARGET, (TARGET + 1) % CLASSES])
    weights = np.repeat([1.0, 0.0], len(X))
    found = fit(both, target, weights=weights).predict_proba(X)
    assert (found.argmax(axis=1) == TARGET).mean() > 0.8


def test_degraded_copies_are_learned_from() -> None:
    degraded = np.empty_like(X)
    for i, clip in enumerate(X):
        degraded[i] = -clip
    hits = [
        (fit(degraded=copies).predict_proba(degraded).argmax(axis=1) == TARGET).mean()
        for copies in (None, degraded)
    ]
    assert hits[1] > hits[0] + 0.2


def test_the_graph_has_weights_of_8_bits_and_predicts_the_same(fitted: FineTunedNetwork) -> None:
    graph = convert(fitted, (None, COLUMNS)).SerializeToString()
    np.testing.assert_allclose(run(graph, X), fitted.predict_proba(X), atol=1e-6)
    weights = sum(values.size for name, values in block_weights().items() if values.ndim == 2)
    assert weights < len(graph) < 1.4 * weights


def test_the_seed_decides_everything() -> None:
    one, same, other = (fit(epochs=1, seed=seed).predict_proba(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-4
