"""A support vector machine on our own description of the voice, calibrated on unseen voices."""

from __future__ import annotations

from affekt.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """The classifier of ``svm`` on other features; vectors of unit length for the same reason."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler
    from sklearn.svm import SVC

    from affekt.calibration import SpeakerCalibratedClassifier

    return SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), Normalizer(), SVC(C=10, gamma=0.5)))


RECIPE = Recipe(
    name="voice-svm",
    summary="RBF support vector machine on prosody, voice quality and spectrum, calibrated by speaker",
    source="our own; the classifier of svm, one of six variants compared under by-actor-5",
    features="voice@1",
    build=build,
)
