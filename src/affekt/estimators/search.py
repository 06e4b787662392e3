"""Parameter search by inner cross-validation that keeps groups of clips together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV, StratifiedGroupKFold
from sklearn.utils.validation import has_fit_parameter

from affekt.errors import CorpusError
from affekt.support.progress import inner_bar

Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""(training positions, test positions) of each fold."""


@dataclass(eq=False, repr=False)
class GroupedSearchCV(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's grid or random search with inner folds that keep groups together.

    The best candidate is fitted again on all clips.

    Parameters
    ----------
    estimator
        The classifier to tune.
    candidates
        Values to try, by parameter.
    draws
        Number of combinations to try, drawn at random; None to try all of them.
    folds
        Number of inner folds.
    scoring
        The score that the best candidate maximises, as in scikit-learn.
    seed
        Seed of the folds and of the draws.
    """

    estimator: Any
    candidates: Mapping[str, Any]
    _: KW_ONLY
    draws: int | None = None
    folds: int = 5
    scoring: str | Callable[..., float] = "accuracy"
    seed: int = 0

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike) -> GroupedSearchCV:
        """Find the best candidate and fit it; ``CorpusError`` where ``inner_folds`` raises it."""
        splits = inner_folds(y, groups, self.folds, self.seed)
        combinations = len(ParameterGrid(self.candidates))
        tried = combinations if self.draws is None else min(self.draws, combinations)
        with inner_bar("searching", tried * len(splits)) as advance:

            def score(*args: Any) -> float:
                scored: float = get_scorer(self.scoring)(*args)
                advance()
                return scored

            settings = {"scoring": score, "cv": splits, "error_score": "raise"}
            if self.draws is None:
                search = GridSearchCV(self.estimator, self.candidates, **settings)
            else:
                search = RandomizedSearchCV(
                    self.estimator, self.candidates, n_iter=tried, random_state=self.seed, **settings
                )
            search.fit(X, y)
        self.best_estimator_ = search.best_estimator_
        self.best_params_ = search.best_params_
        self.classes_ = search.classes_
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the best candidate, shape (clips, classes)."""
        return np.asarray(self.best_estimator_.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each clip."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Feature importances of the best candidate; ``AttributeError`` if it has none."""
        last = getattr(self.best_estimator_, "_final_estimator", self.best_estimator_)
        return np.asarray(last.feature_importances_)

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Return the best candidate as a graph."""
        return convert(self.best_estimator_, shape)


def inner_folds(
    y: ArrayLike, groups: ArrayLike, folds: int, seed: int = 0, needed: int | None = None
) -> Splits:
    """Return stratified folds that keep the clips of each group together.

    Parameters
    ----------
    y, groups
        The class and the group of each clip.
    folds
        Number of folds; lower if there are fewer groups, or fewer clips of the most frequent class.
    seed
        Seed of the folds.
    needed
        Number of folds that must have training clips of every class; None for all. They come first.

    Raises
    ------
    CorpusError
        There is only one group, or fewer than ``needed`` folds have training clips of every class.
    """
    labels = np.asarray(y)
    folds = min(folds, len(np.unique(groups)), np.unique(labels, return_counts=True)[1].max())
    if folds < 2:
        raise CorpusError("inner folds need clips of at least two speakers, and two clips of an emotion")
    with warnings.catch_warnings():  # an emotion may have fewer clips than there are folds
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
        found = list(splits)
    emotions = len(np.unique(labels))
    complete = [len(np.unique(labels[train])) == emotions for train, _ in found]
    if sum(complete) < (len(found) if needed is None else needed):
        raise CorpusError(
            "an emotion has clips of too few speakers to hold some of them out: leave the emotion out"
        )
    return sorted(found, key=lambda fold: len(np.unique(labels[fold[0]])) < emotions)


def out_of_fold(
    estimator: Any, X: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], splits: Splits
) -> NDArray[np.float64]:
    """Return probabilities for each clip by a clone of the estimator that was not fitted on it.

    Parameters
    ----------
    estimator
        Fitted once for each fold; it is given ``groups`` if its ``fit`` takes them.
    X, y, groups
        Features, classes and groups of the clips.
    splits
        The folds; each clip is tested once.

    Returns
    -------
    float64 array of shape (clips, classes)
    """
    probabilities = np.zeros((len(y), len(np.unique(y))))
    for train, test in splits:
        extra = {"groups": groups[train]} if has_fit_parameter(estimator, "groups") else {}
        probabilities[test] = clone(estimator).fit(X[train], y[train], **extra).predict_proba(X[test])
    return probabilities
