"""Out-of-distribution detection: the distance from the average speaker, weighted by uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affekt.model.speaker_normalisation import CONSTANT, SpeakerStatistics

FLAGGED_SHARE = 0.025  # of the clips of held-out speakers
UNCERTAINTY_WEIGHT = 1.0  # in models that are trained now
MAX_UNCERTAINTY_WEIGHT = 100.0


def distance(features: NDArray[Any], average: SpeakerStatistics, relative: Sequence[int] = ()) -> float:
    """Return the mean distance of a clip's columns from the average speaker, in standard deviations.

    Parameters
    ----------
    features
        Of one clip: (columns,), or (frames, columns), which are averaged over time.
    average
        The average training speaker.
    relative
        Positions of columns that do not count.
    """
    clip = np.atleast_2d(features).mean(axis=0, dtype=np.float64)
    return float(np.abs(clip - average.mean) @ distance_weights(average, relative))


def weighted_distance(
    distances: ArrayLike, probabilities: ArrayLike, uncertainty_weight: float
) -> NDArray[np.float64]:
    """Return the distance of each clip times 1 + ``uncertainty_weight`` * (1 - the largest probability).

    Parameters
    ----------
    distances
        As ``distance`` returns them, shape (...).
    probabilities
        Of each clip before calibration, classes last: shape (..., emotions).
    uncertainty_weight
        0 for the distance alone.
    """
    uncertainty = 1 - np.max(np.asarray(probabilities, np.float64), axis=-1)
    return np.asarray(np.asarray(distances, np.float64) * (1 + uncertainty_weight * uncertainty))


def distance_weights(average: SpeakerStatistics, relative: Sequence[int] = ()) -> NDArray[np.float64]:
    """Return the weight of each column in ``distance``; 0 for constant and relative columns."""
    mean, deviation = np.array(average.mean), np.array(average.deviation)
    counts = deviation > CONSTANT * np.maximum(1, np.abs(mean))
    counts[list(relative)] = False
    return np.asarray(counts / np.where(counts, deviation, 1.0) / max(1, counts.sum()))
