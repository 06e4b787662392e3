"""Random crops of the rows of clips, in batches of similar length, for training networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from affekt.estimators.crops import DEGRADED_SHARE
from affekt.estimators.row_statistics import SessionNormalisation

NORMALISED_SHARE = 0.5  # of the crops, so that enrolled speakers are known too
MAX_MASKED_SHARE = 0.3  # of the rows of a crop
LABEL_SMOOTHING = 0.1
SMALLEST_OFFSET = -30.0  # instead of minus infinity, which would make the loss NaN
BATCHES_TOGETHER = 16  # clips of so many batches are sorted by length


class RowCrop(NamedTuple):
    """A crop: its rows, which are kept, offsets of the scores, and the probabilities to be learned."""

    rows: Tensor
    kept: Tensor
    offsets: Tensor
    probabilities: Tensor


@dataclass(eq=False, repr=False, kw_only=True)
class RowCrops(TorchDataset[RowCrop]):
    """Random crops of clips, some of degraded copies, some normalised by speaker; a span of time is masked.

    Parameters
    ----------
    features
        Features of each clip: objects of shape (rows, columns).
    degraded
        Features of degraded copies; None for no such crops.
    normalisation
        Normalises half of the crops by speaker; None for none.
    columns
        How many of the first columns are used.
    target
        The class of each clip.
    weights
        How often each clip is drawn in an epoch, on average.
    offsets
        What is added to the scores of each clip in the loss, (clips, classes).
    rows
        The largest length of a crop.
    seed
        Seed of all random choices.
    """

    features: NDArray[Any]
    degraded: NDArray[Any] | None
    normalisation: SessionNormalisation | None
    columns: int
    target: NDArray[np.intp]
    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]
    rows: int
    seed: int

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self.offsets = np.maximum(self.offsets, SMALLEST_OFFSET)
        self.probabilities = LABEL_SMOOTHING * softmax(self.offsets, axis=1)
        """What is learned: the class, smoothed towards the classes that the clip's corpus has."""
        self.probabilities[np.arange(len(self.target)), self.target] += 1 - LABEL_SMOOTHING

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, i: int) -> RowCrop:
        """Return a crop of at most ``rows`` rows."""
        is_degraded = self.degraded is not None and self._rng.random() < DEGRADED_SHARE
        clip = self.degraded[i] if self.degraded is not None and is_degraded else self.features[i]
        length = min(self.rows, len(clip))
        start = int(self._rng.integers(len(clip) - length + 1))
        kept = torch.ones(length, dtype=torch.bool)
        masked = int(self._rng.integers(int(MAX_MASKED_SHARE * length) + 1))
        first = int(self._rng.integers(length - masked + 1))
        kept[first : first + masked] = False
        return RowCrop(
            torch.tensor(self._normalise(i, clip[start : start + length, : self.columns])),
            kept,
            torch.tensor(self.offsets[i], dtype=torch.float32),
            torch.tensor(self.probabilities[i], dtype=torch.float32),
        )

    def _normalise(self, i: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalise the rows of a clip, or leave them as they are, at random."""
        if self.normalisation is None or self._rng.random() >= NORMALISED_SHARE:
            return rows
        drawn = self.normalisation.draw(i, self._rng)
        if drawn is None:
            return rows
        scale, shift = (values[: self.columns].astype(np.float32) for values in drawn)
        return rows * scale + shift

    def draw(self) -> NDArray[np.intp]:
        """Draw the clips of an epoch: their positions, in random order."""
        order = self._rng.permutation(len(self))
        counts = np.floor(self._rng.random() + np.cumsum(self.weights[order]))
        return np.repeat(order, np.diff(counts, prepend=0).astype(int))

    def draw_batches(self, size: int) -> list[NDArray[np.intp]]:
        """Draw the batches of an epoch, each of clips of similar length; those left over are dropped."""
        drawn, together = self.draw(), size * BATCHES_TOGETHER
        lengths = np.array([min(self.rows, len(clip)) for clip in self.features])
        batches = []
        for i in range(0, len(drawn), together):
            part = drawn[i : i + together]
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += [part[j : j + size] for j in range(0, len(part) - size + 1, size)]
        return [batches[i] for i in self._rng.permutation(len(batches))]


class RowBatches(Sampler[list[int]]):
    """Batches of similar length, drawn anew in each epoch.

    Parameters
    ----------
    crops
        What they are of.
    size
        Number of crops in a batch; lower if there are fewer clips.
    """

    def __init__(self, crops: RowCrops, size: int) -> None:
        self.crops = crops
        total = max(1, int(crops.weights.sum()))
        self.size = min(size, total)
        self.count = total // self.size

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.crops.draw_batches(self.size)[: self.count]:
            yield batch.tolist()


def pad_crops(crops: Sequence[RowCrop]) -> tuple[dict[str, Tensor], Tensor]:
    """Return what a network is given of a batch, and the probabilities that it learns.

    Returns
    -------
    dict, tensor of shape (clips, classes)
        ``features`` (clips, rows, columns), padded with zeros; ``kept`` (clips, rows), which rows are
        neither masked nor padding; ``offsets`` (clips, classes).
    """
    rows, kept, offsets, probabilities = zip(*crops, strict=True)
    pad = nn.utils.rnn.pad_sequence
    given = {
        "features": pad(list(rows), batch_first=True),
        "kept": pad(list(kept), batch_first=True),
        "offsets": torch.stack(offsets),
    }
    return given, torch.stack(probabilities)
