"""PyTorch networks as scikit-learn classifiers with early stopping, and their export to ONNX."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler
from skorch.dataset import Dataset as SkorchDataset
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import Dataset as TorchDataset

from affekt.estimators.crops import Crops
from affekt.estimators.inspection import HISTORY
from affekt.estimators.layers import FocalLoss, Standardize
from affekt.estimators.onnx_graphs import OPSETS
from affekt.estimators.search import inner_folds
from affekt.estimators.skorch_training import EpochProgress, InterruptibleClassifier
from affekt.support.progress import Advance, inner_bar

INNER_FOLDS = 6  # one of them holds the validation clips
PREDICTION_BATCH = 256


def predict_network(module: nn.Module, X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities of a network, (clips, classes); clips of varying length one at a time."""
    batches: Any = (X[i : i + PREDICTION_BATCH] for i in range(0, len(X), PREDICTION_BATCH))
    if X.dtype == object:
        batches = (clip[None] for clip in X)
    with torch.inference_mode():
        rows = [module(torch.as_tensor(batch)).softmax(dim=1).numpy() for batch in batches]
    return np.concatenate(rows).astype(np.float64)


def export_network(
    module: nn.Module,
    shape: tuple[int | None, ...],
    example_frames: int,
    *,
    fold_constants: bool = True,
) -> onnx.ModelProto:
    """Return a network as a graph from features to probabilities.

    Parameters
    ----------
    module
        From features to scores before softmax.
    shape
        Of one clip's features; None for any number of frames.
    example_frames
        The network is traced on clips of so many frames.
    fold_constants
        Compute in advance what depends on no input. Weights of 8 bits would be stored in 32 bits then.
    """
    example = torch.zeros(2, *(size or example_frames for size in shape))
    file = io.BytesIO()
    free = {0: "clips"} | {axis: "frames" for axis, size in enumerate(shape, 1) if size is None}
    # the exporter that traces needs no other library, but warns that it is deprecated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            nn.Sequential(module, nn.Softmax(dim=1)).eval(),
            (example,),
            file,  # type: ignore[arg-type]  # this exporter also writes to open files
            input_names=["features"],
            output_names=["probabilities"],
            dynamic_axes={"features": free, "probabilities": {0: "clips"}},
            opset_version=OPSETS[""],
            do_constant_folding=fold_constants,
            dynamo=False,
        )
    return onnx.load_from_string(file.getvalue())


@dataclass(eq=False, repr=False)
class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network that is trained with Adam, and stopped early by its score on validation clips.

    The weights of the best epoch are kept. Features are standardised by the first layer. Training uses a
    CUDA device if there is one.

    Parameters
    ----------
    network
        Number of emotions -> a module from standardised features to scores before softmax.
    epochs
        Largest number of epochs.
    batch_size
        Number of clips in a batch; lower if there are fewer clips.
    learning_rate
        Initial learning rate of Adam.
    patience
        Number of epochs without improvement on the validation clips after which training stops.
    best_by
        What counts as improvement: a lower ``loss`` or a higher ``accuracy``.
    slow_down_after
        Number of epochs without a lower loss after which the learning rate is halved; None for never.
    gamma
        Parameter of the focal loss; 0 for cross-entropy.
    augment
        (features, copies, rng) -> altered copies of the training clips; None for no copies. Validation
        clips are never augmented.
    copies
        Number of altered copies of each training clip.
    crop_frames
        Train on crops of this many frames; necessary for clips of varying length. None for whole clips.
    seed
        Seed of the validation clips, the copies, the initial weights and the batches.
    """

    network: Callable[[int], nn.Module]
    _: KW_ONLY
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    best_by: str = "loss"
    slow_down_after: int | None = None
    gamma: float = 0.0
    augment: Callable[..., NDArray[np.float32]] | None = None
    copies: int = 2
    crop_frames: int | None = None
    seed: int = 0

    def fit(
        self,
        X: NDArray[Any],
        y: ArrayLike,
        groups: ArrayLike,
        validation: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> NetworkClassifier:
        """Train the network.

        Parameters
        ----------
        X, y
            Features and classes of the clips.
        groups
            The group of each clip; used if ``validation`` is None.
        validation
            Features and classes of the validation clips. By default a sixth of the groups, which are then
            not trained on. Clips of a class that is not trained on are ignored.

        Raises
        ------
        CorpusError
            There is only one group, or none can be left out without losing all clips of a class.
        """
        labels = np.asarray(y)
        if validation is None:
            train, held_out = inner_folds(labels, groups, INNER_FOLDS, self.seed, needed=1)[0]
            X, labels, validation = X[train], labels[train], (X[held_out], labels[held_out])
        self.classes_ = np.unique(labels)
        seen = np.isin(validation[1], self.classes_)
        validation_data = self._data(validation[0][seen], validation[1][seen], at_random=False)
        standardize = Standardize(X)
        if self.augment is not None:
            copies = self.augment(X, self.copies, np.random.default_rng(self.seed))
            X, labels = np.concatenate([X, copies]), np.tile(labels, self.copies + 1)
        with torch.random.fork_rng(), tempfile.TemporaryDirectory() as folder:
            torch.manual_seed(self.seed)
            module = nn.Sequential(standardize, self.network(len(self.classes_)))
            with inner_bar("epochs", self.epochs) as advance:
                callbacks = self._callbacks(folder, advance)
                batch_size = min(self.batch_size, len(labels))
                learner = self._learner(module, validation_data, callbacks, batch_size)
                learner.train(self._data(X, labels, at_random=True))
        self.module_ = learner.module_.cpu().eval()
        self.history_ = [{name: epoch[name] for name in HISTORY} for epoch in learner.history]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for whole clips, shape (clips, classes)."""
        return predict_network(self.module_, X)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> onnx.ModelProto:
        """Return the network as a graph."""
        return export_network(self.module_, shape, self.crop_frames or 1)

    def _data(self, X: NDArray[Any], labels: NDArray[Any], *, at_random: bool) -> TorchDataset[Any]:
        target = np.searchsorted(self.classes_, labels)
        if self.crop_frames:
            return Crops(X, target, self.crop_frames, at_random=at_random)
        dataset: TorchDataset[Any] = SkorchDataset(X, target)
        return dataset

    def _learner(
        self, module: nn.Module, validation: TorchDataset[Any], callbacks: list[Any], batch_size: int
    ) -> InterruptibleClassifier:
        return InterruptibleClassifier(
            module,
            criterion=FocalLoss(self.gamma),
            optimizer=torch.optim.Adam,
            lr=self.learning_rate,
            batch_size=batch_size,
            max_epochs=self.epochs,
            iterator_train__shuffle=True,
            iterator_train__drop_last=True,  # batch norm cannot be trained on a last batch of one clip
            train_split=predefined_split(validation),
            classes=list(range(len(self.classes_))),
            callbacks=callbacks,
            device="cuda" if torch.cuda.is_available() else "cpu",
            verbose=0,
        )

    def _callbacks(self, folder: str, advance: Advance) -> list[Any]:
        """Return callbacks that keep the best weights, stop early, show progress, and slow down."""
        monitored, lower = {"loss": ("valid_loss", True), "accuracy": ("valid_acc", False)}[self.best_by]
        best = Checkpoint(
            f_params="best.pt", f_optimizer=None, f_criterion=None, f_history=None, dirname=folder,
            monitor=f"{monitored}_best", load_best=True, sink=_discard,
        )  # fmt: skip
        stop = EarlyStopping(monitored, patience=self.patience, lower_is_better=lower, sink=_discard)
        callbacks: list[Any] = [("best", best), ("stop", stop), ("progress", EpochProgress(advance))]
        if self.slow_down_after is None:
            return callbacks
        slow_down = LRScheduler(
            "ReduceLROnPlateau", monitor="valid_loss", factor=0.5, patience=self.slow_down_after
        )
        return [("slow down", slow_down), *callbacks]


def _discard(*_: Any) -> None:
    """Print nothing."""
