"""A stacked ensemble of random forest, XGBoost and LightGBM on spectral means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.estimators.recipe import Estimator, Recipe

COLUMNS = 56
NEIGHBOURS = 5  # of SMOTE
FOREST = {"max_features": ["sqrt", 0.2], "min_samples_leaf": [1, 2], "bootstrap": [False, True]}
XGBOOST = {
    "learning_rate": [0.05, 0.1],
    "max_depth": [6, 8],
    "subsample": [0.7, 0.85],
    "colsample_bytree": [0.2, 0.4],
}
LIGHTGBM = {
    "learning_rate": [0.05, 0.08, 0.12],
    "num_leaves": [15, 31],
    "subsample": [0.8, 1.0],
    "colsample_bytree": [0.3, 0.6],
}


def build(seed: int) -> Estimator:
    """Build the ensemble: 56 columns, SMOTE, three tuned base models, two meta models, thresholds."""
    from lightgbm import LGBMClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from affekt.estimators.calibrated import SpeakerCalibratedClassifier
    from affekt.estimators.stacking import StackedEnsemble

    lightgbm = _lightgbm(seed)
    return StackedEnsemble(
        LGBMClassifier(n_estimators=100, importance_type="gain", **lightgbm),
        bases=_base_models(seed),
        metas=[
            SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=0.1))),
            LGBMClassifier(n_estimators=60, num_leaves=7, learning_rate=0.05, **lightgbm),
        ],
        weights=(0.6, 0.4),
        columns=COLUMNS,
        seed=seed,
    )


def _lightgbm(seed: int) -> dict[str, Any]:
    """Return common parameters; with one thread, as several are slower on some thousand clips."""
    return {"max_bin": 63, "random_state": seed, "n_jobs": 1, "deterministic": True, "verbose": -1}


def _base_models(seed: int) -> list[tuple[Any, dict[str, Any]]]:
    """Return the base models, each behind SMOTE, and their candidates."""
    from imblearn import FunctionSampler
    from imblearn.pipeline import Pipeline
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier
    from xgboost import XGBClassifier

    extra_trees = LGBMClassifier(
        n_estimators=800, extra_trees=True, min_child_samples=5, subsample_freq=1, **_lightgbm(seed)
    )
    models = [
        (RandomForestClassifier(200, n_jobs=-1, random_state=seed), FOREST),
        (XGBClassifier(n_estimators=300, max_bin=64, n_jobs=1, random_state=seed), XGBOOST),
        (extra_trees, LIGHTGBM),
    ]
    bases = []
    for model, candidates in models:
        balance = FunctionSampler(func=oversample, kw_args={"seed": seed}, validate=False)
        named = {f"model__{name}": values for name, values in candidates.items()}
        bases.append((Pipeline([("balance", balance), ("model", model)]), named))
    return bases


def oversample(X: NDArray[Any], y: NDArray[Any], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Balance the classes by SMOTE, with fewer neighbours if a class has fewer clips.

    Clips are returned unchanged if a class has a single one, which has no neighbour.
    """
    from imblearn.over_sampling import SMOTE

    rarest = int(np.unique(y, return_counts=True)[1].min())
    if rarest < 2:
        return X, y
    balanced: tuple[NDArray[Any], NDArray[Any]] = SMOTE(
        k_neighbors=min(NEIGHBOURS, rarest - 1), random_state=seed
    ).fit_resample(X, y)
    return balanced


RECIPE = Recipe(
    name="stacked-ensemble",
    summary="stacked random forest, XGBoost and LightGBM on the 56 best of 195 spectral means",
    source=(
        "a student project on RAVDESS, speech and song, six emotions, which reports 79.18 % accuracy on a "
        "random 80/20 split"
    ),
    features="spectral-full@1",
    build=build,
    emotions=("neutral", "calm", "happy", "sad", "angry", "fearful"),
    claims={"accuracy": 0.7918, "weighted_f1": 0.7923, "weighted_f2": 0.7918},
    claims_protocol="random-80-20",
)
