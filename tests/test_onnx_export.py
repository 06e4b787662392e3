"""An exported graph answers as its estimator does, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from affekt.calibration import SpeakerCalibratedClassifier
from affekt.errors import ExportError
from affekt.onnx_export import export, measure_parity

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((200, 80)).astype(np.float32)
LABELS = RNG.integers(0, 4, 200)


def test_a_forests_graph_decides_alike_on_every_clip() -> None:
    forest = RandomForestClassifier(20, random_state=0).fit(FEATURES, LABELS)
    graph, parity = export(forest, FEATURES, 4)
    assert parity <= 1e-6
    assert measure_parity(graph, forest, FEATURES[::-1].copy()) <= 1e-6


def test_a_graph_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LogisticRegression().fit(FEATURES, LABELS)
    other = LogisticRegression(C=1e-3).fit(FEATURES, LABELS)
    to_other = lambda graph, _, features: measure_parity(graph, other, features)  # noqa: E731
    monkeypatch.setattr("affekt.onnx_export.measure_parity", to_other)
    with pytest.raises(ExportError, match="differs from the estimator by"):
        export(model, FEATURES, 4)


def test_an_estimator_that_never_met_an_emotion_is_refused() -> None:
    model = LogisticRegression().fit(FEATURES[LABELS < 3], LABELS[LABELS < 3])
    with pytest.raises(ExportError, match="not on all of 4"):
        export(model, FEATURES, 4)


@pytest.mark.parametrize("emotions", [2, 3, 8])
def test_a_classifier_calibrated_by_speaker_answers_alike_for_any_number_of_emotions(emotions: int) -> None:
    labels = FEATURES[:, :emotions].argmax(axis=1)
    model = SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), SVC()))
    model.fit(FEATURES, labels, groups=np.arange(200) % 10)
    graph, parity = export(model, FEATURES, emotions)
    fresh = RNG.standard_normal((50, 80)).astype(np.float32)
    assert parity <= 1e-5
    assert measure_parity(graph, model, fresh) <= 1e-5
