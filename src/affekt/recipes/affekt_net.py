"""A residual network on spectra fused with a support vector machine on utterance features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affekt.estimators.recipe import Estimator, Recipe

if TYPE_CHECKING:
    from torch import nn

EPOCHS = 30
CROP_FRAMES = 128  # 2.56 s
CHANNELS = 16


def build(seed: int) -> Estimator:
    """Build a network on the frames and a calibrated RBF support vector machine on the utterance features.

    The two make different errors and are more accurate together: see docs/experiments.md.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler
    from sklearn.svm import SVC

    from affekt.estimators.calibrated import SpeakerCalibratedClassifier
    from affekt.estimators.frame_network import FrameNetwork
    from affekt.estimators.fusion import FusionClassifier
    from affekt.estimators.layers import LevelledSpectra

    frame_branch = FrameNetwork(
        network,
        LevelledSpectra(),
        epochs=EPOCHS,
        batch_size=32,
        learning_rate=3e-3,
        crop_frames=CROP_FRAMES,
        seed=seed,
    )
    svm = make_pipeline(StandardScaler(), Normalizer(), SVC(C=10, gamma=0.5))
    return FusionClassifier(frame_branch, SpeakerCalibratedClassifier(svm), seed=seed)


def network(emotions: int) -> nn.Module:
    """Build residual blocks and attentive statistics: (clips, frames, 64 bands) -> scores."""
    from torch import nn

    from affekt.estimators.layers import AttentiveStatistics, ResidualBlock

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
    summary="residual network on spectra fused with an SVM on utterance features, adaptable to a speaker",
    source="our own recipe; experiments are in docs/experiments.md",
    features="frames-and-utterance@1",
    build=build,
    degraded_copies="noise-room-band@1",
)
