"""A search finds what scikit-learn's finds, and compares candidates on held-out groups."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from affekt.errors import CorpusError
from affekt.estimators.onnx_export import export
from affekt.estimators.search import GroupedSearchCV, inner_folds, out_of_fold

CANDIDATES = {"max_depth": [1, 2, 3, 5], "min_samples_leaf": [1, 4, 8]}
Array = NDArray[Any]
Clips = tuple[Array, Array, Array]


def make_clips(speakers: int = 8, each: int = 12, seed: int = 0) -> Clips:
    """Three emotions in six noisy columns."""
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1, 2], speakers * each // 3)
    X = rng.standard_normal((len(y), 6)) + 0.8 * np.eye(6)[y]
    return X.astype(np.float32), y, np.repeat(np.arange(speakers), each)


def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(random_state=0)


@pytest.mark.parametrize("scoring", ["accuracy", "f1_macro"])
def test_a_search_of_all_candidates_finds_what_scikit_learns_grid_search_finds(scoring: str) -> None:
    X, y, groups = make_clips()
    plain = GridSearchCV(tree(), CANDIDATES, scoring=scoring, cv=inner_folds(y, groups, 4, 3)).fit(X, y)
    ours = GroupedSearchCV(tree(), CANDIDATES, folds=4, scoring=scoring, seed=3).fit(X, y, groups=groups)
    assert ours.best_params_ == plain.best_params_
    np.testing.assert_array_equal(ours.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), plain.predict(X))


def test_a_search_of_drawn_candidates_finds_what_scikit_learns_random_search_finds() -> None:
    X, y, groups = make_clips()
    plain = RandomizedSearchCV(
        tree(), CANDIDATES, n_iter=4, random_state=1, scoring="accuracy", cv=inner_folds(y, groups, 3, 1)
    )
    ours = GroupedSearchCV(tree(), CANDIDATES, draws=4, folds=3, seed=1).fit(X, y, groups=groups)
    assert ours.best_params_ == plain.fit(X, y).best_params_


def test_more_draws_than_combinations_try_each_combination() -> None:
    X, y, groups = make_clips()
    everything = GroupedSearchCV(tree(), CANDIDATES, folds=3).fit(X, y, groups=groups)
    drawn = GroupedSearchCV(tree(), CANDIDATES, draws=1000, folds=3).fit(X, y, groups=groups)
    assert set(drawn.best_params_) == set(everything.best_params_)


class Recorder(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Records which groups (the first column) it is fitted on, and for which it predicts."""

    calls: ClassVar[list[tuple[set[float], set[float]]]] = []

    def __init__(self, setting: int = 0) -> None:
        self.setting = setting

    def fit(self, X: Array, y: Array) -> Recorder:
        self.classes_, self.groups_ = np.unique(y), set(X[:, 0])
        return self

    def predict_proba(self, X: Array) -> Array:
        Recorder.calls.append((self.groups_, set(X[:, 0])))
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))

    def predict(self, X: Array) -> Array:
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def test_candidates_are_compared_on_held_out_groups() -> None:
    _, y, groups = make_clips()
    Recorder.calls.clear()
    GroupedSearchCV(Recorder(), {"setting": [0, 1]}, folds=4).fit(groups[:, None], y, groups=groups)
    assert len(Recorder.calls) == 8
    for trained, predicted in Recorder.calls:
        assert trained | predicted == set(groups)
        assert not trained & predicted


@pytest.mark.parametrize("speakers", [2, 3, 8])
def test_inner_folds_keep_groups_apart_and_test_each_clip_once(speakers: int) -> None:
    _, y, groups = make_clips(speakers)
    splits = inner_folds(y, groups, 5)
    assert len(splits) == min(5, speakers)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(y)))
    for train, test in splits:
        assert len(test)
        assert not set(groups[train]) & set(groups[test])


def test_a_single_group_is_refused() -> None:
    X, y, _ = make_clips()
    with pytest.raises(CorpusError, match="at least two speakers"):
        GroupedSearchCV(tree(), CANDIDATES).fit(X, y, groups=np.zeros(len(y)))


def test_an_emotion_of_a_single_speaker_is_refused() -> None:
    X, y, groups = make_clips()
    with pytest.raises(CorpusError, match="too few speakers to hold"):
        GroupedSearchCV(tree(), CANDIDATES).fit(X, np.where(groups == 0, 3, y), groups=groups)


def test_emotions_with_fewer_clips_than_folds_are_split_all_the_same() -> None:
    y = np.tile([0, 1], 4)
    splits = inner_folds(y, np.arange(8), 5)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(y)))


def test_out_of_fold_probabilities_are_those_of_scikit_learn() -> None:
    X, y, groups = make_clips()
    splits = inner_folds(y, groups, 4)
    forest = RandomForestClassifier(5, random_state=0)
    expected = cross_val_predict(forest, X, y, cv=splits, method="predict_proba")
    np.testing.assert_array_equal(out_of_fold(forest, X, y, groups, splits), expected)


def test_out_of_fold_gives_the_groups_of_the_training_side_to_estimators_that_take_them() -> None:
    X, y, groups = make_clips()
    given: list[set[int]] = []

    class Grouped(GaussianNB):  # type: ignore[misc]
        def fit(self, X: Array, y: Array, groups: Array) -> Grouped:
            given.append(set(groups))
            super().fit(X, y)
            return self

    splits = inner_folds(y, groups, 4)
    out_of_fold(Grouped(), X, y, groups, splits)
    assert given == [set(groups[train]) for train, _ in splits]


@pytest.mark.parametrize("draws", [None, 3])
def test_the_same_seed_gives_the_same_model(draws: int | None) -> None:
    X, y, groups = make_clips()
    one, other = (
        GroupedSearchCV(tree(), CANDIDATES, draws=draws, folds=3, seed=5).fit(X, y, groups=groups)
        for _ in range(2)
    )
    assert one.best_params_ == other.best_params_
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_another_seed_gives_other_folds() -> None:
    _, y, groups = make_clips()
    one, other = (inner_folds(y, groups, 4, seed)[0][1] for seed in (0, 1))
    assert set(one) != set(other)


def test_the_estimator_given_is_not_fitted_and_neither_is_a_clone() -> None:
    X, y, groups = make_clips()
    model = tree()
    fitted = GroupedSearchCV(model, CANDIDATES, folds=2).fit(X, y, groups=groups)
    assert not hasattr(model, "classes_")
    assert not hasattr(clone(fitted), "best_estimator_")


def test_the_graph_is_that_of_the_best_candidate() -> None:
    X, y, groups = make_clips()
    fitted = GroupedSearchCV(LogisticRegression(), {"C": [0.01, 1]}, folds=2).fit(X, y, groups=groups)
    _, parity = export(fitted, X, 3, X.shape[1:])
    assert parity <= 1e-5


def test_needed_folds_with_every_emotion_come_first() -> None:
    _, y, groups = make_clips()
    y = np.where(groups == 0, 3, y)  # the fold that holds out speaker 0 has no training clip of emotion 3
    splits = inner_folds(y, groups, 4, needed=1)
    complete = [len(np.unique(y[train])) == 4 for train, _ in splits]
    assert complete == [True, True, True, False]
