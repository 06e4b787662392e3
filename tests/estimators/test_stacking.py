"""Meta models and thresholds are fitted on out-of-fold probabilities, and thresholds do no harm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from imblearn import FunctionSampler
from imblearn.pipeline import Pipeline
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affekt.estimators.calibrated import SpeakerCalibratedClassifier
from affekt.estimators.onnx_export import export, run
from affekt.estimators.stacking import StackedEnsemble, tune_thresholds, weighted_f2
from affekt.recipes.stacked_ensemble import oversample

Array = NDArray[Any]
SPEAKERS, EACH, EMOTIONS = 8, 12, 3
GROUPS = np.repeat(np.arange(SPEAKERS), EACH)
LABELS = np.tile(np.arange(EMOTIONS), SPEAKERS * EACH // EMOTIONS)


def make_features(signal: float, columns: int = 10, seed: int = 0) -> Array:
    """Noise, with a signal in the last three columns."""
    noise = np.random.default_rng(seed).standard_normal((len(LABELS), columns))
    noise[:, -EMOTIONS:] += signal * np.eye(EMOTIONS)[LABELS]
    return noise.astype(np.float32)


def forest(trees: int = 4) -> RandomForestClassifier:
    return RandomForestClassifier(trees, random_state=0)


def make_stack(**settings: Any) -> StackedEnsemble:
    balance = FunctionSampler(func=oversample, kw_args={"seed": 0}, validate=False)
    bases = [
        (Pipeline([("balance", balance), ("model", forest())]), {"model__max_depth": [2, 4]}),
        (LogisticRegression(), {"C": [0.1, 1.0]}),
    ]
    metas = [
        SpeakerCalibratedClassifier(make_pipeline(StandardScaler(), LogisticRegression()), folds=2),
        forest(),
    ]
    given = {"columns": 5, "draws": 1, "search_folds": 2, "folds": 3, **settings}
    return StackedEnsemble(forest(15), given.pop("bases", bases), given.pop("metas", metas),
                           given.pop("weights", (0.6, 0.4)), **given)  # fmt: skip


@pytest.fixture(scope="module")
def easy() -> tuple[StackedEnsemble, Array]:
    features = make_features(signal=4)
    return make_stack().fit(features, LABELS, groups=GROUPS), features


@pytest.mark.parametrize("seed", range(3))
def test_weighted_f2_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, predicted = rng.integers(0, 4, 50), rng.integers(0, 3, 50)
    expected = fbeta_score(true, predicted, beta=2, average=None, zero_division=0, labels=range(4))
    assert weighted_f2(true, predicted) == pytest.approx(expected @ np.bincount(true, minlength=4) / 50)


@pytest.mark.parametrize("seed", range(3))
def test_tuned_thresholds_are_at_least_as_good_as_none_on_the_clips_they_are_tuned_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet(np.ones(3), 60) + 0.3 * np.eye(3)[target]
    thresholds = tune_thresholds(probabilities, target)
    plain = weighted_f2(target, probabilities.argmax(axis=1))
    assert weighted_f2(target, (probabilities / thresholds).argmax(axis=1)) >= plain
    assert (thresholds > 0).all()


def test_a_class_whose_probabilities_are_too_low_gets_a_lower_threshold() -> None:
    target = np.repeat([0, 1], 20)
    probabilities = np.where(target[:, None] == 0, [0.9, 0.1], [0.52, 0.48])
    thresholds = tune_thresholds(probabilities, target)
    assert weighted_f2(target, probabilities.argmax(axis=1)) < 0.6
    assert weighted_f2(target, (probabilities / thresholds).argmax(axis=1)) == 1
    assert thresholds[1] < thresholds[0]


def test_perfect_predictions_keep_thresholds_of_1() -> None:
    np.testing.assert_array_equal(tune_thresholds(np.eye(3)[LABELS], LABELS), 1)


def test_an_ensemble_is_accurate_if_the_signal_is_strong(easy: tuple[StackedEnsemble, Array]) -> None:
    stack, _ = easy
    fresh = make_features(signal=4, seed=1)
    assert (stack.predict(fresh) == LABELS).mean() > 0.9
    np.testing.assert_allclose(stack.predict_proba(fresh).sum(axis=1), 1, atol=1e-12)


def test_classes_may_be_names() -> None:
    features = make_features(signal=4)
    named = np.array(["angry", "happy", "sad"])[LABELS]
    stack = make_stack().fit(features, named, groups=GROUPS)
    assert set(stack.predict(features)) == set(named)
    np.testing.assert_array_equal(
        stack.predict(features), stack.classes_[stack.predict_proba(features).argmax(axis=1)]
    )


@pytest.mark.parametrize("columns", [3, 5])
def test_the_best_columns_alone_are_used(columns: int) -> None:
    features = make_features(signal=4)
    stack = make_stack(columns=columns).fit(features, LABELS, groups=GROUPS)
    assert len(stack.columns_) == columns
    assert {7, 8, 9} <= set(stack.columns_)
    ignored = np.setdiff1d(np.arange(features.shape[1]), stack.columns_)
    disturbed = features.copy()
    disturbed[:, ignored] = 1e6
    np.testing.assert_array_equal(stack.predict_proba(disturbed), stack.predict_proba(features))


class Recorder(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A meta model that records what it is fitted on and predicts as the first base model does."""

    fits: ClassVar[list[tuple[Array, Array]]] = []

    def __init__(self, name: str = "") -> None:
        self.name = name

    def fit(self, X: Array, y: Array) -> Recorder:
        Recorder.fits.append((X.copy(), y.copy()))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Array) -> Array:
        return np.asarray(X[:, : len(self.classes_)], np.float64)


def accuracy(inputs: Array, labels: Array) -> float:
    """Accuracy of the first base model, from the inputs of a meta model."""
    return float((inputs[:, :EMOTIONS].argmax(axis=1) == labels).mean())


def test_meta_models_and_thresholds_are_fitted_on_out_of_fold_probabilities_of_base_models() -> None:
    features = make_features(signal=0)
    random_labels = np.random.default_rng(5).permutation(LABELS)
    memory = KNeighborsClassifier(1)  # has accuracy 1 on its training clips
    Recorder.fits.clear()
    stack = make_stack(
        columns=features.shape[1],
        bases=[(memory, {"n_neighbors": [1]})],
        metas=[Recorder()],
        weights=[1.0],
    ).fit(features, random_labels, groups=GROUPS)
    in_training = stack.bases_[0].predict_proba(features[:, stack.columns_])
    assert accuracy(in_training, random_labels) == 1
    inputs, labels = Recorder.fits[-1]  # the last fit is that on all clips
    assert len(inputs) == len(features)
    assert accuracy(inputs, labels) < 0.5
    for part, its_labels in Recorder.fits:
        assert accuracy(part, its_labels) < 0.6
    # the meta model returns its inputs, so thresholds are tuned on the same probabilities
    np.testing.assert_array_equal(
        stack.thresholds_, tune_thresholds(inputs[:, :EMOTIONS].astype(float), labels)
    )


def test_thresholds_are_tuned_on_out_of_fold_votes_of_meta_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tuned: list[tuple[Array, Array]] = []

    def record(votes: Array, target: Array) -> Array:
        tuned.append((votes, target))
        return np.ones(EMOTIONS)

    monkeypatch.setattr("affekt.estimators.stacking.tune_thresholds", record)
    features, memory = make_features(signal=0), KNeighborsClassifier(1)
    random_labels = np.random.default_rng(5).permutation(LABELS)
    make_stack(columns=10, metas=[memory], weights=[1.0]).fit(features, random_labels, groups=GROUPS)
    ((votes, target),) = tuned
    np.testing.assert_array_equal(target, random_labels)
    assert accuracy(votes, random_labels) < 0.5


def test_meta_models_get_probabilities_maximum_and_deviation_of_each_base_model() -> None:
    features = make_features(signal=1)
    Recorder.fits.clear()
    make_stack(metas=[Recorder()], weights=[1.0]).fit(features, LABELS, groups=GROUPS)
    inputs, _ = Recorder.fits[-1]
    assert inputs.shape == (len(LABELS), 2 * (EMOTIONS + 2))
    first = inputs[:, :EMOTIONS]
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(inputs[:, EMOTIONS], first.max(axis=1))
    np.testing.assert_allclose(inputs[:, EMOTIONS + 1], first.std(axis=1), atol=1e-6)


def test_the_graph_predicts_the_same_for_training_clips_and_new_ones(
    easy: tuple[StackedEnsemble, Array],
) -> None:
    stack, features = easy
    graph, parity = export(stack, features, EMOTIONS, features.shape[1:])
    assert parity <= 1e-5
    fresh = make_features(signal=1, seed=2)
    probabilities = run(graph, fresh)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), stack.predict_proba(fresh).argmax(axis=1))


def test_the_same_seed_gives_the_same_model(easy: tuple[StackedEnsemble, Array]) -> None:
    stack, features = easy
    again = make_stack().fit(features, LABELS, groups=GROUPS)
    np.testing.assert_array_equal(again.predict_proba(features), stack.predict_proba(features))


def test_a_clone_is_not_fitted(easy: tuple[StackedEnsemble, Array]) -> None:
    stack, _ = easy
    copy = clone(stack)
    assert not hasattr(copy, "classes_")
    assert not hasattr(copy.selector, "classes_")
    assert not any(hasattr(meta, "classes_") for meta in copy.metas)
    assert copy.columns == stack.columns
