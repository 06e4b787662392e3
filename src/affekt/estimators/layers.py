"""Layers and the loss function of the networks, as PyTorch modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affekt.features.frame_and_utterance import BANDS

_CONSTANT = 1e-5  # relative deviation below which a column is constant but for rounding
_SMALLEST = 1e-5


class Standardize(nn.Module):
    """Subtracts the mean of features and divides by their standard deviation.

    As the first layer of a network, it becomes part of the exported graph.

    Parameters
    ----------
    features
        The training clips: (clips, columns) or (clips, frames, columns), standardised for each column and
        frame; or objects of shape (frames, columns), standardised for each column.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: NDArray[Any]) -> None:
        super().__init__()
        frames = np.concatenate(list(features)) if features.dtype == object else features
        mean = frames.mean(axis=0, dtype=np.float64)
        deviation = frames.std(axis=0, dtype=np.float64)
        if frames.ndim == 3:  # a frame that is silent in all clips gets a tenth of the column's deviation
            deviation = np.maximum(deviation, 0.1 * frames.std(axis=(0, 1), dtype=np.float64))
        constant = deviation <= _CONSTANT * np.maximum(np.abs(mean), 1)
        deviation[constant] = 1
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float32))

    def forward(self, features: Tensor) -> Tensor:
        """Return standardised features of the same shape."""
        return (features - self.mean) / self.deviation


class Transpose(nn.Module):
    """Swaps frames and columns."""

    def forward(self, features: Tensor) -> Tensor:
        """(clips, frames, columns) -> (clips, columns, frames)."""
        return features.transpose(1, 2)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a weight that depends on the mean of all channels (Hu et al. 2018, CVPR)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(clips, channels, ...) -> the same shape."""
        over = tuple(range(2, features.ndim))
        weights: Tensor = self.weigh(features.mean(dim=over))
        return features * weights[(..., *(None for _ in over))]


class LevelledSpectra(nn.Module):
    """Adds the level to the relative log-mel spectra of ``frames-and-utterance@1``.

    The bands are the first columns, and the level is the last one.
    """

    def forward(self, features: Tensor) -> Tensor:
        """(..., columns) -> (..., bands)."""
        return features[..., :BANDS] + features[..., -1:]


class ResidualBlock(nn.Module):
    """Two convolutions with squeeze-excitation, and a shortcut with average pooling.

    Source: He et al. (2016), CVPR; pooling: He et al. (2019), CVPR.
    """

    def __init__(self, inputs: int, channels: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcitation(channels, reduction=4),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(stride, ceil_mode=True),
            nn.Conv2d(inputs, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(clips, inputs, frames, bands) -> (clips, channels, frames / stride, bands / stride)."""
        return torch.relu(self.convolve(images) + self.shortcut(images))


class AttentiveStatistics(nn.Module):
    """Mean and standard deviation over time, weighted by attention (Okabe et al. 2018, Interspeech)."""

    def __init__(self, inputs: int, values: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Conv1d(inputs, values, 1, bias=False), nn.BatchNorm1d(values), nn.ReLU()
        )
        self.attend = nn.Sequential(nn.Conv1d(values, hidden, 1), nn.Tanh(), nn.Conv1d(hidden, values, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(clips, channels, frames, bands), inputs = channels x bands -> (clips, 2 x values)."""
        values = self.project(images.transpose(2, 3).flatten(1, 2))
        weights = self.attend(values).softmax(dim=2)
        mean = (weights * values).sum(dim=2)
        variance = (weights * (values - mean[:, :, None]) ** 2).sum(dim=2)
        return torch.cat([mean, (variance + _SMALLEST).sqrt()], dim=1)


class FocalLoss(nn.Module):
    """Cross-entropy that gives less weight to clips the more probable their class already is.

    ``gamma`` 0 is plain cross-entropy. Source: Lin et al. (2017), ICCV.
    """

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """(clips, classes) before softmax, and the class of each clip -> mean over clips."""
        log_probability = scores.log_softmax(dim=1).gather(1, target[:, None])[:, 0]
        return -((1 - log_probability.exp()) ** self.gamma * log_probability).mean()
