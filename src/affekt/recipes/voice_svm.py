"""A support vector machine on prosody, voice quality and spectrum, calibrated by speaker."""

from __future__ import annotations

from affekt.estimators.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """Build the classifier of the recipe ``svm``. The seed has no effect, as nothing is random."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler
    from sklearn.svm import SVC

    from affekt.estimators.calibrated import SpeakerCalibratedClassifier

    return SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), Normalizer(), SVC(C=10, gamma=0.5)))


RECIPE = Recipe(
    name="voice-svm",
    summary="support vector machine (RBF) on prosody, voice quality and spectrum, calibrated by speaker",
    source="our own recipe; the classifier of svm, one of six variants compared under by-actor-5",
    features="voice@1",
    build=build,
)
