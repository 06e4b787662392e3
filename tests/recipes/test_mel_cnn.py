"""The network on log-mel spectra accepts every clip that can be loaded."""

from __future__ import annotations

import torch

from affekt.audio.loading import MIN_DURATION_S
from affekt.recipes.mel_cnn import network


def test_the_shortest_clip_that_can_be_loaded_is_long_enough() -> None:
    frames = round(100 * MIN_DURATION_S) + 1  # one every 10 ms
    with torch.inference_mode():
        assert network(4).eval()(torch.zeros(1, frames, 64)).shape == (1, 4)
