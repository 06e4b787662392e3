"""The loop over folds and conditions; and nothing that is fitted depends on what it is tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tests.evaluation.synthetic import (
    COUNTED,
    EMOTIONS,
    NOISE,
    SMALL,
    Array,
    Counting,
    Pin,
    between,
    cross_validate,
    make_dataset,
    make_recipe,
    relabelled,
    shortened,
    terms_of,
    with_clips,
)

from affekt.corpora.registry import load_corpus
from affekt.estimators.recipe import Recipe
from affekt.evaluation.checkpoints import Arrays
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import Predictor
from affekt.evaluation.folds import predict_folds
from affekt.evaluation.parts import Part
from affekt.evaluation.protocols import Fold, find_protocol, split
from affekt.evaluation.results import Evaluation
from affekt.experiments.scoring import (
    TestedAsRecorded as AsRecorded,  # pytest collects what is called Test...
)
from affekt.experiments.scoring import evaluate, evaluate_dataset
from affekt.metrics import accuracy, bootstrap

# --- the loop ----------------------------------------------------------------------------------------


@dataclass
class Shifted:
    """An experiment with two conditions: the tested clips unchanged, and with shifted features.

    It notes the conditions that it is asked for, and is interrupted after ``stop_after`` conditions.
    """

    conditions: Sequence[str] = ("as recorded", "shifted")
    settings: str = ""
    needed: Sequence[str] = ()
    stop_after: int = 10**9
    asked: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)
    done: int = 0

    def predict(
        self, part: Part, predictor: Predictor, conditions: Sequence[str]
    ) -> Iterator[tuple[str, Arrays]]:
        self.asked.append((part.number, part.seed, tuple(conditions)))
        test = part.fold.test
        for name in conditions:
            if self.done == self.stop_after:
                raise KeyboardInterrupt
            self.done += 1
            features = part.dataset.features[test] + (name == "shifted")
            yield (
                name,
                {
                    "clips": test,
                    "repeats": np.full(len(test), part.seed),
                    "probabilities": predictor.predict_proba(features),
                    "distances": predictor.distances(features),
                },
            )


BOTH = ("as recorded", "shifted")


def test_each_fold_is_fitted_once_for_all_conditions() -> None:
    experiment = Shifted()
    found = predict_folds(terms_of(SMALL, COUNTED), SMALL, experiment, Execution())
    assert Counting.fits == 5
    assert experiment.asked == [(number, 0, BOTH) for number in range(5)]
    for name in BOTH:
        assert len(found.arrays[name]) == 5
    for recorded, shifted in zip(found.arrays["as recorded"], found.arrays["shifted"], strict=True):
        np.testing.assert_array_equal(recorded["clips"], shifted["clips"])
        assert not np.allclose(recorded["probabilities"], shifted["probabilities"])


def test_several_seeds_take_each_fold_in_turn_and_results_are_sorted_by_seed() -> None:
    experiment = Shifted()
    found = predict_folds(terms_of(SMALL, COUNTED, seeds=(1, 0)), SMALL, experiment, Execution())
    assert [(number, seed) for number, seed, _ in experiment.asked] == [
        (number, seed) for number in range(5) for seed in (1, 0)
    ]
    assert [(part.seed, part.number) for part in found.parts] == [
        (seed, number) for seed in (0, 1) for number in range(5)
    ]
    for part, arrays in zip(found.parts, found.arrays["as recorded"], strict=True):
        assert set(arrays["repeats"]) == {part.seed}
        np.testing.assert_array_equal(arrays["clips"], part.fold.test)


def test_several_seeds_are_evaluated_as_each_alone_would_be() -> None:
    both = cross_validate(SMALL, COUNTED, seeds=(1, 0))
    for seed in (0, 1):
        alone = cross_validate(SMALL, COUNTED, seeds=(seed,))
        assert tuple(one for one in both.tested if one.seed == seed) == alone.tested
    assert list(both.by_seed) == [0, 1]


def test_a_condition_that_is_finished_is_not_predicted_again(tmp_path: Path) -> None:
    terms = terms_of(SMALL, COUNTED)
    stopped = Shifted(stop_after=3)
    with pytest.raises(KeyboardInterrupt):
        predict_folds(terms, SMALL, stopped, Execution(checkpoints=tmp_path))
    assert Counting.fits == 2
    resumed = Shifted()
    found = predict_folds(terms, SMALL, resumed, Execution(checkpoints=tmp_path))
    assert resumed.asked == [(1, 0, ("shifted",)), (2, 0, BOTH), (3, 0, BOTH), (4, 0, BOTH)]
    assert Counting.fits == 2 + 4
    expected = predict_folds(terms, SMALL, Shifted(), Execution())
    for name in BOTH:
        for one, other in zip(found.arrays[name], expected.arrays[name], strict=True):
            assert one.keys() == other.keys()
            for key, array in one.items():
                np.testing.assert_array_equal(array, other[key])
    last = Shifted()
    predict_folds(terms, SMALL, last, Execution(checkpoints=tmp_path))
    assert last.asked == []
    assert len(list(tmp_path.iterdir())) == 10


def test_conditions_of_other_settings_are_predicted_again(tmp_path: Path) -> None:
    terms = terms_of(SMALL, COUNTED)
    for settings in ("one", "other", "one"):
        predict_folds(terms, SMALL, Shifted(settings=settings), Execution(checkpoints=tmp_path))
    assert Counting.fits == 5 + 5


def test_a_condition_added_later_is_predicted_alone(tmp_path: Path) -> None:
    terms = terms_of(SMALL, COUNTED)
    predict_folds(terms, SMALL, Shifted(conditions=("as recorded",)), Execution(checkpoints=tmp_path))
    more = Shifted()
    predict_folds(terms, SMALL, more, Execution(checkpoints=tmp_path))
    assert more.asked == [(number, 0, ("shifted",)) for number in range(5)]


@pytest.mark.parametrize(
    ("protocol", "shared"), [("by-actor-5", False), ("random-80-20", True), ("random-70-15-15", True)]
)
def test_predictions_know_whether_tested_speakers_were_trained_on(protocol: str, shared: bool) -> None:
    found = predict_folds(terms_of(NOISE, COUNTED, protocol), NOISE, AsRecorded(), Execution())
    assert found.speakers_overlap is shared
    assert found.emotions == NOISE.emotions


def test_between_corpora_folds_that_only_calibrate_do_not_count_as_shared_speakers() -> None:
    trained, tested = (make_dataset(speakers=6, takes=1, shape=(6,), corpus=name) for name in "ab")
    terms, dataset = between(trained, tested)
    assert not predict_folds(terms, dataset, AsRecorded(), Execution()).speakers_overlap


# --- the proof that nothing leaks --------------------------------------------------------------------
#
# One fold is pinned. Then all labels of its tested side are changed, and half of its tested clips get
# other features, which show their new labels. Predictions for the other half may not change by one bit:
# whatever is fitted, scaler, columns, oversampling, search, calibration, thresholds, meta models, early
# stopping, cannot depend on the tested side. Controls that do depend on it show that the proof would find
# a leak.


def betray(dataset: Dataset, fold: Fold) -> tuple[Dataset, Array]:
    """Other labels on the tested side, shown by column 0 of half of its clips; and the other half."""
    labels = dataset.labels.copy()
    labels[fold.test] = (labels[fold.test] + 1 + np.arange(len(fold.test)) % 3) % len(EMOTIONS)
    features = dataset.features.copy()
    changed, unchanged = fold.test[::2], fold.test[1::2]
    for i in changed:
        features[i] = dataset.features[i].copy()
        features[i][..., 0] = 100 * labels[i]
    return relabelled(replace(dataset, features=features), labels), unchanged


def probabilities_of(evaluation: Evaluation, dataset: Dataset, clips: Array) -> NDArray[np.float64]:
    by_path = {one.clip.path: one.probabilities for one in evaluation.tested}
    return np.array([by_path[dataset.corpus.clips[i].path] for i in clips])


def predictions_change(recipe_for: Callable[[Dataset, Fold], Recipe], dataset: Dataset, fold: Fold) -> bool:
    """Whether predictions for the unchanged clips depend on anything else of the tested side."""
    other, unchanged = betray(dataset, fold)
    before, after = (
        probabilities_of(cross_validate(one, recipe_for(one, fold), "pinned"), one, unchanged)
        for one in (dataset, other)
    )
    assert len(np.unique(before, axis=0)) > len(before) / 2  # a constant prediction could not change
    return not np.array_equal(before, after)


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
def test_nothing_that_a_recipe_fits_depends_on_the_tested_side(name: str, protocol: str, pin: Pin) -> None:
    dataset = dataset_for(name)
    fold = pin(dataset, protocol)
    recipe = shortened(name)
    assert not predictions_change(lambda *_: recipe, dataset, fold)


def scaled_before_the_split(dataset: Dataset, fold: Fold) -> Recipe:
    scaler = StandardScaler().fit(dataset.features)
    return make_recipe(
        lambda seed: make_pipeline(FunctionTransformer(scaler.transform), LogisticRegression())
    )


def selected_before_the_split(dataset: Dataset, fold: Fold) -> Recipe:
    best = SelectKBest(k=8).fit(dataset.features, dataset.labels).transform
    return make_recipe(lambda seed: make_pipeline(FunctionTransformer(best), LogisticRegression()))


def stopped_on_the_tested_side(dataset: Dataset, fold: Fold) -> Recipe:
    from affekt.estimators.networks import NetworkClassifier
    from affekt.recipes.dense_network import network

    class Peeking(NetworkClassifier):
        def fit(self, X: Any, y: Any, groups: Any, validation: Any = None) -> Peeking:
            tested = dataset.features[fold.test], dataset.labels[fold.test]
            super().fit(X, y, groups, validation=tested)
            return self

    settings: dict[str, Any] = {"epochs": 4, "batch_size": 16, "learning_rate": 1e-3, "patience": 4}
    return make_recipe(lambda seed: Peeking(network, seed=seed, **settings))


def trained_on_the_tested_side_too(dataset: Dataset, fold: Fold) -> Recipe:
    class Greedy(GaussianNB):  # type: ignore[misc]
        def fit(self, X: Array, y: Array) -> Greedy:
            super().fit(dataset.features, dataset.labels)
            return self

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
def test_a_recipe_that_depends_on_the_tested_side_is_found_out(
    leaky: Callable[[Dataset, Fold], Recipe], pin: Pin
) -> None:
    dataset = make_dataset(shape=(120,), signal=0.5)
    fold = pin(dataset, "by-actor-5")
    assert predictions_change(leaky, dataset, fold)


def planted(dataset: Dataset, fold: Fold, *, shuffled: bool) -> Dataset:
    """Column 0 is noise in training clips, and the label in tested clips, or that shuffled."""
    labels = dataset.labels[fold.test]
    shown = np.random.default_rng(1).permutation(labels) if shuffled else labels
    features = dataset.features.copy()
    features[fold.test, 0] = 2 * shown - 3
    return replace(dataset, features=features)


def score(dataset: Dataset, recipe: Recipe) -> tuple[float, float]:
    """Accuracy, and what it does not exceed in 97.5 % of draws of the few speakers of the fold."""
    found = cross_validate(dataset, recipe, "pinned")
    matrices = np.stack([np.asarray(one, float) for one in found.by_speaker.values()], axis=1)
    draws = bootstrap(accuracy, matrices, np.random.default_rng(0))
    return found.headlines["accuracy"].value, float(np.quantile(draws, 0.975))


@pytest.mark.parametrize("name", ["svm", "mlp", "random-forest-baseline", "random-forest", "dense-network"])
def test_a_column_that_shows_the_labels_of_tested_clips_alone_is_of_no_use(name: str, pin: Pin) -> None:
    dataset = dataset_for(name)
    fold = pin(dataset, "by-actor-5")
    recipe = shortened(name)
    betrayed, _ = score(planted(dataset, fold, shuffled=False), recipe)
    _, high = score(planted(dataset, fold, shuffled=True), recipe)
    assert betrayed <= high


def test_a_recipe_that_is_trained_on_tested_clips_makes_use_of_such_a_column(pin: Pin) -> None:
    dataset = dataset_for("svm")
    fold = pin(dataset, "by-actor-5")
    one, other = (planted(dataset, fold, shuffled=shuffled) for shuffled in (False, True))
    betrayed, _ = score(one, trained_on_the_tested_side_too(one, fold))
    _, high = score(other, trained_on_the_tested_side_too(other, fold))
    assert betrayed > high


def test_on_noise_features_selected_within_folds_gain_nothing_and_those_selected_before_do() -> None:
    dataset = make_dataset(shape=(400,), signal=0)
    honest = make_recipe(lambda seed: make_pipeline(SelectKBest(k=8), LogisticRegression()))
    leaky = selected_before_the_split(dataset, Fold(np.arange(0), np.arange(0)))
    one, other = (cross_validate(dataset, recipe).headlines["accuracy"] for recipe in (honest, leaky))
    assert one.low < 0.25 + 0.05
    assert other.low > 0.25 + 0.05


NEAREST = make_recipe(lambda seed: KNeighborsClassifier(1), "nearest")  # remembers every training clip


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "leave-one-statement-out"])
def test_meaningless_labels_are_predicted_at_chance(small_ravdess: Path, protocol: str) -> None:
    corpus = load_corpus(small_ravdess)
    emotions = np.random.default_rng(0).permutation([clip.emotion for clip in corpus.clips])
    clips = tuple(replace(c, emotion=str(e)) for c, e in zip(corpus.clips, emotions, strict=True))
    found = evaluate(replace(corpus, clips=clips), NEAREST, protocol=protocol, seeds=3)
    assert found.headlines["uar"].value < 0.5


# --- the same between corpora ------------------------------------------------------------------------

TRAINED = make_dataset(speakers=5, takes=3, shape=(6,), corpus="trained")
TESTED = make_dataset(speakers=3, takes=4, shape=(6,), corpus="tested", seed=4)


def evaluate_between(trained: Dataset, tested: Dataset, recipe: Recipe = COUNTED) -> Evaluation:
    terms, dataset = between(trained, tested, recipe)
    return evaluate_dataset(terms, dataset, Execution())


def test_between_corpora_no_tested_clip_has_a_say_in_predictions_sets_or_flags() -> None:
    everyone = Fold(np.zeros(0, np.intp), np.arange(len(TESTED.labels)))
    other, unchanged = betray(TESTED, everyone)
    before, after = (
        {one.clip.path: one for one in evaluate_between(TRAINED, tested).tested}
        for tested in (TESTED, other)
    )
    assert before.keys() == after.keys()
    assert len({one.prediction_set for one in before.values()}) > 4
    for i in unchanged:
        path = TESTED.corpus.clips[i].path
        assert replace(after[path], clip=before[path].clip) == before[path]


def test_between_corpora_the_training_clips_do_have_a_say_in_prediction_sets() -> None:
    """Calibrated on noise, prediction sets are larger."""
    tested = make_dataset(speakers=3, takes=4, shape=(6,), corpus="tested", signal=3, seed=4)
    clear, noise = (
        make_dataset(speakers=5, takes=3, shape=(6,), corpus="trained", signal=signal) for signal in (3, 0)
    )
    sets = [evaluate_between(trained, tested).prediction_sets for trained in (clear, noise)]
    assert sets[0] is not None
    assert sets[1] is not None
    assert sets[0].size + 1 < sets[1].size


def test_between_corpora_only_tested_clips_are_scored_and_the_rest_is_excluded_with_a_reason(
    small_ravdess: Path, elsewhere: Path
) -> None:
    trained = load_corpus(small_ravdess).select(emotions=["neutral", "angry"])
    found = evaluate(trained, make_recipe(lambda seed: GaussianNB()), test_on=elsewhere)
    assert found.corpus == "elsewhere"
    assert found.n == len(found.tested) == 10
    assert {one.clip.corpus for one in found.tested} == {"elsewhere"}
    assert {one.fold for one in found.tested} == {0}
    assert found.emotions == ("neutral", "angry")
    assert len(found.excluded) == 5
    for path, reason in found.excluded:
        assert reason == f"{path}: the training corpus does not know 'happy'"
    assert (found.protocol, found.protocol_label) == (
        "unseen-corpus",
        "unseen-corpus (trained on ravdess)",
    )
    assert (found.leaky, found.speakers_overlap) == (False, False)
    assert found.prediction_sets is not None
    assert found.calibration is None


def test_between_corpora_predictions_are_those_of_the_recipe_fitted_on_the_whole_training_corpus() -> None:
    found = evaluate_between(TRAINED, TESTED)
    model = COUNTED.build(0).fit(TRAINED.features, TRAINED.labels)
    expected = model.predict(TESTED.features)  # type: ignore[attr-defined]
    assert [EMOTIONS.index(one.predicted) for one in found.tested] == expected.tolist()


def test_where_training_speakers_are_unknown_a_test_on_another_corpus_is_not_calibrated() -> None:
    trained = with_clips(TRAINED, lambda _, clip: replace(clip, speaker=""))
    found = evaluate_between(trained, TESTED)
    assert found.prediction_sets is None
    assert found.out_of_distribution is None
    assert found.speakers_overlap is None
    assert not any(one.prediction_set for one in found.tested)


def test_each_seed_of_a_test_on_another_corpus_is_trained_and_calibrated_on_its_own() -> None:
    terms, dataset = between(TRAINED, TESTED, seeds=(0, 1))
    both = evaluate_dataset(terms, dataset, Execution())
    assert Counting.fits == 2 * (1 + 5)
    assert list(both.by_seed) == [0, 1]
    for seed in (0, 1):
        terms, dataset = between(TRAINED, TESTED, seeds=(seed,))
        alone = evaluate_dataset(terms, dataset, Execution())
        assert tuple(one for one in both.tested if one.seed == seed) == alone.tested


# --- real corpora ------------------------------------------------------------------------------------


def test_an_honest_score_is_far_below_a_leaky_one_on_real_recordings(ravdess: Path) -> None:
    honest, leaky = (
        evaluate(ravdess, "svm", vocal_channel="speech", protocol=protocol).headlines["accuracy"]
        for protocol in ("by-actor-5", "random-80-20")
    )
    assert 0.40 < honest.value < 0.55
    assert leaky.value > honest.value + 0.15


def test_two_corpora_are_tested_on_each_other(ravdess: Path, emodb: Path) -> None:
    recipe = make_recipe(lambda seed: GaussianNB())
    both = evaluate([ravdess, emodb], recipe, protocol="leave-one-corpus-out", vocal_channel="speech")
    loaded = [load_corpus(one).select(vocal_channel="speech") for one in (emodb, ravdess)]
    assert set(both.emotions) == {emotion for one in loaded for emotion in one.emotions}
    assert list(both.by_corpus) == ["emodb", "ravdess"]
    for one, other in (loaded, loaded[::-1]):
        foreign = {clip.name for clip in one.clips if clip.emotion not in other.emotions}
        assert both.by_corpus[one.name].n == len(one.clips) - len(foreign)
        assert foreign <= {path for path, _ in both.excluded}
    assert both.n + len(both.excluded) == sum(len(one.clips) for one in loaded)
    assert not both.speakers_overlap
    folds = {fold.fold: {speaker.split("/")[0] for speaker in fold.speakers} for fold in both.by_fold}
    assert folds == {0: {"emodb"}, 1: {"ravdess"}}


def test_the_folds_of_a_real_corpus_are_those_that_were_published(ravdess: Path) -> None:
    corpus = load_corpus(ravdess).select(vocal_channel="speech")
    prints = [str(clip.path) for clip in corpus.clips]
    folds = split(corpus, find_protocol("by-actor-5"), prints, 0)
    published = corpus.cards[0].folds["by-actor-5"]
    assert [{corpus.clips[i].speaker for i in fold.test} for fold in folds] == [
        set(fold) for fold in published
    ]
