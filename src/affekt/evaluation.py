"""How good a model is, and on whom: cross-validation of a recipe, or a finished model on a corpus."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from affekt import corpora
from affekt.bundle import Bundle, load
from affekt.corpus import Clip, Corpus, join
from affekt.dataset import Dataset, listen, shared_emotions
from affekt.emotions import sort_emotions
from affekt.errors import CorpusError, LeakError
from affekt.features import find_feature_set
from affekt.metrics import (
    Matrix,
    Score,
    accuracy,
    confusion_matrix,
    f_beta,
    precision,
    recall,
    score_headlines,
    uar,
)
from affekt.prediction import Model, predict_many
from affekt.progress import Advance, progress_bar, track
from affekt.protocols import Fold, find_protocol, speakers_overlap, split
from affekt.recipe import Estimator, Recipe
from affekt.recipes import find_recipe

SLICES = ("speaker", "sex", "intensity", "channel", "statement")
DEFAULT_PROTOCOL = "by-actor-5"
_BOOTSTRAP_SEED = 0

CorpusLike = str | os.PathLike[str] | Corpus | Sequence[str | os.PathLike[str]]
"""A path, a loaded corpus, or several paths to be joined."""


@dataclass(frozen=True, kw_only=True)
class TestedClip:
    """One clip, what it is, and what was answered when it was tested."""

    clip: Clip
    seed: int
    fold: int
    answer: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class EmotionScore:
    """How well one emotion is heard; NaN recall where it never occurs."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True)
class SliceScore:
    """Accuracy and UAR on a part of the tested clips."""

    n: int
    accuracy: float
    uar: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A score that can be trusted, with all that it takes to judge it.

    Attributes
    ----------
    corpus, recipe
        ``recipe`` names the model's where a finished model was scored.
    protocol, leaky
        How it was split; ``protocol_label`` is what must be shown.
    speakers_overlap
        Whether any tested voice was trained on.
    n
        Clips tested, in each seed.
    emotions
        What could be answered, in order.
    chance, majority
        Accuracy of guessing blindly, 1 / emotions, and of always naming the most frequent one.
    headlines
        Accuracy, UAR, macro and weighted F1, weighted F2, each with interval and spread.
    per_emotion, confusion_matrix
        Over all seeds together; the matrix has the reference in its rows.
    slices
        Field -> value -> score, worst first, for speaker, sex, intensity, channel, statement.
    by_seed, by_fold
        Accuracy and UAR of each.
    tested
        Every answer.
    excluded
        (path, reason) of every clip that could not be scored.
    """

    corpus: str
    recipe: str
    protocol: str
    protocol_label: str
    leaky: bool
    speakers_overlap: bool
    n: int
    emotions: tuple[str, ...]
    chance: float
    majority: float
    headlines: dict[str, Score]
    per_emotion: dict[str, EmotionScore]
    confusion_matrix: NDArray[np.int64]
    slices: dict[str, dict[str, SliceScore]]
    by_seed: dict[int, SliceScore]
    by_fold: tuple[dict[str, Any], ...]
    tested: tuple[TestedClip, ...]
    excluded: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Everything but the single answers, as plain values; what is not a number becomes None."""
        plain: dict[str, Any] = _plain(
            {
                "corpus": self.corpus,
                "recipe": self.recipe,
                "protocol": self.protocol,
                "protocol_label": self.protocol_label,
                "leaky": self.leaky,
                "speakers_overlap": self.speakers_overlap,
                "n": self.n,
                "emotions": self.emotions,
                "chance": self.chance,
                "majority": self.majority,
                **{name: score.value for name, score in self.headlines.items()},
                "intervals": {name: (score.low, score.high) for name, score in self.headlines.items()},
                "spread": {name: score.spread for name, score in self.headlines.items()},
                "per_emotion": {name: vars(score) for name, score in self.per_emotion.items()},
                "confusion_matrix": self.confusion_matrix.tolist(),
                "slices": {
                    field: {value: vars(score) for value, score in scores.items()}
                    for field, scores in self.slices.items()
                },
                "seeds": [{"seed": seed, **vars(score)} for seed, score in self.by_seed.items()],
                "folds": self.by_fold,
                "excluded": [{"file": path, "error": reason} for path, reason in self.excluded],
            }
        )
        return plain


def evaluate(
    corpus: CorpusLike,
    *,
    recipe: str | Recipe | None = None,
    model: Model = None,
    protocol: str = DEFAULT_PROTOCOL,
    channel: str | None = None,
    emotions: Collection[str] | None = None,
    seeds: int = 1,
    progress: bool = False,
) -> Evaluation:
    """Score a recipe by cross-validation, or a finished model on a corpus that it never heard.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    recipe, model
        One of the two; with neither, the model that comes with affekt.
    protocol
        How a recipe is split; a finished model is scored on all clips.
    channel, emotions
        Use only these clips.
    seeds
        How many times a recipe is trained, with seeds 0, 1, ...
    progress
        Show bars on a terminal.

    Raises
    ------
    LeakError
        The model was trained on speakers of this corpus, or the split leaks.
    CorpusError, UnknownNameError
        The corpus cannot be read, or a name is wrong.
    """
    if recipe is not None and model is not None:
        raise ValueError("give a recipe to cross-validate, or a model to score, not both")
    selected = read_corpus(corpus, protocol if recipe else "", channel, emotions)
    if recipe is None:
        bundle = model if isinstance(model, Bundle) else load(model)
        return evaluate_bundle(bundle, selected, emotions, progress=progress)
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    find_protocol(protocol)
    dataset = listen(selected, find_feature_set(chosen.features), progress=progress)
    return cross_validate(dataset, chosen, protocol, seeds=range(seeds), progress=progress)


def read_corpus(
    corpus: CorpusLike, protocol: str, channel: str | None, emotions: Collection[str] | None
) -> Corpus:
    """The clips to work with: loaded, joined, and only those asked for."""
    if not isinstance(corpus, Corpus):
        paths = [corpus] if isinstance(corpus, str | os.PathLike) else list(corpus)
        loaded = [corpora.load(path) for path in paths]
        corpus = loaded[0] if len(loaded) == 1 else join(loaded)
    if protocol == "cross-corpus":
        corpus = corpus.select(emotions=shared_emotions(corpus))
    return corpus.select(emotions=emotions, channel=channel)


def cross_validate(
    dataset: Dataset,
    recipe: Recipe,
    protocol: str = DEFAULT_PROTOCOL,
    *,
    seeds: Sequence[int] = (0,),
    progress: bool = False,
) -> Evaluation:
    """Train and test a recipe on every fold of a protocol, once for each seed."""
    how = find_protocol(protocol)
    splits = {seed: split(dataset.corpus, how, dataset.fingerprints, seed) for seed in seeds}
    tested: list[TestedClip] = []
    total = sum(len(folds) for folds in splits.values())
    with progress_bar(f"{recipe.name}, {how.name}", total, shown=progress) as advance:
        for seed, folds in splits.items():
            for number, fold in enumerate(folds):
                tested += _test_fold(dataset, recipe, fold, number, seed, advance)
    return _summarise(
        tested,
        corpus=dataset.corpus.name,
        recipe=recipe.name,
        protocol=how.name,
        protocol_label=how.label,
        leaky=how.leaky,
        speakers_overlap=any(speakers_overlap(dataset.corpus.clips, f) for f in splits.values()),
        emotions=dataset.emotions,
        excluded=dataset.excluded,
    )


def fit(estimator: Estimator, dataset: Dataset, train: NDArray[np.intp] | slice = slice(None)) -> Estimator:
    """Fit on these clips; the speakers go along where the estimator asks for groups."""
    groups = {"groups": dataset.speakers[train]} if has_fit_parameter(estimator, "groups") else {}
    return estimator.fit(dataset.features[train], dataset.labels[train], **groups)


def _test_fold(
    dataset: Dataset, recipe: Recipe, fold: Fold, number: int, seed: int, advance: Advance
) -> list[TestedClip]:
    estimator = fit(recipe.build(seed), dataset, fold.train)
    probabilities = np.zeros((len(fold.test), len(dataset.emotions)))
    probabilities[:, estimator.classes_] = estimator.predict_proba(dataset.features[fold.test])
    advance(f"seed {seed}, fold {number + 1}")
    return [
        TestedClip(
            clip=dataset.corpus.clips[i],
            seed=seed,
            fold=number,
            answer=dataset.emotions[row.argmax()],
            probabilities=tuple(row.tolist()),
        )
        for i, row in zip(fold.test, probabilities, strict=True)
    ]


def evaluate_bundle(
    bundle: Bundle,
    corpus: Corpus,
    emotions: Collection[str] | None = None,
    *,
    progress: bool = False,
) -> Evaluation:
    """Score a finished model by asking it as a user would, through ``predict``.

    Where ``emotions`` are given, the most probable of these counts as its answer. Clips of an
    emotion that the model does not know are excluded, and said to be.
    """
    _refuse_trained_on(bundle, corpus)
    answers = sort_emotions(set(emotions or bundle.contract.emotions) & set(bundle.contract.emotions))
    excluded: list[tuple[str, str]] = []
    clips: list[Clip] = []
    for clip in corpus.clips:
        if clip.emotion in answers:
            clips.append(clip)
        else:
            excluded.append((str(clip.path), f"the model does not know {clip.emotion!r}"))
    tested: list[TestedClip] = []
    heard = predict_many([clip.path for clip in clips], bundle)
    for clip, heard_as in zip(
        clips, track(heard, f"asking {bundle.name}", len(clips), shown=progress), strict=True
    ):
        if heard_as.prediction is None:
            excluded.append((str(clip.path), str(heard_as.error)))
            continue
        row = np.array([heard_as.prediction.probabilities[emotion] for emotion in answers])
        tested.append(
            TestedClip(
                clip=clip,
                seed=bundle.contract.seed,
                fold=0,
                answer=answers[row.argmax()],
                probabilities=tuple((row / max(row.sum(), np.finfo(float).tiny)).tolist()),
            )
        )
    if not tested:
        raise CorpusError(f"not one clip of {corpus.name} can be scored; the first: {excluded[0][1]}")
    return _summarise(
        tested,
        corpus=corpus.name,
        recipe=bundle.contract.recipe,
        protocol="unseen-corpus",
        protocol_label=f"unseen-corpus ({bundle.name} was trained on none of these speakers)",
        leaky=False,
        speakers_overlap=False,
        emotions=answers,
        excluded=tuple(excluded),
    )


def _refuse_trained_on(bundle: Bundle, corpus: Corpus) -> None:
    heard = bundle.contract.speaker_ids
    names = {trained.name for trained in bundle.contract.corpora}
    known = sorted(
        {clip.speaker_id for clip in corpus.clips} & heard
        or {f"{clip.corpus} (unknown speaker)" for clip in corpus.clips if not clip.speaker}
        & {f"{name} (unknown speaker)" for name in names}
    )
    if known:
        raise LeakError(
            f"{bundle.name} was trained on {len(known)} of these speakers ({', '.join(known[:4])}"
            f"{', ...' if len(known) > 4 else ''}): a score on them would mean nothing. Score its recipe "
            f"by cross-validation instead: --recipe {bundle.contract.recipe}"
        )


def _summarise(tested: Sequence[TestedClip], emotions: tuple[str, ...], **about: Any) -> Evaluation:
    """All figures from the single answers."""
    seeds = list(dict.fromkeys(one.seed for one in tested))
    by_speaker: dict[str, list[TestedClip]] = defaultdict(list)
    for one in tested:
        by_speaker[one.clip.speaker_id or str(one.clip.path)].append(one)
    matrices = np.stack(
        [
            [_matrix([one for one in group if one.seed == seed], emotions) for group in by_speaker.values()]
            for seed in seeds
        ]
    )
    matrix = matrices.sum(axis=(0, 1))
    support = matrix.sum(axis=1)
    recalls, precisions, f1s = recall(matrix), precision(matrix), f_beta(matrix)
    return Evaluation(
        n=len(tested) // len(seeds),
        emotions=emotions,
        chance=1 / len(emotions),
        majority=float(support.max() / support.sum()),
        headlines=score_headlines(matrices, np.random.default_rng(_BOOTSTRAP_SEED)),
        per_emotion={
            emotion: EmotionScore(
                precision=float(precisions[i]),
                recall=float(recalls[i]),
                f1=float(f1s[i]),
                support=int(support[i]) // len(seeds),
            )
            for i, emotion in enumerate(emotions)
        },
        confusion_matrix=matrix.astype(np.int64),
        slices={field: _slice(tested, field, emotions) for field in SLICES},
        by_seed={
            seed: _score_slice([one for one in tested if one.seed == seed], emotions) for seed in seeds
        },
        by_fold=tuple(_describe_folds(tested, emotions)),
        tested=tuple(tested),
        **about,
    )


def _slice(tested: Sequence[TestedClip], field: str, emotions: tuple[str, ...]) -> dict[str, SliceScore]:
    parts: dict[str, list[TestedClip]] = defaultdict(list)
    for one in tested:
        if value := getattr(one.clip, field):
            parts[one.clip.speaker_id if field == "speaker" else value].append(one)
    scores = {value: _score_slice(part, emotions) for value, part in parts.items()}
    return dict(sorted(scores.items(), key=lambda item: (item[1].accuracy, item[0])))


def _score_slice(part: Sequence[TestedClip], emotions: tuple[str, ...]) -> SliceScore:
    matrix = _matrix(part, emotions)
    return SliceScore(n=len(part), accuracy=float(accuracy(matrix)), uar=float(uar(matrix)))


def _describe_folds(tested: Sequence[TestedClip], emotions: tuple[str, ...]) -> list[dict[str, Any]]:
    folds: dict[tuple[int, int], list[TestedClip]] = defaultdict(list)
    for one in tested:
        folds[one.seed, one.fold].append(one)
    return [
        {
            "seed": seed,
            "fold": number,
            "speakers": sorted({one.clip.speaker_id for one in part} - {""}),
            **vars(_score_slice(part, emotions)),
        }
        for (seed, number), part in folds.items()
    ]


def _matrix(part: Sequence[TestedClip], emotions: tuple[str, ...]) -> Matrix:
    return confusion_matrix([one.clip.emotion for one in part], [one.answer for one in part], emotions)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
