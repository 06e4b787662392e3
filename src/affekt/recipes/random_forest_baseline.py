"""A random forest on MFCC statistics with the default parameters of scikit-learn."""

from __future__ import annotations

from affekt.estimators.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """Build a forest of 100 trees."""
    from sklearn.ensemble import RandomForestClassifier

    forest: Estimator = RandomForestClassifier(n_jobs=-1, random_state=seed)
    return forest


RECIPE = Recipe(
    name="random-forest-baseline",
    summary="random forest on means and standard deviations of 40 MFCCs, not tuned",
    source=(
        "a student project on RAVDESS, speech and song, which reports 74.75 % accuracy (70.88 % in "
        "cross-validation) on a random 80/20 split before its tuning"
    ),
    features="mfcc-stats@1",
    build=build,
    claims={"accuracy": 0.7475},
    claims_protocol="random-80-20",
)
