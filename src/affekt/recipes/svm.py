"""A support vector machine on MFCC statistics, calibrated by speaker."""

from __future__ import annotations

from affekt.estimators.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """Build an RBF support vector machine on standardised features, scaled to vectors of unit length.

    Without unit length, all recordings that are far from every support vector, such as very loud ones,
    would get the same probabilities. The seed has no effect, as nothing is random.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler
    from sklearn.svm import SVC

    from affekt.estimators.calibrated import SpeakerCalibratedClassifier

    return SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), Normalizer(), SVC(C=10, gamma=0.5)))


def build_unscaled(seed: int) -> Estimator:
    """Build one with default parameters on unscaled features, as the student project most likely did."""
    from sklearn.svm import SVC

    from affekt.estimators.calibrated import SpeakerCalibratedClassifier

    return SpeakerCalibratedClassifier(SVC())


RECIPE = Recipe(
    name="svm",
    summary="support vector machine (RBF) on MFCC statistics, calibrated by speaker",
    source="our own baseline; its kernel is the best of eleven variants compared under by-actor-5",
    features="mfcc-stats@1",
    build=build,
)
