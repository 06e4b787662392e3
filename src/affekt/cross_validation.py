"""Train on one side of each fold, test on the other."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from affekt.alignment import VoiceStatistics, align, align_unknown, average_voice
from affekt.calibration import fit_trust
from affekt.checkpoints import Checkpoints, Tested
from affekt.confidence import Trust
from affekt.dataset import Dataset, with_copies
from affekt.errors import CorpusError
from affekt.evaluation import Evaluation, Importance, TestedClip, summarise
from affekt.inspection import HISTORY, describe_training, permutation_importances
from affekt.progress import progress_bar
from affekt.protocols import Fold, Indices, Protocol, find_protocol, inner_groups, speakers_overlap, split
from affekt.recipe import Estimator, Recipe

INTERRUPTED = "Training interrupted by user"
COPIES_BEFORE_SPLIT = 3  # augmented fourfold: each clip, and three copies of it


def cross_validate(
    dataset: Dataset,
    recipe: Recipe,
    protocol: str,
    *,
    seeds: Sequence[int] = (0,),
    tested_channel: str | None = None,
    checkpoints: str | os.PathLike[str] | None = None,
    inspect: bool = False,
    progress: bool = False,
) -> Evaluation:
    """Train and test a recipe on every fold of a protocol, once for each seed.

    Parameters
    ----------
    dataset
        A corpus that has been listened to, with the recipe's features.
    recipe, protocol, seeds
        What is trained, how it is split, and what its randomness starts from.
    tested_channel
        Score the answers about these clips alone, ``speech`` or ``song``; all are learned from.
    checkpoints
        A folder, made if need be, that keeps the answers of each finished fold. A later call with the
        same settings, clips and version takes them from there.
    inspect
        Also find out, of features that are one vector a clip, what is lost when one is shuffled.
    progress
        Show bars on a terminal: folds, and within them epochs or search steps.
    """
    how = find_protocol(protocol)
    check_channel(dataset, tested_channel)
    store = Checkpoints(checkpoints) if checkpoints is not None else None
    tested: list[TestedClip] = []
    told: list[Tested] = []
    overlap = False
    inspect = inspect and dataset.features.dtype != object and dataset.features.ndim == 2
    folds_in_all = len(seeds) * len(split(dataset.corpus, how, dataset.fingerprints, seeds[0]))
    with progress_bar(f"{recipe.name}, {how.name}", folds_in_all, shown=progress) as advance:
        for seed in seeds:
            material = _augment_first(dataset, recipe, seed) if how.augments_first else dataset
            folds = split(material.corpus, how, material.fingerprints, seed)
            overlap = overlap or speakers_overlap(material.corpus.clips, folds)
            groups = inner_groups(material.corpus.clips, how, material.fingerprints)
            test: Callable[[Fold], Tested] = partial(
                _test_fold, material, recipe, how, groups, seed, inspect
            )
            if store:
                about = recipe.name, recipe.build(seed), how.name, seed
                test = store.remember(test, about, material, groups, ["permutation"] if inspect else ())
            for number, fold in enumerate(folds):
                advance(f"seed {seed}, fold {number + 1}", steps=0)
                told.append(test(fold))
                tested += tested_clips(material, fold.test, number, seed, told[-1]["probabilities"])
                advance()
    told_how_sure = trust_each_fold(tested, dataset.emotions)
    scored = [one for one in told_how_sure if tested_channel in (None, one.clip.channel)]
    return summarise(
        scored,
        trust=_fit_answers(tested, dataset.emotions),
        corpus=dataset.corpus.name,
        recipe=recipe.name,
        protocol=how.name,
        protocol_label=label_scored(how.label, tested_channel),
        leaky=how.leaky,
        speakers_overlap=overlap,
        emotions=dataset.emotions,
        excluded=dataset.excluded,
        listeners=dataset.corpus.listeners,
        importances=_importances(dataset.columns, told),
        histories=tuple({name: one[name] for name in HISTORY} for one in told if HISTORY[0] in one),
    )


@dataclass(frozen=True)
class Trained:
    """What was trained on one side of a fold, and the average of the voices that it knows."""

    estimator: Any
    average: VoiceStatistics

    def answer(
        self, dataset: Dataset, features: NDArray[Any], voice: VoiceStatistics | None = None
    ) -> NDArray[np.float64]:
        """Probabilities (clips, emotions of the dataset), 0 for what was not trained on.

        ``features`` are all of this voice, or of voices that nobody knows.
        """
        if voice is None:
            features = align_unknown(features, self.average, dataset.relative)
        else:
            features = align(features, voice, self.average)
        probabilities = np.zeros((len(features), len(dataset.emotions)))
        if len(features):
            probabilities[:, self.estimator.classes_] = self.estimator.predict_proba(features)
        return probabilities


def train_fold(
    dataset: Dataset, recipe: Recipe, protocol: Protocol, groups: NDArray[Any], seed: int, fold: Fold
) -> Trained:
    """Fit a recipe on the training side; ``groups`` are what its own inner folds must keep apart."""
    if recipe.degraded_copies and dataset.degraded is None and not protocol.augments_first:
        raise ValueError(f"{recipe.name} learns from spoilt copies: hear the corpus with listen_for")
    estimator = recipe.build(seed)
    if protocol.augments_first:  # what was augmented already is not augmented again
        estimator.set_params(augment=None)
    fit(estimator, dataset, fold.train, validation=fold.validation, groups=groups)
    return Trained(estimator, average_voice(dataset.features[fold.train], dataset.speakers[fold.train]))


def fit(
    estimator: Estimator,
    dataset: Dataset,
    train: NDArray[np.intp] | None = None,
    *,
    validation: NDArray[np.intp] | None = None,
    groups: NDArray[Any] | None = None,
) -> Estimator:
    """Fit on these clips, or on all.

    An estimator whose ``fit`` takes ``groups`` is given what its own inner folds must keep apart, the
    speakers by default; one that takes ``speakers`` or ``sessions`` who they are, and what each spoke or
    sang; one that takes ``validation`` the clips that a protocol sets aside to stop on; one that takes
    ``degraded`` a spoilt copy of each clip.
    """
    train = np.arange(len(dataset.labels)) if train is None else train
    extra: dict[str, Any] = {}
    if has_fit_parameter(estimator, "groups"):
        extra["groups"] = (dataset.speakers if groups is None else groups)[train]
    if has_fit_parameter(estimator, "speakers"):
        extra["speakers"] = dataset.speakers[train]
    if has_fit_parameter(estimator, "sessions"):
        extra["sessions"] = dataset.sessions[train]
    if dataset.degraded is not None and has_fit_parameter(estimator, "degraded"):
        extra["degraded"] = dataset.degraded[train]
    if validation is not None and len(validation) and has_fit_parameter(estimator, "validation"):
        extra["validation"] = (dataset.features[validation], dataset.labels[validation])
    # matrices are small: several threads of linear algebra wait for each other more than they compute
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        # scikit-learn's perceptron takes Ctrl-C for the end of its training, and is worth nothing then
        warnings.filterwarnings("error", INTERRUPTED)
        try:
            return estimator.fit(dataset.features[train], dataset.labels[train], **extra)
        except UserWarning as warning:
            if INTERRUPTED in str(warning):
                raise KeyboardInterrupt from warning
            raise


def _test_fold(
    dataset: Dataset,
    recipe: Recipe,
    protocol: Protocol,
    groups: NDArray[Any],
    seed: int,
    inspect: bool,
    fold: Fold,
) -> Tested:
    """Probabilities (tested clips, emotions), 0 for what was not trained on, and all else that it tells."""
    fitted = train_fold(dataset, recipe, protocol, groups, seed, fold)
    probabilities = fitted.answer(dataset, dataset.features[fold.test])
    tested = {"probabilities": probabilities, **describe_training(fitted.estimator)}
    if inspect:
        tested["permutation"] = permutation_importances(
            fitted.estimator, dataset.features[fold.test], dataset.labels[fold.test], seed
        )
    return tested


def label_scored(label: str, tested_channel: str | None) -> str:
    """The label of a score on a part of what was tested."""
    return f"{label}, {tested_channel} alone scored" if tested_channel else label


def check_channel(dataset: Dataset, channel: str | None) -> None:
    """``CorpusError`` where there is nothing of this channel to score, before anything is trained."""
    if channel is not None and not any(clip.channel == channel for clip in dataset.corpus.clips):
        raise CorpusError(f"{dataset.corpus.name} has no clips of the channel {channel!r} to score")


def of_channel(dataset: Dataset, test: Indices, channel: str | None) -> Indices:
    """Those of the tested clips that are of this channel, or all."""
    return np.array([i for i in test if channel in (None, dataset.corpus.clips[i].channel)], np.intp)


def _importances(columns: tuple[str, ...], told: list[Tested]) -> dict[str, Importance]:
    """Means over all folds of what they have to say; the most important column first."""
    by_name = {
        name: np.mean([one[name] for one in told], axis=0)
        if all(name in one for one in told)
        else np.full(len(columns), np.nan)
        for name in ("importances", "permutation")
    }
    own, permuted = by_name.values()
    if np.isnan(own).all() and np.isnan(permuted).all():
        return {}
    order = np.argsort(-(own if np.isnan(permuted).all() else permuted), kind="stable")
    return {columns[i]: Importance(own=float(own[i]), permuted=float(permuted[i])) for i in order}


def tested_clips(
    dataset: Dataset, test: Indices, fold: int, seed: int, probabilities: NDArray[np.float64]
) -> list[TestedClip]:
    """The clips at ``test``, each with its probabilities, and the most probable emotion as its answer."""
    return [
        TestedClip(
            clip=dataset.corpus.clips[i],
            seed=seed,
            fold=fold,
            answer=dataset.emotions[row.argmax()],
            probabilities=tuple(row.tolist()),
        )
        for i, row in zip(test, probabilities, strict=True)
    ]


def trust_each_fold(
    tested: Sequence[TestedClip],
    emotions: tuple[str, ...],
    fitted_on: Sequence[TestedClip] | None = None,
) -> list[TestedClip]:
    """The same answers, as sure as answers in the other folds say that they should be.

    So no answer has a say in how far it is trusted itself, in the manner of cross-conformal prediction
    (Vovk 2015); the models of the other folds did learn from its clip. Answers stay as they are where there
    is one fold alone. With ``fitted_on``, it is those answers, of the same seeds and folds, that say it.
    """
    folds: dict[int, dict[int, list[TestedClip]]] = defaultdict(lambda: defaultdict(list))
    for one in fitted_on or tested:
        folds[one.seed][one.fold].append(one)
    trust = {}
    for seed, answers in folds.items():
        for number in answers:
            others = [one for other, rest in answers.items() if other != number for one in rest]
            trust[seed, number] = _fit_answers(others, emotions) if others else None
    return [_told(one, trust[one.seed, one.fold], emotions) for one in tested]


def _fit_answers(tested: Sequence[TestedClip], emotions: tuple[str, ...]) -> Trust:
    """How far answers like these are to be trusted."""
    truth = np.array([emotions.index(one.clip.emotion) for one in tested])
    return fit_trust(np.array([one.probabilities for one in tested]), truth)


def _told(one: TestedClip, trust: Trust | None, emotions: tuple[str, ...]) -> TestedClip:
    if trust is None:
        return one
    tempered = trust.temper(np.array(one.probabilities))
    likely = tuple(emotions[i] for i in trust.likely(tempered))
    return replace(one, probabilities=tuple(tempered.tolist()), likely=likely)


def _augment_first(dataset: Dataset, recipe: Recipe, seed: int) -> Dataset:
    augment = recipe.build(seed).get_params().get("augment")
    if augment is None:
        raise CorpusError(f"{recipe.name} does not augment: there are no copies to put on both sides")
    return with_copies(dataset, augment, COPIES_BEFORE_SPLIT, np.random.default_rng(seed))
