"""Importances and histories are those that an estimator has, and permutation costs accuracy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from affekt.estimators.inspection import HISTORY, describe_training, permutation_importances
from affekt.estimators.search import GroupedSearchCV

Array = NDArray[Any]
COLUMNS, INFORMATIVE = 5, 2


def make_clips(count: int = 300, seed: int = 0) -> tuple[Array, Array]:
    """Noise with one informative column, and three classes that are not numbered from 0."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([1, 4, 6], count)
    features = rng.standard_normal((count, COLUMNS))
    features[:, INFORMATIVE] += 3 * labels
    return features, labels


def as_estimator(**attributes: Any) -> Any:
    """A fitted estimator with these attributes and no others."""
    return SimpleNamespace(**attributes)


# --- importances and histories -----------------------------------------------------------------------


def test_importances_are_those_of_the_estimator_and_sum_to_1() -> None:
    forest = RandomForestClassifier(10, random_state=0).fit(*make_clips())
    found = describe_training(forest)
    assert list(found) == ["importances"]
    np.testing.assert_allclose(found["importances"], forest.feature_importances_)
    assert found["importances"].argmax() == INFORMATIVE


def test_counts_of_splits_become_shares() -> None:
    found = describe_training(as_estimator(feature_importances_=np.array([3, 0, 1])))
    assert found["importances"].tolist() == [0.75, 0, 0.25]


def test_importances_that_are_all_0_stay_0() -> None:
    found = describe_training(as_estimator(feature_importances_=np.zeros(3)))
    assert found["importances"].tolist() == [0, 0, 0]


def test_an_estimator_without_importances_and_epochs_has_an_empty_description() -> None:
    assert describe_training(GaussianNB().fit(*make_clips())) == {}


def search(estimator: Any, parameter: str, values: list[Any]) -> Any:
    features, labels = make_clips(120)
    return GroupedSearchCV(estimator, {parameter: values}, folds=2).fit(
        features, labels, np.arange(120) % 6
    )


def test_a_search_has_the_importances_of_the_last_step_of_the_best_candidate() -> None:
    steps = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    found = search(steps, "randomforestclassifier__max_depth", [1, 4])
    expected = found.best_estimator_[-1].feature_importances_
    np.testing.assert_allclose(describe_training(found)["importances"], expected)


def test_a_search_whose_best_candidate_has_no_importances_has_none() -> None:
    assert describe_training(search(GaussianNB(), "var_smoothing", [1e-9, 1e-3])) == {}


def test_the_history_has_a_value_for_each_epoch() -> None:
    epochs = [dict(zip(HISTORY, row, strict=True)) for row in ((2.0, 3.0, 0.25), (1.0, 2.5, 0.5))]
    found = describe_training(as_estimator(history_=epochs))
    assert {name: values.tolist() for name, values in found.items()} == {
        "train_loss": [2.0, 1.0],
        "valid_loss": [3.0, 2.5],
        "valid_acc": [0.25, 0.5],
    }


def test_an_empty_history_is_left_out() -> None:
    assert describe_training(as_estimator(history_=[])) == {}


# --- permutation importances -------------------------------------------------------------------------


def test_shuffling_the_informative_column_costs_much_and_any_other_next_to_nothing() -> None:
    model = GaussianNB().fit(*make_clips(seed=1))
    lost = permutation_importances(model, *make_clips(), seed=0)
    assert lost.shape == (COLUMNS,)
    assert lost[INFORMATIVE] > 0.5
    assert np.abs(np.delete(lost, INFORMATIVE)).max() < 0.03


def test_a_column_that_is_not_used_costs_exactly_nothing() -> None:
    stump = DecisionTreeClassifier(max_depth=2, max_features=None, random_state=0).fit(*make_clips())
    unused = stump.feature_importances_ == 0
    lost = permutation_importances(stump, *make_clips(seed=1), seed=0)
    assert unused.any()
    assert (lost[unused] == 0).all()


def test_the_mean_over_seeds_is_scikit_learns_permutation_importance() -> None:
    rng = np.random.default_rng(2)
    features, labels = make_clips(400, seed=2)
    features[:, 0] += labels  # a second column that is somewhat informative
    features[:, INFORMATIVE] += 4 * rng.standard_normal(400)
    model = GaussianNB().fit(*(part[:200] for part in (features, labels)))
    tested = features[200:], labels[200:]
    ours = np.mean([permutation_importances(model, *tested, seed=seed) for seed in range(30)], axis=0)
    theirs = permutation_importance(model, *tested, n_repeats=30, random_state=0, scoring="accuracy")
    assert theirs.importances_mean[0] > 0.05
    np.testing.assert_allclose(ours, theirs.importances_mean, atol=0.02)


def test_the_same_seed_gives_the_same_importances_and_another_seed_others() -> None:
    model = GaussianNB().fit(*make_clips(seed=1))
    first, again, other = (permutation_importances(model, *make_clips(), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_features_are_not_changed() -> None:
    features, labels = make_clips()
    before = features.copy()
    permutation_importances(GaussianNB().fit(features, labels), features, labels, seed=0)
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize("missing", [1, 6])
def test_an_emotion_that_was_not_trained_on_counts_as_wrong_before_and_after(missing: int) -> None:
    features, labels = make_clips()
    seen = labels != missing
    model = GaussianNB().fit(features[seen], labels[seen])
    lost = permutation_importances(model, features, labels, seed=0)
    accuracy = np.mean(model.predict(features) == labels)
    assert accuracy == pytest.approx(seen.mean(), abs=0.02)
    assert 0 < lost[INFORMATIVE] < accuracy
