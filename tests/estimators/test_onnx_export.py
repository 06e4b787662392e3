"""An exported graph predicts the same as its estimator, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

from affekt.errors import ExportError
from affekt.estimators.calibrated import SpeakerCalibratedClassifier
from affekt.estimators.onnx_export import export, run

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((200, 80)).astype(np.float32)
LABELS = RNG.integers(0, 4, 200)


def test_the_graph_of_a_forest_predicts_the_same() -> None:
    forest = RandomForestClassifier(20, random_state=0).fit(FEATURES, LABELS)
    graph, parity = export(forest, FEATURES, 4, (80,))
    assert parity <= 1e-6
    fresh = FEATURES[::-1].copy()
    np.testing.assert_allclose(run(graph, fresh), forest.predict_proba(fresh), atol=1e-6)


def test_a_graph_that_predicts_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LogisticRegression().fit(FEATURES, LABELS)
    other = LogisticRegression(C=1e-3).fit(FEATURES, LABELS)
    monkeypatch.setattr(
        "affekt.estimators.onnx_export.run", lambda graph, features: other.predict_proba(features)
    )
    with pytest.raises(ExportError, match="differ from those of the estimator by"):
        export(model, FEATURES, 4, (80,))


def test_an_estimator_that_was_not_fitted_on_every_emotion_is_refused() -> None:
    model = LogisticRegression().fit(FEATURES[LABELS < 3], LABELS[LABELS < 3])
    with pytest.raises(ExportError, match="not on all of 4"):
        export(model, FEATURES, 4, (80,))


@pytest.mark.parametrize("emotions", [2, 3, 8])
def test_a_classifier_calibrated_by_speaker_is_exported_for_any_number_of_emotions(emotions: int) -> None:
    labels = FEATURES[:, :emotions].argmax(axis=1)
    model = SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), SVC()))
    model.fit(FEATURES, labels, groups=np.arange(200) % 10)
    graph, parity = export(model, FEATURES, emotions, (80,))
    fresh = RNG.standard_normal((50, 80)).astype(np.float32)
    assert parity <= 1e-5
    np.testing.assert_allclose(run(graph, fresh), model.predict_proba(fresh), atol=1e-5)


@pytest.mark.parametrize("calibrated", [LogisticRegression(), make_pipeline(StandardScaler(), SVC())])
def test_calibrated_classifiers_with_a_decision_function_are_exported(calibrated: BaseEstimator) -> None:
    model = SpeakerCalibratedClassifier(calibrated).fit(FEATURES, LABELS, groups=np.arange(200) % 10)
    assert export(model, FEATURES, 4, (80,))[1] <= 1e-5


@pytest.mark.parametrize("boosted", [LGBMClassifier(verbose=-1), XGBClassifier()])
def test_boosted_trees_are_exported_without_the_samplers_before_them(boosted: BaseEstimator) -> None:
    model = Pipeline([("balance", RandomUnderSampler(random_state=0)), ("model", boosted)])
    graph, parity = export(model.fit(FEATURES, LABELS), FEATURES, 4, (80,))
    assert parity <= 1e-5
    assert run(graph, FEATURES).shape == (200, 4)


def test_estimators_that_split_at_thresholds_may_differ_more(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LogisticRegression().fit(FEATURES, LABELS)
    expected = model.predict_proba(FEATURES)
    monkeypatch.setattr("affekt.estimators.onnx_export.run", lambda graph, features: expected * 0.99)
    with pytest.raises(ExportError, match="differ"):
        export(model, FEATURES, 4, (80,))
    model.splits_at_thresholds = True
    assert export(model, FEATURES, 4, (80,))[1] > 1e-3
