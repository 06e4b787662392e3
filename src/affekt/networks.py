"""PyTorch networks behind scikit-learn's contract: what they are built from, trained by skorch."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LRScheduler
from skorch.dataset import Dataset as SkorchDataset
from skorch.helper import predefined_split
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from affekt.onnx_graphs import OPSETS
from affekt.progress import Advance, inner_bar
from affekt.search import inner_folds

INNER_FOLDS = 6  # one of six groups stops the training
ANSWER_BATCH = 256
_CONSTANT = 1e-5


class Standardize(nn.Module):
    """(features - mean) / deviation, as the first layer of a network, so that a graph has it inside."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: NDArray[Any]) -> None:
        super().__init__()
        # clips of any length: over all frames of all clips
        frames = np.concatenate(list(features)) if features.dtype == object else features
        mean = frames.mean(axis=0, dtype=np.float64)
        deviation = frames.std(axis=0, dtype=np.float64)
        if frames.ndim == 3:  # where all clips are silent: a tenth of what the column deviates elsewhere
            deviation = np.maximum(deviation, 0.1 * frames.std(axis=(0, 1), dtype=np.float64))
        constant = deviation <= _CONSTANT * np.maximum(np.abs(mean), 1)  # rounding errors are no signal
        deviation[constant] = 1
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float32))

    def forward(self, features: Tensor) -> Tensor:
        """Same shape as the features."""
        return (features - self.mean) / self.deviation


class Transpose(nn.Module):
    """(clips, frames, columns) -> (clips, columns, frames)."""

    def forward(self, features: Tensor) -> Tensor:
        """Shape (clips, columns, frames)."""
        return features.transpose(1, 2)


class SqueezeExcitation(nn.Module):
    """Weighs channels by what the whole clip is like (Hu et al. 2018); on (clips, channels, ...)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Same shape as the features."""
        over = tuple(range(2, features.ndim))
        weights: Tensor = self.weigh(features.mean(dim=over))
        return features * weights[(..., *(None for _ in over))]


class FocalLoss(nn.Module):
    """Cross-entropy that looks away from what is right already (Lin et al. 2017); plain at ``gamma`` 0."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """The mean over a batch of scores (clips, emotions), before softmax."""
        log_likely = scores.log_softmax(dim=1).gather(1, target[:, None])[:, 0]
        return -((1 - log_likely.exp()) ** self.gamma * log_likely).mean()


class Crops(TorchDataset[tuple[Tensor, int]]):
    """Pieces of so many frames, at random or from the middle; a shorter clip is filled with its minimum."""

    def __init__(
        self, clips: NDArray[Any], target: NDArray[np.intp], frames: int, *, at_random: bool
    ) -> None:
        self.clips = [torch.as_tensor(clip) for clip in clips]
        self.target, self.frames, self.at_random = target, frames, at_random

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        """One piece, (frames, columns), and the number of its emotion."""
        clip = self.clips[i]
        spare = len(clip) - self.frames
        if spare < 0:
            clip = nn.functional.pad(clip, (0, 0, 0, -spare), value=float(clip.min()))
            start = 0
        else:
            start = int(torch.randint(spare + 1, ())) if self.at_random else spare // 2
        return clip[start : start + self.frames], int(self.target[i])


def answer_whole(module: nn.Module, X: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities of shape (clips, classes); clips of any length are heard whole."""
    batches: Any = (X[i : i + ANSWER_BATCH] for i in range(0, len(X), ANSWER_BATCH))
    if X.dtype == object:
        batches = (clip[None] for clip in X)
    with torch.inference_mode():
        rows = [module(torch.as_tensor(batch)).softmax(dim=1).numpy() for batch in batches]
    return np.concatenate(rows).astype(np.float64)


def export_network(
    module: nn.Module, shape: tuple[int | None, ...], example_frames: int
) -> onnx.ModelProto:
    """A network as a graph from features of that shape to probabilities; None is any number of frames."""
    example = torch.zeros(2, *(size or example_frames for size in shape))
    file = io.BytesIO()
    free = {0: "clips"} | {axis: "frames" for axis, size in enumerate(shape, 1) if size is None}
    # the exporter by tracing needs no further library, and says it is old
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            nn.Sequential(module, nn.Softmax(dim=1)).eval(),
            (example,),
            file,  # type: ignore[arg-type]  # the exporter by tracing writes to open files too
            input_names=["features"],
            output_names=["probabilities"],
            dynamic_axes={"features": free, "probabilities": {0: "clips"}},
            opset_version=OPSETS[""],
            dynamo=False,
        )
    return onnx.load_from_string(file.getvalue())


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network with early stopping on clips that it does not learn from.

    The best weights are kept on disk while it learns, and are what remains. Features are standardised
    by a layer of its own. A CUDA device is used where there is one.

    Parameters
    ----------
    network
        Number of emotions -> a module from standardised features to scores before softmax.
    epochs, batch_size, learning_rate
        Of Adam.
    patience
        Epochs without progress on the clips set aside, after which it stops.
    best_by
        What counts as progress: a lower ``loss`` or a higher ``accuracy``.
    slow_down_after
        Epochs without a lower loss after which the learning rate is halved; None for never.
    gamma
        Of the focal loss, 0 for cross-entropy.
    augment, copies
        Makes so many altered copies of the clips it learns from, never of those that it stops on.
    crop_frames
        Learn from pieces of so many frames; needed where clips are of any length.
    seed
        Of everything random.
    """

    def __init__(
        self,
        network: Callable[[int], nn.Module],
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        patience: int,
        best_by: str = "loss",
        slow_down_after: int | None = None,
        gamma: float = 0.0,
        augment: Callable[..., NDArray[np.float32]] | None = None,
        copies: int = 2,
        crop_frames: int | None = None,
        seed: int = 0,
    ) -> None:
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.best_by = best_by
        self.slow_down_after = slow_down_after
        self.gamma = gamma
        self.augment = augment
        self.copies = copies
        self.crop_frames = crop_frames
        self.seed = seed

    def fit(
        self,
        X: NDArray[Any],
        y: ArrayLike,
        groups: ArrayLike,
        validation: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> NetworkClassifier:
        """Learn, and stop on ``validation``, or else on some of the ``groups``."""
        labels = np.asarray(y)
        if validation is None:
            learn, stop = inner_folds(labels, groups, INNER_FOLDS, self.seed, needed=1)[0]
            X, labels, validation = X[learn], labels[learn], (X[stop], labels[stop])
        self.classes_ = np.unique(labels)
        known = np.isin(validation[1], self.classes_)
        stop_on = self._data(validation[0][known], validation[1][known], at_random=False)
        standardize = Standardize(X)
        if self.augment is not None:
            copies = self.augment(X, self.copies, np.random.default_rng(self.seed))
            X, labels = np.concatenate([X, copies]), np.tile(labels, self.copies + 1)
        with torch.random.fork_rng(), tempfile.TemporaryDirectory() as folder:
            torch.manual_seed(self.seed)
            module = nn.Sequential(standardize, self.network(len(self.classes_)))
            with inner_bar("epochs", self.epochs) as advance:
                learner = self._learner(module, stop_on, folder, advance, min(self.batch_size, len(labels)))
                try:
                    learner.fit(self._data(X, labels, at_random=True), None)
                except InterruptedLearning as stopped:
                    raise KeyboardInterrupt from stopped
        self.module_ = learner.module_.cpu().eval()
        self.history_ = [
            {name: epoch[name] for name in ("train_loss", "valid_loss", "valid_acc")}
            for epoch in learner.history
        ]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities of shape (clips, classes); clips of any length are heard whole."""
        return answer_whole(self.module_, X)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> onnx.ModelProto:
        """The network as a graph, on features of that shape; None stands for any number of frames."""
        return export_network(self.module_, shape, self.crop_frames or 1)

    def _data(self, X: NDArray[Any], labels: NDArray[Any], *, at_random: bool) -> TorchDataset[Any]:
        target = np.searchsorted(self.classes_, labels)
        if self.crop_frames:
            return Crops(X, target, self.crop_frames, at_random=at_random)
        dataset: TorchDataset[Any] = SkorchDataset(X, target)
        return dataset

    def _learner(
        self,
        module: nn.Module,
        stop_on: TorchDataset[Any],
        folder: str,
        advance: Advance,
        batch_size: int,
    ) -> NeuralNetClassifier:
        monitored, lower = {"loss": ("valid_loss", True), "accuracy": ("valid_acc", False)}[self.best_by]
        best = Checkpoint(
            f_params="best.pt", f_optimizer=None, f_criterion=None, f_history=None, dirname=folder,
            monitor=f"{monitored}_best", load_best=True,
        )  # fmt: skip
        callbacks: list[Any] = [
            ("best", best),
            (
                "stop",
                EarlyStopping(monitored, patience=self.patience, lower_is_better=lower, sink=_say_nothing),
            ),
            ("progress", Epochs(advance)),
        ]
        best.sink = _say_nothing
        if self.slow_down_after is not None:
            slow_down = LRScheduler(
                "ReduceLROnPlateau", monitor="valid_loss", factor=0.5, patience=self.slow_down_after
            )
            callbacks.insert(0, ("slow down", slow_down))
        return Learner(
            module,
            criterion=FocalLoss(self.gamma),
            optimizer=torch.optim.Adam,
            lr=self.learning_rate,
            batch_size=batch_size,
            max_epochs=self.epochs,
            iterator_train__shuffle=True,
            # batch norm cannot learn from a last batch of one
            iterator_train__drop_last=True,
            train_split=predefined_split(stop_on),
            classes=list(range(len(self.classes_))),
            callbacks=callbacks,
            device="cuda" if torch.cuda.is_available() else "cpu",
            verbose=0,
        )


class InterruptedLearning(BaseException):
    """Ctrl-C, under another name."""


class Learner(NeuralNetClassifier):  # type: ignore[misc]
    """skorch takes Ctrl-C for the end of a training; a network half trained must not be scored."""

    def fit_loop(self, *args: Any, **settings: Any) -> Learner:
        """Learn until it is enough, or stop altogether."""
        try:
            super().fit_loop(*args, **settings)
        except KeyboardInterrupt as stop:
            early = dict(self.callbacks_).get("stop")
            if early is None or early.misses_ != early.patience:
                raise InterruptedLearning from stop
            raise  # this is how early stopping ends the loop
        return self


class Epochs(Callback):  # type: ignore[misc]
    """Moves a bar at each epoch."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Show the loss, on the clips set aside where there are any."""
        last = net.history[-1]
        self.advance(f"loss {last.get('valid_loss', last['train_loss']):.3f}")


def _say_nothing(*_: Any) -> None:
    """In place of print."""
