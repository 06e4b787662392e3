"""Layers compute what their papers define, for any number of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from affekt.estimators.layers import (
    AttentiveStatistics,
    FocalLoss,
    LevelledSpectra,
    ResidualBlock,
    SqueezeExcitation,
    Standardize,
    Transpose,
)
from affekt.features.frame_and_utterance import BANDS, COLUMNS

FEATURES = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)


def varying_clips() -> NDArray[Any]:
    rng = np.random.default_rng(1)
    clips = np.empty(20, object)
    for i in range(len(clips)):
        clips[i] = rng.standard_normal((rng.integers(3, 12), 4)).astype(np.float32)
    return clips


# --- standardisation ---------------------------------------------------------------------------------


def test_standardised_features_have_mean_0_and_deviation_1() -> None:
    standard = Standardize(FEATURES)(torch.as_tensor(FEATURES)).numpy()
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=0), 1, atol=1e-5)


def test_a_constant_column_is_standardised_to_0() -> None:
    features = FEATURES.copy()
    features[:, 1] = 3
    standard = Standardize(features)(torch.as_tensor(features)).numpy()
    assert np.isfinite(standard).all()
    np.testing.assert_allclose(standard[:, 1], 0, atol=1e-3)


def test_clips_of_varying_length_are_standardised_over_all_frames() -> None:
    clips = varying_clips()
    layer, frames = Standardize(clips), np.concatenate(list(clips))
    np.testing.assert_allclose(layer.mean.numpy(), frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(layer.deviation.numpy(), frames.std(axis=0), rtol=1e-5)
    assert layer(torch.as_tensor(clips[0])[None]).shape == (1, *clips[0].shape)


def test_a_frame_that_is_silent_in_all_clips_is_divided_by_a_tenth_of_the_columns_deviation() -> None:
    sequences = np.random.default_rng(2).standard_normal((30, 5, 3))
    sequences[:, 4] = -8 + 1e-3 * sequences[:, 4]
    layer = Standardize(sequences)
    expected = 0.1 * sequences.std(axis=(0, 1))
    np.testing.assert_allclose(layer.deviation.numpy()[4], expected, rtol=1e-5)
    np.testing.assert_allclose(layer.deviation.numpy()[0], sequences[:, 0].std(axis=0), rtol=1e-5)


# --- layers of networks ------------------------------------------------------------------------------


def test_transpose_puts_frames_last() -> None:
    assert Transpose()(torch.zeros(2, 5, 3)).shape == (2, 3, 5)


def test_squeeze_excitation_scales_whole_channels_down() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 16, 9)
    layer = SqueezeExcitation(16, reduction=4)
    weighed = layer(features)
    ratio = (weighed / features).detach()
    assert weighed.shape == features.shape
    torch.testing.assert_close(ratio, ratio[:, :, :1].expand_as(ratio))
    assert ((ratio > 0) & (ratio < 1)).all()
    hidden = torch.relu(layer.weigh[0](features.mean(dim=2)))
    torch.testing.assert_close(ratio[:, :, 0], torch.sigmoid(layer.weigh[2](hidden)).detach())


def test_the_level_is_added_to_every_band_of_the_spectra() -> None:
    rows = torch.randn(2, 7, len(COLUMNS))
    spectra = LevelledSpectra()(rows)
    assert spectra.shape == (2, 7, BANDS)
    torch.testing.assert_close(spectra[1, 2, 3], rows[1, 2, 3] + rows[1, 2, -1])


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
def test_a_residual_block_accepts_any_number_of_frames(frames: int) -> None:
    block = ResidualBlock(2, 4, stride=(2, 2)).eval()
    assert block(torch.randn(1, 2, frames, 8)).shape == (1, 4, (frames + 1) // 2, 4)


def test_uniform_attention_gives_mean_and_standard_deviation() -> None:
    layer = AttentiveStatistics(6, 5, 4).eval()
    last = layer.attend[2]
    assert isinstance(last, nn.Conv1d)
    nn.init.zeros_(last.weight)
    images = torch.randn(3, 2, 11, 3)
    values = layer.project(images.transpose(2, 3).flatten(1, 2))
    mean, deviation = layer(images).split(5, dim=1)
    torch.testing.assert_close(mean, values.mean(dim=2))
    torch.testing.assert_close(deviation, values.std(dim=2, correction=0), atol=5e-3, rtol=1e-2)


# --- the loss ----------------------------------------------------------------------------------------


def test_focal_loss_with_gamma_0_is_cross_entropy() -> None:
    torch.manual_seed(0)
    scores, target = torch.randn(7, 3), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    torch.testing.assert_close(FocalLoss(0.0)(scores, target), nn.functional.cross_entropy(scores, target))


def test_focal_loss_with_gamma_2_weighs_by_the_squared_probability_of_the_other_classes() -> None:
    scores, target = np.array([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]]), np.array([0, 2])
    probabilities = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))[[0, 1], target]
    expected = np.mean(-((1 - probabilities) ** 2) * np.log(probabilities))
    got = FocalLoss(2.0)(torch.tensor(scores), torch.tensor(target))
    assert got.item() == pytest.approx(expected)
