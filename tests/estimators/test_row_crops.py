"""Crops are excerpts with a masked span; batches are of similar length; clips are drawn by weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch import nn

from affekt.estimators.crops import DEGRADED_SHARE
from affekt.estimators.row_crops import (
    LABEL_SMOOTHING,
    MAX_MASKED_SHARE,
    RowBatches,
    RowCrop,
    RowCrops,
    pad_crops,
)
from affekt.estimators.row_statistics import SessionNormalisation

LENGTHS = np.random.default_rng(1).integers(1, 40, 400)


def number_rows(offset: float) -> NDArray[Any]:
    """Features whose first two columns hold the row and the clip, and a sign of the copy."""
    X = np.empty(len(LENGTHS), object)
    for i, length in enumerate(LENGTHS):
        X[i] = np.stack([np.arange(length), np.full(length, i), np.full(length, offset)], axis=1).astype(
            np.float32
        )
    return X


def make(**changes: Any) -> RowCrops:
    clips = len(LENGTHS)
    usual: dict[str, Any] = {
        "features": number_rows(0), "degraded": None, "normalisation": None, "columns": 3,
        "target": np.arange(clips) % 3, "weights": np.ones(clips), "offsets": np.zeros((clips, 3)),
        "rows": 20, "seed": 0,
    }  # fmt: skip
    return RowCrops(**(usual | changes))


def test_a_crop_is_an_excerpt_of_the_first_columns_and_no_longer_than_allowed() -> None:
    crops = make(columns=2)
    starts = set()
    for i, length in enumerate(LENGTHS):
        rows = crops[i].rows.numpy()
        assert rows.shape == (min(20, length), 2)
        np.testing.assert_array_equal(rows[:, 0], rows[0, 0] + np.arange(len(rows)))
        assert (rows[:, 1] == i).all()
        starts.add(int(rows[0, 0]))
    assert len(starts) > 15


def test_half_of_the_crops_are_normalised_by_other_clips_of_the_session() -> None:
    drawn: list[int] = []

    class Normalisation(SessionNormalisation):
        def __init__(self) -> None:
            pass

        def draw(self, clip: int, rng: np.random.Generator) -> Any:
            drawn.append(clip)
            return (np.array([1.0, 2.0, 9.0]), np.array([0.0, 0.5, 9.0])) if clip % 2 else None

    crops = make(columns=2, normalisation=Normalisation())
    for i in range(len(crops)):
        rows = crops[i].rows.numpy()
        own = i * 2 + 0.5 if i in drawn[-1:] and i % 2 else i
        assert (rows[:, 1] == own).all()
        assert rows.dtype == np.float32
    assert 0.4 < len(drawn) / len(crops) < 0.6


def test_one_span_of_at_most_thirty_percent_is_masked() -> None:
    crops = make()
    shares = []
    for i in range(len(crops)):
        kept = crops[i].kept.numpy()
        assert (np.diff(kept.astype(int)) != 0).sum() <= 2
        shares.append(1 - kept.mean())
    assert max(shares) < MAX_MASKED_SHARE + 1e-6
    assert 0.05 < np.mean(shares) < 0.2


def test_three_in_ten_crops_are_of_degraded_copies() -> None:
    crops = make(degraded=number_rows(1))
    degraded = [float(crops[i].rows[0, 2]) for _ in range(5) for i in range(len(crops))]
    assert abs(np.mean(degraded) - DEGRADED_SHARE) < 0.04


def test_clips_are_drawn_as_often_as_they_weigh() -> None:
    weights = np.where(np.arange(len(LENGTHS)) < 200, 1.0, 0.3)
    crops = make(weights=weights)
    epochs = np.array([np.bincount(crops.draw(), minlength=len(weights)) for _ in range(200)])
    assert (epochs[:, :200] == 1).all()
    assert epochs.max() == 1
    assert set(epochs.sum(axis=1)) <= {259, 260, 261}
    np.testing.assert_allclose(epochs[:, 200:].mean(axis=0), 0.3, atol=0.15)
    assert len({tuple(crops.draw()[:5]) for _ in range(5)}) == 5


def test_a_batch_is_of_clips_of_similar_length_and_epochs_differ() -> None:
    batches = RowBatches(make(), 8)
    first, second = list(batches), list(batches)
    assert len(first) == len(batches) == 50
    assert first != second
    for epoch in (first, second):
        assert sorted(i for batch in epoch for i in batch) == list(range(400))
        lengths = [np.minimum(LENGTHS[batch], 20) for batch in epoch]
        assert np.mean([np.ptp(one) for one in lengths]) < 4  # at random it would be 17
        means = [one.mean() for one in lengths]
        assert abs(np.corrcoef(means, np.arange(50))[0, 1]) < 0.5  # batches are not in order of length


def test_there_are_as_many_batches_in_each_epoch_whatever_is_drawn() -> None:
    batches = RowBatches(make(weights=np.full(len(LENGTHS), 0.31)), 5)
    assert {len(list(batches)) for _ in range(30)} <= {24, len(batches)}
    assert len(batches) == 24


def test_fewer_clips_than_a_batch_are_one_batch() -> None:
    batches = RowBatches(make(features=number_rows(0)[:5], weights=np.ones(5)), 32)
    assert [sorted(batch) for batch in batches] == [[0, 1, 2, 3, 4]]


def test_padding_is_not_kept() -> None:
    crops = make()
    picked = [crops[i] for i in range(6)]
    given, probabilities = pad_crops(picked)
    longest = max(len(one.rows) for one in picked)
    assert given["features"].shape == (6, longest, 3)
    for i, one in enumerate(picked):
        assert torch.equal(given["features"][i, : len(one.rows)], one.rows)
        assert torch.equal(given["kept"][i, : len(one.rows)], one.kept)
        assert not given["kept"][i, len(one.rows) :].any()
    assert given["offsets"].shape == probabilities.shape == (6, 3)


def loss(crop: RowCrop, scores: NDArray[np.float32]) -> float:
    given, learned = pad_crops([crop])
    return float(nn.CrossEntropyLoss()(torch.tensor(scores[None]) + given["offsets"], learned))


def test_the_loss_without_offsets_is_the_smoothed_cross_entropy() -> None:
    scores = np.array([0.3, -1.0, 2.0], np.float32)
    expected = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)(
        torch.tensor(scores[None]), torch.tensor([1])
    )
    np.testing.assert_allclose(loss(make()[1], scores), float(expected), rtol=1e-6)


def test_a_class_that_is_left_out_counts_neither_in_the_loss_nor_in_its_smoothing() -> None:
    offsets = np.zeros((len(LENGTHS), 3))
    offsets[:, 2] = -np.inf
    crop = make(offsets=offsets)[1]
    scores = np.array([0.3, -1.0, 2.0], np.float32)
    log = log_softmax(scores[:2])
    expected = -(1 - LABEL_SMOOTHING) * log[1] - LABEL_SMOOTHING * log.mean()
    np.testing.assert_allclose(loss(crop, scores), expected, rtol=1e-6)
    np.testing.assert_allclose(loss(crop, scores + np.array([0, 0, 3], np.float32)), expected, rtol=1e-6)
