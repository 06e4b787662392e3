"""A random forest on MFCC statistics with scikit-learn's own settings: what tuning is compared with."""

from __future__ import annotations

from affekt.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """100 trees, nothing tuned."""
    from sklearn.ensemble import RandomForestClassifier

    forest: Estimator = RandomForestClassifier(n_jobs=-1, random_state=seed)
    return forest


RECIPE = Recipe(
    name="random-forest-baseline",
    summary="100 trees on the means and deviations of 40 MFCCs, untuned",
    source=(
        "a student project on RAVDESS, speech and song, which reports 74.75 % accuracy (70.88 % in "
        "cross-validation) on a random 80/20 split before its tuning"
    ),
    features="mfcc-stats@1",
    build=build,
    claims={"accuracy": 0.7475},
    claims_protocol="random-80-20",
)
