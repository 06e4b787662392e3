"""A stacked ensemble: meta models are fitted on out-of-fold probabilities of base models (Wolpert 1992)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.utils.validation import has_fit_parameter

from affekt.estimators.search import GroupedSearchCV, Splits, inner_folds, out_of_fold
from affekt.support.progress import Advance, inner_bar

THRESHOLDS = np.linspace(0.6, 1.6, 21)  # relative to those of the other classes
THRESHOLD_ROUNDS = 3


def weighted_f2(true: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean F2 over classes, weighted by their frequency; F2 favours recall over precision."""
    return float(fbeta_score(true, predicted, beta=2, average="weighted", zero_division=0))


@dataclass(eq=False, repr=False)
class StackedEnsemble(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Feature selection, tuned base models, meta models that vote, and a threshold for each class.

    Parameters
    ----------
    selector
        A model with ``feature_importances_``, by which columns are selected.
    bases
        (model, candidates) of each base model, which is tuned by random search for weighted F2.
    metas
        Models that are fitted on the probabilities of the base models.
    weights
        The weight of each meta model in the vote.
    columns
        Number of columns to select.
    draws
        Number of combinations that the random search tries for each base model.
    search_folds
        Number of inner folds of the search.
    folds
        Number of inner folds for out-of-fold probabilities.
    seed
        Seed of the folds and of the search.

    Notes
    -----
    Meta models are fitted on out-of-fold probabilities of the base models, and thresholds on out-of-fold
    votes of the meta models. Columns and parameters are selected once, on all clips given to ``fit``, so
    out-of-fold probabilities are slightly better than those of new clips.
    """

    splits_at_thresholds: ClassVar[bool] = True

    selector: Any
    bases: Sequence[tuple[Any, Mapping[str, Any]]]
    metas: Sequence[Any]
    weights: Sequence[float]
    _: KW_ONLY
    columns: int
    draws: int = 5
    search_folds: int = 3
    folds: int = 5
    seed: int = 0

    def fit(self, X: NDArray[Any], y: ArrayLike, groups: ArrayLike) -> StackedEnsemble:
        """Fit all stages; inner folds keep ``groups`` together. ``CorpusError`` as for ``inner_folds``."""
        groups = np.asarray(groups)
        self.classes_, target = np.unique(y, return_inverse=True)
        splits = inner_folds(target, groups, self.folds, self.seed)
        self.feature_importances_ = clone(self.selector).fit(X, target).feature_importances_
        self.columns_ = np.sort(np.argsort(-self.feature_importances_, kind="stable")[: self.columns])
        with inner_bar("stacking", 2 * len(self.bases) + 2 * len(self.metas)) as advance:
            inputs = self._fit_bases(X[:, self.columns_], target, groups, splits, advance)
            votes = self._fit_metas(inputs, target, groups, splits, advance)
        self.thresholds_ = tune_thresholds(votes, target)
        return self

    def _fit_bases(
        self, X: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], splits: Splits, advance: Advance
    ) -> NDArray[np.float32]:
        """Tune and fit the base models, and return the out-of-fold inputs of the meta models."""
        self.bases_ = []
        probabilities = []
        for model, candidates in self.bases:
            advance(f"tuning {_name(model)}", steps=0)
            search = GroupedSearchCV(
                model, candidates, draws=self.draws, folds=self.search_folds,
                scoring=make_scorer(weighted_f2), seed=self.seed,
            )  # fmt: skip
            self.bases_.append(search.fit(X, y, groups=groups).best_estimator_)
            advance(f"cross-validating {_name(model)}")
            probabilities.append(out_of_fold(self.bases_[-1], X, y, groups, splits))
            advance()
        return _meta_inputs(probabilities)

    def _fit_metas(
        self, X: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], splits: Splits, advance: Advance
    ) -> NDArray[np.float64]:
        """Fit the meta models, and return their out-of-fold votes."""
        self.metas_ = []
        votes = np.zeros((len(y), len(self.classes_)))
        for meta, weight in zip(self.metas, self.weights, strict=True):
            advance(f"cross-validating {_name(meta)}")
            votes += weight * out_of_fold(meta, X, y, groups, splits)
            advance(f"fitting {_name(meta)}")
            extra = {"groups": groups} if has_fit_parameter(meta, "groups") else {}
            self.metas_.append(clone(meta).fit(X, y, **extra))
        return votes

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return votes divided by thresholds and by their sum, shape (clips, classes)."""
        selected = X[:, self.columns_]
        inputs = _meta_inputs([base.predict_proba(selected) for base in self.bases_])
        probabilities = [meta.predict_proba(inputs) for meta in self.metas_]
        votes = sum(weight * one for weight, one in zip(self.weights, probabilities, strict=True))
        relative = votes / self.thresholds_
        return np.asarray(relative / relative.sum(axis=1, keepdims=True))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the class of each clip whose vote is highest relative to its threshold."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Return the whole ensemble as one graph."""
        from affekt.estimators.onnx_graphs import GraphBuilder

        graph = GraphBuilder(shape)
        selected = graph.add("Gather", "features", graph.constant(self.columns_), axis=1)
        inputs = []
        for base in self.bases_:
            probabilities = graph.include(convert(base, (len(self.columns_),)), selected)
            highest = graph.add("ReduceMax", probabilities, graph.constant([1]), keepdims=1)
            mean = graph.add("ReduceMean", probabilities, graph.constant([1]), keepdims=1)
            away = graph.add("Sub", probabilities, mean)
            square = graph.add("Mul", away, away)
            variance = graph.add("ReduceMean", square, graph.constant([1]), keepdims=1)
            inputs += [probabilities, highest, graph.add("Sqrt", variance)]
        together = graph.add("Concat", *inputs, axis=1)
        width = len(self.bases_) * (len(self.classes_) + 2)
        votes = [
            graph.add(
                "Mul", graph.include(convert(meta, (width,)), together), graph.constant(np.float32(weight))
            )
            for meta, weight in zip(self.metas_, self.weights, strict=True)
        ]
        thresholds = graph.constant(self.thresholds_.astype(np.float32))
        relative = graph.add("Div", graph.add("Sum", *votes), thresholds)
        total = graph.add("ReduceSum", relative, graph.constant([1]), keepdims=1)
        return graph.finish(graph.add("Div", relative, total))


def _meta_inputs(probabilities: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """Return each base model's probabilities, their maximum and their standard deviation, side by side."""
    parts = [
        part
        for one in probabilities
        for part in (one, one.max(axis=1, keepdims=True), one.std(axis=1, keepdims=True))
    ]
    return np.hstack(parts).astype(np.float32)


def tune_thresholds(probabilities: NDArray[np.float64], target: NDArray[Any]) -> NDArray[np.float64]:
    """Return a threshold for each class so that ``argmax(probabilities / thresholds)`` has the best F2.

    ``probabilities`` are out-of-fold, (clips, classes), and ``target`` are positions of classes. Thresholds
    are found by coordinate ascent on weighted F2, one class at a time, and are 1 where nothing is better.
    """
    thresholds = np.ones(probabilities.shape[1])
    best = weighted_f2(target, probabilities.argmax(axis=1))
    for _ in range(THRESHOLD_ROUNDS):
        before = best
        for i in range(len(thresholds)):
            for threshold in THRESHOLDS:
                tried = thresholds.copy()
                tried[i] = threshold
                score = weighted_f2(target, (probabilities / tried).argmax(axis=1))
                if score > best:
                    best, thresholds = score, tried
        if best == before:
            break
    return thresholds


def _name(model: Any) -> str:
    last = model.steps[-1][1] if hasattr(model, "steps") else getattr(model, "estimator", model)
    return type(last).__name__
