"""Confidence that is fitted on voices the classifier has not heard."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GroupKFold


class SpeakerCalibratedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's ``CalibratedClassifierCV`` with inner folds of unseen speakers.

    With random inner folds a classifier is calibrated on voices that it knows, and is too sure of
    itself on any other. scikit-learn does not hand groups to the inner folds when one classifier is
    kept (``ensemble=False``), so they are drawn here.

    Parameters
    ----------
    estimator
        Gives a ``decision_function`` or ``predict_proba``.
    folds
        Number of inner folds; fewer where there are fewer speakers.
    """

    def __init__(self, estimator: Any, folds: int = 5) -> None:
        self.estimator = estimator
        self.folds = folds

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike) -> SpeakerCalibratedClassifier:
        """Fit on all clips, and the calibration on out-of-fold answers; ``groups`` are speakers."""
        folds = min(self.folds, len(np.unique(groups)))
        splits = list(GroupKFold(folds).split(X, y, groups))
        self.exported_ = CalibratedClassifierCV(self.estimator, cv=splits, ensemble=False).fit(X, y)
        self.classes_ = self.exported_.classes_
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities of shape (clips, classes)."""
        return np.asarray(self.exported_.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each clip."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
