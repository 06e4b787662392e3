"""Calibration on held-out speakers: by Platt's sigmoids while fitting, by a temperature afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GroupKFold

from affekt.errors import CorpusError
from affekt.estimators.search import Splits
from affekt.model.calibration import COVERAGE, MAX_SLOPE, TEMPERATURES, Calibration


def fit_calibration(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    distances: NDArray[np.float64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Calibration:
    """Fit the temperature and the prediction-set threshold of a model.

    Parameters
    ----------
    probabilities, labels
        Out-of-fold probabilities (clips, emotions), and the position of each clip's true emotion.
    distances
        The out-of-distribution distance of each clip: the temperature grows with it. None for one
        temperature for all clips.
    weights
        How much each clip counts; None for all the same.

    Returns
    -------
    Calibration
        The temperature and its slope that minimise the log loss, and the threshold of split conformal
        prediction.

    Notes
    -----
    The threshold is the weighted quantile of weighted conformal prediction (Tibshirani et al. 2019,
    NeurIPS), where one more clip has the mean weight.
    """
    log_probabilities = np.log(np.maximum(probabilities, np.finfo(float).tiny))
    rows = np.arange(len(labels))
    weights = np.ones(len(labels)) if weights is None else weights

    def log_loss(temperatures: NDArray[np.float64]) -> float:
        scores = log_probabilities / temperatures[..., None]
        return float(np.average(logsumexp(scores, axis=1) - scores[rows, labels], weights=weights))

    found = minimize_scalar(
        lambda log_t: log_loss(np.exp(log_t)), bounds=np.log(TEMPERATURES), method="bounded"
    )
    calibration = Calibration(temperature=float(np.exp(found.x)), threshold=0.0)
    if distances is None:
        distances = np.zeros(len(labels))
    else:
        calibration = _fit_slope(calibration, log_loss, distances, weights)
    calibrated = calibration.calibrate(probabilities, distances)[rows, labels]
    order = np.argsort(calibrated, kind="stable")
    missed = round((1 - COVERAGE) * float(weights.sum() + weights.mean()), 9)
    # the finite-sample rank of split conformal prediction, counted from the least probable true emotion
    rank = int(np.searchsorted(np.cumsum(weights[order]), missed, side="right"))
    threshold = float(calibrated[order][rank - 1]) if rank else 0.0
    return replace(calibration, threshold=threshold)


def _fit_slope(
    start: Calibration,
    log_loss: Callable[[NDArray[np.float64]], float],
    distances: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Calibration:
    """Let the temperature depend on the distance; it is as it was where all distances are the same."""
    low, middle, high = (weighted_quantile(distances, share, weights) for share in (0.1, 0.5, 0.9))
    if high == low:
        return start

    def calibration(parameters: NDArray[np.float64]) -> Calibration:
        # the exponential of a bound may lie beyond it
        temperature, slope = np.exp(parameters[0]), parameters[1] / (high - low)
        return replace(
            start,
            temperature=float(np.clip(temperature, *TEMPERATURES)),
            distance_slope=float(np.clip(slope, 0, MAX_SLOPE)),
            reference_distance=middle,
        )

    # from 0 alone, one very distant clip can hold the slope there
    fits = [
        minimize(
            lambda parameters: log_loss(calibration(parameters).temperatures(distances)),
            x0=[np.log(start.temperature), slope],
            bounds=[tuple(np.log(TEMPERATURES)), (0.0, MAX_SLOPE * (high - low))],
            method="L-BFGS-B",
        )
        for slope in (0.0, min(1.0, MAX_SLOPE * (high - low)))
    ]
    return calibration(min(fits, key=lambda fit: fit.fun).x)


def weighted_quantile(values: NDArray[np.float64], share: float, weights: NDArray[np.float64]) -> float:
    """Return the value below which ``share`` of the weight lies, interpolated linearly.

    With equal weights it is the quantile of ``np.quantile``, whose own weights know no interpolation.
    """
    order = np.argsort(values, kind="stable")
    middles = np.cumsum(weights[order]) - weights[order] / 2
    places = middles[0] + share * (middles[-1] - middles[0])
    return float(np.interp(places, middles, values[order]))


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
