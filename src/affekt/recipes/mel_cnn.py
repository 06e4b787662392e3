"""A two-dimensional convolutional network on log-mel spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affekt.estimators.recipe import Estimator, Recipe

if TYPE_CHECKING:
    from torch import nn

CROP_FRAMES = 192  # 1.92 s


def build(seed: int) -> Estimator:
    """Build the network: random crops of 1.92 s, Adam at 1e-3, batches of 32, up to 40 epochs."""
    from affekt.estimators.networks import NetworkClassifier

    return NetworkClassifier(
        network,
        epochs=40,
        batch_size=32,
        learning_rate=1e-3,
        patience=8,
        slow_down_after=4,
        crop_frames=CROP_FRAMES,
        seed=seed,
    )


def network(emotions: int) -> nn.Module:
    """Build three convolutions and their mean: (clips, frames, 64 bands) -> scores."""
    from torch import nn

    layers: list[nn.Module] = [nn.Unflatten(1, (1, -1))]
    for inputs, channels, stride in ((1, 24, 2), (24, 48, 2), (48, 96, 1)):
        layers += [
            nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False),
            nn.MaxPool2d(2, ceil_mode=True),  # leaves a frame of the shortest clip
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout2d(0.1),
        ]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(96, emotions)]
    return nn.Sequential(*layers)


RECIPE = Recipe(
    name="mel-cnn",
    summary="2-D convolutional network on log-mel spectra of any length",
    source=(
        "our own layers; a student project on RAVDESS names such a network, but publishes neither layers "
        "nor a score"
    ),
    features="log-mel@1",
    build=build,
)
