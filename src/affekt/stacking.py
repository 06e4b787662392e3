"""A stack of models: what several say about clips they were not fitted on is what the next learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.utils.validation import has_fit_parameter

from affekt.progress import inner_bar
from affekt.search import Searched, inner_folds, out_of_fold

THRESHOLDS = np.linspace(0.6, 1.6, 21)  # relative to the other emotions'
THRESHOLD_ROUNDS = 3


def weighted_f2(truth: ArrayLike, answers: ArrayLike) -> float:
    """F2 of each class, counted as often as the class occurs: recall matters more than precision."""
    return float(fbeta_score(truth, answers, beta=2, average="weighted", zero_division=0))


class StackedEnsemble(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Select columns, tune base models, let meta models learn from their answers, vote, set thresholds.

    Whatever learns from answers learns from out-of-fold ones: the meta models from those of the base
    models, the thresholds from those of the meta models. Columns and settings are chosen once, on all clips
    given to ``fit``, so these answers are a little rosier than those for clips that are really new.

    Parameters
    ----------
    selector
        A model with ``feature_importances_``; its best ``columns`` are all that the base models see.
    bases
        (model, candidates) pairs, each tuned by ``draws`` at random on weighted F2.
    metas, weights
        Models that learn from what the base models say, and their shares in the vote.
    columns, draws, search_folds, folds, seed
        How many columns and draws; inner folds of the search, and of everything out-of-fold.
    """

    splits_at_thresholds = True

    def __init__(
        self,
        selector: Any,
        bases: Sequence[tuple[Any, Mapping[str, Any]]],
        metas: Sequence[Any],
        weights: Sequence[float],
        *,
        columns: int,
        draws: int = 5,
        search_folds: int = 3,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.selector = selector
        self.bases = bases
        self.metas = metas
        self.weights = weights
        self.columns = columns
        self.draws = draws
        self.search_folds = search_folds
        self.folds = folds
        self.seed = seed

    def fit(self, X: NDArray[Any], y: ArrayLike, groups: ArrayLike) -> StackedEnsemble:
        """Fit all floors of the stack; ``groups`` are what inner folds keep apart."""
        apart = np.asarray(groups)
        self.classes_, target = np.unique(y, return_inverse=True)
        splits = inner_folds(target, apart, self.folds, self.seed)
        self.feature_importances_ = clone(self.selector).fit(X, target).feature_importances_
        self.columns_ = np.sort(np.argsort(-self.feature_importances_, kind="stable")[: self.columns])
        X = X[:, self.columns_]
        answers = []
        self.bases_ = []
        with inner_bar("stacking", 2 * len(self.bases) + 2 * len(self.metas)) as advance:
            for model, candidates in self.bases:
                advance(f"tuning {_name(model)}", steps=0)
                search = Searched(
                    model, candidates, draws=self.draws, folds=self.search_folds,
                    scoring=make_scorer(weighted_f2), seed=self.seed,
                )  # fmt: skip
                self.bases_.append(search.fit(X, target, groups=apart).best_estimator_)
                advance(f"asking {_name(model)}")
                answers.append(out_of_fold(self.bases_[-1], X, target, apart, splits))
                advance()
            said = _say(answers)
            voted = np.zeros_like(answers[0])
            self.metas_ = []
            for meta, weight in zip(self.metas, self.weights, strict=True):
                advance(f"asking {_name(meta)}")
                voted += weight * out_of_fold(meta, said, target, apart, splits)
                advance(f"fitting {_name(meta)}")
                extra = {"groups": apart} if has_fit_parameter(meta, "groups") else {}
                self.metas_.append(clone(meta).fit(said, target, **extra))
        self.thresholds_ = tune_thresholds(voted, target)
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """What the vote makes likely, relative to the thresholds: shape (clips, classes)."""
        chosen = X[:, self.columns_]
        said = _say([base.predict_proba(chosen) for base in self.bases_])
        answers = [meta.predict_proba(said) for meta in self.metas_]
        voted = sum(w * one for w, one in zip(self.weights, answers, strict=True)) / self.thresholds_
        return np.asarray(voted / voted.sum(axis=1, keepdims=True))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The class that is furthest above its threshold."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """The whole stack as one graph."""
        from affekt.onnx_graphs import GraphBuilder

        graph = GraphBuilder(shape)
        chosen = graph.add("Gather", "features", graph.constant(self.columns_), axis=1)
        said = []
        for base in self.bases_:
            answers = graph.include(convert(base, (len(self.columns_),)), chosen)
            highest = graph.add("ReduceMax", answers, graph.constant([1]), keepdims=1)
            mean = graph.add("ReduceMean", answers, graph.constant([1]), keepdims=1)
            away = graph.add("Sub", answers, mean)
            variance = graph.add(
                "ReduceMean", graph.add("Mul", away, away), graph.constant([1]), keepdims=1
            )
            said += [answers, highest, graph.add("Sqrt", variance)]
        together = graph.add("Concat", *said, axis=1)
        width = len(self.bases_) * (len(self.classes_) + 2)
        votes = [
            graph.add(
                "Mul", graph.include(convert(meta, (width,)), together), graph.constant(np.float32(weight))
            )
            for meta, weight in zip(self.metas_, self.weights, strict=True)
        ]
        over = graph.add(
            "Div", graph.add("Sum", *votes), graph.constant(self.thresholds_.astype(np.float32))
        )
        total = graph.add("ReduceSum", over, graph.constant([1]), keepdims=1)
        return graph.finish(graph.add("Div", over, total))


def _say(answers: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """What meta models learn from: of each model all probabilities, their maximum and their deviation."""
    parts = [
        part
        for one in answers
        for part in (one, one.max(axis=1, keepdims=True), one.std(axis=1, keepdims=True))
    ]
    return np.hstack(parts).astype(np.float32)


def tune_thresholds(probabilities: NDArray[np.float64], target: NDArray[Any]) -> NDArray[np.float64]:
    """One number for each class, such that the class furthest above its own gives the best weighted F2.

    The classes are taken in turn, each set to what serves best while the others stay.
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
