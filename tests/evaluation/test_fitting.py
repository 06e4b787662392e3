"""An estimator is given what its ``fit`` takes, and a fitted fold predicts what its bundle would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from tests.evaluation.synthetic import (
    COUNTED,
    NOISE,
    QUICK,
    SMALL,
    Array,
    Parrot,
    Pin,
    assert_same,
    cross_validate,
    make_dataset,
    make_recipe,
    terms_of,
    with_clips,
)

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.evaluation.dataset import extract_for
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import FinishedModel, FittedRecipe, fit_recipe
from affekt.evaluation.folds import fit_part
from affekt.evaluation.parts import split_parts
from affekt.evaluation.protocols import Fold
from affekt.evaluation.terms import read_terms
from affekt.inference.adaptation import adapt
from affekt.inference.prediction import predict
from affekt.model.bundle import Bundle
from affekt.model.speaker_normalisation import average_speaker, speaker_statistics

NONE = np.zeros(0, np.intp)


# --- what an estimator is given ----------------------------------------------------------------------


def test_an_estimator_is_fitted_on_the_training_clips_and_given_their_groups() -> None:
    train = np.arange(10, 60)
    fit_recipe(Parrot(), NOISE, train, NONE, NOISE.speakers)
    (given,) = Parrot.fitted
    np.testing.assert_array_equal(given["X"], NOISE.features[train])
    np.testing.assert_array_equal(given["groups"], NOISE.speakers[train])
    assert given["validation"] is None


def test_an_estimator_is_given_the_clips_set_aside_for_early_stopping() -> None:
    fit_recipe(Parrot(), NOISE, np.arange(50), np.arange(50, 60), NOISE.speakers)
    features, labels = Parrot.fitted[0]["validation"]
    np.testing.assert_array_equal(features, NOISE.features[50:60])
    np.testing.assert_array_equal(labels, NOISE.labels[50:60])


def test_an_estimator_that_asks_for_neither_groups_nor_validation_is_given_neither() -> None:
    fitted = fit_recipe(GaussianNB(), NOISE, np.arange(50), np.arange(50, 60), NOISE.speakers)
    assert isinstance(fitted.estimator, GaussianNB)
    assert fitted.estimator.class_count_.sum() == 50


def test_an_estimator_is_given_what_it_asks_for_of_the_training_clips() -> None:
    given: list[tuple[Array, ...]] = []

    class Asking(GaussianNB):  # type: ignore[misc]
        def fit(self, X: Array, y: Array, speakers: Array, sessions: Array, corpora: Array) -> Asking:
            given.append((speakers, sessions, corpora))
            super().fit(X, y)
            return self

    def change(i: int, clip: Clip) -> Clip:
        channel = "song" if i % 2 else "speech"
        return replace(clip, vocal_channel=channel, speaker="1", corpus="own" if i < 4 else "other")

    fit_recipe(Asking(), with_clips(SMALL, change), np.arange(2, 6), NONE, NOISE.speakers)
    ((speakers, sessions, corpora),) = given
    assert speakers.tolist() == ["own/1"] * 2 + ["other/1"] * 2
    assert sessions.tolist() == ["own/1 speech", "own/1 song", "other/1 speech", "other/1 song"]
    assert corpora.tolist() == ["own"] * 2 + ["other"] * 2
    assert corpora.dtype.kind == "U"


def test_a_recipe_with_degraded_copies_is_given_those_of_its_training_clips_and_tested_on_none() -> None:
    given: list[tuple[Array, Array]] = []

    class Noting(GaussianNB):  # type: ignore[misc]
        def fit(self, X: Array, y: Array, degraded: Array | None = None) -> Noting:
            assert degraded is not None
            given.append((X, degraded))
            super().fit(X, y)
            return self

    recipe = replace(make_recipe(lambda seed: Noting()), degraded_copies="noise-room-band@1")
    dataset = replace(SMALL, degraded=SMALL.features + 100)
    noted = cross_validate(dataset, recipe)
    assert len(given) == 5
    for X, degraded in given:
        np.testing.assert_array_equal(degraded, X + 100)
    assert_same(noted, cross_validate(SMALL, make_recipe(lambda seed: GaussianNB())))
    with pytest.raises(ValueError, match="trained on degraded copies too"):
        cross_validate(SMALL, recipe)


def test_interrupting_the_training_of_scikit_learns_perceptron_interrupts_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sklearn.neural_network import MLPClassifier, _multilayer_perceptron

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_multilayer_perceptron, "gen_batches", stop)
    dataset = make_dataset()
    with pytest.raises(KeyboardInterrupt):
        fit_recipe(MLPClassifier((4,), batch_size=8), dataset, np.arange(40), NONE, dataset.speakers)


# --- what a fitted recipe predicts -------------------------------------------------------------------


def fitted_first_part(relative: tuple[int, ...] = ()) -> tuple[FittedRecipe, Array, Fold]:
    dataset = replace(SMALL, relative=relative)
    terms = terms_of(dataset, COUNTED)
    part = next(iter(split_parts(terms, dataset)))
    fitted = fit_part(terms, part)
    assert isinstance(fitted, FittedRecipe)
    return fitted, dataset.features, part.fold


def test_the_average_speaker_is_that_of_the_training_clips() -> None:
    fitted, features, fold = fitted_first_part()
    assert fitted.average == average_speaker(features[fold.train], SMALL.speakers[fold.train])


def test_an_emotion_that_was_not_trained_on_has_probability_0(pin: Pin) -> None:
    labels = SMALL.labels
    fold = Fold(np.flatnonzero((labels != 1) & (labels != 3)), np.flatnonzero(labels == 1))
    pin(SMALL, "training-side", fold)
    for one in cross_validate(SMALL, COUNTED, "pinned").tested:
        assert one.probabilities[1] == one.probabilities[3] == 0
        assert sum(one.probabilities) == pytest.approx(1)


def test_of_no_clips_nothing_is_predicted() -> None:
    fitted, features, _ = fitted_first_part()
    assert fitted.predict_proba(features[:0]).shape == (0, 4)
    assert fitted.distances(features[:0]).shape == (0,)


def test_relative_columns_do_not_count_for_an_unknown_speaker() -> None:
    fitted, features, fold = fitted_first_part(relative=(1,))  # the column that shows the first emotion
    tested = features[fold.test]
    shifted = tested.copy()
    shifted[:, 1] += 5
    np.testing.assert_array_equal(fitted.predict_proba(shifted), fitted.predict_proba(tested))
    np.testing.assert_array_equal(fitted.distances(shifted), fitted.distances(tested))
    tested[:, 2] += 5
    assert not np.allclose(fitted.predict_proba(shifted), fitted.predict_proba(tested))


def test_for_an_enrolled_speaker_predictions_are_normalised() -> None:
    fitted, features, fold = fitted_first_part(relative=(1,))
    tested = features[fold.test]
    speaker = fitted.enrol(tested[:4])
    assert speaker == speaker_statistics(tested[:4], fitted.average, (1,))
    assert not np.allclose(fitted.predict_proba(tested, speaker), fitted.predict_proba(tested))


# --- a finished model --------------------------------------------------------------------------------


def test_a_finished_model_predicts_as_predict_does_windows_and_all(bundle: Bundle, elsewhere: Path) -> None:
    terms = read_terms(elsewhere, model=bundle)
    dataset = extract_for(terms, Execution())
    assert {len(windows) for windows in dataset.features} == {1, 5}
    model = FinishedModel(bundle)
    rows, distances = model.predict_proba(dataset.features), model.distances(dataset.features)
    for clip, row, distance in zip(dataset.corpus.clips, rows, distances, strict=True):
        prediction = predict(clip.path, bundle)
        calibrated = bundle.contract.calibration.calibrate(row.astype(np.float32), 0.0)
        assert tuple(calibrated) == tuple(prediction.probabilities.values())
        assert prediction.out_of_distribution == (distance > bundle.contract.distance_threshold)


@pytest.mark.usefixtures("enrol_synthetic_voices")
def test_a_finished_model_enrols_a_speaker_as_adapt_does(bundle: Bundle, elsewhere: Path) -> None:
    terms = read_terms(elsewhere, model=bundle)
    dataset = extract_for(terms, Execution())
    clips = load_corpus(elsewhere).clips
    voice = adapt([clip.path for clip in clips[:6]], bundle)
    model = FinishedModel(bundle)
    speaker = model.enrol(dataset.features[:6])
    rows = model.predict_proba(dataset.features, speaker)
    for clip, row in zip(dataset.corpus.clips, rows, strict=True):
        adapted = predict(clip.path, bundle, voice=voice)
        calibrated = bundle.contract.calibration.calibrate(row.astype(np.float32), 0.0)
        assert tuple(calibrated) == pytest.approx(tuple(adapted.probabilities.values()), abs=1e-6)
    assert not np.allclose(rows, model.predict_proba(dataset.features))


def test_without_enrolled_clips_a_finished_model_predicts_almost_as_for_an_unknown_speaker(
    bundle: Bundle, elsewhere: Path
) -> None:
    dataset = extract_for(read_terms(elsewhere, model=bundle), Execution())
    model = FinishedModel(bundle)
    unknown = model.enrol(dataset.features[:0])
    np.testing.assert_allclose(
        model.predict_proba(dataset.features, unknown), model.predict_proba(dataset.features), atol=1e-4
    )


def test_a_model_and_a_recipe_are_fitted_parts_of_their_terms(bundle: Bundle, elsewhere: Path) -> None:
    terms = read_terms(elsewhere, model=bundle)
    dataset = extract_for(terms, Execution())
    assert fit_part(terms, next(iter(split_parts(terms, dataset)))) == FinishedModel(bundle)
    terms = read_terms(elsewhere, QUICK, protocol="leave-one-speaker-out")
    dataset = extract_for(terms, Execution())
    assert isinstance(fit_part(terms, next(iter(split_parts(terms, dataset)))), FittedRecipe)
