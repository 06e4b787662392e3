"""Speaker normalisation: the features of a speaker are shifted and scaled to the average training speaker.

Mean and variance normalisation by speaker is standard in speech recognition (Viikki & Laurila 1998, Speech
Communication 25). A speaker is described by the mean and standard deviation of each feature over a few of
their clips, unlabelled. A model needs no other input for it and need not have been trained with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LARGEST = 1e12  # larger than any feature
PRIOR_CLIPS = 4.0  # the average speaker counts as much as so many clips of the speaker
MAX_ENROLLED = 16  # clips that classifiers for enrolled speakers are trained and calibrated with
CONSTANT = 1e-6  # relative deviation below which a column is constant but for rounding


@dataclass(frozen=True)
class SpeakerStatistics:
    """Mean and standard deviation of each feature column over the clips of a speaker."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, mean: Values, variance: Values) -> SpeakerStatistics:
        """Build from arrays of shape (columns,)."""
        return cls(tuple(mean.tolist()), tuple(np.sqrt(variance).tolist()))

    @classmethod
    def parse(cls, values: object) -> SpeakerStatistics:
        """Build from plain values of a file; ``ValueError`` where they are not speaker statistics."""
        if not isinstance(values, dict) or values.keys() != {"mean", "deviation"}:
            raise ValueError("speaker statistics have a mean and a deviation")
        mean, deviation = values["mean"], values["deviation"]
        for part in (mean, deviation):
            if not isinstance(part, list) or not all(type(one) in (int, float) for one in part):
                raise ValueError("speaker statistics are lists of numbers")
        # compared, not converted: an integer may be larger than any float; NaN is in no range
        if not all(-LARGEST < one < LARGEST for one in mean) or not all(
            0 <= one < LARGEST for one in deviation
        ):
            raise ValueError("speaker statistics are out of range")
        if len(mean) != len(deviation):
            raise ValueError("mean and deviation differ in length")
        return cls(tuple(map(float, mean)), tuple(map(float, deviation)))


def average_speaker(features: NDArray[Any], speakers: NDArray[Any]) -> SpeakerStatistics:
    """Return the average speaker: the mean of all speakers' means, and of their variances.

    Parameters
    ----------
    features
        Of clips: (clips, columns), (clips, frames, columns), or objects of shape (frames, columns).
    speakers
        The speaker of each clip.
    """
    names, clips = np.unique(speakers, return_counts=True)
    # one clip does not show how far the clips of a speaker vary
    mostly_known = clips[clips > 1].sum() > len(features) / 2
    groups = [features[speakers == name] for name in names[clips > 1]] if mostly_known else [features]
    means, variances = zip(*map(_moments, groups), strict=True)
    return SpeakerStatistics.of(np.mean(means, axis=0), np.mean(variances, axis=0))


def unknown_speaker(average: SpeakerStatistics, relative: Sequence[int] = ()) -> SpeakerStatistics:
    """Return statistics with which ``normalise`` sets relative columns to the average and keeps others."""
    deviation = np.array(average.deviation)
    deviation[list(relative)] = np.inf
    return SpeakerStatistics(average.mean, tuple(deviation.tolist()))


def speaker_statistics(
    features: NDArray[Any], average: SpeakerStatistics, relative: Sequence[int] = ()
) -> SpeakerStatistics:
    """Estimate the statistics of a speaker from some clips; the fewer, the closer to the average speaker.

    Parameters
    ----------
    features
        Of the speaker's clips, as for ``average_speaker``; none at all for an unknown speaker.
    average
        The average training speaker.
    relative
        Positions of columns for whose mean there is no prior.
    """
    if not len(features):
        return unknown_speaker(average, relative)
    once = np.all([np.ptp(np.atleast_2d(clip), axis=0) == 0 for clip in features], axis=0)
    return draw_to_average(len(features), *_moments(features), once, average, relative)


def draw_to_average(
    clips: int,
    own_mean: Values,
    own_variance: Values,
    once: NDArray[np.bool_],
    average: SpeakerStatistics,
    relative: Sequence[int] = (),
) -> SpeakerStatistics:
    """Estimate the statistics of a speaker as ``speaker_statistics`` does, from moments of their clips.

    Parameters
    ----------
    clips
        Number of clips, at least one.
    own_mean, own_variance
        Of each column over the clips and their frames, (columns,).
    once
        Which columns have one value in each clip, (columns,).
    average, relative
        As for ``speaker_statistics``.
    """
    mean = (clips * own_mean + PRIOR_CLIPS * np.array(average.mean)) / (clips + PRIOR_CLIPS)
    mean[list(relative)] = own_mean[list(relative)]
    variance = clips * own_variance + PRIOR_CLIPS * np.array(average.deviation) ** 2
    # a column with one value a clip has no variance within a clip: one clip less is known of it
    return SpeakerStatistics.of(mean, variance / (clips + PRIOR_CLIPS - once))


def normalise(
    features: NDArray[Any], speaker: SpeakerStatistics, average: SpeakerStatistics
) -> NDArray[Any]:
    """Shift and scale features of one speaker to those of the average speaker.

    Parameters
    ----------
    features
        Of one clip or several, columns last, or an array of objects of shape (frames, columns).
    speaker, average
        Statistics of the speaker, and of the average training speaker.

    Returns
    -------
    array
        float32, or objects, of the shape of ``features``.
    """
    if features.dtype != object:
        centred = features - np.array(speaker.mean)
        return np.asarray(centred * scale_to_average(speaker, average) + np.array(average.mean), np.float32)
    normalised = np.empty_like(features)
    for i, clip in enumerate(features):
        normalised[i] = normalise(clip, speaker, average)
    return normalised


def scale_to_average(speaker: SpeakerStatistics, average: SpeakerStatistics) -> Values:
    """Return by what ``normalise`` multiplies each column, (columns,); 1 for a constant column."""
    mean, deviation = np.array(speaker.mean), np.array(speaker.deviation)
    constant = deviation <= CONSTANT * np.maximum(1, np.abs(mean))
    return np.where(constant, 1.0, np.array(average.deviation) / np.where(constant, 1.0, deviation))


def normalise_unknown(
    features: NDArray[Any], average: SpeakerStatistics, relative: Sequence[int] = ()
) -> NDArray[Any]:
    """Normalise features of a speaker who is not known; shapes as for ``normalise``."""
    return normalise(features, unknown_speaker(average, relative), average) if relative else features


def normalise_speaker(
    features: NDArray[Any],
    speaker: SpeakerStatistics | None,
    average: SpeakerStatistics,
    relative: Sequence[int] = (),
) -> NDArray[Any]:
    """Normalise features of a speaker who may be unknown (None); shapes as for ``normalise``."""
    if speaker is None:
        return normalise_unknown(features, average, relative)
    return normalise(features, speaker, average)


def _moments(features: NDArray[Any]) -> tuple[Values, Values]:
    """Mean and variance of each column, over clips and their frames, which are never copied at once."""
    if not _has_frames(features):
        return features.mean(axis=0, dtype=np.float64), features.var(axis=0, dtype=np.float64)
    rows = sum(len(clip) for clip in features)
    mean = sum(clip.sum(axis=0, dtype=np.float64) for clip in features) / rows
    return mean, sum(np.square(clip - mean).sum(axis=0) for clip in features) / rows


def _has_frames(features: NDArray[Any]) -> bool:
    return features.dtype == object or features.ndim == 3
