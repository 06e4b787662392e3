"""A stack learns from answers about clips that were not learnt from, and its thresholds only help."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from imblearn import FunctionSampler
from imblearn.pipeline import Pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affekt.calibration import SpeakerCalibratedClassifier
from affekt.onnx_export import export, run
from affekt.recipes.stacked_ensemble import oversample
from affekt.stacking import StackedEnsemble, tune_thresholds, weighted_f2

SPEAKERS, EACH, EMOTIONS = 8, 12, 3
GROUPS = np.repeat(np.arange(SPEAKERS), EACH)
LABELS = np.tile(np.arange(EMOTIONS), SPEAKERS * EACH // EMOTIONS)


def make_features(signal: float, columns: int = 10, seed: int = 0) -> np.ndarray:
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
def easy() -> tuple[StackedEnsemble, np.ndarray]:
    features = make_features(signal=4)
    return make_stack().fit(features, LABELS, groups=GROUPS), features


@pytest.mark.parametrize("seed", range(3))
def test_weighted_f2_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, answers = rng.integers(0, 4, 50), rng.integers(0, 3, 50)
    expected = fbeta_score(truth, answers, beta=2, average=None, zero_division=0, labels=range(4))
    assert weighted_f2(truth, answers) == pytest.approx(expected @ np.bincount(truth, minlength=4) / 50)


@pytest.mark.parametrize("seed", range(3))
def test_tuned_thresholds_are_never_worse_than_none_where_they_are_tuned(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet(np.ones(3), 60) + 0.3 * np.eye(3)[target]
    thresholds = tune_thresholds(probabilities, target)
    plain = weighted_f2(target, probabilities.argmax(axis=1))
    assert weighted_f2(target, (probabilities / thresholds).argmax(axis=1)) >= plain
    assert (thresholds > 0).all()


def test_a_class_that_is_always_a_little_too_faint_gets_a_lower_threshold() -> None:
    target = np.repeat([0, 1], 20)
    loud_and_faint = np.where(target[:, None] == 0, [0.9, 0.1], [0.52, 0.48])
    thresholds = tune_thresholds(loud_and_faint, target)
    assert weighted_f2(target, loud_and_faint.argmax(axis=1)) < 0.6
    assert weighted_f2(target, (loud_and_faint / thresholds).argmax(axis=1)) == 1
    assert thresholds[1] < thresholds[0]


def test_where_all_is_right_nothing_is_tuned() -> None:
    np.testing.assert_array_equal(tune_thresholds(np.eye(3)[LABELS], LABELS), 1)


def test_a_stack_does_well_on_what_is_easy(easy: tuple[StackedEnsemble, np.ndarray]) -> None:
    stack, _ = easy
    fresh = make_features(signal=4, seed=1)
    assert (stack.predict(fresh) == LABELS).mean() > 0.9
    np.testing.assert_allclose(stack.predict_proba(fresh).sum(axis=1), 1, atol=1e-12)


def test_the_answer_is_the_most_probable_class_by_its_own_name() -> None:
    features = make_features(signal=4)
    named = np.array(["angry", "happy", "sad"])[LABELS]
    stack = make_stack().fit(features, named, groups=GROUPS)
    assert set(stack.predict(features)) == set(named)
    np.testing.assert_array_equal(
        stack.predict(features), stack.classes_[stack.predict_proba(features).argmax(axis=1)]
    )


@pytest.mark.parametrize("columns", [3, 5])
def test_exactly_the_best_columns_are_looked_at(columns: int) -> None:
    features = make_features(signal=4)
    stack = make_stack(columns=columns).fit(features, LABELS, groups=GROUPS)
    assert len(stack.columns_) == columns
    assert {7, 8, 9} <= set(stack.columns_)
    ignored = np.setdiff1d(np.arange(features.shape[1]), stack.columns_)
    disturbed = features.copy()
    disturbed[:, ignored] = 1e6
    np.testing.assert_array_equal(stack.predict_proba(disturbed), stack.predict_proba(features))


class Listening(ClassifierMixin, BaseEstimator):
    """A meta model that notes what it is fitted on."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def fit(self, X: np.ndarray, y: np.ndarray) -> Listening:
        HEARD.append((X.copy(), y.copy()))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X[:, : len(self.classes_)].astype(float)


HEARD: list[tuple[np.ndarray, np.ndarray]] = []


def agreement(said: np.ndarray, labels: np.ndarray) -> float:
    """How often the first base model's answers are the labels."""
    return float((said[:, :EMOTIONS].argmax(axis=1) == labels).mean())


def test_meta_models_and_thresholds_learn_from_answers_about_clips_that_nobody_learnt_from() -> None:
    features = make_features(signal=0)
    meaningless = np.random.default_rng(5).permutation(LABELS)
    parrot = KNeighborsClassifier(1)  # knows by heart every clip that it learnt from
    HEARD.clear()
    stack = make_stack(
        columns=features.shape[1],
        bases=[(parrot, {"n_neighbors": [1]})],
        metas=[Listening()],
        weights=[1.0],
    ).fit(features, meaningless, groups=GROUPS)
    by_heart = stack.bases_[0].predict_proba(features[:, stack.columns_])
    assert agreement(by_heart, meaningless) == 1
    said, labels = HEARD[-1]  # the last fit is that on all clips
    assert len(said) == len(features)
    assert agreement(said, labels) < 0.5
    for part, its_labels in HEARD:
        assert agreement(part, its_labels) < 0.6
    # What thresholds are tuned on passes through the meta model here, so it is the same answers.
    np.testing.assert_array_equal(
        stack.thresholds_, tune_thresholds(said[:, :EMOTIONS].astype(float), labels)
    )


def test_thresholds_are_tuned_on_votes_about_clips_that_no_meta_model_learnt_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tuned: list[tuple[np.ndarray, np.ndarray]] = []

    def note(voted: np.ndarray, target: np.ndarray) -> np.ndarray:
        tuned.append((voted, target))
        return np.ones(EMOTIONS)

    monkeypatch.setattr("affekt.stacking.tune_thresholds", note)
    features, parrot = make_features(signal=0), KNeighborsClassifier(1)
    meaningless = np.random.default_rng(5).permutation(LABELS)
    make_stack(columns=10, metas=[parrot], weights=[1.0]).fit(features, meaningless, groups=GROUPS)
    ((voted, target),) = tuned
    np.testing.assert_array_equal(target, meaningless)
    assert agreement(voted, meaningless) < 0.5


def test_what_meta_models_learn_from_has_probabilities_maximum_and_deviation_of_each_base() -> None:
    features = make_features(signal=1)
    HEARD.clear()
    make_stack(metas=[Listening()], weights=[1.0]).fit(features, LABELS, groups=GROUPS)
    said, _ = HEARD[-1]
    assert said.shape == (len(LABELS), 2 * (EMOTIONS + 2))
    first = said[:, :EMOTIONS]
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(said[:, EMOTIONS], first.max(axis=1))
    np.testing.assert_allclose(said[:, EMOTIONS + 1], first.std(axis=1), atol=1e-6)


def test_its_graph_decides_alike_on_clips_heard_and_new(easy: tuple[StackedEnsemble, np.ndarray]) -> None:
    stack, features = easy
    graph, parity = export(stack, features, EMOTIONS, features.shape[1:])
    assert parity <= 1e-5
    fresh = make_features(signal=1, seed=2)
    answers = run(graph, fresh)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(answers.argmax(axis=1), stack.predict_proba(fresh).argmax(axis=1))


def test_the_same_seed_gives_the_same_model(easy: tuple[StackedEnsemble, np.ndarray]) -> None:
    stack, features = easy
    again = make_stack().fit(features, LABELS, groups=GROUPS)
    np.testing.assert_array_equal(again.predict_proba(features), stack.predict_proba(features))


def test_a_clone_has_learnt_nothing(easy: tuple[StackedEnsemble, np.ndarray]) -> None:
    stack, _ = easy
    copy = clone(stack)
    assert not hasattr(copy, "classes_")
    assert not hasattr(copy.selector, "classes_")
    assert not any(hasattr(meta, "classes_") for meta in copy.metas)
    assert copy.columns == stack.columns


@pytest.mark.parametrize("rarest", [2, 4, 9])
def test_oversampling_makes_all_classes_alike_and_keeps_the_originals(rarest: int) -> None:
    labels = np.repeat([0, 1], [20, rarest])
    features = np.random.default_rng(0).standard_normal((len(labels), 4))
    X, y = oversample(features, labels, seed=0)
    assert list(np.bincount(y)) == [20, 20]
    np.testing.assert_array_equal(X[: len(features)], features)


def test_one_clip_of_an_emotion_has_no_neighbour_to_be_mixed_with() -> None:
    labels = np.repeat([0, 1], [20, 1])
    same = partial(oversample, seed=0)(np.zeros((21, 2)), labels)
    np.testing.assert_array_equal(same[1], labels)
