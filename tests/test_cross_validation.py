"""Folds are trained, tested, kept and resumed; and nothing that is fitted has seen what it is tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from affekt.alignment import average_voice, describe_speaker
from affekt.corpus import Clip, Corpus, CorpusCard
from affekt.cross_validation import COPIES_BEFORE_SPLIT, cross_validate, fit, train_fold
from affekt.dataset import Dataset, with_copies
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.evaluation import Evaluation
from affekt.inspection import permutation_importances
from affekt.protocols import PROTOCOLS, Fold, audio_groups, find_protocol, split
from affekt.recipe import Estimator, Recipe
from affekt.recipes import find_recipe

EMOTIONS = ("neutral", "happy", "sad", "angry")
CARD = CorpusCard(name="own", title="", licence="", citation="", address="")


def make_dataset(
    speakers: int = 12, takes: int = 6, shape: tuple[int | None, ...] = (20,), signal: float = 1.0
) -> Dataset:
    """Normal noise; each emotion raises one column of four by ``signal``."""
    rng = np.random.default_rng(3)
    clips = [
        Clip(
            path=Path(f"{speaker:02}-{emotion}-{take}"), emotion=emotion, speaker=str(speaker), corpus="own"
        )
        for speaker in range(speakers)
        for emotion in EMOTIONS
        for take in range(takes)
    ]
    labels = np.array([EMOTIONS.index(clip.emotion) for clip in clips])
    rows = []
    for label in labels:
        row = rng.standard_normal([size or rng.integers(30, 60) for size in shape])
        row[..., 1 + label] += signal
        rows.append(row.astype(np.float32))
    features = np.empty(len(rows), object)
    features[:] = rows
    return Dataset(
        corpus=Corpus(name="own", clips=tuple(clips), cards=(CARD,)),
        features=features if None in shape else np.stack(rows),
        columns=tuple(f"column {i}" for i in range(shape[-1])),
        relative=(),
        fingerprints=tuple(str(clip.path) for clip in clips),
        labels=labels,
        emotions=EMOTIONS,
        excluded=(),
    )


def relabelled(dataset: Dataset, labels: np.ndarray) -> Dataset:
    clips = tuple(
        replace(clip, emotion=EMOTIONS[label])
        for clip, label in zip(dataset.corpus.clips, labels, strict=True)
    )
    return replace(dataset, corpus=replace(dataset.corpus, clips=clips), labels=labels)


def make_recipe(build: Callable[[int], Any], name: str = "own") -> Recipe:
    return Recipe(name=name, summary="-", source="-", features="mfcc-stats@1", build=build)


SMALL = make_dataset(speakers=6, takes=3, shape=(6,))
NOISE = make_dataset(speakers=6, takes=6, shape=(6,), signal=0)


# --- checkpoints -------------------------------------------------------------------------------------


class Counting(GaussianNB):
    """Counts how often it is fitted, and gives up where it is told to."""

    fits: ClassVar[int] = 0
    stop_in: ClassVar[int] = 0

    def __init__(self, var_smoothing: float = 1e-9, note: Any = None) -> None:
        super().__init__(var_smoothing=var_smoothing)
        self.note = note

    def fit(self, X: np.ndarray, y: np.ndarray) -> Counting:
        Counting.fits += 1
        if Counting.fits == Counting.stop_in:
            raise KeyboardInterrupt
        return super().fit(X, y)


COUNTED = make_recipe(lambda seed: Counting(var_smoothing=0.1 * (seed + 1)), "counted")


@pytest.fixture(autouse=True)
def _count_from_zero() -> None:
    Counting.fits = Counting.stop_in = 0


def count_fits(
    folder: Path, *, recipe: Recipe = COUNTED, dataset: Dataset = SMALL, seeds: Sequence[int] = (0,)
) -> int:
    before = Counting.fits
    cross_validate(dataset, recipe, "by-actor-5", seeds=seeds, checkpoints=folder)
    return Counting.fits - before


def assert_same(one: Evaluation, other: Evaluation) -> None:
    assert one.tested == other.tested
    assert repr(one.to_json()) == repr(other.to_json())


def test_finished_folds_are_not_trained_again(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "if need be"
    first = cross_validate(SMALL, COUNTED, "by-actor-5", seeds=(0, 1), checkpoints=folder)
    assert Counting.fits == 10
    again = cross_validate(SMALL, COUNTED, "by-actor-5", seeds=(0, 1), checkpoints=folder)
    assert Counting.fits == 10
    assert len(list(folder.iterdir())) == 10
    assert_same(first, again)
    assert_same(first, cross_validate(SMALL, COUNTED, "by-actor-5", seeds=(0, 1)))


def test_what_was_interrupted_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    Counting.stop_in = 3
    with pytest.raises(KeyboardInterrupt):
        count_fits(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    resumed = cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path)
    assert Counting.fits == 3 + 3
    assert_same(resumed, cross_validate(SMALL, COUNTED, "by-actor-5"))


@pytest.mark.parametrize("keep", [0, 1, 40, -30, "words"])
def test_a_broken_checkpoint_is_computed_again(tmp_path: Path, keep: int | str) -> None:
    expected = cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path)
    broken = sorted(tmp_path.iterdir())[1]
    whole = broken.read_bytes()
    broken.write_bytes(keep.encode() if isinstance(keep, str) else whole[:keep])
    assert count_fits(tmp_path) == 1
    assert broken.read_bytes() == whole
    assert_same(expected, cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path))


def test_a_checkpoint_of_other_clips_is_computed_again(tmp_path: Path) -> None:
    count_fits(tmp_path)
    with sorted(tmp_path.iterdir())[0].open("wb") as file:
        np.savez(file, probabilities=np.ones((1, 4)))
    assert count_fits(tmp_path) == 1


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cross_validate(SMALL, COUNTED, "by-actor-5")
    assert not list(tmp_path.iterdir())


def test_other_seeds_features_labels_names_and_versions_have_other_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert count_fits(tmp_path) == 5
    assert count_fits(tmp_path, seeds=(0, 1)) == 5
    louder = SMALL.features.copy()
    louder[0, 0] += 1e-3
    assert count_fits(tmp_path, dataset=replace(SMALL, features=louder)) == 5
    assert count_fits(tmp_path, dataset=relabelled(SMALL, SMALL.labels[::-1].copy())) == 5
    assert count_fits(tmp_path, recipe=replace(COUNTED, name="another")) == 5
    for copies in (SMALL.features, louder):
        assert count_fits(tmp_path, dataset=replace(SMALL, degraded=copies)) == 5
    monkeypatch.setattr("affekt.checkpoints.installed_versions", lambda: {"affekt": "999"})
    assert count_fits(tmp_path) == 5
    assert count_fits(tmp_path) == 0


@pytest.mark.parametrize("length", [0, 600])  # scikit-learn prints no more than 700 characters
def test_other_settings_have_other_checkpoints(tmp_path: Path, length: int) -> None:
    for number in (1, 2):
        note = "-" * length + str(number) + "-" * length
        recipe = make_recipe(lambda seed, note=note: Counting(note=note))
        assert count_fits(tmp_path, recipe=recipe) == 5


def test_a_function_among_the_settings_is_the_same_wherever_it_lies_in_memory(tmp_path: Path) -> None:
    """As in another process, which is where a run that was stopped goes on."""
    alive: list[Any] = []

    def build(seed: int) -> Any:
        def same(features: np.ndarray) -> np.ndarray:
            return features

        alive.append(same)
        return make_pipeline(FunctionTransformer(same), Counting())

    assert count_fits(tmp_path, recipe=make_recipe(build)) == 5
    assert count_fits(tmp_path, recipe=make_recipe(build)) == 0


def test_other_speakers_in_training_have_other_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inner folds keep speakers apart: who speaks is a part of what is fitted."""
    fold = pin(monkeypatch, SMALL, "by-actor-5")
    one, other = sorted({SMALL.corpus.clips[i].speaker for i in fold.train})[:2]
    clips = tuple(replace(c, speaker=one) if c.speaker == other else c for c in SMALL.corpus.clips)
    cross_validate(SMALL, COUNTED, "pinned", checkpoints=tmp_path)
    merged = replace(SMALL, corpus=replace(SMALL.corpus, clips=clips))
    cross_validate(merged, COUNTED, "pinned", checkpoints=tmp_path)
    assert Counting.fits == 2


# --- what folds tell beside their answers ------------------------------------------------------------


class Weighing(Counting):
    """Says how much it thinks of each column: most of the one whose values are highest."""

    @property
    def feature_importances_(self) -> np.ndarray:
        return np.exp(self.theta_.max(axis=0))


WEIGHING = make_recipe(lambda seed: Weighing(), "weighing")


def test_importances_are_means_over_folds_the_most_missed_first() -> None:
    dataset = make_dataset(speakers=6, takes=3, shape=(6,), signal=3)
    found = cross_validate(dataset, WEIGHING, "by-actor-5", inspect=True).importances
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


def test_without_inspection_only_what_a_model_says_of_itself_is_told() -> None:
    found = cross_validate(SMALL, WEIGHING, "by-actor-5").importances
    assert sum(one.own for one in found.values()) == pytest.approx(1)
    assert np.isnan([one.permuted for one in found.values()]).all()
    own = [one.own for one in found.values()]
    assert own == sorted(own, reverse=True)
    assert cross_validate(SMALL, COUNTED, "by-actor-5").importances == {}


def test_of_frames_no_column_is_shuffled() -> None:
    frames = make_dataset(speakers=6, takes=1, shape=(4, 6))
    flat = make_recipe(
        lambda seed: make_pipeline(FunctionTransformer(lambda X: X.reshape(len(X), -1)), GaussianNB())
    )
    assert cross_validate(frames, flat, "by-actor-5", inspect=True).importances == {}


def test_checkpoints_keep_importances(tmp_path: Path) -> None:
    first, again = (
        cross_validate(SMALL, WEIGHING, "by-actor-5", checkpoints=tmp_path, inspect=True) for _ in range(2)
    )
    assert Counting.fits == 5
    assert first.importances == again.importances
    assert not np.isnan([one.permuted for one in first.importances.values()]).any()
    assert_same(first, again)
    Counting.fits = 0
    assert cross_validate(SMALL, WEIGHING, "by-actor-5", inspect=True).importances == first.importances


def test_checkpoints_keep_what_a_network_noted_at_each_epoch(tmp_path: Path) -> None:
    dataset = make_dataset(speakers=6, takes=1, shape=(120,))
    recipe = shortened("dense-network")
    first, again = (cross_validate(dataset, recipe, "by-actor-5", checkpoints=tmp_path) for _ in range(2))
    assert len(first.histories) == len(list(tmp_path.iterdir())) == 5
    for one, other in zip(first.histories, again.histories, strict=True):
        assert set(one) == {"train_loss", "valid_loss", "valid_acc"}
        assert {len(values) for values in one.values()} == {SHORT["epochs"]}
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])
    assert_same(first, again)
    assert cross_validate(SMALL, COUNTED, "by-actor-5").histories == ()


def test_a_checkpoint_without_permutations_is_computed_again_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    plain = cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path)
    assert plain.importances == {}
    asked = cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path, inspect=True)
    assert Counting.fits == 5 + 5
    assert len(asked.importances) == len(SMALL.columns)
    assert asked.tested == plain.tested
    cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path, inspect=True)
    cross_validate(SMALL, COUNTED, "by-actor-5", checkpoints=tmp_path)
    assert Counting.fits == 5 + 5


@pytest.mark.parametrize("recipe", [COUNTED, WEIGHING])
def test_where_only_some_checkpoints_have_permutations_a_plain_run_goes_on_without_them(
    tmp_path: Path, recipe: Recipe
) -> None:
    """As after a report that was stopped."""
    Counting.stop_in = 3
    with pytest.raises(KeyboardInterrupt):
        cross_validate(SMALL, recipe, "by-actor-5", checkpoints=tmp_path, inspect=True)
    resumed = cross_validate(SMALL, recipe, "by-actor-5", checkpoints=tmp_path)
    assert Counting.fits == 3 + 3
    assert_same(resumed, cross_validate(SMALL, recipe, "by-actor-5"))


# --- protocols that leak on purpose ------------------------------------------------------------------


class Parrot(ClassifierMixin, BaseEstimator):
    """Knows by heart what it learnt from: the first to profit from a leak."""

    fitted: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, augment: Any = None) -> None:
        self.augment = augment

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, validation: Any = None) -> Parrot:
        Parrot.fitted.append({"X": X, "groups": groups, "validation": validation, "augment": self.augment})
        self.classes_, self.neighbour_ = np.unique(y), KNeighborsClassifier(1).fit(X, y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.neighbour_.predict_proba(X))


def shake(features: np.ndarray, copies: int, rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([features + 1e-3 * rng.standard_normal(features.shape) for _ in range(copies)])


PARROT = make_recipe(lambda seed: Parrot(), "parrot")
SHAKEN_PARROT = make_recipe(lambda seed: Parrot(shake), "shaken-parrot")


def run_parrot(
    dataset: Dataset, protocol: str, recipe: Recipe = PARROT
) -> tuple[Evaluation, dict[str, Any]]:
    Parrot.fitted.clear()
    evaluation = cross_validate(dataset, recipe, protocol)
    return evaluation, Parrot.fitted[0]


def test_augmented_first_copies_of_tested_clips_are_trained_on_and_the_label_says_so() -> None:
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


def test_what_was_augmented_first_is_not_augmented_again() -> None:
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
def test_what_is_meaningless_cannot_be_known_by_heart_where_recordings_are_kept_apart(
    protocol: str,
) -> None:
    evaluation, _ = run_parrot(NOISE, protocol)
    low, high = 0.25 - 0.15, 0.25 + 0.15  # chance, and three standard errors of 30 clips and more
    assert low < evaluation.headlines["accuracy"].value < high


# --- what is handed to an estimator ------------------------------------------------------------------


def doubled(dataset: Dataset) -> Dataset:
    return with_copies(dataset, shake, 1, np.random.default_rng(0))


def test_inner_folds_are_given_speakers_where_tested_speakers_are_unseen() -> None:
    evaluation, fitted = run_parrot(doubled(NOISE), "by-actor-5")
    tested = {one.clip.speaker_id for one in evaluation.tested if one.fold == 0}
    assert set(fitted["groups"]) == set(NOISE.speakers) - tested
    assert fitted["validation"] is None


def test_inner_folds_are_given_recordings_where_tested_speakers_are_known() -> None:
    _, fitted = run_parrot(doubled(NOISE), "random-80-20")
    _, counts = np.unique(fitted["groups"], return_counts=True)
    assert set(counts) == {2}  # a clip and its copy


def test_inner_folds_are_given_nothing_to_keep_apart_where_the_protocol_keeps_nothing_apart() -> None:
    _, fitted = run_parrot(NOISE, "augment-before-split", SHAKEN_PARROT)
    assert len(set(fitted["groups"])) == len(fitted["X"])


def test_clips_that_a_protocol_sets_aside_are_what_an_estimator_stops_on() -> None:
    _, fitted = run_parrot(NOISE, "random-70-15-15")
    (fold,) = split(NOISE.corpus, find_protocol("random-70-15-15"), NOISE.fingerprints, 0)
    np.testing.assert_array_equal(fitted["X"], NOISE.features[fold.train])
    np.testing.assert_array_equal(fitted["validation"][0], NOISE.features[fold.validation])
    np.testing.assert_array_equal(fitted["validation"][1], NOISE.labels[fold.validation])


def test_without_a_split_it_is_fitted_on_all_clips_and_speakers_are_kept_apart() -> None:
    Parrot.fitted.clear()
    fit(Parrot(), NOISE)
    (fitted,) = Parrot.fitted
    np.testing.assert_array_equal(fitted["X"], NOISE.features)
    np.testing.assert_array_equal(fitted["groups"], NOISE.speakers)


def test_an_estimator_that_asks_for_neither_is_given_neither() -> None:
    model = fit(GaussianNB(), NOISE, np.arange(50), validation=np.arange(50, 60))
    assert model.class_count_.sum() == 50


def test_an_emotion_that_was_not_trained_on_gets_probability_0(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = SMALL.labels
    folds = [Fold(np.flatnonzero((labels != 1) & (labels != 3)), np.flatnonzero(labels == 1))]
    lenient = replace(PROTOCOLS["training-side"], name="pinned", split=lambda *_: folds)
    monkeypatch.setitem(PROTOCOLS, "pinned", lenient)
    for one in cross_validate(SMALL, COUNTED, "pinned").tested:
        assert one.probabilities[1] == one.probabilities[3] == 0
        assert sum(one.probabilities) == pytest.approx(1)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="by-actor-5"):
        cross_validate(SMALL, COUNTED, "by-actor-6")


# --- copies never cross ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "random-70-15-15"])
def test_copies_stay_with_their_originals(protocol: str, seed: int) -> None:
    dataset = with_copies(SMALL, shake, 3, np.random.default_rng(seed))
    recordings = np.array(audio_groups(dataset.corpus.clips, dataset.fingerprints))
    assert len(set(recordings)) == len(SMALL.labels)
    for fold in split(dataset.corpus, find_protocol(protocol), dataset.fingerprints, seed):
        sides = [set(recordings[side]) for side in (fold.train, fold.test, fold.validation)]
        assert sum(len(side) for side in sides) == len(set.union(*sides))


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "random-70-15-15"])
def test_the_guard_refuses_a_copy_of_a_tested_clip(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = doubled(SMALL)
    clip, copy = 0, len(SMALL.labels)
    other = np.flatnonzero(SMALL.speakers != SMALL.speakers[0])
    leak = Fold(np.append(other, copy), np.array([clip]))
    monkeypatch.setitem(
        PROTOCOLS, "pinned", replace(find_protocol(protocol), name="pinned", split=lambda *_: [leak])
    )
    with pytest.raises(LeakError, match=r"pinned, fold 0: the same recording.*00-neutral-0#copy0"):
        cross_validate(dataset, PARROT, "pinned")


# --- the proof that nothing leaks --------------------------------------------------------------------
#
# One fold is pinned. Then all labels of its tested side are changed, and half of its tested clips get
# other features, which betray their new labels. What is answered about the other half may not change by
# one bit: whatever is fitted, scaler, columns, oversampling, search, calibration, thresholds, meta models,
# early stopping, can have known nothing of the tested side. Controls that do know something of it show
# that the proof would find it.


def pin(monkeypatch: pytest.MonkeyPatch, dataset: Dataset, protocol: str) -> Fold:
    """Make the protocol's first fold a protocol of its own, which labels cannot change."""
    whole = find_protocol(protocol)
    fold = split(dataset.corpus, whole, dataset.fingerprints, 0)[0]
    monkeypatch.setitem(PROTOCOLS, "pinned", replace(whole, name="pinned", split=lambda *_: [fold]))
    return fold


def betray(dataset: Dataset, fold: Fold) -> tuple[Dataset, np.ndarray]:
    """Other labels on the tested side, in plain sight in half of its clips; and the clips left alone."""
    labels = dataset.labels.copy()
    labels[fold.test] = (labels[fold.test] + 1 + np.arange(len(fold.test)) % 3) % len(EMOTIONS)
    features = dataset.features.copy()
    changed, alone = fold.test[::2], fold.test[1::2]
    for i in changed:
        features[i] = dataset.features[i].copy()
        features[i][..., 0] = 100 * labels[i]
    return relabelled(replace(dataset, features=features), labels), alone


def answers_about(evaluation: Evaluation, dataset: Dataset, clips: np.ndarray) -> np.ndarray:
    by_path = {one.clip.path: one.probabilities for one in evaluation.tested}
    return np.array([by_path[dataset.corpus.clips[i].path] for i in clips])


def answers_change(recipe_for: Callable[[Dataset, Fold], Recipe], dataset: Dataset, fold: Fold) -> bool:
    """Whether answers about clips that were left alone depend on anything else of the tested side."""
    other, alone = betray(dataset, fold)
    before, after = (
        answers_about(cross_validate(one, recipe_for(one, fold), "pinned"), one, alone)
        for one in (dataset, other)
    )
    assert len(np.unique(before, axis=0)) > len(before) / 2  # not one answer to all, which could not change
    return not np.array_equal(before, after)


SHORT: dict[str, Any] = {
    "epochs": 2, "learning_rate": 1e-3, "draws": 2, "folds": 2, "search_folds": 2, "columns": 8,
    "n_estimators": 20, "n_jobs": 1, "selector__n_estimators": 10,
    "mlpclassifier__tol": 10.0, "mlpclassifier__n_iter_no_change": 2,
    "estimator__randomforestclassifier__n_estimators": 10, "estimator__randomforestclassifier__n_jobs": 1,
}  # fmt: skip


def shortened(name: str) -> Recipe:
    """A recipe that does all that it does, a little of each."""
    recipe = find_recipe(name)

    def build(seed: int) -> Estimator:
        estimator = recipe.build(seed)
        known = estimator.get_params()
        estimator.set_params(**{key: value for key, value in SHORT.items() if key in known})
        if name == "mel-cnn":
            estimator.set_params(crop_frames=40)
        if name == "stacked-ensemble":
            for model, _ in known["bases"]:
                model.set_params(model__n_estimators=4, model__n_jobs=1)
            known["metas"][1].set_params(n_estimators=4)
        return estimator

    return replace(recipe, build=build)


SHAPES: dict[str, tuple[int | None, ...]] = {
    "se-cnn": (130, 60),
    "mel-cnn": (None, 64),
    "dense-network": (120,),
}


def dataset_for(recipe: str) -> Dataset:
    shape = SHAPES.get(recipe, (24,))
    return make_dataset(takes=6 if len(shape) == 1 else 2, shape=shape, signal=0.5)


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("svm", "by-actor-5"),
        ("svm", "random-80-20"),
        ("mlp", "by-actor-5"),
        ("random-forest-baseline", "by-actor-5"),
        ("random-forest", "by-actor-5"),
        ("random-forest", "random-80-20"),
        ("stacked-ensemble", "by-actor-5"),
        ("stacked-ensemble", "random-80-20"),
        ("dense-network", "by-actor-5"),
        ("dense-network", "random-70-15-15"),
        ("se-cnn", "by-actor-5"),
        ("se-cnn", "random-80-20"),
        ("mel-cnn", "by-actor-5"),
    ],
)
def test_nothing_that_a_recipe_fits_has_seen_the_tested_side(
    name: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_for(name)
    fold = pin(monkeypatch, dataset, protocol)
    recipe = shortened(name)
    assert not answers_change(lambda *_: recipe, dataset, fold)


def scaled_before_the_split(dataset: Dataset, fold: Fold) -> Recipe:
    scaler = StandardScaler().fit(dataset.features)
    return make_recipe(
        lambda seed: make_pipeline(FunctionTransformer(scaler.transform), LogisticRegression())
    )


def selected_before_the_split(dataset: Dataset, fold: Fold) -> Recipe:
    best = SelectKBest(k=8).fit(dataset.features, dataset.labels).transform
    return make_recipe(lambda seed: make_pipeline(FunctionTransformer(best), LogisticRegression()))


def stopped_on_the_tested_side(dataset: Dataset, fold: Fold) -> Recipe:
    from affekt.networks import NetworkClassifier
    from affekt.recipes.dense_network import network

    class Peeking(NetworkClassifier):
        def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Peeking:
            tested = dataset.features[fold.test], dataset.labels[fold.test]
            return super().fit(X, y, groups, validation=tested)

    settings: dict[str, Any] = {"epochs": 4, "batch_size": 16, "learning_rate": 1e-3, "patience": 4}
    return make_recipe(lambda seed: Peeking(network, seed=seed, **settings))


def trained_on_the_tested_side_too(dataset: Dataset, fold: Fold) -> Recipe:
    class Greedy(GaussianNB):
        def fit(self, X: np.ndarray, y: np.ndarray) -> Greedy:
            return super().fit(dataset.features, dataset.labels)

    return make_recipe(lambda seed: Greedy())


@pytest.mark.parametrize(
    "leaky",
    [
        scaled_before_the_split,
        selected_before_the_split,
        stopped_on_the_tested_side,
        trained_on_the_tested_side_too,
    ],
)
def test_whoever_has_seen_the_tested_side_is_found_out(
    leaky: Callable[[Dataset, Fold], Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(shape=(120,), signal=0.5)
    fold = pin(monkeypatch, dataset, "by-actor-5")
    assert answers_change(leaky, dataset, fold)


def planted(dataset: Dataset, fold: Fold, *, shuffled: bool) -> Dataset:
    """Column 0 is noise where it is trained on, and the label where it is tested, or that shuffled."""
    labels = dataset.labels[fold.test]
    told = np.random.default_rng(1).permutation(labels) if shuffled else labels
    features = dataset.features.copy()
    features[fold.test, 0] = 2 * told - 3
    return replace(dataset, features=features)


def score(dataset: Dataset, recipe: Recipe) -> tuple[float, float]:
    """Accuracy, and the upper end of its interval."""
    accuracy = cross_validate(dataset, recipe, "pinned").headlines["accuracy"]
    return accuracy.value, accuracy.high


@pytest.mark.parametrize("name", ["svm", "mlp", "random-forest-baseline", "random-forest", "dense-network"])
def test_a_column_that_betrays_tested_labels_alone_is_of_no_use(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_for(name)
    fold = pin(monkeypatch, dataset, "by-actor-5")
    recipe = shortened(name)
    betrayed, _ = score(planted(dataset, fold, shuffled=False), recipe)
    _, high = score(planted(dataset, fold, shuffled=True), recipe)
    assert betrayed <= high


def test_whoever_learns_from_tested_clips_makes_use_of_such_a_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = dataset_for("svm")
    fold = pin(monkeypatch, dataset, "by-actor-5")
    one, other = (planted(dataset, fold, shuffled=shuffled) for shuffled in (False, True))
    betrayed, _ = score(one, trained_on_the_tested_side_too(one, fold))
    _, high = score(other, trained_on_the_tested_side_too(other, fold))
    assert betrayed > high


def test_of_pure_noise_an_honest_selection_makes_nothing_and_a_leaky_one_a_lot() -> None:
    dataset = make_dataset(shape=(400,), signal=0)
    honest = make_recipe(lambda seed: make_pipeline(SelectKBest(k=8), LogisticRegression()))
    leaky = selected_before_the_split(dataset, Fold(np.arange(0), np.arange(0)))
    one, other = (
        cross_validate(dataset, recipe, "by-actor-5").headlines["accuracy"] for recipe in (honest, leaky)
    )
    assert one.low < 0.25 + 0.05
    assert other.low > 0.25 + 0.05


def test_ctrl_c_during_scikit_learns_perceptron_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.neural_network import MLPClassifier, _multilayer_perceptron

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_multilayer_perceptron, "gen_batches", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(MLPClassifier((4,), batch_size=8), make_dataset())


def test_spoilt_copies_are_learned_from_with_their_clips_and_never_tested() -> None:
    given: list[tuple[np.ndarray, np.ndarray]] = []

    class Noting(GaussianNB):  # type: ignore[misc]
        def fit(self, X: np.ndarray, y: np.ndarray, degraded: np.ndarray | None = None) -> Noting:
            assert degraded is not None
            given.append((X, degraded))
            return super().fit(X, y)

    recipe = replace(make_recipe(lambda seed: Noting()), degraded_copies=True)
    dataset = replace(SMALL, degraded=SMALL.features + 100)
    noted = cross_validate(dataset, recipe, "by-actor-5")
    assert len(given) == 5
    for X, degraded in given:
        np.testing.assert_array_equal(degraded, X + 100)
    assert_same(noted, cross_validate(SMALL, make_recipe(lambda seed: GaussianNB()), "by-actor-5"))
    with pytest.raises(ValueError, match="learns from spoilt copies"):
        cross_validate(SMALL, recipe, "by-actor-5")


def test_of_an_unknown_voice_relative_columns_say_nothing() -> None:
    dataset = replace(SMALL, relative=(1,))  # the column that tells the first emotion
    protocol = find_protocol("by-actor-5")
    fold = split(dataset.corpus, protocol, dataset.fingerprints, 0)[0]
    fitted = train_fold(dataset, COUNTED, protocol, dataset.speakers, 0, fold)
    expected = average_voice(dataset.features[fold.train], dataset.speakers[fold.train])
    assert fitted.average == expected
    tested = dataset.features[fold.test]
    shifted = tested.copy()
    shifted[:, 1] += 5
    np.testing.assert_array_equal(fitted.answer(dataset, shifted), fitted.answer(dataset, tested))
    voice = describe_speaker(tested[:4], expected, dataset.relative)
    assert not np.allclose(fitted.answer(dataset, tested, voice), fitted.answer(dataset, tested))
