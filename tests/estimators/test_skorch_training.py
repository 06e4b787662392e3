"""Ctrl-C ends the program and not only a training; learning rates rise once; weights are averaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import Dataset
from torch import Tensor, nn

from affekt.estimators.skorch_training import (
    AverageWeights,
    EpochProgress,
    InterruptibleClassifier,
    one_cycle_learner,
)
from affekt.support.progress import Advance

FEATURES = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
CLIPS = Dataset(FEATURES, (FEATURES[:, 0] > 0).astype(int))


def nothing(doing: str = "", steps: int = 1) -> None:
    pass


def make(
    module: nn.Module, epochs: int, *, advance: Advance = nothing, **settings: object
) -> InterruptibleClassifier:
    return InterruptibleClassifier(
        module, criterion=nn.CrossEntropyLoss, max_epochs=epochs, classes=[0, 1], verbose=0,
        callbacks=[
            ("progress", EpochProgress(advance)),
            ("stop", EarlyStopping("train_loss", patience=2, sink=lambda *_: None)),
        ],
        train_split=None, **settings,
    )  # fmt: skip


class Interrupted(nn.Linear):
    """Is interrupted in the third batch."""

    batches = 0

    def forward(self, features: Tensor) -> Tensor:
        self.batches += 1
        if self.batches == 3:
            raise KeyboardInterrupt
        return super().forward(features)


def test_ctrl_c_is_raised_again() -> None:
    with pytest.raises(KeyboardInterrupt):
        make(Interrupted(3, 2), epochs=9).train(CLIPS)


def test_early_stopping_ends_the_training_and_raises_nothing() -> None:
    learner = make(nn.Linear(3, 2), epochs=50, lr=0.0)  # a loss that never changes
    try:
        learner.train(CLIPS)
    except KeyboardInterrupt:
        pytest.fail("early stopping was taken for Ctrl-C")
    assert len(learner.history) == 3


def test_the_bar_shows_the_loss_of_every_epoch() -> None:
    shown: list[str] = []

    def advance(doing: str = "", steps: int = 1) -> None:
        shown.append(doing)

    learner = make(nn.Linear(3, 2), epochs=3, advance=advance)
    learner.train(CLIPS)
    assert shown == [f"loss {epoch['train_loss']:.3f}" for epoch in learner.history]


def test_the_average_follows_the_weights_quickly_at_first_and_slowly_later() -> None:
    average, zero, one = AverageWeights(nn.Linear(1, 1), 0.995), torch.zeros(1), torch.ones(1)
    assert average.update(zero, one, torch.tensor(0)).item() == pytest.approx(0.9)
    assert average.update(zero, one, torch.tensor(10_000)).item() == pytest.approx(0.005)


def test_counters_are_not_averaged() -> None:
    average = AverageWeights(nn.Linear(1, 1), 0.995)
    assert average.update(torch.tensor(3), torch.tensor(4), torch.tensor(9)).item() == 4


class Recorded(Callback):  # type: ignore[misc]
    """The learning rates of each step."""

    def __init__(self) -> None:
        self.rates: list[list[float]] = []

    def on_batch_begin(self, net: NeuralNetClassifier, **_: object) -> None:
        self.rates.append([group["lr"] for group in net.optimizer_.param_groups])


def test_each_group_of_parameters_has_one_cycle_up_to_its_own_rate() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    average, recorded = AverageWeights(module, 0.99), Recorded()
    learner = one_cycle_learner(
        module, average, nothing, epochs=5, steps=50, gradient_limit=1.0, lr=0.1,
        other_rates={"0.*": 0.01}, criterion=nn.CrossEntropyLoss, classes=[0, 1], batch_size=4,
    )  # fmt: skip
    learner.callbacks.append(("recorded", recorded))
    learner.train(CLIPS)
    rates = np.array(recorded.rates)
    np.testing.assert_allclose(rates.max(axis=0), [0.01, 0.1])
    assert (np.diff(np.sign(np.diff(rates[:, 1]))) != 0).sum() == 1
    sizes = [sum(p.numel() for p in group["params"]) for group in learner.optimizer_.param_groups]
    assert sizes == [16, 10]
    averaged, last = (next(one.parameters()) for one in (average.module, learner.module_))
    assert not torch.equal(averaged, last)
