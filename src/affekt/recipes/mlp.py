"""A multilayer perceptron on the means of 40 MFCCs."""

from __future__ import annotations

from affekt.estimators.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """Build a perceptron with two hidden layers on standardised features, trained with Adam."""
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    perceptron: Estimator = make_pipeline(
        StandardScaler(),
        MLPClassifier((512, 256), alpha=0.01, batch_size=32, max_iter=400, random_state=seed),
    )
    return perceptron


RECIPE = Recipe(
    name="mlp",
    summary="multilayer perceptron with two hidden layers on the means of 40 MFCCs",
    source=(
        "a student project on RAVDESS, which reports 77 % accuracy on eight emotions, and 82 % on six, "
        "without neutral and surprised"
    ),
    features="mfcc-mean@1",
    build=build,
    claims={"accuracy": 0.77, "macro_f1": 0.734},
    claims_protocol="random-80-20",
)
