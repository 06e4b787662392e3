"""A block of a pretrained speech encoder that is fine-tuned, fused with logistic regressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affekt.estimators.recipe import Estimator, Recipe
from affekt.recipes.whisper_linear import CORPUS_WEIGHTS

if TYPE_CHECKING:
    from affekt.features.encoder_weights import Weights

ENCODER, BLOCK = "whisper-tiny", 3
EPOCHS = 8
CROP_ROWS = 250  # 5 s


def build(seed: int) -> Estimator:
    """Build a network on the rows of the encoder and regressions on their statistics."""
    from affekt.estimators.encoder_fusion import EncoderFusionClassifier
    from affekt.estimators.fine_tuned import FineTunedNetwork
    from affekt.estimators.linear import SpeakerAdaptiveRegression

    network = FineTunedNetwork(
        pretrained_block,
        epochs=EPOCHS,
        batch_size=32,
        learning_rate=1e-3,
        block_learning_rate=4e-4,
        crop_rows=CROP_ROWS,
        seed=seed,
    )
    regression = SpeakerAdaptiveRegression(corpus_weights=CORPUS_WEIGHTS, seed=seed)
    return EncoderFusionClassifier(network, regression)


def pretrained_block() -> Weights:
    """Return the weights of the block, as in the graph of the encoder: there is no other copy of them."""
    from affekt.features.encoder_graph import read_block
    from affekt.features.encoder_registry import read_graph

    return read_block(read_graph(ENCODER), BLOCK)


RECIPE = Recipe(
    name="affekt-net-2",
    summary="fine-tuned block of Whisper's encoder fused with logistic regression, adaptable to a speaker",
    source="our own recipe, and that of the bundled model; experiments are in docs/experiments.md",
    features="whisper-tiny-frames-voice@1",
    build=build,
    degraded_copies="everyday@2",
)
