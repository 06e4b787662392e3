"""Data sets of random numbers, recipes that note how they are used, and a short way to evaluate them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from affekt.corpora.base import Clip, Corpus, CorpusCard, join
from affekt.estimators.recipe import Estimator, Recipe
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.protocols import Fold, find_protocol
from affekt.evaluation.results import Evaluation
from affekt.evaluation.terms import Terms
from affekt.experiments.scoring import evaluate_dataset
from affekt.recipes import find_recipe

Array = NDArray[Any]
EMOTIONS = ("neutral", "happy", "sad", "angry")
Pin = Callable[..., Fold]
"""The fixture ``pin``: (data set, protocol[, fold]) -> the fold that is the protocol ``pinned``."""
CARD = CorpusCard(name="own", title="", licence="", citation="", address="")


def make_dataset(
    speakers: int = 12,
    takes: int = 6,
    shape: tuple[int | None, ...] = (20,),
    signal: float = 1.0,
    *,
    corpus: str = "own",
    emotions: Sequence[str] = EMOTIONS,
    seed: int = 3,
) -> Dataset:
    """Normal noise; each emotion raises one column of its own by ``signal``."""
    rng = np.random.default_rng(seed)
    clips = [
        Clip(
            path=Path(f"{corpus}/{speaker:02}-{emotion}-{take}"),
            emotion=emotion,
            speaker=str(speaker),
            corpus=corpus,
        )
        for speaker in range(speakers)
        for emotion in emotions
        for take in range(takes)
    ]
    features = np.empty(len(clips), object)
    for i, clip in enumerate(clips):
        row = rng.standard_normal([size or rng.integers(30, 60) for size in shape])
        row[..., 1 + emotions.index(clip.emotion)] += signal
        features[i] = row.astype(np.float32)
    return of_corpus(
        Corpus(name=corpus, clips=tuple(clips), cards=(replace(CARD, name=corpus),)),
        features if None in shape else np.stack(list(features)),
    )


def of_corpus(corpus: Corpus, features: Array) -> Dataset:
    """A data set of these clips and features; every clip is a recording of its own."""
    return Dataset(
        corpus=corpus,
        features=features,
        columns=tuple(f"column {i}" for i in range(features[0].shape[-1])),
        relative=(),
        fingerprints=tuple(str(clip.path) for clip in corpus.clips),
        labels=np.array([corpus.emotions.index(clip.emotion) for clip in corpus.clips]),
        emotions=corpus.emotions,
        excluded=(),
    )


def joined(*datasets: Dataset) -> Dataset:
    """All clips of several data sets, as of one joined corpus."""
    features = np.concatenate([one.features for one in datasets])
    return of_corpus(join([one.corpus for one in datasets]), features)


def relabelled(dataset: Dataset, labels: NDArray[np.intp]) -> Dataset:
    """The same clips with other emotions."""
    clips = tuple(
        replace(clip, emotion=dataset.emotions[label])
        for clip, label in zip(dataset.corpus.clips, labels, strict=True)
    )
    return replace(dataset, corpus=replace(dataset.corpus, clips=clips), labels=labels)


def with_clips(dataset: Dataset, change: Callable[[int, Clip], Clip]) -> Dataset:
    """The same features, with clips that ``change`` makes of position and clip."""
    clips = tuple(change(i, clip) for i, clip in enumerate(dataset.corpus.clips))
    return replace(dataset, corpus=replace(dataset.corpus, clips=clips))


def shake(features: Array, copies: int, rng: np.random.Generator) -> Array:
    """Copies of the features with a little noise."""
    return np.concatenate([features + 1e-3 * rng.standard_normal(features.shape) for _ in range(copies)])


# --- recipes -----------------------------------------------------------------------------------------


def make_recipe(build: Callable[[int], Any], name: str = "own") -> Recipe:
    return Recipe(name=name, summary="-", source="-", features="mfcc-stats@1", build=build)


class Counting(GaussianNB):  # type: ignore[misc]
    """Counts how often it is fitted, and is interrupted in the fit numbered ``stop_in``."""

    fits: ClassVar[int] = 0
    stop_in: ClassVar[int] = 0

    def __init__(self, var_smoothing: float = 1e-9, note: Any = None) -> None:
        super().__init__(var_smoothing=var_smoothing)
        self.note = note

    def fit(self, X: Array, y: Array) -> Counting:
        Counting.fits += 1
        if Counting.fits == Counting.stop_in:
            raise KeyboardInterrupt
        super().fit(X, y)
        return self


class Shy(Counting):
    """Has a classifier for enrolled speakers that answers as the other, with less confidence."""

    def predict_proba_enrolled(self, X: Array) -> Array:
        powers = self.predict_proba(X) ** 0.25
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class Weighing(Counting):
    """Has importances: the largest for the column with the highest mean."""

    @property
    def feature_importances_(self) -> Array:
        return np.asarray(np.exp(self.theta_.max(axis=0)))


class Parrot(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Remembers every training clip, so that it profits from any leak; notes what it is given."""

    fitted: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, augment: Any = None) -> None:
        self.augment = augment

    def fit(self, X: Array, y: Array, groups: Array, validation: Any = None) -> Parrot:
        Parrot.fitted.append({"X": X, "groups": groups, "validation": validation, "augment": self.augment})
        self.classes_, self.neighbour_ = np.unique(y), KNeighborsClassifier(1).fit(X, y)
        return self

    def predict_proba(self, X: Array) -> Array:
        return np.asarray(self.neighbour_.predict_proba(X))


QUICK = make_recipe(lambda seed: GaussianNB(), "quick")
COUNTED = make_recipe(lambda seed: Counting(var_smoothing=0.1 * (seed + 1)), "counted")
SHY = make_recipe(lambda seed: Shy(), "shy")
WEIGHING = make_recipe(lambda seed: Weighing(), "weighing")
PARROT = make_recipe(lambda seed: Parrot(), "parrot")
SHAKEN_PARROT = make_recipe(lambda seed: Parrot(shake), "shaken-parrot")

SHORT: dict[str, Any] = {
    "epochs": 2, "learning_rate": 1e-3, "draws": 2, "folds": 2, "search_folds": 2, "columns": 8,
    "n_estimators": 20, "n_jobs": 1, "selector__n_estimators": 10,
    "mlpclassifier__tol": 10.0, "mlpclassifier__n_iter_no_change": 2,
    "estimator__randomforestclassifier__n_estimators": 10, "estimator__randomforestclassifier__n_jobs": 1,
}  # fmt: skip


def shortened(name: str) -> Recipe:
    """A recipe of affekt with every step of its training, each cut short."""
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


# --- evaluation --------------------------------------------------------------------------------------


def terms_of(
    dataset: Dataset,
    recipe: Recipe,
    protocol: str = "by-actor-5",
    *,
    seeds: Sequence[int] = (0,),
    tested_vocal_channel: str | None = None,
) -> Terms:
    return Terms(
        corpus=dataset.corpus,
        recipe=recipe,
        protocol=find_protocol(protocol),
        seeds=tuple(seeds),
        tested_vocal_channel=tested_vocal_channel,
    )


def cross_validate(
    dataset: Dataset,
    recipe: Recipe,
    protocol: str = "by-actor-5",
    *,
    seeds: Sequence[int] = (0,),
    tested_vocal_channel: str | None = None,
    checkpoints: str | os.PathLike[str] | None = None,
    importances: bool = False,
) -> Evaluation:
    """``affekt.evaluate`` for a data set that has features already."""
    terms = terms_of(dataset, recipe, protocol, seeds=seeds, tested_vocal_channel=tested_vocal_channel)
    return evaluate_dataset(terms, dataset, Execution(checkpoints=checkpoints), importances=importances)


def between(
    trained: Dataset, tested: Dataset, recipe: Recipe = COUNTED, *, seeds: Sequence[int] = (0,)
) -> tuple[Terms, Dataset]:
    """Terms and data set to train on one corpus and to test on another, as ``test_on`` does."""
    terms = replace(terms_of(trained, recipe, seeds=seeds), test_corpus=tested.corpus)
    pool = joined(trained, tested)
    kept = {id(clip) for clip in terms.clips.clips}
    return terms, pool.take([i for i, clip in enumerate(pool.corpus.clips) if id(clip) in kept])


def assert_same(one: Evaluation, other: Evaluation) -> None:
    assert one.tested == other.tested
    assert repr(one.to_json()) == repr(other.to_json())


SMALL = make_dataset(speakers=6, takes=3, shape=(6,))
NOISE = make_dataset(speakers=6, takes=6, shape=(6,), signal=0)
