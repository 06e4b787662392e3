"""A search finds what scikit-learn's finds, and compares on groups that were not learnt from."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from affekt.errors import CorpusError
from affekt.onnx_export import export
from affekt.search import Searched, inner_folds, out_of_fold

CANDIDATES = {"max_depth": [1, 2, 3, 5], "min_samples_leaf": [1, 4, 8]}
Clips = tuple[np.ndarray, np.ndarray, np.ndarray]


def make_clips(speakers: int = 8, each: int = 12, seed: int = 0) -> Clips:
    """Three emotions in six noisy columns."""
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1, 2], speakers * each // 3)
    X = rng.standard_normal((len(y), 6)) + 0.8 * np.eye(6)[y]
    return X.astype(np.float32), y, np.repeat(np.arange(speakers), each)


def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(random_state=0)


@pytest.mark.parametrize("scoring", ["accuracy", "f1_macro"])
def test_of_all_candidates_it_picks_the_one_that_scikit_learns_grid_search_picks(scoring: str) -> None:
    X, y, groups = make_clips()
    plain = GridSearchCV(tree(), CANDIDATES, scoring=scoring, cv=inner_folds(y, groups, 4, 3)).fit(X, y)
    ours = Searched(tree(), CANDIDATES, folds=4, scoring=scoring, seed=3).fit(X, y, groups=groups)
    assert ours.best_params_ == plain.best_params_
    np.testing.assert_array_equal(ours.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), plain.predict(X))


def test_of_drawn_candidates_it_picks_the_one_that_scikit_learns_random_search_picks() -> None:
    X, y, groups = make_clips()
    plain = RandomizedSearchCV(
        tree(), CANDIDATES, n_iter=4, random_state=1, scoring="accuracy", cv=inner_folds(y, groups, 3, 1)
    )
    ours = Searched(tree(), CANDIDATES, draws=4, folds=3, seed=1).fit(X, y, groups=groups)
    assert ours.best_params_ == plain.fit(X, y).best_params_


def test_more_draws_than_there_are_candidates_try_each_once() -> None:
    X, y, groups = make_clips()
    everything = Searched(tree(), CANDIDATES, folds=3).fit(X, y, groups=groups)
    drawn = Searched(tree(), CANDIDATES, draws=1000, folds=3).fit(X, y, groups=groups)
    assert set(drawn.best_params_) == set(everything.best_params_)


class Listing(ClassifierMixin, BaseEstimator):
    """Notes which groups (the first column) it learns from, and which it is asked about."""

    def __init__(self, setting: int = 0) -> None:
        self.setting = setting

    def fit(self, X: np.ndarray, y: np.ndarray) -> Listing:
        self.classes_, self.heard_ = np.unique(y), set(X[:, 0])
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        SEEN.append((self.heard_, set(X[:, 0])))
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


SEEN: list[tuple[set[float], set[float]]] = []


def test_candidates_are_compared_on_groups_that_they_did_not_learn_from() -> None:
    _, y, groups = make_clips()
    SEEN.clear()
    Searched(Listing(), {"setting": [0, 1]}, folds=4).fit(groups[:, None], y, groups=groups)
    assert len(SEEN) == 8
    assert all(heard | asked == set(groups) and not heard & asked for heard, asked in SEEN)


@pytest.mark.parametrize("speakers", [2, 3, 8])
def test_inner_folds_keep_groups_apart_and_test_each_clip_once(speakers: int) -> None:
    _, y, groups = make_clips(speakers)
    splits = inner_folds(y, groups, 5)
    assert len(splits) == min(5, speakers)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(y)))
    for train, test in splits:
        assert len(test)
        assert not set(groups[train]) & set(groups[test])


def test_one_group_alone_is_refused() -> None:
    X, y, _ = make_clips()
    with pytest.raises(CorpusError, match="two speakers"):
        Searched(tree(), CANDIDATES).fit(X, y, groups=np.zeros(len(y)))


def test_an_emotion_of_one_speaker_alone_is_refused() -> None:
    X, y, groups = make_clips()
    with pytest.raises(CorpusError, match="too few speakers"):
        Searched(tree(), CANDIDATES).fit(X, np.where(groups == 0, 3, y), groups=groups)


def test_emotions_of_fewer_clips_than_folds_still_make_folds() -> None:
    y = np.tile([0, 1], 4)
    splits = inner_folds(y, np.arange(8), 5)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(y)))


def test_answers_out_of_fold_are_those_of_scikit_learn() -> None:
    X, y, groups = make_clips()
    splits = inner_folds(y, groups, 4)
    forest = RandomForestClassifier(5, random_state=0)
    expected = cross_val_predict(forest, X, y, cv=splits, method="predict_proba")
    np.testing.assert_array_equal(out_of_fold(forest, X, y, groups, splits), expected)


def test_whoever_asks_for_groups_out_of_fold_is_given_those_of_the_training_side() -> None:
    X, y, groups = make_clips()
    given: list[set[int]] = []

    class Asking(GaussianNB):
        def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Asking:
            given.append(set(groups))
            return super().fit(X, y)

    splits = inner_folds(y, groups, 4)
    out_of_fold(Asking(), X, y, groups, splits)
    assert given == [set(groups[train]) for train, _ in splits]


@pytest.mark.parametrize("draws", [None, 3])
def test_the_same_seed_gives_the_same_model(draws: int | None) -> None:
    X, y, groups = make_clips()
    one, other = (
        Searched(tree(), CANDIDATES, draws=draws, folds=3, seed=5).fit(X, y, groups=groups)
        for _ in range(2)
    )
    assert one.best_params_ == other.best_params_
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_another_seed_draws_other_folds() -> None:
    _, y, groups = make_clips()
    one, other = (inner_folds(y, groups, 4, seed)[0][1] for seed in (0, 1))
    assert set(one) != set(other)


def test_what_is_tuned_is_left_as_it_was_and_a_clone_has_learnt_nothing() -> None:
    X, y, groups = make_clips()
    model = tree()
    fitted = Searched(model, CANDIDATES, folds=2).fit(X, y, groups=groups)
    assert not hasattr(model, "classes_")
    assert not hasattr(clone(fitted), "best_estimator_")


def test_its_graph_is_that_of_the_best_candidate() -> None:
    X, y, groups = make_clips()
    fitted = Searched(LogisticRegression(), {"C": [0.01, 1]}, folds=2).fit(X, y, groups=groups)
    _, parity = export(fitted, X, 3, X.shape[1:])
    assert parity <= 1e-5
