"""scikit-learn's searches, with inner folds that keep apart what must be, and a bar that moves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV, StratifiedGroupKFold
from sklearn.utils.validation import has_fit_parameter

from affekt.errors import CorpusError
from affekt.progress import inner_bar

Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


class Searched(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The candidate that does best in inner folds, fitted on all clips.

    Parameters
    ----------
    estimator
        What is tuned.
    candidates
        Values by parameter: all combinations are tried, or ``draws`` of them at random.
    draws
        None for all.
    folds
        Number of inner folds.
    scoring
        By which the best is chosen, as scikit-learn has it.
    seed
        Of folds and draws.
    """

    def __init__(
        self,
        estimator: Any,
        candidates: Mapping[str, Any],
        *,
        draws: int | None = None,
        folds: int = 5,
        scoring: str | Callable[..., float] = "accuracy",
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.candidates = candidates
        self.draws = draws
        self.folds = folds
        self.scoring = scoring
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike) -> Searched:
        """Search and fit; ``groups`` are what inner folds keep apart."""
        splits = inner_folds(y, groups, self.folds, self.seed)
        combinations = len(ParameterGrid(self.candidates))
        tries = combinations if self.draws is None else min(self.draws, combinations)
        with inner_bar("searching", tries * len(splits)) as advance:

            def score(*args: Any) -> float:
                scored: float = get_scorer(self.scoring)(*args)
                advance()
                return scored

            settings = {"scoring": score, "cv": splits, "error_score": "raise"}
            if self.draws is None:
                search = GridSearchCV(self.estimator, self.candidates, **settings)
            else:
                search = RandomizedSearchCV(
                    self.estimator, self.candidates, n_iter=tries, random_state=self.seed, **settings
                )
            search.fit(X, y)
        self.best_estimator_ = search.best_estimator_
        self.best_params_ = search.best_params_
        self.classes_ = search.classes_
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The best candidate's probabilities, of shape (clips, classes)."""
        return np.asarray(self.best_estimator_.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each clip."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """The best candidate's importance of each column; ``AttributeError`` where it has none."""
        last = getattr(self.best_estimator_, "_final_estimator", self.best_estimator_)
        return np.asarray(last.feature_importances_)

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """The best candidate as a graph."""
        return convert(self.best_estimator_, shape)


def inner_folds(
    y: ArrayLike, groups: ArrayLike, folds: int, seed: int = 0, needed: int | None = None
) -> Splits:
    """Stratified folds that keep each group on one side; fewer where there are fewer groups or clips.

    Those that leave every emotion something to learn from come first; so many are ``needed``, or all.

    Raises
    ------
    CorpusError
        There is one group alone, or too many folds hold all clips of an emotion.
    """
    labels = np.asarray(y)
    folds = min(folds, len(np.unique(groups)), np.unique(labels, return_counts=True)[1].max())
    if folds < 2:
        raise CorpusError("inner folds need two speakers: one to learn from, one to compare on")
    with warnings.catch_warnings():  # an emotion of fewer clips than folds is no reason to complain
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
        found = list(splits)
    emotions = len(np.unique(labels))
    whole = [len(np.unique(labels[train])) == emotions for train, _ in found]
    if sum(whole) < (len(found) if needed is None else needed):
        raise CorpusError("an emotion comes from too few speakers to hold some of them out: leave it out")
    return sorted(found, key=lambda fold: len(np.unique(labels[fold[0]])) < emotions)


def out_of_fold(
    estimator: Any, X: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], splits: Splits
) -> NDArray[np.float64]:
    """Probabilities of each clip by a copy of the estimator that was not fitted on it."""
    answers = np.zeros((len(y), len(np.unique(y))))
    for train, test in splits:
        extra = {"groups": groups[train]} if has_fit_parameter(estimator, "groups") else {}
        answers[test] = clone(estimator).fit(X[train], y[train], **extra).predict_proba(X[test])
    return answers
