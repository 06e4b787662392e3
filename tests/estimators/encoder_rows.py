"""Synthetic rows of a small encoder, and a block that was trained on none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.features.small_encoder import WIDTH, small_weights

from affekt.features.encoder_weights import Weights
from affekt.features.voice import COLUMNS as VOICE_COLUMNS

CLASSES, VOICE = 3, len(VOICE_COLUMNS)
COLUMNS = 2 * WIDTH + VOICE


def block_weights() -> Weights:
    """Return the weights of the second block of the small encoder."""
    prefix = "blocks.1."
    return {
        name.removeprefix(prefix): values
        for name, values in small_weights().items()
        if name.startswith(prefix)
    }


def draw_rows(clips: int = 36, seed: int = 0) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.str_]]:
    """Return features, classes and speakers of clips: each class and each speaker has a mean of its own."""
    rng = np.random.default_rng(seed)
    target, speaker = np.arange(clips) % CLASSES, np.arange(clips) // CLASSES % 4
    centres = np.random.default_rng(99).standard_normal((CLASSES, COLUMNS))
    offsets = 0.5 * rng.standard_normal((4, COLUMNS))
    X = np.empty(clips, object)
    for i in range(clips):
        rows = np.tile(0.5 * centres[target[i]] + offsets[speaker[i]], (int(rng.integers(6, 30)), 1))
        rows[:, :-VOICE] += rng.standard_normal((len(rows), 2 * WIDTH))
        rows[:, -VOICE:] += 2 * rng.standard_normal(VOICE)
        X[i] = rows.astype(np.float32)
    return X, target, np.array([f"s{one}" for one in speaker])
