"""The weights that a frame network keeps are a running average."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from affekt.estimators.crops import TrainingCrops
from affekt.estimators.frame_network import FrameNetwork
from affekt.model.speaker_normalisation import SpeakerStatistics


def make_crops(clips: int = 24) -> TrainingCrops:
    rng = np.random.default_rng(0)
    target = np.arange(clips) % 2
    features = np.empty(clips, object)
    features[:] = [(rng.standard_normal((30, 3)) + 2 * label).astype(np.float32) for label in target]
    return TrainingCrops(
        features=features, unknown=features, degraded=None, target=target,
        speakers=np.arange(clips) // 6, average=SpeakerStatistics((0.0,) * 3, (1.0,) * 3), relative=[],
        frames=16, seed=0,
    )  # fmt: skip


class MeanOverTime(nn.Module):
    """(clips, frames, columns) -> scores."""

    def __init__(self, emotions: int) -> None:
        super().__init__()
        self.scores = nn.Linear(3, emotions)

    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.scores(spectra.mean(dim=1))
        return scores


make = partial(
    FrameNetwork, MeanOverTime, nn.Identity(), batch_size=8, learning_rate=0.1, crop_frames=16, seed=0
)


def test_it_is_trained_for_exactly_the_given_number_of_epochs() -> None:
    crops = make_crops()
    drawn: list[int] = []
    original = TrainingCrops.__getitem__

    class Counted(TrainingCrops):
        def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
            drawn.append(i)
            return original(self, i)

    make(epochs=3).fit(
        Counted(**{name: getattr(crops, name) for name in TrainingCrops.__dataclass_fields__})
    )
    assert sorted(drawn) == sorted(3 * [*range(len(crops))])


def test_it_learns_from_all_clips_and_predicts_for_clips_of_any_length() -> None:
    crops = make_crops()
    model = make(epochs=20).fit(crops)
    assert (model.predict_proba(crops.features).argmax(axis=1) == crops.target).mean() > 0.9
    short = np.empty(2, object)
    short[:] = [crops.features[0][:1], crops.features[1][:9]]
    np.testing.assert_allclose(model.predict_proba(short).sum(axis=1), 1, atol=1e-6)


def test_the_same_seed_gives_the_same_network() -> None:
    one, again = (make(epochs=2).fit(make_crops()).predict_proba(make_crops().features) for _ in range(2))
    np.testing.assert_array_equal(one, again)
