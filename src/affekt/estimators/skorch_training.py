"""Training of networks with skorch: progress bars, and Ctrl-C that stops the whole program."""

from __future__ import annotations

from typing import Any

from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch.utils.data import Dataset as TorchDataset

from affekt.support.progress import Advance


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
