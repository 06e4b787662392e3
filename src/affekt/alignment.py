"""One voice moved onto the average voice, so that what is left in its features is how it speaks.

Mean and variance normalisation by speaker is an old remedy (in speech recognition: Viikki and Laurila
1998). Here a voice is described by the mean and deviation of each feature over a few of its clips,
whatever is felt in them, and features are brought from there to where the average training voice is: a
model needs no other input for it, and need not have been trained for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LARGEST = 1e12  # no feature is anywhere near it
FEW = 4.0  # so many clips count as much as what is known of voices in general
CONSTANT = 1e-6  # what deviates less is rounding, and must not be blown up


@dataclass(frozen=True)
class VoiceStatistics:
    """Mean and deviation of each feature column of a voice."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, mean: Values, variance: Values) -> VoiceStatistics:
        """From arrays of shape (columns,)."""
        return cls(tuple(mean.tolist()), tuple(np.sqrt(variance).tolist()))

    @classmethod
    def parse(cls, values: object) -> VoiceStatistics:
        """From JSON of elsewhere; ``ValueError`` where it is no statistics of a voice."""
        if not isinstance(values, dict) or values.keys() != {"mean", "deviation"}:
            raise ValueError("a voice has a mean and a deviation")
        mean, deviation = values["mean"], values["deviation"]
        for part in (mean, deviation):
            if not isinstance(part, list) or not all(type(one) in (int, float) for one in part):
                raise ValueError("a voice is of numbers")
        # compared, not converted: a whole number may be larger than any float; NaN is in no range
        if not all(-LARGEST < one < LARGEST for one in mean) or not all(
            0 <= one < LARGEST for one in deviation
        ):
            raise ValueError("no voice is like that")
        if len(mean) != len(deviation):
            raise ValueError("mean and deviation are of different features")
        return cls(tuple(map(float, mean)), tuple(map(float, deviation)))


def average_voice(features: NDArray[Any], speakers: NDArray[Any]) -> VoiceStatistics:
    """The voice in the middle: the mean of all speakers' means, and of their variances.

    Parameters
    ----------
    features
        Of clips: (clips, columns), (clips, frames, columns), or objects of shape (frames, columns).
    speakers
        Who speaks in each clip.
    """
    names, clips = np.unique(speakers, return_counts=True)
    # a voice that is heard once does not show how far its clips lie apart
    mostly_known = clips[clips > 1].sum() > len(features) / 2
    groups = [features[speakers == name] for name in names[clips > 1]] if mostly_known else [features]
    means, variances = zip(*map(_moments, groups), strict=True)
    return VoiceStatistics.of(np.mean(means, axis=0), np.mean(variances, axis=0))


def unknown_voice(average: VoiceStatistics, relative: Sequence[int] = ()) -> VoiceStatistics:
    """What ``align`` takes for a voice that nobody knows: only its relative columns become the average."""
    deviation = np.array(average.deviation)
    deviation[list(relative)] = np.inf
    return VoiceStatistics(average.mean, tuple(deviation.tolist()))


def describe_speaker(
    features: NDArray[Any], average: VoiceStatistics, relative: Sequence[int] = ()
) -> VoiceStatistics:
    """A voice from some of its clips; the fewer there are, the nearer to the average voice.

    Of columns at the positions in ``relative`` nothing is known beforehand of where a voice has them.
    """
    clips = len(features)
    if not clips:
        return unknown_voice(average, relative)
    heard, variance = _moments(features)
    mean = (clips * heard + FEW * np.array(average.mean)) / (clips + FEW)
    mean[list(relative)] = heard[list(relative)]
    variance = clips * variance + FEW * np.array(average.deviation) ** 2
    # of what a clip has but once, one clip says nothing about how far clips of this voice lie apart
    once = np.all([np.ptp(np.atleast_2d(clip), axis=0) == 0 for clip in features], axis=0)
    return VoiceStatistics.of(mean, variance / (clips + FEW - once))


def align(features: NDArray[Any], voice: VoiceStatistics, average: VoiceStatistics) -> NDArray[Any]:
    """Features of this voice as they would be of the average one.

    Of one clip or several, columns last, or an array of objects as a dataset has them: the same comes back.
    """
    mean, deviation = np.array(voice.mean), np.array(voice.deviation)
    constant = deviation <= CONSTANT * np.maximum(1, np.abs(mean))
    scale = np.where(constant, 1.0, np.array(average.deviation) / np.where(constant, 1.0, deviation))
    if features.dtype != object:
        return np.asarray((features - mean) * scale + np.array(average.mean), np.float32)
    aligned = np.empty_like(features)
    for i, clip in enumerate(features):
        aligned[i] = align(clip, voice, average)
    return aligned


def align_unknown(
    features: NDArray[Any], average: VoiceStatistics, relative: Sequence[int] = ()
) -> NDArray[Any]:
    """Features as they are heard when nobody knows the voice; shapes as of ``align``."""
    return align(features, unknown_voice(average, relative), average) if relative else features


def _moments(features: NDArray[Any]) -> tuple[Values, Values]:
    """Mean and variance of each column, over clips and their frames."""
    rows = np.concatenate(list(features)) if _has_frames(features) else features
    return rows.mean(axis=0, dtype=np.float64), rows.var(axis=0, dtype=np.float64)


def _has_frames(features: NDArray[Any]) -> bool:
    return features.dtype == object or features.ndim == 3
