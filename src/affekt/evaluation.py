"""How good a model is, and on whom: cross-validation of a recipe, or a finished model on a corpus."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from affekt import corpora
from affekt.audio import fingerprint
from affekt.bundle import Bundle, load
from affekt.corpus import Clip, Corpus, join
from affekt.dataset import Dataset, each_clip, listen, load_whole, shared_emotions
from affekt.emotions import canonical_emotion, sort_emotions
from affekt.errors import AffektError, CorpusError, LeakError
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
from affekt.prediction import Model, Prediction, predict
from affekt.progress import Advance, progress_bar
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
    """Accuracy and UAR on a part of the tested clips; n is that of one seed, if rounded."""

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
        Whether any tested voice was trained on; None where nobody knows who speaks.
    n
        Clips tested, in each seed.
    emotions
        What could be answered, in order.
    chance, majority
        Accuracy of guessing blindly, 1 / emotions, and of always naming the most frequent one.
    headlines
        Accuracy, UAR, macro and weighted F1, weighted F2, each with interval and spread.
    per_emotion, confusion_matrix
        Over all seeds together: the matrix, with the reference in its rows, sums to n times the seeds.
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
    speakers_overlap: bool | None
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
    protocol: str | None = None,
    channel: str | None = None,
    emotions: Collection[str] | None = None,
    seeds: int = 1,
    jobs: int = 1,
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
        How a recipe is split, ``by-actor-5`` by default; a finished model is scored on all clips.
    channel, emotions
        Use only these clips, and of a finished model's answers only these emotions.
    seeds
        How many times a recipe is trained, with seeds 0, 1, ...
    jobs
        Processes that listen to the clips. One by default, so that a script needs no
        ``if __name__ == "__main__"``; the command line takes all cores.
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
    if recipe is None and (seeds != 1 or protocol is not None):
        raise ValueError(
            "protocol and seeds are for a recipe: a finished model is scored once, on all clips"
        )
    if seeds < 1:
        raise ValueError(f"a recipe is trained once or more, not {seeds} times")
    protocol = protocol or DEFAULT_PROTOCOL
    selected = read_corpus(corpus, protocol if recipe else "", channel, emotions)
    if recipe is None:
        bundle = model if isinstance(model, Bundle) else load(model)
        wanted = [canonical_emotion(word) for word in emotions or ()]
        return evaluate_bundle(bundle, selected, wanted, jobs=jobs, progress=progress)
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    find_protocol(protocol)
    dataset = listen(selected, find_feature_set(chosen.features), jobs=jobs, progress=progress)
    return cross_validate(dataset, chosen, protocol, seeds=range(seeds), progress=progress)


def read_corpus(
    corpus: CorpusLike, protocol: str, channel: str | None, emotions: Collection[str] | None
) -> Corpus:
    """The clips to work with: loaded, joined, and only those asked for."""
    if isinstance(emotions, str):
        raise TypeError(f"emotions are a list, as [{emotions!r}]")
    if not isinstance(corpus, Corpus):
        paths = [corpus] if isinstance(corpus, str | os.PathLike) else list(corpus)
        loaded = [corpora.load(path) for path in paths]
        corpus = loaded[0] if len(loaded) == 1 else join(loaded)
    if protocol == "cross-corpus":
        corpus = corpus.select(emotions=shared_emotions(corpus))
    return corpus.select(emotions=[canonical_emotion(word) for word in emotions or ()], channel=channel)


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
    jobs: int = 1,
    progress: bool = False,
) -> Evaluation:
    """Score a finished model by asking it as a user would, through ``predict``.

    Where ``emotions`` are given, the most probable of these counts as its answer. Clips of an
    emotion that the model does not know are excluded, and said to be.
    """
    _refuse_known_speakers(bundle, corpus)
    contract = bundle.contract
    answers = sort_emotions(set(emotions or contract.emotions) & set(contract.emotions))
    if len(answers) < 2:
        raise CorpusError(f"with {answers} as the only answer, any model is right: give two emotions")

    tested: list[TestedClip] = []
    excluded: list[tuple[str, str]] = []
    ask = partial(_ask, bundle=bundle, answers=answers)
    for clip, heard in each_clip(corpus, ask, jobs=jobs, progress=progress):
        if isinstance(heard, LeakError):
            raise heard
        if isinstance(heard, AffektError):
            excluded.append((str(clip.path), str(heard)))
            continue
        row = np.array([heard.probabilities[emotion] for emotion in answers])
        tested.append(
            TestedClip(
                clip=clip,
                seed=contract.seed,
                fold=0,
                answer=answers[row.argmax()],
                probabilities=tuple((row / max(row.sum(), np.finfo(float).tiny)).tolist()),
            )
        )
    if not tested:
        raise CorpusError(f"not one clip of {corpus.name} can be scored; the first: {excluded[0][1]}")
    unknown = any(not one.clip.speaker for one in tested)
    promise = (
        "nobody knows whether it was trained on these speakers"
        if unknown
        else "it was trained on none of these speakers"
    )
    return _summarise(
        tested,
        corpus=corpus.name,
        recipe=contract.recipe,
        protocol="unseen-corpus",
        protocol_label=f"unseen-corpus ({promise})",
        leaky=False,
        speakers_overlap=None if unknown else False,
        emotions=answers,
        excluded=tuple(excluded),
    )


def _ask(clip: Clip, bundle: Bundle, answers: tuple[str, ...]) -> Prediction:
    if clip.emotion not in answers:
        raise CorpusError(f"{clip.path}: the model does not know {clip.emotion!r}")
    waveform = load_whole(clip, bundle.contract.sample_rate)
    if bundle.contract.has_heard(fingerprint(waveform)):
        raise LeakError(f"{bundle.name} was trained on this very recording: {clip.path}")
    return predict(waveform, bundle)


def _refuse_known_speakers(bundle: Bundle, corpus: Corpus) -> None:
    known = sorted(
        {
            clip.speaker_id or f"{clip.corpus} (unknown speaker)"
            for clip in corpus.clips
            if bundle.contract.knows_speaker(clip.corpus, clip.speaker)
        }
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
        slices={field: _slice(tested, field, emotions, len(seeds)) for field in SLICES},
        by_seed={
            seed: _score_slice([one for one in tested if one.seed == seed], emotions) for seed in seeds
        },
        by_fold=tuple(_describe_folds(tested, emotions)),
        tested=tuple(tested),
        **about,
    )


def _slice(
    tested: Sequence[TestedClip], field: str, emotions: tuple[str, ...], seeds: int
) -> dict[str, SliceScore]:
    parts: dict[str, list[TestedClip]] = defaultdict(list)
    for one in tested:
        if value := getattr(one.clip, field):
            parts[one.clip.speaker_id if field == "speaker" else value].append(one)
    scores = {value: _score_slice(part, emotions, seeds) for value, part in parts.items()}
    return dict(sorted(scores.items(), key=lambda item: (item[1].accuracy, item[0])))


def _score_slice(part: Sequence[TestedClip], emotions: tuple[str, ...], seeds: int = 1) -> SliceScore:
    matrix = _matrix(part, emotions)
    return SliceScore(n=len(part) // seeds, accuracy=float(accuracy(matrix)), uar=float(uar(matrix)))


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
