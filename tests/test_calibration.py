"""Confidence is calibrated on speakers that the classifier did not hear."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC

from affekt.calibration import SpeakerCalibratedClassifier
from affekt.errors import CorpusError


class Remembering(ClassifierMixin, BaseEstimator):
    """Notes which speakers (the second column) it learns from and which it is asked about."""

    seen: ClassVar[list[tuple[set[float], set[float]]]] = []

    def fit(self, X: np.ndarray, y: np.ndarray) -> Remembering:
        self.speakers_, self.classes_ = set(X[:, 1]), np.unique(y)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        Remembering.seen.append((self.speakers_, set(X[:, 1])))
        return X[:, 0]

    def predict(self, X: np.ndarray) -> np.ndarray:
        return (X[:, 0] > 0.5).astype(int)


def clips(speakers: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(speakers), 20)
    y = np.tile([0, 1], len(groups) // 2)
    return np.column_stack([y + rng.standard_normal(len(y)), groups]), y, groups


def test_calibration_asks_only_about_unheard_speakers() -> None:
    X, y, groups = clips()
    Remembering.seen.clear()
    SpeakerCalibratedClassifier(Remembering()).fit(X, y, groups=groups)
    assert len(Remembering.seen) == 5
    assert all(not heard & asked for heard, asked in Remembering.seen)


@pytest.mark.parametrize("speakers", [2, 3, 9])
def test_few_speakers_make_fewer_inner_folds(speakers: int) -> None:
    X, y, groups = clips(speakers)
    model = SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_one_speaker_alone_is_refused() -> None:
    X, y, groups = clips(1)
    with pytest.raises(CorpusError, match="two speakers"):
        SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)


def test_an_emotion_of_one_speaker_alone_is_refused() -> None:
    X, y, groups = clips(3)
    with pytest.raises(CorpusError, match="too few speakers"):
        SpeakerCalibratedClassifier(SVC()).fit(X, np.where(groups == 0, 2, y), groups=groups)


def test_the_answer_is_the_most_probable_class() -> None:
    X, y, groups = clips()
    model = SpeakerCalibratedClassifier(SVC()).fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
