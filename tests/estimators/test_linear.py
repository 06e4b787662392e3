"""Two logistic regressions, for unknown and enrolled speakers: as scikit-learn, with absent emotions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from affekt.estimators.linear import (
    SpeakerAdaptiveRegression,
    draw_enrolled,
    fit_regression,
    standardise,
)
from affekt.estimators.onnx_export import export, run
from affekt.model.bundle import ENROLLED_PROBABILITIES
from affekt.model.speaker_normalisation import MAX_ENROLLED

CLASSES, COLUMNS = 4, 6
Clips = tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.str_]]


def draw(clips: int = 200, seed: int = 0, speaker_spread: float = 1.0) -> Clips:
    """Features, classes and speakers of clips: each class and each speaker has a mean of its own."""
    rng = np.random.default_rng(seed)
    target, speaker = rng.integers(CLASSES, size=clips), rng.integers(10, size=clips)
    centres = np.random.default_rng(99).standard_normal((CLASSES, COLUMNS))
    offsets = speaker_spread * rng.standard_normal((10, COLUMNS))
    X = centres[target] + offsets[speaker] + 0.5 * rng.standard_normal((clips, COLUMNS))
    return X.astype(np.float32), target, np.array([f"s{i}" for i in speaker])


def test_a_regression_equals_that_of_scikit_learn() -> None:
    X, target, _ = draw()
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X))
    own = fit_regression(X, target, weights, np.zeros((len(X), CLASSES)), 0.01)
    inputs = standardise(X, own.mean, own.deviation)
    # scikit-learn's loss is C * sum of losses + half the squared weights
    reference = LogisticRegression(C=1 / (2 * 0.01 * weights.sum()), tol=1e-8, max_iter=1000)
    reference.fit(inputs, target, sample_weight=weights)
    np.testing.assert_allclose(own.predict_proba(X), reference.predict_proba(inputs), atol=2e-3)


def test_features_are_standardised_by_weighted_moments() -> None:
    X, target, _ = draw()
    weights = np.where(target == 0, 3.0, 1.0)
    own = fit_regression(X, target, weights, np.zeros((len(X), CLASSES)), 0.1)
    repeated = np.concatenate([X, X[target == 0], X[target == 0]])
    np.testing.assert_allclose(own.mean, repeated.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(own.deviation, repeated.std(axis=0), rtol=1e-4)


def test_a_constant_feature_does_not_break_the_fit() -> None:
    X, target, speakers = draw()
    X[:, 2] = 7
    fitted = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers)
    assert np.isfinite(fitted.predict_proba(X)).all()


def test_an_emotion_that_a_corpus_lacks_is_not_learned_from_its_clips() -> None:
    X, target, speakers = draw(400, speaker_spread=0)
    corpora = np.where(np.arange(len(X)) % 2, "complete", "partial")
    kept = (corpora == "complete") | (target != 3)
    X, target, speakers, corpora = X[kept], target[kept], speakers[kept], corpora[kept]
    predicted = {
        share: SpeakerAdaptiveRegression(absent_share=share)
        .fit(X, target, speakers=speakers, corpora=corpora)
        .predict_proba(X)[:, 3]
        .mean()
        for share in (0.0, 1.0)
    }
    assert predicted[0.0] > predicted[1.0]  # clips of the partial corpus do not speak against it


def test_a_corpus_of_weight_zero_teaches_nothing() -> None:
    X, target, speakers = draw()
    wrong = (target + 1) % CLASSES
    both = SpeakerAdaptiveRegression(corpus_weights={"wrong": 0.0}).fit(
        np.concatenate([X, X]),
        np.concatenate([target, wrong]),
        speakers=np.tile(speakers, 2),
        corpora=np.repeat(["right", "wrong"], len(X)),
    )
    alone = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers)
    np.testing.assert_allclose(both.predict_proba(X), alone.predict_proba(X), atol=1e-3)


def test_enrolled_speakers_are_predicted_better_than_unknown_ones() -> None:
    X, target, speakers = draw(600, speaker_spread=3)
    fitted = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers)
    means = {name: X[speakers == name].mean(axis=0) for name in set(speakers)}
    moved = X - np.array([means[name] for name in speakers]) + X.mean(axis=0)
    assert (fitted.predict_proba_enrolled(moved).argmax(axis=1) == target).mean() > 0.9
    assert (fitted.predict_proba(X).argmax(axis=1) == target).mean() < 0.8


def test_degraded_copies_are_learned_from() -> None:
    X, target, speakers = draw(speaker_spread=0)
    far = X + 10
    plain = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers)
    robust = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers, degraded=far)
    hits = [(one.predict_proba(far).argmax(axis=1) == target).mean() for one in (plain, robust)]
    assert hits[1] > hits[0] + 0.2


def test_the_graph_has_an_output_for_unknown_and_one_for_enrolled_speakers() -> None:
    X, target, speakers = draw()
    fitted = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers)
    graph, parity = export(fitted, X, CLASSES, (COLUMNS,))
    assert parity < 1e-6
    np.testing.assert_allclose(
        run(graph, X, ENROLLED_PROBABILITIES), fitted.predict_proba_enrolled(X), atol=1e-6
    )
    assert np.abs(fitted.predict_proba_enrolled(X) - fitted.predict_proba(X)).max() > 0.01


def test_the_seed_chooses_the_clips_by_which_speakers_are_enrolled() -> None:
    X, target, speakers = draw()
    one, same, other = (
        SpeakerAdaptiveRegression(seed=seed).fit(X, target, speakers=speakers).predict_proba_enrolled(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-4


def test_a_speaker_is_enrolled_from_other_clips_of_the_same_session() -> None:
    sessions = np.array([f"s{i}" for i in np.random.default_rng(0).integers(4, size=100)] + ["alone"])
    drawn = list(draw_enrolled(sessions, np.random.default_rng(0)))
    assert sorted(i for i, _ in drawn) == list(range(100))
    for i, enrolled in drawn:
        assert i not in enrolled
        assert len(set(enrolled)) == len(enrolled)
        assert set(sessions[enrolled]) == {sessions[i]}
    assert {len(enrolled) for _, enrolled in drawn} == set(range(1, MAX_ENROLLED + 1))


def test_features_far_from_all_training_clips_are_clipped() -> None:
    X, target, speakers = draw()
    fitted = SpeakerAdaptiveRegression().fit(X, target, speakers=speakers)
    np.testing.assert_array_equal(fitted.predict_proba(X + 1e6), fitted.predict_proba(X + 1e9))


@pytest.mark.parametrize("absent", [0.0, 0.05])
def test_probabilities_are_finite_and_sum_to_one(absent: float) -> None:
    X, target, speakers = draw()
    corpora = np.where(target == 3, "one", "other")
    fitted = SpeakerAdaptiveRegression(absent_share=absent).fit(
        X, target, speakers=speakers, corpora=corpora
    )
    for found in (fitted.predict_proba(X), fitted.predict_proba_enrolled(X)):
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert np.isfinite(found).all()
