"""The frame-level branch of ``FusionClassifier``: a network that is trained on random crops of spectra."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from sklearn.base import BaseEstimator
from torch import nn

from affekt.estimators.crops import TrainingCrops
from affekt.estimators.layers import Standardize
from affekt.estimators.networks import export_network, predict_network
from affekt.estimators.skorch_training import AverageWeights, InterruptibleClassifier, one_cycle_learner
from affekt.estimators.spectrum_augmentation import SpectrumAugmentation
from affekt.support.progress import Advance, inner_bar

LABEL_SMOOTHING = 0.1
WEIGHT_DECAY = 0.01
GRADIENT_LIMIT = 5.0
AVERAGE_DECAY = 0.995


@dataclass(eq=False, repr=False)
class FrameNetwork(BaseEstimator):  # type: ignore[misc]
    """A network on log-mel spectra, trained with AdamW in one cycle of the learning rate.

    It is trained for a fixed number of epochs on all clips. The weights that are kept are a running average
    over the training steps.

    Parameters
    ----------
    network
        Number of emotions -> a module from standardised spectra to scores before softmax.
    spectra
        A module from features to log-mel spectra.
    epochs
        Number of epochs.
    batch_size
        Number of crops in a batch; lower if there are fewer clips.
    learning_rate
        The highest learning rate of the cycle.
    crop_frames
        Number of frames of a crop.
    seed
        Seed of the crops, the initial weights, the batches and the augmentation.
    """

    network: Callable[[int], nn.Module]
    spectra: nn.Module
    _: KW_ONLY
    epochs: int
    batch_size: int
    learning_rate: float
    crop_frames: int
    seed: int

    def fit(self, crops: TrainingCrops) -> FrameNetwork:
        """Train the network on random crops."""
        spectra = np.empty(len(crops), object)
        for i, clip in enumerate(crops.unknown):
            spectra[i] = self.spectra(torch.as_tensor(clip)).numpy()
        emotions = int(crops.target.max()) + 1
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            module = nn.Sequential(
                self.spectra, Standardize(spectra), SpectrumAugmentation(), self.network(emotions)
            )
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast
            average = AverageWeights(module, AVERAGE_DECAY)
            with inner_bar("epochs", self.epochs) as advance:
                self._learner(module, average, len(crops), emotions, advance).train(crops)
        self.module_ = average.module.eval()
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for whole clips, shape (clips, classes)."""
        return predict_network(self.module_, X)

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> ModelProto:
        """Return the network as a graph."""
        return export_network(self.module_, shape, self.crop_frames)

    def _learner(
        self, module: nn.Module, average: AverageWeights, clips: int, emotions: int, advance: Advance
    ) -> InterruptibleClassifier:
        batch_size = min(self.batch_size, clips)
        return one_cycle_learner(
            module,
            average,
            advance,
            epochs=self.epochs,
            steps=self.epochs * (clips // batch_size),
            gradient_limit=GRADIENT_LIMIT,
            criterion=nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING),
            optimizer__weight_decay=WEIGHT_DECAY,
            lr=self.learning_rate,
            batch_size=batch_size,
            iterator_train__shuffle=True,
            iterator_train__drop_last=True,  # batch norm cannot be trained on a last batch of one clip
            classes=list(range(emotions)),
        )
