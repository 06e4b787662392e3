"""Every figure of an evaluation is what scikit-learn computes from the single predictions."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    fbeta_score,
    precision_recall_fscore_support,
    recall_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.evaluation.synthetic import (
    COUNTED,
    EMOTIONS,
    QUICK,
    SMALL,
    WEIGHING,
    Array,
    Weighing,
    between,
    cross_validate,
    joined,
    make_dataset,
    make_recipe,
    terms_of,
    with_clips,
)

from affekt.corpora.base import Clip, Corpus
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError
from affekt.estimators.inspection import permutation_importances
from affekt.evaluation.execution import Execution
from affekt.evaluation.folds import predict_folds
from affekt.evaluation.protocols import find_protocol, split
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import SLICES
from affekt.evaluation.scores import TestedClip as Judged  # pytest collects what is called Test...
from affekt.evaluation.summary import summarise, summarise_clips
from affekt.experiments.scoring import TestedAsRecorded as AsRecorded
from affekt.experiments.scoring import evaluate, evaluate_dataset
from affekt.metrics import score_headlines
from affekt.notes import NoteKind

GUESSING = make_recipe(lambda seed: DummyClassifier(strategy="stratified", random_state=seed), "guessing")


@pytest.fixture(scope="module")
def evaluation(small_ravdess: Path) -> Evaluation:
    return evaluate(small_ravdess, QUICK, seeds=2)


@pytest.fixture(scope="module")
def guesses(small_ravdess: Path) -> Evaluation:
    """Predictions that are wrong more often than not, of two seeds."""
    return evaluate(small_ravdess, GUESSING, seeds=2)


def true_and_predicted(tested: tuple[Judged, ...] | list[Judged]) -> tuple[list[str], list[str]]:
    return [one.clip.emotion for one in tested], [one.predicted for one in tested]


# --- headlines and matrices --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evaluation", "guesses"])
def test_figures_are_scikit_learns_on_the_single_predictions(
    name: str, request: pytest.FixtureRequest
) -> None:
    found: Evaluation = request.getfixturevalue(name)
    by_seed = [
        true_and_predicted([one for one in found.tested if one.seed == seed]) for seed in found.by_seed
    ]
    for metric, score in {
        "accuracy": accuracy_score,
        "uar": balanced_accuracy_score,
        "macro_f1": lambda true, predicted: f1_score(true, predicted, average="macro"),
        "weighted_f1": lambda true, predicted: f1_score(true, predicted, average="weighted"),
        "weighted_f2": lambda true, predicted: fbeta_score(true, predicted, beta=2, average="weighted"),
    }.items():
        values = [score(*pair) for pair in by_seed]
        assert found.headlines[metric].value == pytest.approx(np.mean(values))
        assert found.headlines[metric].spread == pytest.approx(np.std(values, ddof=1))
        bounds = found.headlines[metric].low, found.headlines[metric].high
        if name == "evaluation":  # every clip is predicted correctly
            assert found.headlines[metric].no_interval == "equal in every draw of speakers"
        else:
            assert bounds[0] < found.headlines[metric].value < bounds[1]
    for seed, (true, predicted) in zip(found.by_seed, by_seed, strict=True):
        assert found.by_seed[seed].accuracy == pytest.approx(accuracy_score(true, predicted))
        assert found.by_seed[seed].uar == pytest.approx(balanced_accuracy_score(true, predicted))
        assert found.by_seed[seed].n == found.n
    expected = confusion_matrix(*true_and_predicted(found.tested), labels=list(found.emotions))
    np.testing.assert_array_equal(found.confusion_matrix, expected)


def test_scores_of_each_emotion_are_scikit_learns(guesses: Evaluation) -> None:
    true, predicted = true_and_predicted(guesses.tested)
    expected = precision_recall_fscore_support(true, predicted, labels=list(guesses.emotions))
    for i, emotion in enumerate(guesses.emotions):
        one = guesses.per_emotion[emotion]
        assert (one.precision, one.recall, one.f1) == pytest.approx([row[i] for row in expected[:3]])
        assert one.support == expected[3][i] / 2


def test_matrices_by_speaker_add_up_to_the_confusion_matrix(guesses: Evaluation) -> None:
    assert len(guesses.by_speaker) == 10
    assert len({one.accuracy for one in guesses.slices["speaker"].values()}) > 2
    total = np.sum(list(guesses.by_speaker.values()), axis=0)
    assert total.shape == (2, 3, 3)
    np.testing.assert_array_equal(total.sum(axis=0), guesses.confusion_matrix)
    for speaker, (first, second) in guesses.by_speaker.items():
        for seed, matrix in ((0, first), (1, second)):
            own = [one for one in guesses.tested if (one.clip.speaker_id, one.seed) == (speaker, seed)]
            expected = confusion_matrix(*true_and_predicted(own), labels=list(guesses.emotions))
            np.testing.assert_array_equal(matrix, expected)


def test_every_clip_is_tested_once_for_each_seed(evaluation: Evaluation, small_ravdess: Path) -> None:
    clips = load_corpus(small_ravdess).clips
    assert evaluation.n == len(clips)
    assert len(evaluation.tested) == 2 * len(clips)
    for seed in (0, 1):
        assert sorted(one.clip.path for one in evaluation.tested if one.seed == seed) == sorted(
            clip.path for clip in clips
        )


def test_a_score_names_its_terms(evaluation: Evaluation) -> None:
    assert (evaluation.corpus, evaluation.recipe) == ("ravdess", "quick")
    assert (evaluation.protocol, evaluation.protocol_label) == ("by-actor-5", "by-actor-5")
    assert evaluation.condition == "as recorded"
    assert evaluation.chance == pytest.approx(1 / 3)
    assert evaluation.majority == pytest.approx(1 / 3)
    assert not evaluation.leaky
    assert evaluation.speakers_overlap is False
    assert len(evaluation.by_fold) == 10
    assert list(evaluation.by_seed) == [0, 1]


def test_a_leaky_score_says_so(small_ravdess: Path) -> None:
    leaky = evaluate(small_ravdess, QUICK, protocol="random-80-20")
    assert leaky.leaky
    assert leaky.speakers_overlap is True
    assert leaky.protocol_label == "random-80-20 (LEAKY: tested speakers were trained on)"
    assert leaky.to_json()["speakers_overlap"] is True


def doubled(folder: Path, copy: Path) -> Corpus:
    """A corpus that holds itself twice, as Kaggle's RAVDESS does."""
    shutil.copytree(folder, copy / "inner" / "again")
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    return load_corpus(copy)


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20"])
def test_identical_clips_are_counted_and_stay_on_one_side(
    protocol: str, small_ravdess: Path, tmp_path: Path
) -> None:
    corpus = doubled(small_ravdess, tmp_path / "twice")
    found = evaluate(corpus, QUICK, protocol=protocol)
    note = next(one for one in found.notes if one.kind == NoteKind.IDENTICAL_CLIPS)
    assert note.text == (
        "120 of 240 clips are identical to another one: the same recordings count more than once, on one "
        "side of every fold"
    )
    tested = {one.clip.path.name for one in found.tested}
    assert len(found.tested) == 2 * len(tested)
    assert {"kind": "identical_clips", "text": note.text} in found.to_json()["notes"]


def test_where_all_clips_differ_there_is_no_note(evaluation: Evaluation) -> None:
    assert evaluation.notes == ()


def test_with_one_fold_alone_it_says_that_nothing_is_calibrated(small_ravdess: Path) -> None:
    found = evaluate(small_ravdess, QUICK, protocol="random-80-20")
    assert found.prediction_sets is None
    assert [str(note) for note in found.notes] == [
        "not calibrated: random-80-20 has no predictions for other speakers to fit calibration on"
    ]


def test_a_further_condition_stands_in_the_label() -> None:
    terms = terms_of(SMALL, COUNTED)
    found = predict_folds(terms, SMALL, AsRecorded(conditions=("as recorded",)), Execution())
    noisy = replace(found, arrays={**found.arrays, "noise": found.arrays["as recorded"]})
    one = summarise(terms, SMALL, noisy, "noise")
    assert (one.condition, one.protocol, one.protocol_label) == (
        "noise",
        "by-actor-5",
        "by-actor-5, noise",
    )


def test_only_the_emotions_that_are_asked_for_are_scored(small_ravdess: Path) -> None:
    assert evaluate(small_ravdess, QUICK, emotions=["angry", "happy"]).emotions == ("happy", "angry")


def test_majority_is_the_share_of_the_most_frequent_emotion() -> None:
    few = SMALL.take([i for i, clip in enumerate(SMALL.corpus.clips) if clip.emotion != "sad" or i % 3])
    found = cross_validate(few, COUNTED)
    assert found.majority == pytest.approx(18 / len(few.labels))
    assert found.chance == 1 / 4


def test_of_an_emotion_without_clips_there_is_no_recall() -> None:
    tested = [
        Judged(
            clip=Clip(path=Path(str(i)), emotion="happy", speaker=str(i % 2), corpus="own"),
            seed=0,
            fold=0,
            predicted="happy" if i else "sad",
            probabilities=(0.4, 0.6),
        )
        for i in range(4)
    ]
    found = summarise_clips(
        tested, ("happy", "sad"), corpus="own", recipe="-", protocol="-", protocol_label="-",
        leaky=False, speakers_overlap=None,
    )  # fmt: skip
    assert math.isnan(found.per_emotion["sad"].recall)
    assert found.per_emotion["sad"].support == 0
    assert found.headlines["uar"].value == 0.75
    assert found.prediction_sets is None
    assert found.out_of_distribution is None


def test_where_no_tested_clip_could_be_scored_this_is_said() -> None:
    terms = terms_of(SMALL, COUNTED)
    found = predict_folds(terms, SMALL, AsRecorded(), Execution())
    nothing = [{name: array[:0] for name, array in one.items()} for one in found.arrays["as recorded"]]
    empty = replace(found, arrays={**found.arrays, "noise": nothing})
    with pytest.raises(CorpusError, match="no tested clip of own could be scored"):
        summarise(terms, SMALL, empty, "noise")


# --- slices and folds --------------------------------------------------------------------------------


def test_slices_cover_all_clips_the_worst_first(evaluation: Evaluation) -> None:
    assert tuple(evaluation.slices) == SLICES
    for field in SLICES:
        scores = list(evaluation.slices[field].values())
        assert sum(score.n for score in scores) == evaluation.n, field
        assert [score.accuracy for score in scores] == sorted(score.accuracy for score in scores)


def test_a_slice_is_scored_on_its_clips_alone(guesses: Evaluation) -> None:
    for field in SLICES:
        for value, score in guesses.slices[field].items():
            name = "speaker_id" if field == "speaker" else field
            own = [one for one in guesses.tested if getattr(one.clip, name) == value]
            true, predicted = true_and_predicted(own)
            assert score.n == len(own) / 2
            assert score.accuracy == pytest.approx(accuracy_score(true, predicted))
            assert score.uar == pytest.approx(balanced_accuracy_score(true, predicted))


def test_clips_whose_value_is_unknown_are_in_no_slice() -> None:
    found = cross_validate(SMALL, COUNTED)
    assert found.slices["sex"] == {}
    half = with_clips(SMALL, lambda i, clip: replace(clip, sex="female" if i % 2 else ""))
    sliced = cross_validate(half, COUNTED).slices["sex"]
    assert list(sliced) == ["female"]
    assert sliced["female"].n == found.n / 2


def test_each_fold_is_scored_on_its_clips_and_names_its_speakers(guesses: Evaluation) -> None:
    for fold in guesses.by_fold:
        own = [one for one in guesses.tested if (one.seed, one.fold) == (fold.seed, fold.fold)]
        true, predicted = true_and_predicted(own)
        assert fold.n == len(own)
        assert fold.accuracy == pytest.approx(accuracy_score(true, predicted))
        assert fold.uar == pytest.approx(balanced_accuracy_score(true, predicted))
        assert fold.speakers == tuple(sorted({one.clip.speaker_id for one in own}))


class Listing(GaussianNB):  # type: ignore[misc]
    """Notes the speakers that it is given."""

    given: ClassVar[list[set[str]]] = []

    def fit(self, X: Array, y: Array, groups: Array) -> Listing:
        Listing.given.append(set(groups))
        super().fit(X, y)
        return self


def test_the_speakers_of_a_fold_are_those_that_its_estimator_was_not_given(small_ravdess: Path) -> None:
    Listing.given.clear()
    result = evaluate(small_ravdess, make_recipe(lambda seed: Listing()))
    for given, fold in zip(Listing.given, result.by_fold, strict=True):
        assert given | set(fold.speakers) == {f"ravdess/{actor:02}" for actor in range(1, 11)}
        assert not given & set(fold.speakers)


# --- calibration -------------------------------------------------------------------------------------


def ece_by_hand(tested: list[Judged]) -> float:
    """Mean gap of confidence and accuracy over ten bins (low, high]."""
    total = 0.0
    for number in range(10):
        own = [one for one in tested if number / 10 < max(one.probabilities) <= (number + 1) / 10]
        if own:
            confidence = np.mean([max(one.probabilities) for one in own])
            total += len(own) * abs(confidence - accuracy_score(*true_and_predicted(own)))
    return total / len(tested)


NOISY = make_dataset(speakers=8, takes=6, shape=(6,), signal=0.5)


def test_the_calibration_error_is_that_of_the_single_predictions() -> None:
    found = cross_validate(NOISY, COUNTED)
    assert found.ece == pytest.approx(ece_by_hand(list(found.tested)))
    assert found.reliability is not None
    assert found.reliability.ece == found.ece
    assert found.reliability.count.sum() == found.n


def test_prediction_sets_are_scored_on_the_single_predictions() -> None:
    found = cross_validate(NOISY, COUNTED, seeds=(0, 1))
    sets = found.prediction_sets
    assert sets is not None
    covered = [one.clip.emotion in one.prediction_set for one in found.tested]
    assert sets.coverage == pytest.approx(np.mean(covered))
    assert sets.coverage == pytest.approx(0.9, abs=0.06)
    assert sets.size == pytest.approx(np.mean([len(one.prediction_set) for one in found.tested]))
    for speaker, share in sets.by_speaker.items():
        own = [
            one.clip.emotion in one.prediction_set for one in found.tested if one.clip.speaker_id == speaker
        ]
        assert share == pytest.approx(np.mean(own))
    alone = [one for one in found.tested if len(one.prediction_set) == 1]
    assert 0 < len(alone) < len(found.tested)
    assert sets.alone == pytest.approx(len(alone) / len(found.tested))
    assert sets.alone_accuracy == pytest.approx(accuracy_score(*true_and_predicted(alone)))


def test_the_share_flagged_as_out_of_distribution_is_that_of_the_single_predictions() -> None:
    found = cross_validate(NOISY, COUNTED)
    flags = [one.out_of_distribution for one in found.tested]
    assert None not in flags
    assert found.out_of_distribution == pytest.approx(np.mean([bool(flag) for flag in flags]))
    assert found.out_of_distribution == pytest.approx(0.025, abs=0.025)


def test_clips_of_another_kind_are_flagged() -> None:
    strange = replace(NOISY, features=NOISY.features + 100 * (NOISY.speakers == "own/3")[:, None])
    found = cross_validate(strange, COUNTED)
    flagged = {one.clip.speaker_id for one in found.tested if one.out_of_distribution}
    assert "own/3" in flagged
    assert found.out_of_distribution is not None
    assert found.out_of_distribution >= 1 / 8


# --- corpora -----------------------------------------------------------------------------------------

FIRST = make_dataset(speakers=5, takes=4, shape=(6,), signal=0.7, corpus="first")
SECOND = make_dataset(
    speakers=3, takes=6, shape=(6,), signal=0.7, corpus="second", emotions=EMOTIONS[1:], seed=5
)


def average_recall(true: list[str], predicted: list[str]) -> float:
    """Over the emotions that occur: others may be predicted too."""
    return float(recall_score(true, predicted, labels=sorted(set(true)), average="macro"))


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "leave-one-corpus-out"])
def test_each_corpus_is_scored_on_its_clips_alone(protocol: str) -> None:
    found = cross_validate(joined(FIRST, SECOND), COUNTED, protocol, seeds=(0, 1))
    assert list(found.by_corpus) == ["first", "second"]
    for name, score in found.by_corpus.items():
        own = [one for one in found.tested if one.clip.corpus == name]
        by_seed = [true_and_predicted([one for one in own if one.seed == seed]) for seed in (0, 1)]
        true = [emotion for one, _ in by_seed for emotion in one]
        assert score.n == len(own) // 2
        assert score.speakers == len({one.clip.speaker for one in own})
        assert score.majority == pytest.approx(max(map(true.count, set(true))) / len(true))
        assert score.accuracy.value == pytest.approx(np.mean([accuracy_score(*one) for one in by_seed]))
        assert score.uar.value == pytest.approx(np.mean([average_recall(*one) for one in by_seed]))
        assert score.ece == pytest.approx(ece_by_hand(own))
        if protocol == "random-80-20":  # one fold: nothing is calibrated
            assert (score.coverage, score.set_size, score.out_of_distribution) == (None, None, None)
            assert (score.coverage_by_emotion, score.macro_coverage) == ({}, None)
            assert (score.flagged_accuracy, score.unflagged_accuracy) == (None, None)
            continue
        assert score.coverage == pytest.approx(
            np.mean([one.clip.emotion in one.prediction_set for one in own])
        )
        assert score.set_size == pytest.approx(np.mean([len(one.prediction_set) for one in own]))
        assert score.out_of_distribution == pytest.approx(
            np.mean([bool(one.out_of_distribution) for one in own])
        )


def test_a_corpus_has_recall_and_coverage_of_each_emotion_that_it_has() -> None:
    found = cross_validate(joined(FIRST, SECOND), COUNTED, seeds=(0, 1))
    for name, score in found.by_corpus.items():
        own = [one for one in found.tested if one.clip.corpus == name]
        assert list(score.recall) == list(score.coverage_by_emotion) == list(EMOTIONS)
        covered = []
        for emotion in EMOTIONS:
            clips = [one for one in own if one.clip.emotion == emotion]
            if not clips:
                assert (name, emotion) == ("second", "neutral")
                assert score.recall[emotion] is score.coverage_by_emotion[emotion] is None
                continue
            covered.append(np.mean([emotion in one.prediction_set for one in clips]))
            assert score.recall[emotion] == pytest.approx(
                np.mean([one.predicted == emotion for one in clips])
            )
            assert score.coverage_by_emotion[emotion] == pytest.approx(covered[-1])
        assert score.macro_coverage == pytest.approx(np.mean(covered))


def test_coverage_of_each_emotion_over_all_corpora_is_that_of_the_single_predictions() -> None:
    found = cross_validate(joined(FIRST, SECOND), COUNTED)
    assert found.prediction_sets is not None
    for emotion, coverage in found.prediction_sets.by_emotion.items():
        own = [emotion in one.prediction_set for one in found.tested if one.clip.emotion == emotion]
        assert coverage == pytest.approx(np.mean(own))


def test_flagged_and_other_clips_have_an_accuracy_of_their_own() -> None:
    tested = list(cross_validate(joined(FIRST, SECOND), COUNTED).tested)
    tested = [replace(one, out_of_distribution=i % 3 == 0) for i, one in enumerate(tested)]
    calm = [
        replace(one, out_of_distribution=False) if one.clip.corpus == "second" else one for one in tested
    ]
    about = {
        "corpus": "-", "recipe": "-", "protocol": "-", "protocol_label": "-", "leaky": False,
        "speakers_overlap": None,
    }  # fmt: skip
    found = summarise_clips(calm, EMOTIONS, **about)
    first, second = found.by_corpus.values()
    for score, own in (
        (found, calm),
        (first, [one for one in calm if one.clip.corpus == "first"]),
        (second, [one for one in calm if one.clip.corpus == "second"]),
    ):
        hits = [(one.out_of_distribution, one.predicted == one.clip.emotion) for one in own]
        flagged, others = ([hit for flag, hit in hits if flag is which] for which in (True, False))
        assert score.out_of_distribution == pytest.approx(len(flagged) / len(own))
        assert score.flagged_accuracy == (pytest.approx(np.mean(flagged)) if flagged else None)
        assert score.unflagged_accuracy == pytest.approx(np.mean(others))
    assert second.flagged_accuracy is None
    assert first.flagged_accuracy != first.unflagged_accuracy


def test_what_another_corpus_must_know_is_excluded_where_it_does_not() -> None:
    found = cross_validate(joined(FIRST, SECOND), COUNTED, "leave-one-corpus-out", seeds=(0, 1))
    calm = [one.name for one in FIRST.corpus.clips if one.emotion == "neutral"]
    assert found.excluded == tuple(
        (name, f"{name}: the training corpora do not know 'neutral'") for name in calm
    )
    assert found.n == len(FIRST.labels) + len(SECOND.labels) - len(calm)
    assert found.emotions == EMOTIONS
    neutral = {one.probabilities[0] > 1e-6 for one in found.tested if one.clip.corpus == "second"}
    assert True in neutral  # what one corpus alone has is trained on, and may be predicted for the other


def test_the_interval_of_a_corpus_is_over_its_own_speakers() -> None:
    found = cross_validate(joined(FIRST, SECOND), COUNTED)
    for name, score in found.by_corpus.items():
        matrices = [counts for speaker, counts in found.by_speaker.items() if speaker.split("/")[0] == name]
        expected = score_headlines(np.stack(matrices, axis=1).astype(float), np.random.default_rng(0))
        assert score.accuracy == expected["accuracy"]
        assert score.uar == expected["uar"]


def test_one_corpus_alone_is_scored_as_the_whole() -> None:
    found = cross_validate(FIRST, COUNTED)
    (score,) = found.by_corpus.values()
    assert score.accuracy == found.headlines["accuracy"]
    assert (score.n, score.speakers, score.majority) == (found.n, 5, found.majority)
    assert (score.ece, score.out_of_distribution) == (found.ece, found.out_of_distribution)
    assert found.prediction_sets is not None
    assert (score.coverage, score.set_size) == (found.prediction_sets.coverage, found.prediction_sets.size)
    assert score.coverage_by_emotion == found.prediction_sets.by_emotion
    assert score.recall == {name: one.recall for name, one in found.per_emotion.items()}
    assert score.flagged_accuracy == found.flagged_accuracy
    assert score.unflagged_accuracy == found.unflagged_accuracy


def test_of_unknown_speakers_a_corpus_counts_none() -> None:
    unknown = with_clips(FIRST, lambda _, clip: replace(clip, speaker=""))
    found = cross_validate(unknown, COUNTED, "random-80-20")
    assert found.by_corpus["first"].speakers == 0
    assert found.slices["speaker"] == {}
    assert found.speakers_overlap is True


def test_unknown_speakers_have_no_coverage_as_if_they_were_one_speaker() -> None:
    trained = make_dataset(speakers=8, takes=6, shape=(6,), corpus="trained")
    tested = with_clips(FIRST, lambda i, clip: replace(clip, speaker="") if i % 2 else clip)
    found = evaluate_dataset(*between(trained, tested, COUNTED), Execution())
    assert found.prediction_sets is not None
    assert found.prediction_sets.by_speaker.keys() == found.slices["speaker"].keys() != set()


# --- human accuracy ----------------------------------------------------------------------------------


HUMAN = 0.7, "somebody (2001)"


def test_human_accuracy_is_that_of_the_corpus_where_all_its_emotions_and_speakers_are_tested() -> None:
    card = replace(
        SMALL.corpus.cards[0],
        human_accuracy=HUMAN,
        emotions=dict.fromkeys(EMOTIONS, 18),
        speakers=len(SMALL.corpus.count("speaker")),
    )
    rated = replace(SMALL, corpus=replace(SMALL.corpus, cards=(card,)))
    assert cross_validate(rated, COUNTED).human_accuracy == HUMAN
    assert cross_validate(rated.select(emotions=EMOTIONS[1:]), COUNTED).human_accuracy is None
    missing = rated.corpus.clips[0].speaker
    others = [i for i, clip in enumerate(rated.corpus.clips) if clip.speaker != missing]
    assert cross_validate(rated.take(others), COUNTED).human_accuracy is None
    assert cross_validate(SMALL, COUNTED).human_accuracy is None


def test_human_accuracy_is_not_that_of_clips_some_of_which_were_excluded() -> None:
    card = replace(FIRST.corpus.cards[0], human_accuracy=HUMAN, emotions=dict.fromkeys(EMOTIONS, 18))
    tested = replace(FIRST, corpus=replace(FIRST.corpus, cards=(card,)))
    whole = make_dataset(speakers=5, takes=2, shape=(6,), corpus="trained")
    for trained, expected in ((whole, HUMAN), (whole.select(emotions=EMOTIONS[1:]), None)):
        terms, dataset = between(trained, tested)
        assert evaluate_dataset(terms, dataset, Execution()).human_accuracy == expected


# --- what estimators report --------------------------------------------------------------------------


def test_importances_are_means_over_folds_the_most_important_first() -> None:
    dataset = make_dataset(speakers=6, takes=3, shape=(6,), signal=3)
    found = cross_validate(dataset, WEIGHING, importances=True).importances
    folds = split(dataset.corpus, find_protocol("by-actor-5"), dataset.fingerprints, 0)
    own, lost = [], []
    for fold in folds:
        model = Weighing().fit(dataset.features[fold.train], dataset.labels[fold.train])
        own.append(model.feature_importances_ / model.feature_importances_.sum())
        lost.append(
            permutation_importances(model, dataset.features[fold.test], dataset.labels[fold.test], seed=0)
        )
    assert len(folds) == 5
    for i, name in enumerate(dataset.columns):
        assert found[name].own == pytest.approx(np.mean(own, axis=0)[i])
        assert found[name].permuted == pytest.approx(np.mean(lost, axis=0)[i])
    missed = [one.permuted for one in found.values()]
    assert missed == sorted(missed, reverse=True)
    assert set(list(found)[:4]) == {f"column {i}" for i in range(1, 5)}  # those that emotions raise


def test_unless_asked_for_features_are_not_permuted() -> None:
    found = cross_validate(SMALL, WEIGHING).importances
    assert sum(one.own for one in found.values()) == pytest.approx(1)
    assert np.isnan([one.permuted for one in found.values()]).all()
    own = [one.own for one in found.values()]
    assert own == sorted(own, reverse=True)
    assert cross_validate(SMALL, COUNTED).importances == {}


def test_columns_of_frames_are_not_permuted() -> None:
    frames = make_dataset(speakers=6, takes=1, shape=(4, 6))
    flat = make_recipe(
        lambda seed: make_pipeline(FunctionTransformer(lambda X: X.reshape(len(X), -1)), GaussianNB())
    )
    assert cross_validate(frames, flat, importances=True).importances == {}


def test_between_corpora_importances_are_those_of_the_model_that_is_scored() -> None:
    trained = make_dataset(speakers=5, takes=2, shape=(6,), corpus="trained")
    terms, dataset = between(trained, FIRST, WEIGHING)
    found = evaluate_dataset(terms, dataset, Execution(), importances=True).importances
    model = Weighing().fit(trained.features, trained.labels)
    own = model.feature_importances_ / model.feature_importances_.sum()
    permuted = permutation_importances(model, FIRST.features, FIRST.labels, seed=0)
    for i, name in enumerate(trained.columns):
        assert found[name].own == pytest.approx(own[i])
        assert found[name].permuted == pytest.approx(permuted[i])


def test_clips_that_could_not_be_tested_in_a_condition_are_excluded_once() -> None:
    terms = terms_of(SMALL, COUNTED, seeds=(0, 1))
    dataset = replace(SMALL, excluded=(("broken.wav", "not audio"),))
    found = predict_folds(terms, dataset, AsRecorded(), Execution())
    lost = [
        {**one, "excluded": np.array(["a.wav"]), "reasons": np.array(["silent"])}
        for one in found.arrays["as recorded"]
    ]
    noisy = replace(found, arrays={**found.arrays, "noise": lost})
    assert summarise(terms, dataset, noisy, "noise").excluded == (
        ("broken.wav", "not audio"),
        ("a.wav", "silent"),
    )
    assert summarise(terms, dataset, noisy, "as recorded").excluded == (("broken.wav", "not audio"),)
