"""Confidence that is fitted on voices the classifier has not heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GroupKFold

from affekt.confidence import COVERAGE, TEMPERATURES, Trust
from affekt.errors import CorpusError


def fit_trust(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> Trust:
    """What answers about unheard voices say of how sure a model should be.

    Parameters
    ----------
    probabilities
        Out-of-fold answers, (clips, emotions).
    truth
        The right emotion of each, by its position.
    """
    likely = np.log(np.maximum(probabilities, np.finfo(float).tiny))
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scores = likely / np.exp(log_temperature)
        return float((logsumexp(scores, axis=1) - scores[rows, truth]).mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded")
    temperature = float(np.exp(found.x))
    right = Trust(temperature=temperature, threshold=0.0).temper(probabilities)[rows, truth]
    # the finite-sample rank of split conformal prediction, counted from the least probable truth
    rank = int(np.floor(round((1 - COVERAGE) * (len(truth) + 1), 9)))
    threshold = float(np.sort(right)[rank - 1]) if rank else 0.0
    return Trust(temperature=temperature, threshold=threshold)


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
        if folds < 2:
            raise CorpusError("calibration needs two speakers: one to learn from, one to be sure about")
        splits = list(GroupKFold(folds).split(X, y, groups))
        labels = np.asarray(y)
        if any(len(np.unique(labels[train])) < len(np.unique(labels)) for train, _ in splits):
            raise CorpusError(
                "an emotion comes from too few speakers to be sure about others: leave it out, or train a "
                "recipe that is not calibrated"
            )
        self.calibrated_ = CalibratedClassifierCV(self.estimator, cv=splits, ensemble=False).fit(X, y)
        self.classes_ = self.calibrated_.classes_
        self.classifier_ = self.calibrated_.calibrated_classifiers_[0].estimator
        return self

    @property
    def sigmoids(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Slopes and offsets, one for each class, or one alone for two classes (Platt 1999)."""
        fitted = self.calibrated_.calibrated_classifiers_[0].calibrators
        return -np.array([one.a_ for one in fitted]), -np.array([one.b_ for one in fitted])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """The decision, then Platt's sigmoids: skl2onnx 1.20 errs for an SVM of two classes."""
        from affekt.onnx_graphs import GraphBuilder

        graph = GraphBuilder(shape)
        slopes, offsets = (graph.constant(one.astype(np.float32)) for one in self.sigmoids)
        decision = graph.include(convert(self.classifier_, shape, decision_function=True), "features")
        if len(self.classes_) == 2:  # two classes share one decision; the first column is its negative
            decision = graph.add("Gather", decision, graph.constant([1]), axis=1)
        scaled = graph.add("Add", graph.add("Mul", decision, slopes), offsets)
        # onnxruntime's own Sigmoid is off by some permille of what is least likely
        one = graph.constant(np.ones(1, np.float32))
        likely = graph.add("Reciprocal", graph.add("Add", one, graph.add("Exp", graph.add("Neg", scaled))))
        if len(self.classes_) == 2:
            unlikely = graph.add("Sub", one, likely)
            return graph.finish(graph.add("Concat", unlikely, likely, axis=1))
        total = graph.add("ReduceSum", likely, graph.constant([1]), keepdims=1)
        return graph.finish(graph.add("Div", likely, total))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities of shape (clips, classes)."""
        return np.asarray(self.calibrated_.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each clip."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
