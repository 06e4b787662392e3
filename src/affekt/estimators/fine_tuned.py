"""The frame-level branch of ``EncoderFusionClassifier``: a fine-tuned block of a pretrained encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from affekt.estimators.layers import Standardize
from affekt.estimators.networks import export_network, predict_network
from affekt.estimators.row_crops import RowBatches, RowCrops, pad_crops
from affekt.estimators.row_statistics import SessionNormalisation
from affekt.estimators.skorch_training import AverageWeights, one_cycle_learner
from affekt.estimators.transformer_block import TransformerBlock, round_linear_layers
from affekt.features.encoder_weights import Weights
from affekt.support.progress import inner_bar

BLOCK_DROPOUT, HEAD_DROPOUT = 0.2, 0.3
WEIGHT_DECAY = 0.05
GRADIENT_LIMIT = 1.0
AVERAGE_DECAY = 0.99
STANDARDISED_CLIPS = 600  # from which the first mean and deviation of the pooled outputs are estimated
EXAMPLE_ROWS = 50
_SMALLEST_VARIANCE = 1e-4


def multiplies_16_bits() -> bool:
    """Whether the processor multiplies numbers of 16 bits; False where PyTorch is too old to say it."""
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(one) for one in ("avx512_bf16", "amx_bf16"))


HALF_PRECISION = multiplies_16_bits()
"""Whether the block is trained with numbers of 16 bits, which takes half the time."""


@dataclass(eq=False, repr=False)
class FineTunedNetwork(BaseEstimator):  # type: ignore[misc]
    """A pretrained block on an encoder's rows, pooled, and a linear layer; all trained together.

    The weights that are kept are a running average over the training steps, those of the block rounded to
    8 bits.

    Parameters
    ----------
    weights
        Returns the weights with which the block begins. Its inputs are the first columns of the features.
    epochs
        Number of epochs.
    batch_size
        Number of crops in a batch; lower if there are fewer clips.
    learning_rate, block_learning_rate
        The highest learning rates of the cycle: of the linear layer, and of the block.
    crop_rows
        The largest number of rows of a crop.
    seed
        Seed of the crops, the batches and the dropout.
    """

    weights: Callable[[], Weights]
    _: KW_ONLY
    epochs: int
    batch_size: int
    learning_rate: float
    block_learning_rate: float
    crop_rows: int
    seed: int

    def fit(
        self,
        X: NDArray[Any],
        target: NDArray[np.intp],
        weights: NDArray[np.float64],
        offsets: NDArray[np.float64],
        degraded: NDArray[Any] | None = None,
        normalisation: SessionNormalisation | None = None,
    ) -> FineTunedNetwork:
        """Train the network.

        Parameters
        ----------
        X
            Features of each clip: objects of shape (rows, columns).
        target
            The class of each clip.
        weights
            How often each clip is drawn in an epoch, on average.
        offsets
            What is added to the scores of each clip in the loss, (clips, classes).
        degraded
            Features of a degraded copy of each clip; None for no copies.
        normalisation
            Normalises half of the crops by speaker; None for none.
        """
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            block = TransformerBlock(self.weights(), BLOCK_DROPOUT)
            crops = RowCrops(
                features=X, degraded=degraded, normalisation=normalisation, columns=block.width,
                target=target, weights=weights, offsets=offsets, rows=self.crop_rows, seed=self.seed,
            )  # fmt: skip
            network = _Network(block, X[crops.draw()[:STANDARDISED_CLIPS]], offsets.shape[1])
            average = AverageWeights(network, AVERAGE_DECAY)
            batches = RowBatches(crops, self.batch_size)
            with inner_bar("epochs", self.epochs) as advance:
                learner = one_cycle_learner(
                    network,
                    average,
                    advance,
                    epochs=self.epochs,
                    steps=self.epochs * len(batches),
                    gradient_limit=GRADIENT_LIMIT,
                    criterion=nn.CrossEntropyLoss(),
                    optimizer__weight_decay=WEIGHT_DECAY,
                    lr=self.learning_rate,
                    other_rates={"block.*": self.block_learning_rate},
                    iterator_train__batch_sampler=batches,
                    iterator_train__batch_size=1,  # what torch requires beside a sampler of batches
                    iterator_train__collate_fn=pad_crops,
                    classes=list(range(offsets.shape[1])),
                )
                learner.train(crops)
        self.module_ = average.module.eval()
        round_linear_layers(self.module_.block)  # type: ignore[arg-type]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for whole clips, shape (clips, classes)."""
        return predict_network(self.module_, X)

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> ModelProto:
        """Return the network as a graph."""
        return export_network(self.module_, shape, EXAMPLE_ROWS, fold_constants=False)


class _Network(nn.Module):
    """The block, mean and standard deviation of its inputs and outputs, and a linear layer.

    Parameters
    ----------
    block
        With its first weights.
    clips
        Features of clips by which the pooled outputs are standardised.
    emotions
        Number of classes.
    """

    def __init__(self, block: TransformerBlock, clips: NDArray[Any], emotions: int) -> None:
        super().__init__()
        self.block = block.eval()
        with torch.inference_mode():
            pooled = np.concatenate([self.pool(torch.as_tensor(clip)[None]).numpy() for clip in clips])
        last = nn.Linear(pooled.shape[1], emotions)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.classify = nn.Sequential(Standardize(pooled), nn.Dropout(HEAD_DROPOUT), last)

    def pool(self, features: Tensor, kept: Tensor | None = None) -> Tensor:
        """(clips, rows, columns) -> means and deviations over the kept rows, (clips, 4 * width)."""
        rows = features[..., : self.block.width]
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF_PRECISION and self.block.training):
            outputs = self.block(rows, kept)
        rows = torch.cat([rows, outputs], dim=2)
        weights = torch.ones_like(rows[..., :1]) if kept is None else kept[..., None].float()
        weights = weights / weights.sum(dim=1, keepdim=True)
        mean = (rows * weights).sum(dim=1)
        variance = ((rows - mean[:, None]) ** 2 * weights).sum(dim=1)
        return torch.cat([mean, (variance + _SMALLEST_VARIANCE).sqrt()], dim=1)

    def forward(
        self, features: Tensor, kept: Tensor | None = None, offsets: Tensor | None = None
    ) -> Tensor:
        """Return scores before softmax, (clips, classes).

        Parameters
        ----------
        features
            (clips, rows, columns), of which the first ones are used.
        kept
            Which rows are used, (clips, rows); None for all.
        offsets
            What is added to the scores; None for nothing.
        """
        scores: Tensor = self.classify(self.pool(features, kept))
        return scores if offsets is None else scores + offsets
