"""Calibration, prediction sets and flags of a fold are fitted on the other folds alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.synthetic import (
    COUNTED,
    EMOTIONS,
    QUICK,
    SHY,
    SMALL,
    assert_same,
    between,
    cross_validate,
    joined,
    make_dataset,
    terms_of,
    with_clips,
)

from affekt.audio.loading import load_audio
from affekt.corpora.registry import load_corpus
from affekt.estimators.calibrated import fit_calibration, weighted_quantile
from affekt.evaluation.checkpoints import PREDICTED, Arrays
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.folds import fit_part, predict_folds
from affekt.evaluation.parts import Part, split_parts
from affekt.evaluation.predictions import Predictions, judge
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import TestedClip as Judged  # pytest collects what is called Test...
from affekt.evaluation.scores import confidences
from affekt.evaluation.terms import read_terms
from affekt.experiments.scoring import TestedAsRecorded as AsRecorded
from affekt.experiments.scoring import evaluate, evaluate_dataset
from affekt.experiments.training import train
from affekt.features.feature_sets import extract
from affekt.inference.prediction import predict
from affekt.model.bundle import Bundle
from affekt.model.calibration import Calibration, reliability
from affekt.model.out_of_distribution import FLAGGED_SHARE, distance

DATASET = make_dataset(speakers=10, takes=6, shape=(6,))


def predictions_on(seeds: tuple[int, ...] = (0,), protocol: str = "by-actor-5") -> Predictions:
    return predict_folds(
        terms_of(DATASET, COUNTED, protocol, seeds=seeds), DATASET, AsRecorded(), Execution()
    )


def fit_by_hand(arrays: list[Arrays], labels: np.ndarray) -> tuple[Calibration, float]:
    probabilities = np.concatenate([one["probabilities"] for one in arrays])
    distances = np.concatenate([one["distances"] for one in arrays])
    truth = np.concatenate([labels[one["clips"]] for one in arrays])
    weighted = distances * (2 - probabilities.max(axis=1))
    return fit_calibration(probabilities, truth), float(np.quantile(weighted, 1 - FLAGGED_SHARE))


def assert_judged(found: list[Judged], arrays: Arrays, fitted: tuple[Calibration, float]) -> None:
    """The predictions of a part are what ``fitted`` makes of its arrays."""
    calibration, threshold = fitted
    for one, row, far in zip(found, arrays["probabilities"], arrays["distances"], strict=True):
        calibrated = calibration.calibrate(row, far)
        assert one.probabilities == pytest.approx(calibrated)
        assert one.prediction_set == tuple(EMOTIONS[i] for i in calibration.prediction_set(calibrated))
        assert one.out_of_distribution == (far * (2 - row.max()) > threshold)
        assert one.predicted == EMOTIONS[int(row.argmax())]


def by_part(tested: list[Judged], part: Part) -> list[Judged]:
    return [one for one in tested if (one.seed, one.fold) == (part.seed, part.number)]


@pytest.mark.parametrize("seeds", [(0,), (1, 0)])
def test_each_fold_is_calibrated_on_the_other_folds_of_its_seed(seeds: tuple[int, ...]) -> None:
    found = predictions_on(seeds)
    tested = judge(terms_of(DATASET, COUNTED, seeds=seeds), found, "as recorded")
    assert len(tested) == len(seeds) * len(DATASET.labels)
    pairs = list(zip(found.parts, found.arrays["as recorded"], strict=True))
    for part, arrays in pairs:
        others = [one for other, one in pairs if other.seed == part.seed and other.number != part.number]
        assert len(others) == 4
        assert_judged(by_part(tested, part), arrays, fit_by_hand(others, DATASET.labels))
    assert 0 < sum(bool(one.out_of_distribution) for one in tested) < 0.1 * len(tested)


def test_a_speaker_has_no_part_in_the_calibration_of_their_own_predictions() -> None:
    """With leave-one-statement-out, two folds test the same speakers."""
    clips = tuple(replace(c, statement="ab"[i % 2]) for i, c in enumerate(DATASET.corpus.clips))
    dataset = replace(DATASET, corpus=replace(DATASET.corpus, clips=clips))
    terms = terms_of(dataset, COUNTED, "leave-one-statement-out")
    found = predict_folds(terms, dataset, AsRecorded(), Execution())
    tested = judge(terms, found, "as recorded")
    pairs = list(zip(found.parts, found.arrays["as recorded"], strict=True))
    assert len(pairs) == 10
    for part, arrays in pairs:
        own = set(dataset.speakers[part.fold.test])
        others = [one for other, one in pairs if not own & set(dataset.speakers[other.fold.test])]
        assert len(others) == 8
        assert_judged(by_part(tested, part), arrays, fit_by_hand(others, dataset.labels))


def test_distances_are_those_from_the_average_speaker_of_the_training_side() -> None:
    found = predictions_on()
    terms = terms_of(DATASET, COUNTED)
    for part, arrays in zip(split_parts(terms, DATASET), found.arrays["as recorded"], strict=True):
        predictor = fit_part(terms, part)
        average = predictor.average  # type: ignore[attr-defined]
        expected = [distance(DATASET.features[i], average) for i in part.fold.test]
        np.testing.assert_allclose(arrays["distances"], expected)


def test_a_clip_far_from_all_others_is_flagged() -> None:
    features = DATASET.features.copy()
    features[7] += 100
    evaluation = cross_validate(replace(DATASET, features=features), COUNTED)
    (far,) = [one for one in evaluation.tested if one.clip.path == DATASET.corpus.clips[7].path]
    assert far.out_of_distribution


def test_with_one_fold_nothing_is_calibrated_or_flagged() -> None:
    found = predictions_on(protocol="random-80-20")
    tested = judge(terms_of(DATASET, COUNTED, "random-80-20"), found, "as recorded")
    (arrays,) = found.arrays["as recorded"]
    np.testing.assert_allclose([one.probabilities for one in tested], arrays["probabilities"])
    assert not any(one.prediction_set for one in tested)
    assert {one.out_of_distribution for one in tested} == {None}


def test_what_is_fitted_on_all_folds_is_for_a_model_that_is_trained_on_all_clips() -> None:
    found = predictions_on()
    fitted = found.fitted_on_all
    calibration, threshold = fit_by_hand(list(found.arrays["as recorded"]), DATASET.labels)
    assert fitted.calibration == calibration
    assert fitted.distance_threshold == pytest.approx(threshold, rel=1e-12)
    evaluation = cross_validate(DATASET, COUNTED)
    assert (evaluation.calibration, evaluation.distance_threshold) == (
        calibration,
        fitted.distance_threshold,
    )


def test_further_conditions_are_judged_by_the_first() -> None:
    found = predictions_on()
    arrays = list(found.arrays["as recorded"])
    noisy = [
        {**one, "probabilities": one["probabilities"] ** 0.5, "distances": one["distances"] + 0.3}
        for one in arrays
    ]
    both = replace(found, arrays={"as recorded": arrays, "noise": noisy})
    terms = terms_of(DATASET, COUNTED)
    assert judge(terms, both, "as recorded") == judge(terms, found, "as recorded")
    tested = judge(terms, both, "noise")
    for number, part in enumerate(found.parts):
        others = [one for other, one in enumerate(arrays) if other != number]
        assert_judged(by_part(tested, part), noisy[number], fit_by_hand(others, DATASET.labels))
    assert both.fitted_on_all == found.fitted_on_all


def test_what_is_fitted_depends_on_unscored_clips_of_another_vocal_channel_too() -> None:
    sung = with_clips(
        DATASET, lambda i, clip: replace(clip, vocal_channel="song" if i % 3 == 0 else "speech")
    )
    whole, part = (
        cross_validate(sung, COUNTED, tested_vocal_channel=channel) for channel in (None, "song")
    )
    assert part.tested == tuple(one for one in whole.tested if one.clip.vocal_channel == "song")
    assert part.n == len(DATASET.labels) / 3
    assert part.calibration == whole.calibration
    assert part.protocol_label == "by-actor-5, song alone scored"
    assert_same(whole, cross_validate(sung, COUNTED))


def test_between_corpora_calibration_is_fitted_on_the_folds_of_the_training_corpus() -> None:
    tested = make_dataset(speakers=3, takes=2, shape=(6,), corpus="tested", seed=4)
    terms, dataset = between(DATASET, tested)
    found = predict_folds(terms, dataset, AsRecorded(), Execution())
    first, *others = found.arrays["as recorded"]
    assert [part.scored for part in found.parts] == [True] + [False] * 5
    judged = judge(terms, found, "as recorded")
    assert {one.clip.corpus for one in judged} == {"tested"}
    assert_judged(judged, first, fit_by_hand(others, dataset.labels))


# --- several corpora ---------------------------------------------------------------------------------


def far_away(corpus: str, speakers: int, takes: int) -> Dataset:
    """A corpus whose columns lie elsewhere, so that models of another one err on it, confidently."""
    dataset = make_dataset(speakers=speakers, takes=takes, shape=(6,), corpus=corpus, seed=8)
    shift = np.array([1, 1, -1, 2, -2, 3], np.float32)
    return replace(dataset, features=dataset.features + shift)


PAIR = joined(DATASET, far_away("abroad", 5, 4))


def fit_groups_by_hand(found: Predictions, rows: list[tuple[int, int]]) -> tuple[Calibration, float]:
    """Fit on rows (part, row), where each corpus weighs the same, left out or not; flags on known ones."""
    arrays = found.arrays["as recorded"]
    clips = [int(arrays[part]["clips"][row]) for part, row in rows]
    groups = [
        f"{PAIR.corpora[clip]} {not found.parts[part].scored}"
        for clip, (part, _) in zip(clips, rows, strict=True)
    ]
    weights = np.array([1 / groups.count(group) for group in groups])
    weights /= weights.mean()
    probabilities, distances = (
        np.array([arrays[part][name][row] for part, row in rows]) for name in ("probabilities", "distances")
    )
    calibration = fit_calibration(probabilities, PAIR.labels[clips], distances, weights)
    known = np.array([found.parts[part].scored for part, _ in rows])
    weighted = distances * (2 - probabilities.max(axis=1))
    threshold = weighted_quantile(weighted[known], 1 - FLAGGED_SHARE, weights[known])
    return replace(calibration, fitted_on=("unseen speakers", "unseen corpora")), threshold


def rows_without(found: Predictions, number: int | None) -> list[tuple[int, int]]:
    """The rows of other parts for other speakers than those of part ``number``."""
    arrays = found.arrays["as recorded"]
    own = set() if number is None else set(PAIR.speakers[arrays[number]["clips"]])
    return [
        (part, row)
        for part, one in enumerate(arrays)
        for row, clip in enumerate(one["clips"])
        if part != number and PAIR.speakers[clip] not in own
    ]


def test_calibration_is_fitted_on_left_out_corpora_too_and_never_on_the_same_speakers() -> None:
    terms = terms_of(PAIR, COUNTED)
    found = predict_folds(terms, PAIR, AsRecorded(), Execution())
    assert [part.scored for part in found.parts] == [True] * 5 + [False] * 2
    tested = judge(terms, found, "as recorded")
    assert len(tested) == len(PAIR.labels)
    assert found.fitted_by_fold.keys() == {(0, number) for number in range(5)}
    for number in range(5):
        expected = fit_groups_by_hand(found, rows_without(found, number))
        assert found.fitted_by_fold[0, number].calibration == expected[0]
        assert_judged(by_part(tested, found.parts[number]), found.arrays["as recorded"][number], expected)
    whole = fit_groups_by_hand(found, rows_without(found, None))
    assert (found.fitted_on_all.calibration, found.fitted_on_all.distance_threshold) == whole


def test_what_is_predicted_for_a_speaker_does_not_change_the_calibration_of_their_clips() -> None:
    """Neither in their own fold nor where their corpus is left out."""
    found = predict_folds(terms_of(PAIR, COUNTED), PAIR, AsRecorded(), Execution())
    own = set(PAIR.speakers[found.parts[2].fold.test])
    changed = []
    for one in found.arrays["as recorded"]:
        is_own = np.isin(PAIR.speakers[one["clips"]], list(own))
        probabilities = np.where(is_own[:, None], 0.25, one["probabilities"])
        changed.append({**one, "probabilities": probabilities, "distances": one["distances"] + 9 * is_own})
    other = replace(found, arrays={"as recorded": changed})
    assert other.fitted_by_fold[0, 2] == found.fitted_by_fold[0, 2]
    for number in (0, 1, 3, 4):
        assert other.fitted_by_fold[0, number] != found.fitted_by_fold[0, number]


def test_a_model_of_several_corpora_is_calibrated_for_another_one_and_of_one_corpus_is_not() -> None:
    """The labels of the third corpus take no part in it."""
    abroad = far_away("third", 6, 6)
    terms, dataset = between(PAIR, abroad)
    several = evaluate_dataset(terms, dataset, Execution())
    one = evaluate_dataset(*between(DATASET, abroad), Execution())
    assert several.ece < one.ece / 2
    assert several.calibration is one.calibration is None


# --- enrolled speakers -------------------------------------------------------------------------------


def predictions_of_enrolled(dataset: Dataset) -> Predictions:
    """A condition more: ``enrolled``, the predictions that their calibration is fitted on."""
    found = predict_folds(terms_of(dataset, SHY), dataset, AsRecorded(enrol=True), Execution())
    arrays = list(found.arrays["as recorded"])
    enrolled = [{name: one[f"enrolled_{name}"] for name in PREDICTED} for one in arrays]
    return replace(found, arrays={"as recorded": arrays, "enrolled": enrolled})


def test_predictions_for_enrolled_speakers_that_are_less_confident_than_right_are_mended() -> None:
    found = predictions_of_enrolled(DATASET)
    first, own = (
        judge(terms_of(DATASET, SHY), found, "enrolled", enrolled=enrolled) for enrolled in (False, True)
    )
    assert [one.predicted for one in own] == [one.predicted for one in first]
    before, after = (reliability(*confidences(tested)).ece for tested in (first, own))
    assert before > 0.15
    assert after < 0.08
    sizes = [np.mean([len(one.prediction_set) for one in tested]) for tested in (first, own)]
    assert sizes[1] < sizes[0] - 0.5
    assert 0.85 <= np.mean([one.clip.emotion in one.prediction_set for one in own]) <= 0.95


def test_the_calibration_for_enrolled_speakers_is_fitted_on_the_other_folds_too() -> None:
    found = predictions_of_enrolled(DATASET)
    tested = judge(terms_of(DATASET, SHY), found, "enrolled", enrolled=True)
    enrolled, plain = found.arrays["enrolled"], found.arrays["as recorded"]
    for number, part in enumerate(found.parts):
        others, others_plain = (
            [one for other, one in enumerate(arrays) if other != number] for arrays in (enrolled, plain)
        )
        calibration = fit_by_hand(others, DATASET.labels)[0]
        threshold = fit_by_hand(others_plain, DATASET.labels)[1]  # flags are as without enrolment
        assert found.fitted_by_fold[0, number].enrolled_calibration == calibration
        assert_judged(by_part(tested, part), enrolled[number], (calibration, threshold))
    assert found.fitted_on_all.enrolled_calibration == fit_by_hand(list(enrolled), DATASET.labels)[0]


def test_enrolled_predictions_change_nothing_for_unknown_speakers() -> None:
    found = predict_folds(terms_of(DATASET, SHY), DATASET, AsRecorded(), Execution())
    with_enrolled = predictions_of_enrolled(DATASET)
    assert judge(terms_of(DATASET, SHY), with_enrolled, "as recorded") == judge(
        terms_of(DATASET, SHY), found, "as recorded"
    )
    assert found.fitted_on_all == replace(with_enrolled.fitted_on_all, enrolled_calibration=None)


def test_the_calibration_for_enrolled_speakers_is_for_left_out_corpora_too_and_weighs_them_alike() -> None:
    found = predictions_of_enrolled(PAIR)
    enrolled = replace(found, arrays={"as recorded": found.arrays["enrolled"]})
    for number in range(5):
        expected = fit_groups_by_hand(enrolled, rows_without(enrolled, number))[0]
        assert found.fitted_by_fold[0, number].enrolled_calibration == expected
        assert expected.fitted_on == ("unseen speakers", "unseen corpora")


@pytest.mark.parametrize("alone", ["unknown", "one clip of each"])
def test_where_clips_are_alone_enrolled_speakers_have_the_calibration_of_others(alone: str) -> None:
    dataset = make_dataset(speakers=80, takes=1, shape=(6,)).take(range(0, 320, 3))
    names = {"unknown": "", "one clip of each": None}[alone]
    lonely = with_clips(dataset, lambda i, clip: replace(clip, speaker=str(i) if names is None else names))
    protocol = "by-actor-5" if alone == "one clip of each" else "random-80-20"
    terms = terms_of(lonely, SHY, protocol)
    found = predict_folds(terms, lonely, AsRecorded(enrol=True), Execution())
    assert not any(len(one["enrolled_clips"]) for one in found.arrays["as recorded"])
    assert found.fitted_on_all.enrolled_calibration is None
    judged = [judge(terms, found, "as recorded", enrolled=enrolled) for enrolled in (False, True)]
    assert judged[0] == judged[1]


def test_a_recipe_without_a_classifier_for_enrolled_speakers_has_no_calibration_for_them() -> None:
    assert cross_validate(DATASET, COUNTED).enrolled_calibration is None


def test_an_evaluation_keeps_the_calibration_for_enrolled_speakers() -> None:
    evaluation = cross_validate(DATASET, SHY)
    own = predictions_of_enrolled(DATASET).fitted_on_all.enrolled_calibration
    assert evaluation.enrolled_calibration == own is not None
    values = evaluation.to_json()
    assert Evaluation.from_json(values).enrolled_calibration == own
    del values["enrolled_calibration"]
    assert Evaluation.from_json(values).enrolled_calibration is None


def test_with_leave_one_corpus_out_calibration_is_for_left_out_corpora_alone() -> None:
    evaluation = cross_validate(PAIR, COUNTED, "leave-one-corpus-out")
    assert evaluation.calibration is not None
    assert evaluation.calibration.fitted_on == ("unseen corpora",)
    assert cross_validate(DATASET, COUNTED).calibration.fitted_on == ("unseen speakers",)  # type: ignore[union-attr]


def test_with_random_folds_a_model_is_calibrated_for_seen_speakers() -> None:
    evaluation = cross_validate(PAIR, COUNTED, "random-80-20")
    assert evaluation.calibration is not None
    assert evaluation.calibration.fitted_on == ("seen speakers",)
    assert evaluation.calibration.distance_slope == 0


def test_an_evaluation_of_several_corpora_is_the_same_after_json() -> None:
    evaluation = cross_validate(PAIR, COUNTED)
    assert evaluation.calibration is not None
    assert evaluation.calibration.distance_slope > 0
    assert Evaluation.from_json(evaluation.to_json()).calibration == evaluation.calibration


def test_a_trained_model_promises_for_left_out_corpora_and_predicts_by_distance(
    small_ravdess: Path, elsewhere: Path
) -> None:
    bundle, evaluation = train([small_ravdess, elsewhere], QUICK)
    calibration = bundle.contract.calibration
    assert calibration == evaluation.calibration
    assert calibration.fitted_on == ("unseen speakers", "unseen corpora")
    sloped = replace(calibration, temperature=8.0, distance_slope=2.0, reference_distance=1.0)
    steep = replace(bundle, contract=replace(bundle.contract, calibration=sloped))
    clip = load_corpus(elsewhere).clips[0]
    windows = [extract(load_audio(clip.path, bundle.contract.sample_rate), bundle.contract.features)]
    row, far = bundle.predict_proba(windows), bundle.distance(windows)
    expected = sloped.calibrate(row, far)
    assert list(predict(clip.path, steep).probabilities.values()) == pytest.approx(expected)
    assert not np.allclose(expected, sloped.calibrate(row, 1.0), atol=1e-3)


# --- finished models ---------------------------------------------------------------------------------


def test_a_finished_model_is_judged_as_predict_does(bundle: Bundle, elsewhere: Path) -> None:
    evaluation = evaluate(elsewhere, model=bundle)
    assert evaluation.n == 15
    for one in evaluation.tested:
        prediction = predict(one.clip.path, bundle)
        assert one.predicted == prediction.emotion
        assert one.probabilities == tuple(prediction.probabilities.values())
        assert one.prediction_set == prediction.prediction_set
        assert one.out_of_distribution == prediction.out_of_distribution
        assert (one.seed, one.fold) == (0, 0)
    assert evaluation.protocol == "unseen-corpus"
    assert "trained on none of these speakers" in evaluation.protocol_label
    assert evaluation.speakers_overlap is False
    assert evaluation.calibration is None
    assert evaluation.distance_threshold is None


def test_a_finished_model_that_may_predict_some_emotions_is_judged_as_predict_does(
    bundle: Bundle, elsewhere: Path
) -> None:
    emotions = ["neutral", "angry"]
    evaluation = evaluate(elsewhere, model=bundle, emotions=emotions)
    assert evaluation.emotions == ("neutral", "angry")
    assert evaluation.n == 10
    for one in evaluation.tested:
        prediction = predict(one.clip.path, bundle, emotions=emotions)
        assert one.probabilities == tuple(prediction.probabilities.values())
        assert one.prediction_set == prediction.prediction_set


def test_where_speakers_are_unknown_it_is_unknown_whether_a_model_was_trained_on_them(
    bundle: Bundle, elsewhere: Path
) -> None:
    corpus = load_corpus(elsewhere)
    unknown = replace(corpus, clips=tuple(replace(clip, speaker="") for clip in corpus.clips))
    evaluation = evaluate(unknown, model=bundle)
    assert evaluation.speakers_overlap is None
    assert "it is unknown whether" in evaluation.protocol_label


def test_of_a_finished_model_only_the_tested_vocal_channel_is_scored(
    bundle: Bundle, elsewhere: Path
) -> None:
    corpus = load_corpus(elsewhere)
    clips = (
        replace(clip, vocal_channel="song" if i < 6 else "speech") for i, clip in enumerate(corpus.clips)
    )
    terms = read_terms(replace(corpus, clips=tuple(clips)), model=bundle, tested_vocal_channel="song")
    evaluation = evaluate(terms.corpus, model=bundle, tested_vocal_channel="song")
    assert evaluation.n == 6
    assert {one.clip.vocal_channel for one in evaluation.tested} == {"song"}


def test_small_data_sets_are_judged_too() -> None:
    assert cross_validate(SMALL, COUNTED).prediction_sets is not None
