"""The recipe of the bundled model: a network on spectra, and a support vector machine on the voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affekt.recipe import Estimator, Recipe

if TYPE_CHECKING:
    from torch import nn

EPOCHS = 30
CROP_FRAMES = 128  # 2.56 s
CHANNELS = 16


def build(seed: int) -> Estimator:
    """Each half is weaker alone, and they err on different clips: see docs/experiments.md."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler
    from sklearn.svm import SVC

    from affekt.calibration import SpeakerCalibratedClassifier
    from affekt.fusion import FusionClassifier
    from affekt.voice_network import LevelledSpectra, VoiceNetwork

    near = VoiceNetwork(
        network,
        LevelledSpectra(),
        epochs=EPOCHS,
        batch_size=32,
        learning_rate=3e-3,
        crop_frames=CROP_FRAMES,
        seed=seed,
    )
    afar = make_pipeline(StandardScaler(), Normalizer(), SVC(C=10, gamma=0.5))
    return FusionClassifier(near, SpeakerCalibratedClassifier(afar), seed=seed)


def network(emotions: int) -> nn.Module:
    """(clips, any number of frames, 64 bands) -> scores: residual blocks, and attention over time."""
    from torch import nn

    from affekt.voice_network import AttentiveStatistics, ResidualBlock

    wide = CHANNELS * 8
    return nn.Sequential(
        nn.Unflatten(1, (1, -1)),
        nn.Conv2d(1, CHANNELS, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(CHANNELS),
        nn.ReLU(),
        ResidualBlock(CHANNELS, CHANNELS * 2, stride=(2, 2)),
        ResidualBlock(CHANNELS * 2, CHANNELS * 4, stride=(2, 2)),
        ResidualBlock(CHANNELS * 4, wide, stride=(1, 2)),
        AttentiveStatistics(wide * 4, 128, 64),
        nn.BatchNorm1d(256),
        nn.Dropout(0.3),
        nn.Linear(256, emotions),
    )


RECIPE = Recipe(
    name="affekt-net",
    summary="residual network on spectra and support vector machine on the voice, both used to voices",
    source="our own, and what the bundled model is made by; docs/experiments.md has what was tried",
    features="two-views@1",
    build=build,
    degraded_copies=True,
)
