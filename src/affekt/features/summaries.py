"""Frames into one vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affekt.features.spectra import Frames


def mean_and_std(frames: Frames) -> NDArray[np.float32]:
    """Means over time, then standard deviations: shape (2 * values,)."""
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])
