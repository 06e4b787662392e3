"""A network that learns from clips as they are, as they may be spoilt, and moved onto the average voice.

So one network answers about a voice that nobody knows, better about one that it got used to, and still in a
noisy room. It learns from all clips, for a fixed number of epochs, and what remains is the running average
of its weights (Polyak and Juditsky 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import Dataset as TorchDataset

from affekt.alignment import VoiceStatistics, align, describe_speaker
from affekt.features.two_views import BANDS
from affekt.networks import (
    Epochs,
    InterruptedLearning,
    Learner,
    SqueezeExcitation,
    Standardize,
    answer_whole,
    export_network,
)
from affekt.progress import inner_bar

FEWEST_ENROLLED, MOST_ENROLLED = 2, 64
DEGRADED_SHARE = 0.3  # of the clips in each epoch
ALIGNED_SHARE = 0.5  # of the others
STRETCH = 0.1  # a clip is played by this much faster or slower, at most
SMOOTHING = 0.1  # of labels
WEIGHT_DECAY = 0.01
GRADIENT_LIMIT = 5.0
WARM_UP = 0.2  # of the cycle
AVERAGED = 0.995  # of the average is kept at each step
_SMALLEST = 1e-5


class Takes(TorchDataset[tuple[Tensor, int]]):
    """Each clip as it is, spoilt or moved onto the average voice; a piece of it, a little faster or slower.

    What is known of a voice is each time from other clips of the same speaker, 2 to 64 of them.

    Parameters
    ----------
    plain, degraded
        The clips, and spoilt copies of them or None, as they are heard when nobody knows the voice.
    X
        The clips with all that is in them.
    target
        The number of each clip's emotion.
    speakers
        Who speaks in each.
    average, relative
        The average voice, and the positions of columns that say nothing about an unknown one.
    frames
        How long a piece is.
    seed
        Of the draws.
    """

    def __init__(
        self,
        plain: NDArray[Any],
        degraded: NDArray[Any] | None,
        X: NDArray[Any],
        target: NDArray[np.intp],
        speakers: NDArray[Any],
        average: VoiceStatistics,
        relative: Sequence[int],
        frames: int,
        seed: int,
    ) -> None:
        self.plain, self.degraded, self.clips, self.target = plain, degraded, X, target
        self.average, self.relative, self.frames = average, relative, frames
        self.rng = np.random.default_rng(seed)
        own = {name: np.flatnonzero(speakers == name) for name in np.unique(speakers)}
        self.others = [np.setdiff1d(own[name], [i]) for i, name in enumerate(speakers)]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        """One piece, (frames, columns), and the number of its emotion."""
        clip = self.plain[i]
        if self.degraded is not None and self.rng.random() < DEGRADED_SHARE:
            clip = self.degraded[i]
        elif len(self.others[i]) and self.rng.random() < ALIGNED_SHARE:
            count = int(np.exp(self.rng.uniform(np.log(FEWEST_ENROLLED), np.log(MOST_ENROLLED))))
            heard = self.rng.choice(self.others[i], min(count, len(self.others[i])), replace=False)
            voice = describe_speaker(self.clips[heard], self.average, self.relative)
            clip = align(self.clips[i], voice, self.average)
        return self._cut(torch.as_tensor(clip)), int(self.target[i])

    def _cut(self, clip: Tensor) -> Tensor:
        """So many frames from anywhere, stretched; a short clip is filled with its quietest."""
        length = int(self.frames * (1 + self.rng.uniform(-STRETCH, STRETCH)))
        if (missing := length - len(clip)) > 0:
            before = int(self.rng.integers(missing + 1))
            quietest = clip.amin(dim=0)
            clip = torch.cat([quietest.expand(before, -1), clip, quietest.expand(missing - before, -1)])
        start = int(self.rng.integers(len(clip) - length + 1))
        piece = clip[start : start + length].T[None]
        return nn.functional.interpolate(piece, size=self.frames, mode="linear")[0].T


class LevelledSpectra(nn.Module):
    """The log-mel spectrum as loud as it was: the first columns, raised by the last one."""

    def forward(self, features: Tensor) -> Tensor:
        """(..., columns) -> (..., bands)."""
        return features[..., :BANDS] + features[..., -1:]


class ResidualBlock(nn.Module):
    """Two convolutions with squeeze-excitation beside a shortcut that pools (He et al. 2016, 2019)."""

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
        """(clips, inputs, frames, bands) -> (clips, channels, frames, bands), fewer by the strides."""
        return torch.relu(self.convolve(images) + self.shortcut(images))


class AttentiveStatistics(nn.Module):
    """Mean and deviation over time, frames weighed by attention (Okabe et al. 2018)."""

    def __init__(self, inputs: int, values: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Conv1d(inputs, values, 1, bias=False), nn.BatchNorm1d(values), nn.ReLU()
        )
        self.attend = nn.Sequential(nn.Conv1d(values, hidden, 1), nn.Tanh(), nn.Conv1d(hidden, values, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(clips, channels, frames, bands), of inputs = channels x bands -> (clips, 2 x values)."""
        values = self.project(images.transpose(2, 3).flatten(1, 2))
        weights = self.attend(values).softmax(dim=2)
        mean = (weights * values).sum(dim=2)
        variance = (weights * (values - mean[:, :, None]) ** 2).sum(dim=2)
        return torch.cat([mean, (variance + _SMALLEST).sqrt()], dim=1)


class Perturb(nn.Module):
    """Alters what is learnt from: other vocal tracts, gains, microphones and noise; parts are masked.

    Takes and gives standardised log-mel spectra (clips, frames, bands); does nothing but in training.
    Warping is after Jaitly and Hinton (2013), masking after Park et al. (2019).
    """

    WARP, SHIFT = 0.1, 0.05  # of the bands, at most
    GAIN, TILT = 0.3, 0.5  # in deviations
    NOISY_SHARE, NOISE_RANGE, NOISE_SPREAD = 0.3, 1.5, 0.3
    MASKS, MASKED_BANDS, MASKED_FRAMES = 2, 8, 12

    def forward(self, spectra: Tensor) -> Tensor:
        """Same shape."""
        return self._mask(self._add_noise(self._colour(self._warp(spectra)))) if self.training else spectra

    def _warp(self, spectra: Tensor) -> Tensor:
        clips, frames, bands = spectra.shape
        factor = 1 + self.WARP * _between(-1, 1, clips, 1)
        place = (torch.linspace(0, 2, bands) * factor - 1 + self.SHIFT * _between(-1, 1, clips, 1))[:, None]
        time = torch.linspace(-1, 1, frames)[None, :, None].expand(clips, -1, bands)
        grid = torch.stack([place.expand(-1, frames, -1), time], dim=3)
        warped = nn.functional.grid_sample(
            spectra[:, None], grid, padding_mode="border", align_corners=True
        )
        return warped[:, 0]

    def _colour(self, spectra: Tensor) -> Tensor:
        clips, _, bands = spectra.shape
        tilt = self.TILT * torch.randn(clips, 1, 1) * torch.linspace(-1, 1, bands)
        return spectra + self.GAIN * torch.randn(clips, 1, 1) + tilt

    def _add_noise(self, spectra: Tensor) -> Tensor:
        clips = len(spectra)
        floor = spectra.amin((1, 2), keepdim=True) + self.NOISE_RANGE * _between(0, 1, clips, 1, 1)
        noise = floor + self.NOISE_SPREAD * torch.randn_like(spectra)
        noisy = torch.rand(clips, 1, 1) < self.NOISY_SHARE
        return torch.where(noisy, torch.maximum(spectra, noise), spectra)

    def _mask(self, spectra: Tensor) -> Tensor:
        clips, frames, bands = spectra.shape
        for _ in range(self.MASKS):
            spectra = spectra.masked_fill(_stretches(clips, bands, self.MASKED_BANDS)[:, None], 0.0)
            spectra = spectra.masked_fill(_stretches(clips, frames, self.MASKED_FRAMES)[..., None], 0.0)
        return spectra


def _between(low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape)


def _stretches(clips: int, length: int, most: int) -> Tensor:
    """(clips, length): true in one stretch of 0 to ``most`` places."""
    wide = torch.randint(most + 1, (clips, 1))
    start = (torch.rand(clips, 1) * (length - wide)).long()
    place = torch.arange(length)
    return (place >= start) & (place < start + wide)


class VoiceNetwork(BaseEstimator):  # type: ignore[misc]
    """The network of a ``FusionClassifier``.

    Parameters
    ----------
    network
        Number of emotions -> a module from standardised spectra to scores before softmax.
    spectra
        A module from the features of clips to their log-mel spectra.
    epochs, batch_size, learning_rate
        Of AdamW in one cycle (Smith and Topin 2019).
    crop_frames
        Of what it learns from, pieces are so many frames long; a shorter clip is answered as one.
    seed
        Of everything random.
    """

    def __init__(
        self,
        network: Callable[[int], nn.Module],
        spectra: nn.Module,
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        crop_frames: int,
        seed: int,
    ) -> None:
        self.network = network
        self.spectra = spectra
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.crop_frames = crop_frames
        self.seed = seed

    def fit(self, takes: Takes) -> VoiceNetwork:
        """Learn."""
        emotions = int(takes.target.max()) + 1
        batch_size = min(self.batch_size, len(takes))
        heard = np.empty(len(takes), object)
        for i, clip in enumerate(takes.plain):
            heard[i] = self.spectra(torch.as_tensor(clip)).numpy()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            module = nn.Sequential(self.spectra, Standardize(heard), Perturb(), self.network(emotions))
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast
            average_weights = _AverageWeights(module)
            with inner_bar("epochs", self.epochs) as advance:
                callbacks: list[Any] = [
                    ("cycle", LRScheduler(
                        OneCycleLR, max_lr=self.learning_rate, pct_start=WARM_UP, step_every="batch",
                        total_steps=self.epochs * (len(takes) // batch_size),
                    )),
                    ("limit", GradientNormClipping(GRADIENT_LIMIT)),
                    ("average", average_weights),
                    ("progress", Epochs(advance)),
                ]  # fmt: skip
                learner = Learner(
                    module,
                    criterion=nn.CrossEntropyLoss(label_smoothing=SMOOTHING),
                    optimizer=torch.optim.AdamW,
                    optimizer__weight_decay=WEIGHT_DECAY,
                    lr=self.learning_rate,
                    batch_size=batch_size,
                    max_epochs=self.epochs,
                    iterator_train__shuffle=True,
                    iterator_train__drop_last=True,  # batch norm cannot learn from a last batch of one
                    train_split=None,
                    classes=list(range(emotions)),
                    callbacks=callbacks,
                    verbose=0,
                )
                try:
                    learner.fit(takes, None)
                except InterruptedLearning as stopped:
                    raise KeyboardInterrupt from stopped
        self.module_ = average_weights.module.eval()
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities of shape (clips, classes); clips are heard whole."""
        return answer_whole(self.module_, X)

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> ModelProto:
        """The network as a graph."""
        return export_network(self.module_, shape, self.crop_frames)


class _AverageWeights(Callback):  # type: ignore[misc]
    """Keeps a running average of the weights, which follows faster at first."""

    def __init__(self, module: nn.Module) -> None:
        self.average = AveragedModel(module, avg_fn=_follow, use_buffers=True)

    @property
    def module(self) -> nn.Module:
        """The network with average weights."""
        return self.average.module

    def on_batch_end(self, net: Learner, training: bool = False, **_: Any) -> None:
        """Follow the weights."""
        if training:
            self.average.update_parameters(net.module_)


def _follow(average: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
    if not now.is_floating_point():
        return now
    kept = min(AVERAGED, (1 + int(steps)) / (10 + int(steps)))
    return kept * average + (1 - kept) * now
