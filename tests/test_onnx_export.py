"""An exported graph answers as its estimator does, or is refused."""

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

from affekt.calibration import SpeakerCalibratedClassifier
from affekt.errors import ExportError
from affekt.onnx_export import export, run

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((200, 80)).astype(np.float32)
LABELS = RNG.integers(0, 4, 200)


def test_a_forests_graph_decides_alike_on_every_clip() -> None:
    forest = RandomForestClassifier(20, random_state=0).fit(FEATURES, LABELS)
    graph, parity = export(forest, FEATURES, 4, (80,))
    assert parity <= 1e-6
    fresh = FEATURES[::-1].copy()
    np.testing.assert_allclose(run(graph, fresh), forest.predict_proba(fresh), atol=1e-6)


def test_a_graph_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LogisticRegression().fit(FEATURES, LABELS)
    other = LogisticRegression(C=1e-3).fit(FEATURES, LABELS)
    monkeypatch.setattr("affekt.onnx_export.run", lambda graph, features: other.predict_proba(features))
    with pytest.raises(ExportError, match="differs from the estimator by"):
        export(model, FEATURES, 4, (80,))


def test_an_estimator_that_never_met_an_emotion_is_refused() -> None:
    model = LogisticRegression().fit(FEATURES[LABELS < 3], LABELS[LABELS < 3])
    with pytest.raises(ExportError, match="not on all of 4"):
        export(model, FEATURES, 4, (80,))


@pytest.mark.parametrize("emotions", [2, 3, 8])
def test_a_classifier_calibrated_by_speaker_answers_alike_for_any_number_of_emotions(emotions: int) -> None:
    labels = FEATURES[:, :emotions].argmax(axis=1)
    model = SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), SVC()))
    model.fit(FEATURES, labels, groups=np.arange(200) % 10)
    graph, parity = export(model, FEATURES, emotions, (80,))
    fresh = RNG.standard_normal((50, 80)).astype(np.float32)
    assert parity <= 1e-5
    np.testing.assert_allclose(run(graph, fresh), model.predict_proba(fresh), atol=1e-5)


@pytest.mark.parametrize("calibrated", [LogisticRegression(), make_pipeline(StandardScaler(), SVC())])
def test_any_classifier_with_a_decision_function_may_be_calibrated(calibrated: BaseEstimator) -> None:
    model = SpeakerCalibratedClassifier(calibrated).fit(FEATURES, LABELS, groups=np.arange(200) % 10)
    assert export(model, FEATURES, 4, (80,))[1] <= 1e-5


@pytest.mark.parametrize("boosted", [LGBMClassifier(verbose=-1), XGBClassifier()])
def test_boosted_trees_are_exported_and_samplers_before_them_left_out(boosted: BaseEstimator) -> None:
    model = Pipeline([("balance", RandomUnderSampler(random_state=0)), ("model", boosted)])
    graph, parity = export(model.fit(FEATURES, LABELS), FEATURES, 4, (80,))
    assert parity <= 1e-5
    assert run(graph, FEATURES).shape == (200, 4)


def test_only_what_is_made_of_trees_may_differ_and_decide_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LogisticRegression().fit(FEATURES, LABELS)
    expected = model.predict_proba(FEATURES)
    monkeypatch.setattr("affekt.onnx_export.run", lambda graph, features: expected * 0.99)
    with pytest.raises(ExportError, match="differs"):
        export(model, FEATURES, 4, (80,))
    model.splits_at_thresholds = True
    assert export(model, FEATURES, 4, (80,))[1] > 1e-3
