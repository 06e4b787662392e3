"""Crops of clips: data sets from which networks are trained on excerpts of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from affekt.model.speaker_normalisation import SpeakerStatistics, normalise, speaker_statistics

MIN_ENROLLED, MAX_ENROLLED = 2, 64  # clips from which a speaker's statistics are estimated
DEGRADED_SHARE = 0.3  # of the crops
NORMALISED_SHARE = 0.5  # of the other crops
STRETCH = 0.1  # a crop is played faster or slower by at most this factor


class Crops(TorchDataset[tuple[Tensor, int]]):
    """Crops of a fixed number of frames, at random or from the centre of each clip.

    A clip that is too short is padded at its end with its minimum.
    """

    def __init__(
        self, clips: NDArray[Any], target: NDArray[np.intp], frames: int, *, at_random: bool
    ) -> None:
        self.clips = [torch.as_tensor(clip) for clip in clips]
        self.target, self.frames, self.at_random = target, frames, at_random

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        """Return a crop of shape (frames, columns) and its class."""
        clip = self.clips[i]
        spare = len(clip) - self.frames
        if spare < 0:
            clip = nn.functional.pad(clip, (0, 0, 0, -spare), value=float(clip.min()))
            start = 0
        else:
            start = int(torch.randint(spare + 1, ())) if self.at_random else spare // 2
        return clip[start : start + self.frames], int(self.target[i])


@dataclass(eq=False, repr=False, kw_only=True)
class TrainingCrops(TorchDataset[tuple[Tensor, int]]):
    """Random crops of clips, a little faster or slower: as recorded, degraded, or normalised by speaker.

    For speaker normalisation, the statistics of the speaker are estimated anew each time, from 2 to 64
    other clips of the speaker.

    Parameters
    ----------
    features
        Features of each clip: objects of shape (frames, columns).
    unknown
        The same, normalised as for an unknown speaker.
    degraded
        Features of degraded copies, normalised as for an unknown speaker; None for no such crops.
    target, speakers
        The class and the speaker of each clip.
    average
        The average training speaker.
    relative
        Positions of the columns that mean nothing for an unknown speaker.
    frames
        Length of a crop.
    seed
        Seed of all random choices.
    """

    features: NDArray[Any]
    unknown: NDArray[Any]
    degraded: NDArray[Any] | None
    target: NDArray[np.intp]
    speakers: NDArray[Any]
    average: SpeakerStatistics
    relative: Sequence[int]
    frames: int
    seed: int

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        by_speaker = {name: np.flatnonzero(self.speakers == name) for name in np.unique(self.speakers)}
        self.others = [np.setdiff1d(by_speaker[name], [i]) for i, name in enumerate(self.speakers)]
        """Positions of the other clips of each clip's speaker."""

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        """Return a crop of shape (frames, columns) and its class."""
        clip, others = self.unknown[i], self.others[i]
        if self.degraded is not None and self._rng.random() < DEGRADED_SHARE:
            clip = self.degraded[i]
        elif len(others) and self._rng.random() < NORMALISED_SHARE:
            count = int(np.exp(self._rng.uniform(np.log(MIN_ENROLLED), np.log(MAX_ENROLLED))))
            enrolled = self._rng.choice(others, min(count, len(others)), replace=False)
            speaker = speaker_statistics(self.features[enrolled], self.average, self.relative)
            clip = normalise(self.features[i], speaker, self.average)
        return self._crop(torch.as_tensor(clip)), int(self.target[i])

    def _crop(self, clip: Tensor) -> Tensor:
        """Cut a random excerpt and stretch it to ``frames``; pad a short clip with its minimum."""
        length = int(self.frames * (1 + self._rng.uniform(-STRETCH, STRETCH)))
        if (missing := length - len(clip)) > 0:
            before = int(self._rng.integers(missing + 1))
            quietest = clip.amin(dim=0)
            clip = torch.cat([quietest.expand(before, -1), clip, quietest.expand(missing - before, -1)])
        start = int(self._rng.integers(len(clip) - length + 1))
        excerpt = clip[start : start + length].T[None]
        return nn.functional.interpolate(excerpt, size=self.frames, mode="linear")[0].T
