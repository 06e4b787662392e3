"""Parts: the folds of every seed, protocols that make copies first, and folds that only calibrate."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.evaluation.synthetic import (
    COUNTED,
    NOISE,
    PARROT,
    SHAKEN_PARROT,
    SMALL,
    Parrot,
    Pin,
    between,
    cross_validate,
    joined,
    make_dataset,
    shake,
    terms_of,
    with_clips,
)

from affekt.corpora.readers.ravdess import CARD as RAVDESS
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.estimators.recipe import Recipe
from affekt.evaluation.dataset import Dataset, with_copies
from affekt.evaluation.execution import Execution
from affekt.evaluation.folds import predict_folds
from affekt.evaluation.parts import COPIES_BEFORE_SPLIT, everything, split_parts
from affekt.evaluation.protocols import Fold, audio_groups, find_protocol, split
from affekt.evaluation.results import Evaluation
from affekt.evaluation.terms import read_terms
from affekt.experiments.scoring import TestedAsRecorded as AsRecorded
from affekt.experiments.scoring import evaluate_dataset
from affekt.model.bundle import Bundle
from affekt.notes import NoteKind


def run_parrot(
    dataset: Dataset, protocol: str, recipe: Recipe = PARROT
) -> tuple[Evaluation, dict[str, Any]]:
    Parrot.fitted.clear()
    evaluation = cross_validate(dataset, recipe, protocol)
    return evaluation, Parrot.fitted[0]


def doubled(dataset: Dataset) -> Dataset:
    return with_copies(dataset, shake, 1, np.random.default_rng(0))


# --- order -------------------------------------------------------------------------------------------


def test_the_same_fold_of_all_seeds_comes_one_after_the_other() -> None:
    terms = terms_of(SMALL, COUNTED, seeds=(3, 1))
    parts = list(split_parts(terms, SMALL))
    assert [(part.number, part.seed) for part in parts] == [
        (number, seed) for number in range(5) for seed in (3, 1)
    ]
    assert len(parts) == 10
    folds = split(SMALL.corpus, find_protocol("by-actor-5"), SMALL.fingerprints, 0)
    for part in parts:
        np.testing.assert_array_equal(part.fold.test, folds[part.number].test)
        assert part.scored


def test_a_random_protocol_draws_another_split_for_each_seed() -> None:
    terms = terms_of(SMALL, COUNTED, "random-80-20", seeds=(0, 1))
    one, other = split_parts(terms, SMALL)
    assert (one.number, one.seed, other.number, other.seed) == (0, 0, 0, 1)
    assert not np.array_equal(one.fold.test, other.fold.test)
    for part in (one, other):
        (fold,) = split(SMALL.corpus, find_protocol("random-80-20"), SMALL.fingerprints, part.seed)
        np.testing.assert_array_equal(part.fold.test, fold.test)


def test_a_finished_model_is_tested_on_all_clips_at_once(bundle: Bundle) -> None:
    dataset = with_clips(SMALL, lambda _, clip: replace(clip, corpus="elsewhere"))
    (part,) = split_parts(read_terms(dataset.corpus, model=bundle), dataset)
    np.testing.assert_array_equal(part.fold.test, np.arange(len(SMALL.labels)))
    assert not len(part.fold.train)
    assert (part.number, part.seed, part.scored) == (0, 0, True)


def test_everything_trains_on_all_clips_and_keeps_apart_what_the_protocol_does() -> None:
    part = everything(terms_of(NOISE, PARROT, seeds=(4,)), NOISE)
    np.testing.assert_array_equal(part.fold.train, np.arange(len(NOISE.labels)))
    assert not len(part.fold.test)
    assert part.seed == 4
    np.testing.assert_array_equal(part.groups, NOISE.speakers)
    recordings = everything(terms_of(doubled(NOISE), PARROT, "random-80-20"), doubled(NOISE)).groups
    _, counts = np.unique(recordings, return_counts=True)
    assert set(counts) == {2}  # a clip and its copy


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="by-actor-5"):
        terms_of(SMALL, COUNTED, "by-actor-6")


# --- protocols that leak on purpose ------------------------------------------------------------------


def test_where_copies_are_made_first_copies_of_tested_clips_are_trained_on_and_the_label_says_so() -> None:
    evaluation, fitted = run_parrot(NOISE, "augment-before-split", SHAKEN_PARROT)
    count = (COPIES_BEFORE_SPLIT + 1) * len(NOISE.labels)
    assert len(fitted["X"]) + evaluation.n == count
    tested = {str(one.clip.path).split("#")[0] for one in evaluation.tested}
    whose = {int(np.abs(NOISE.features - row).sum(axis=1).argmin()) for row in fitted["X"]}
    trained = {str(NOISE.corpus.clips[i].path) for i in whose}
    assert len(tested & trained) > 0.9 * len(tested)
    assert evaluation.headlines["accuracy"].value > 0.9
    assert evaluation.leaky
    assert evaluation.speakers_overlap
    assert evaluation.protocol_label == (
        "augment-before-split (LEAKY: copies of tested clips were trained on)"
    )


def test_where_copies_are_made_first_each_seed_makes_its_own() -> None:
    terms = terms_of(NOISE, SHAKEN_PARROT, "augment-before-split", seeds=(0, 1, 2))
    features = [part.dataset.features for part in split_parts(terms, NOISE)]
    for one, other in pairwise(features):
        np.testing.assert_array_equal(one[: len(NOISE.labels)], NOISE.features)
        assert not np.array_equal(one, other)


def test_what_was_augmented_before_the_split_is_not_augmented_again() -> None:
    _, fitted = run_parrot(NOISE, "augment-before-split", SHAKEN_PARROT)
    assert fitted["augment"] is None
    _, fitted = run_parrot(NOISE, "by-actor-5", SHAKEN_PARROT)
    assert fitted["augment"] is shake


@pytest.mark.parametrize("recipe", [PARROT, COUNTED])
def test_a_recipe_that_does_not_augment_cannot_augment_first(recipe: Recipe) -> None:
    with pytest.raises(CorpusError, match="does not augment"):
        cross_validate(NOISE, recipe, "augment-before-split")


def test_the_training_side_is_tested_on_itself_and_the_label_says_so() -> None:
    evaluation, fitted = run_parrot(NOISE, "training-side")
    trained = {row.tobytes() for row in fitted["X"]}
    number = {clip.path: i for i, clip in enumerate(NOISE.corpus.clips)}
    assert {NOISE.features[number[one.clip.path]].tobytes() for one in evaluation.tested} == trained
    assert evaluation.n == round(0.8 * len(NOISE.labels))
    assert evaluation.headlines["accuracy"].value == 1
    assert evaluation.leaky
    assert "LEAKY: the tested clips were trained on" in evaluation.protocol_label


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "random-70-15-15"])
def test_noise_is_predicted_at_chance_where_recordings_are_kept_apart(protocol: str) -> None:
    evaluation, _ = run_parrot(NOISE, protocol)
    low, high = 0.25 - 0.15, 0.25 + 0.15  # chance, and three standard errors of 30 clips and more
    assert low < evaluation.headlines["accuracy"].value < high


# --- what inner folds keep apart ---------------------------------------------------------------------


def test_inner_folds_keep_speakers_apart_where_tested_speakers_are_unseen() -> None:
    evaluation, fitted = run_parrot(doubled(NOISE), "by-actor-5")
    tested = {one.clip.speaker_id for one in evaluation.tested if one.fold == 0}
    assert set(fitted["groups"]) == set(NOISE.speakers) - tested
    assert fitted["validation"] is None


def test_inner_folds_keep_recordings_apart_where_tested_speakers_are_seen() -> None:
    _, fitted = run_parrot(doubled(NOISE), "random-80-20")
    _, counts = np.unique(fitted["groups"], return_counts=True)
    assert set(counts) == {2}  # a clip and its copy


def test_inner_folds_keep_nothing_apart_where_the_protocol_keeps_nothing_apart() -> None:
    _, fitted = run_parrot(NOISE, "augment-before-split", SHAKEN_PARROT)
    assert len(set(fitted["groups"])) == len(fitted["X"])


def test_clips_that_a_protocol_sets_aside_are_given_for_early_stopping() -> None:
    _, fitted = run_parrot(NOISE, "random-70-15-15")
    (fold,) = split(NOISE.corpus, find_protocol("random-70-15-15"), NOISE.fingerprints, 0)
    np.testing.assert_array_equal(fitted["X"], NOISE.features[fold.train])
    np.testing.assert_array_equal(fitted["validation"][0], NOISE.features[fold.validation])
    np.testing.assert_array_equal(fitted["validation"][1], NOISE.labels[fold.validation])


# --- copies never cross ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "random-70-15-15"])
def test_copies_stay_with_their_originals(protocol: str, seed: int) -> None:
    dataset = with_copies(SMALL, shake, 3, np.random.default_rng(seed))
    recordings = np.array(audio_groups(dataset.corpus.clips, dataset.fingerprints))
    assert len(set(recordings)) == len(SMALL.labels)
    for part in split_parts(terms_of(dataset, COUNTED, protocol, seeds=(seed,)), dataset):
        fold = part.fold
        sides = [set(recordings[side]) for side in (fold.train, fold.test, fold.validation)]
        assert sum(len(side) for side in sides) == len(set.union(*sides))


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "random-70-15-15"])
def test_a_copy_of_a_tested_clip_is_refused_in_training(protocol: str, pin: Pin) -> None:
    dataset = doubled(SMALL)
    clip, copy = 0, len(SMALL.labels)
    other = np.flatnonzero(SMALL.speakers != SMALL.speakers[0])
    pin(dataset, protocol, Fold(np.append(other, copy), np.array([clip])))
    with pytest.raises(LeakError, match=r"pinned, fold 0: the same recording.*00-neutral-0#copy0"):
        cross_validate(dataset, PARROT, "pinned")


# --- train on one corpus, test on another ------------------------------------------------------------


TRAINED = make_dataset(speakers=5, takes=2, shape=(6,), corpus="trained")
TESTED = make_dataset(speakers=3, takes=2, shape=(6,), corpus="tested", seed=4)


def test_between_corpora_one_fold_is_scored_and_those_of_the_training_corpus_only_calibrate() -> None:
    terms, dataset = between(TRAINED, TESTED, seeds=(0, 1))
    parts = list(split_parts(terms, dataset))
    assert len(parts) == 2 * (1 + 5)
    assert [(part.number, part.seed) for part in parts[:4]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    corpus_of = np.array([clip.corpus for clip in dataset.corpus.clips])
    for part in parts:
        assert part.scored == (part.number == 0)
        assert set(corpus_of[part.fold.train]) == {"trained"}
        assert set(corpus_of[part.fold.test]) == {"tested" if part.scored else "trained"}
    for seed in (0, 1):
        calibrating = [part for part in parts if not part.scored and part.seed == seed]
        tested = np.concatenate([part.fold.test for part in calibrating])
        np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(corpus_of == "trained"))
        for part in calibrating:
            train, test = (
                {dataset.speakers[i] for i in side} for side in (part.fold.train, part.fold.test)
            )
            assert not train & test


def test_folds_that_calibrate_are_the_published_ones_of_the_training_corpus() -> None:
    trained = make_dataset(speakers=24, takes=1, shape=(6,), corpus="trained")
    named = with_clips(trained, lambda _, clip: replace(clip, speaker=f"{int(clip.speaker) + 1:02}"))
    published = replace(named, corpus=replace(named.corpus, cards=(RAVDESS,)))
    terms, dataset = between(published, TESTED)
    parts = [part for part in split_parts(terms, dataset) if not part.scored]
    tested = [{dataset.corpus.clips[i].speaker for i in part.fold.test} for part in parts]
    assert tested == [set(fold) for fold in RAVDESS.folds["by-actor-5"]]


def test_between_corpora_an_identical_recording_on_both_sides_is_refused() -> None:
    terms, dataset = between(TRAINED, TESTED)
    prints = list(dataset.fingerprints)
    prints[-1] = prints[0]
    with pytest.raises(LeakError, match=r"^trained on trained, tested on tested: the same recording is on"):
        list(split_parts(terms, replace(dataset, fingerprints=tuple(prints))))


def test_between_corpora_a_speaker_on_both_sides_is_refused() -> None:
    tested = with_clips(TESTED, lambda _, clip: replace(clip, corpus="trained"))
    terms, dataset = between(TRAINED, tested)
    with pytest.raises(LeakError, match="speaker trained/0, trained/1, trained/2 is on the train and the"):
        list(split_parts(terms, dataset))


@pytest.mark.parametrize("side", ["trained", "tested"])
def test_between_corpora_both_sides_need_a_clip_that_could_be_read(side: str) -> None:
    terms, dataset = between(TRAINED, TESTED)
    kept = [i for i, clip in enumerate(dataset.corpus.clips) if clip.corpus != side]
    with pytest.raises(CorpusError, match=f"no clip of {side} is left to {side[:-2].rstrip('e')}"):
        list(split_parts(terms, dataset.take(kept)))


def test_where_training_speakers_are_unknown_the_test_is_run_and_not_calibrated() -> None:
    trained = with_clips(TRAINED, lambda _, clip: replace(clip, speaker=""))
    terms, dataset = between(trained, TESTED)
    (part,) = split_parts(terms, dataset)
    assert part.scored
    (note,) = evaluate_dataset(terms, dataset, Execution()).notes
    assert note.kind == NoteKind.NOT_CALIBRATED
    assert note.text.startswith(
        "not calibrated: the training clips cannot be split by by-actor-5. by-actor-5 tests on unseen "
        "speakers, but the speaker of 40 of 40 clips of trained is unknown"
    )


def test_what_is_calibrated_has_no_note() -> None:
    assert evaluate_dataset(*between(TRAINED, TESTED), Execution()).notes == ()


# --- corpora left out, for calibration ---------------------------------------------------------------


OTHER = make_dataset(speakers=6, takes=1, shape=(6,), corpus="other", seed=5)
BOTH = joined(TRAINED, OTHER)


@pytest.mark.parametrize("protocol", ["by-actor-5", "emobox-6", "leave-one-speaker-out"])
def test_of_several_corpora_each_is_left_out_in_parts_that_are_not_scored(protocol: str) -> None:
    parts = split_parts(terms_of(BOTH, COUNTED, protocol, seeds=(0, 1)), BOTH)
    folds = split(BOTH.corpus, find_protocol(protocol), BOTH.fingerprints, 0)
    scored, left_out = parts[: 2 * len(folds)], parts[2 * len(folds) :]
    assert [part.scored for part in scored] == [True] * len(scored)
    for part in scored:
        np.testing.assert_array_equal(part.fold.test, folds[part.number].test)
        assert not part.leaves_corpora_out
    assert [(part.number - len(folds), part.seed) for part in left_out] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for part, (tested, trained) in zip(
        left_out[::2], [("other", "trained"), ("trained", "other")], strict=True
    ):
        assert not part.scored
        assert part.leaves_corpora_out
        np.testing.assert_array_equal(part.fold.test, np.flatnonzero(BOTH.corpora == tested))
        np.testing.assert_array_equal(part.fold.train, np.flatnonzero(BOTH.corpora == trained))


@pytest.mark.parametrize("protocol", ["random-80-20", "leave-one-corpus-out"])
def test_a_protocol_that_mixes_speakers_or_leaves_corpora_out_itself_has_no_such_parts(
    protocol: str,
) -> None:
    assert all(part.scored for part in split_parts(terms_of(BOTH, COUNTED, protocol), BOTH))


def test_a_corpus_that_cannot_be_left_out_is_passed_over() -> None:
    shouts = make_dataset(speakers=6, takes=2, shape=(6,), corpus="shouts", emotions=["angry"])
    both = joined(TRAINED, shouts)
    left_out = [part for part in split_parts(terms_of(both, COUNTED), both) if not part.scored]
    assert [set(both.corpora[part.fold.test]) for part in left_out] == [{"shouts"}]
    bliss = with_clips(shouts, lambda _, clip: replace(clip, emotion="bliss"))
    both = joined(TRAINED, bliss)
    assert all(part.scored for part in split_parts(terms_of(both, COUNTED), both))


def test_with_test_on_the_training_corpora_are_left_out_and_the_tested_one_takes_no_part() -> None:
    terms, dataset = between(BOTH, TESTED)
    tested, *others = split_parts(terms, dataset)
    assert tested.scored
    assert len(others) == 5 + 2
    for part in others:
        assert "tested" not in {*dataset.corpora[part.fold.train], *dataset.corpora[part.fold.test]}
    assert [set(dataset.corpora[part.fold.test]) for part in others[5:]] == [{"other"}, {"trained"}]
    assert [part.leaves_corpora_out for part in others] == [False] * 5 + [True] * 2


class NeedsManyClips(Parrot):
    """Cannot be fitted on a small corpus."""

    def fit(self, X: Any, y: Any, groups: Any, validation: Any = None) -> NeedsManyClips:
        if len(y) <= len(OTHER.labels):
            raise CorpusError("too few clips")
        super().fit(X, y, groups, validation)
        return self


def test_a_part_that_only_calibrates_is_passed_over_where_the_other_corpora_are_too_small() -> None:
    recipe = replace(PARROT, build=lambda seed: NeedsManyClips())
    found = predict_folds(terms_of(BOTH, recipe), BOTH, AsRecorded(), Execution())
    assert [part.scored for part in found.parts] == [True] * 5 + [False]
    assert set(BOTH.corpora[found.parts[-1].fold.test]) == {"other"}
    with pytest.raises(CorpusError, match="too few clips"):
        cross_validate(BOTH, recipe, "leave-one-corpus-out")
