"""Out-of-distribution detection: how far a clip's features are from those of the average speaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.model.speaker_normalisation import CONSTANT, SpeakerStatistics

FLAGGED_SHARE = 0.025  # of the clips of held-out speakers


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


def distance_weights(average: SpeakerStatistics, relative: Sequence[int] = ()) -> NDArray[np.float64]:
    """Return the weight of each column in ``distance``; 0 for constant and relative columns."""
    mean, deviation = np.array(average.mean), np.array(average.deviation)
    counts = deviation > CONSTANT * np.maximum(1, np.abs(mean))
    counts[list(relative)] = False
    return np.asarray(counts / np.where(counts, deviation, 1.0) / max(1, counts.sum()))
