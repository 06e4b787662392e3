"""Calibration on held-out speakers: by Platt's sigmoids while fitting, by a temperature afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GroupKFold

from affekt.errors import CorpusError
from affekt.estimators.search import Splits
from affekt.model.calibration import COVERAGE, TEMPERATURES, Calibration


def fit_calibration(probabilities: NDArray[np.float64], labels: NDArray[np.intp]) -> Calibration:
    """Fit the temperature and the prediction-set threshold of a model.

    Parameters
    ----------
    probabilities, labels
        Out-of-fold probabilities (clips, emotions), and the position of each clip's true emotion.

    Returns
    -------
    Calibration
        The temperature that minimises the log loss, and the threshold of split conformal prediction.
    """
    log_probabilities = np.log(np.maximum(probabilities, np.finfo(float).tiny))
    rows = np.arange(len(labels))

    def log_loss(log_temperature: float) -> float:
        scores = log_probabilities / np.exp(log_temperature)
        return float((logsumexp(scores, axis=1) - scores[rows, labels]).mean())

    found = minimize_scalar(log_loss, bounds=np.log(TEMPERATURES), method="bounded")
    temperature = float(np.exp(found.x))
    calibrated = Calibration(temperature=temperature, threshold=0.0).calibrate(probabilities)
    # the finite-sample rank of split conformal prediction, counted from the least probable true emotion
    rank = int(np.floor(round((1 - COVERAGE) * (len(labels) + 1), 9)))
    threshold = float(np.sort(calibrated[rows, labels])[rank - 1]) if rank else 0.0
    return Calibration(temperature=temperature, threshold=threshold)


@dataclass(eq=False, repr=False)
class SpeakerCalibratedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's ``CalibratedClassifierCV`` with inner folds of held-out speakers.

    A classifier that is calibrated on random inner folds is calibrated on seen speakers, and overconfident
    on unseen ones. ``CalibratedClassifierCV`` takes no groups if it keeps a single classifier
    (``ensemble=False``), so this class makes the inner folds.

    Parameters
    ----------
    estimator
        A classifier with ``decision_function`` or ``predict_proba``.
    folds
        Number of inner folds, or the number of speakers if that is lower.
    """

    estimator: Any
    folds: int = 5

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike) -> SpeakerCalibratedClassifier:
        """Fit the classifier on all clips, and its calibration on out-of-fold decisions.

        Parameters
        ----------
        X, y
            Features and classes of the clips.
        groups
            The speaker of each clip.

        Raises
        ------
        CorpusError
            There is only one speaker, or a fold has no training clip of a class.
        """
        splits = self._split(np.asarray(y), groups)
        self.calibrated_ = CalibratedClassifierCV(self.estimator, cv=splits, ensemble=False).fit(X, y)
        self.classes_ = self.calibrated_.classes_
        self.classifier_ = self.calibrated_.calibrated_classifiers_[0].estimator
        return self

    def _split(self, labels: NDArray[Any], groups: ArrayLike) -> Splits:
        folds = min(self.folds, len(np.unique(groups)))
        if folds < 2:
            raise CorpusError("calibration needs clips of at least two speakers, but there is only one")
        splits = list(GroupKFold(folds).split(labels, labels, groups))
        if any(len(np.unique(labels[train])) < len(np.unique(labels)) for train, _ in splits):
            raise CorpusError(
                "an emotion has clips of too few speakers to calibrate on held-out ones: leave the emotion "
                "out, or use a recipe that is not calibrated by speaker"
            )
        return splits

    @property
    def sigmoids(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Slopes and offsets of the sigmoids, one for each class, or a single one for two classes.

        Source: Platt (1999), Advances in Large Margin Classifiers.
        """
        fitted = self.calibrated_.calibrated_classifiers_[0].calibrators
        return -np.array([one.a_ for one in fitted]), -np.array([one.b_ for one in fitted])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Return a graph of the decision function and the sigmoids.

        skl2onnx 1.20 converts an SVM of two classes inside ``CalibratedClassifierCV`` wrongly.
        """
        from affekt.estimators.onnx_graphs import GraphBuilder

        graph = GraphBuilder(shape)
        slopes, offsets = (graph.constant(one.astype(np.float32)) for one in self.sigmoids)
        decision = graph.include(convert(self.classifier_, shape, decision_function=True), "features")
        if len(self.classes_) == 2:  # two classes share one decision; the first column is its negative
            decision = graph.add("Gather", decision, graph.constant([1]), axis=1)
        scaled = graph.add("Add", graph.add("Mul", decision, slopes), offsets)
        # onnxruntime's Sigmoid has a relative error of some permille for the smallest probabilities
        one = graph.constant(np.ones(1, np.float32))
        sigmoid = graph.add("Reciprocal", graph.add("Add", one, graph.add("Exp", graph.add("Neg", scaled))))
        if len(self.classes_) == 2:
            return graph.finish(graph.add("Concat", graph.add("Sub", one, sigmoid), sigmoid, axis=1))
        total = graph.add("ReduceSum", sigmoid, graph.constant([1]), keepdims=1)
        return graph.finish(graph.add("Div", sigmoid, total))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated probabilities of shape (clips, classes)."""
        return np.asarray(self.calibrated_.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each clip."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
