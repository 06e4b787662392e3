"""How far a clip is from all that a model learned from: music, noise, or a voice like no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.alignment import CONSTANT, VoiceStatistics

FLAGGED_SHARE = 0.025  # of clips of unheard speakers are called novel


def novelty(features: NDArray[Any], average: VoiceStatistics, relative: Sequence[int] = ()) -> float:
    """Mean distance of a clip's columns from the average voice, in that voice's deviations.

    Parameters
    ----------
    features
        Of one clip: (columns,) or (frames, columns), whose mean over time counts.
    average
        The voice in the middle of those that were learned from.
    relative
        Positions of columns that do not count.
    """
    clip = np.atleast_2d(features).mean(axis=0, dtype=np.float64)
    return float(np.abs(clip - average.mean) @ novelty_weights(average, relative))


def novelty_weights(average: VoiceStatistics, relative: Sequence[int] = ()) -> NDArray[np.float64]:
    """What a difference from the average voice counts in each column: 0 where it says nothing."""
    mean, deviation = np.array(average.mean), np.array(average.deviation)
    counts = deviation > CONSTANT * np.maximum(1, np.abs(mean))
    counts[list(relative)] = False
    return np.asarray(counts / np.where(counts, deviation, 1.0) / max(1, counts.sum()))
