"""Ctrl-C ends the program and not only a training, and early stopping is not taken for Ctrl-C."""

from __future__ import annotations

import numpy as np
import pytest
from skorch.callbacks import EarlyStopping
from skorch.dataset import Dataset
from torch import Tensor, nn

from affekt.estimators.skorch_training import EpochProgress, InterruptibleClassifier
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
