"""A support vector machine on our own description of the voice, calibrated on unseen voices."""

from __future__ import annotations

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from affekt.calibration import SpeakerCalibratedClassifier
from affekt.recipe import Estimator, Recipe


def build(seed: int) -> Estimator:
    """RBF kernel, C 10, as ``svm``. Nothing in it is random: every seed gives the same model."""
    return SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), SVC(C=10)))


RECIPE = Recipe(
    name="voice-svm",
    summary="RBF support vector machine on prosody, voice quality and spectrum, calibrated by speaker",
    source="our own; C as in svm, one of six variants compared under by-actor-5",
    features="voice@1",
    build=build,
)
