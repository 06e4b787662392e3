"""A trained estimator tells which features it uses and how it learnt, as far as it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from affekt.inspection import HISTORY, describe_training, permutation_importances
from affekt.search import Searched

COLUMNS, DECIDING = 5, 2


def make_clips(count: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise, in which one column decides between three classes, which are not numbered from 0."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([1, 4, 6], count)
    features = rng.standard_normal((count, COLUMNS))
    features[:, DECIDING] += 3 * labels
    return features, labels


class Told(ClassifierMixin, BaseEstimator):
    """An estimator that says of itself what it is given to say."""

    def __init__(self, **told: Any) -> None:
        vars(self).update(told)


# --- what an estimator says of itself ----------------------------------------------------------------


def test_importances_are_the_estimators_own_and_sum_to_1() -> None:
    forest = RandomForestClassifier(10, random_state=0).fit(*make_clips())
    told = describe_training(forest)
    assert list(told) == ["importances"]
    np.testing.assert_allclose(told["importances"], forest.feature_importances_)
    assert told["importances"].argmax() == DECIDING


def test_counts_of_splits_become_shares() -> None:
    told = describe_training(Told(feature_importances_=np.array([3, 0, 1])))
    assert told["importances"].tolist() == [0.75, 0, 0.25]


def test_of_an_estimator_that_uses_nothing_nothing_is_important() -> None:
    told = describe_training(Told(feature_importances_=np.zeros(3)))
    assert told["importances"].tolist() == [0, 0, 0]


def test_what_has_neither_importances_nor_epochs_tells_nothing() -> None:
    assert describe_training(GaussianNB().fit(*make_clips())) == {}


def search(estimator: Any, parameter: str, values: list[Any]) -> Searched:
    features, labels = make_clips(120)
    return Searched(estimator, {parameter: values}, folds=2).fit(features, labels, np.arange(120) % 6)


def test_a_search_tells_the_importances_of_the_last_step_of_the_best_candidate() -> None:
    steps = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    found = search(steps, "randomforestclassifier__max_depth", [1, 4])
    expected = found.best_estimator_[-1].feature_importances_
    np.testing.assert_allclose(describe_training(found)["importances"], expected)


def test_a_search_whose_best_candidate_has_no_importances_tells_none() -> None:
    assert describe_training(search(GaussianNB(), "var_smoothing", [1e-9, 1e-3])) == {}


def test_each_epoch_is_told() -> None:
    epochs = [dict(zip(HISTORY, row, strict=True)) for row in ((2.0, 3.0, 0.25), (1.0, 2.5, 0.5))]
    told = describe_training(Told(history_=epochs))
    assert {name: values.tolist() for name, values in told.items()} == {
        "train_loss": [2.0, 1.0],
        "valid_loss": [3.0, 2.5],
        "valid_acc": [0.25, 0.5],
    }


def test_a_network_that_never_learnt_tells_nothing() -> None:
    assert describe_training(Told(history_=[])) == {}


# --- what is lost when a column is shuffled ----------------------------------------------------------


def test_shuffling_the_column_that_decides_costs_much_and_any_other_next_to_nothing() -> None:
    model = GaussianNB().fit(*make_clips(seed=1))
    lost = permutation_importances(model, *make_clips(), seed=0)
    assert lost.shape == (COLUMNS,)
    assert lost[DECIDING] > 0.5
    assert np.abs(np.delete(lost, DECIDING)).max() < 0.03


def test_a_column_that_is_not_used_costs_exactly_nothing() -> None:
    stump = DecisionTreeClassifier(max_depth=2, max_features=None, random_state=0).fit(*make_clips())
    unused = stump.feature_importances_ == 0
    lost = permutation_importances(stump, *make_clips(seed=1), seed=0)
    assert unused.any()
    assert (lost[unused] == 0).all()


def test_on_average_it_is_scikit_learns_permutation_importance() -> None:
    rng = np.random.default_rng(2)
    features, labels = make_clips(400, seed=2)
    features[:, 0] += labels  # a second column that helps a little
    features[:, DECIDING] += 4 * rng.standard_normal(400)
    model = GaussianNB().fit(*(part[:200] for part in (features, labels)))
    tested = features[200:], labels[200:]
    ours = np.mean([permutation_importances(model, *tested, seed=seed) for seed in range(30)], axis=0)
    theirs = permutation_importance(model, *tested, n_repeats=30, random_state=0, scoring="accuracy")
    assert theirs.importances_mean[0] > 0.05
    np.testing.assert_allclose(ours, theirs.importances_mean, atol=0.02)


def test_the_same_seed_gives_the_same_and_another_seed_another() -> None:
    model = GaussianNB().fit(*make_clips(seed=1))
    first, again, other = (permutation_importances(model, *make_clips(), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_features_are_left_as_they_were() -> None:
    features, labels = make_clips()
    before = features.copy()
    permutation_importances(GaussianNB().fit(features, labels), features, labels, seed=0)
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize("missing", [1, 6])
def test_an_emotion_that_was_not_trained_on_counts_as_wrong_before_and_after(missing: int) -> None:
    features, labels = make_clips()
    known = labels != missing
    model = GaussianNB().fit(features[known], labels[known])
    everything = permutation_importances(model, features, labels, seed=0)
    right = np.mean(model.predict(features) == labels)
    assert right == pytest.approx(known.mean(), abs=0.02)
    assert 0 < everything[DECIDING] < right
