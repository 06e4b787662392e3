"""Training of networks with skorch: progress bars, averaged weights, and Ctrl-C that stops the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import Dataset as TorchDataset

from affekt.support.progress import Advance

WARM_UP = 0.2  # of the learning rate cycle


class TrainingInterrupted(BaseException):
    """Replaces ``KeyboardInterrupt`` inside skorch, which handles that one as the end of a training."""


class InterruptibleClassifier(NeuralNetClassifier):  # type: ignore[misc]
    """skorch's classifier, except that Ctrl-C raises ``KeyboardInterrupt``.

    skorch itself catches it and goes on with a partly trained network, which would be evaluated.
    """

    def train(self, clips: TorchDataset[Any]) -> None:
        """Fit the network on (features, class) pairs."""
        try:
            self.fit(clips, None)
        except TrainingInterrupted as stopped:
            raise KeyboardInterrupt from stopped

    def fit_loop(self, *args: Any, **settings: Any) -> InterruptibleClassifier:
        """Run the loop over epochs, up to the last one, early stopping or Ctrl-C."""
        try:
            super().fit_loop(*args, **settings)
        except KeyboardInterrupt as stop:
            early = dict(self.callbacks_).get("stop")
            if early is None or early.misses_ != early.patience:
                raise TrainingInterrupted from stop
            raise  # early stopping, which skorch implements by the same exception
        return self


class EpochProgress(Callback):  # type: ignore[misc]
    """Advances a progress bar after each epoch."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Show the loss on the validation clips, or on the training clips if there are no others."""
        last = net.history[-1]
        self.advance(f"loss {last.get('valid_loss', last['train_loss']):.3f}")


class AverageWeights(Callback):  # type: ignore[misc]
    """Keeps a running average of the weights.

    Parameters
    ----------
    module
        The network that is trained.
    decay
        The share of the average that is kept in each step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average = AveragedModel(module, avg_fn=self.update, use_buffers=True)

    @property
    def module(self) -> nn.Module:
        """The network with averaged weights."""
        return self.average.module

    def on_batch_end(self, net: NeuralNetClassifier, training: bool = False, **_: Any) -> None:
        """Update the average after a training step."""
        if training:
            self.average.update_parameters(net.module_)

    def update(self, average: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        """Return the new average; the first steps have more weight, so that it forgets where it began."""
        if not current.is_floating_point():
            return current
        kept = min(self.decay, (1 + int(steps)) / (10 + int(steps)))
        return kept * average + (1 - kept) * current


def one_cycle_learner(
    module: nn.Module,
    average: AverageWeights,
    advance: Advance,
    *,
    epochs: int,
    steps: int,
    gradient_limit: float,
    lr: float,
    other_rates: Mapping[str, float] | None = None,
    **settings: Any,
) -> InterruptibleClassifier:
    """Return what trains a network with AdamW in one cycle of the learning rate, without validation.

    Parameters
    ----------
    module, average
        The network, and the running average of its weights.
    advance
        Advances a progress bar.
    epochs, steps
        Number of epochs, and of steps in all of them.
    gradient_limit
        The largest norm of the gradient.
    lr
        The highest learning rate.
    other_rates
        Pattern of names -> the highest learning rate of these parameters.
    settings
        Further settings of skorch.

    Notes
    -----
    One cycle: Smith and Topin (2019), SPIE 11006. Averaged weights: Polyak and Juditsky (1992), SIAM
    Journal on Control and Optimization 30.
    """
    rates = other_rates or {}
    cycle = LRScheduler(
        OneCycleLR, max_lr=[*rates.values(), lr], total_steps=steps, pct_start=WARM_UP, step_every="batch"
    )
    return InterruptibleClassifier(
        module,
        optimizer=torch.optim.AdamW,
        optimizer__param_groups=[(pattern, {"lr": rate}) for pattern, rate in rates.items()],
        lr=lr,
        max_epochs=epochs,
        train_split=None,
        callbacks=[
            ("cycle", cycle),
            ("limit", GradientNormClipping(gradient_limit)),
            ("average", average),
            ("progress", EpochProgress(advance)),
        ],
        verbose=0,
        **settings,
    )
