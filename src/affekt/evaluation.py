"""What a score is made of: every answer given, and all figures from these."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.confidence import Trust, reliability
from affekt.corpus import Clip
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

SLICES = ("speaker", "sex", "intensity", "channel", "statement")
_BOOTSTRAP_SEED = 0


@dataclass(frozen=True, kw_only=True)
class TestedClip:
    """One clip, what it is, and what was answered when it was tested.

    ``likely`` are the emotions that were named as likely, the most probable first; empty where nothing
    was fitted that could tell.
    """

    clip: Clip
    seed: int
    fold: int
    answer: str
    probabilities: tuple[float, ...]
    likely: tuple[str, ...] = ()


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
class LikelyScore:
    """What the likely emotions are worth.

    Attributes
    ----------
    coverage
        How often the truth is among them; 0.9 is what is promised.
    by_speaker
        The same of each speaker.
    size
        How many they are on average.
    alone
        How often one emotion alone is named, and ``alone_accuracy`` how often it is right then (NaN where
        it never is).
    """

    coverage: float
    by_speaker: dict[str, float]
    size: float
    alone: float
    alone_accuracy: float


@dataclass(frozen=True, kw_only=True)
class Importance:
    """What a feature is worth, mean over folds: to the model itself, and in accuracy lost without it.

    ``own`` sums to 1 over the features, NaN for a model without such figures; ``permuted`` is NaN where
    it was not asked for.
    """

    own: float
    permuted: float


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
    by_speaker
        Speaker -> confusion matrices, one for each seed: shape (seeds, emotions, emotions).
    slices
        Field -> value -> score, worst first, for speaker, sex, intensity, channel, statement.
    by_seed, by_fold
        Accuracy and UAR of each.
    tested
        Every answer.
    excluded
        (path, reason) of every clip that could not be scored.
    ece
        Expected calibration error: how far confidence is from accuracy, on average.
    likely
        What the sets of likely emotions are worth; None where nothing was fitted that could tell.
    trust
        How far answers are to be trusted, as all of these say: that of a model trained on all clips. None
        where a finished model was scored.
    importances
        Of features, the most important first; empty where nobody knows.
    histories
        Of networks, one for each fold: losses and accuracy at each epoch.
    listeners
        Accuracy of people on these recordings, and where that stands; None where nobody knows.
    counterpart
        The same under a protocol of the other kind, leaky or honest, where it was asked for.
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
    by_speaker: dict[str, NDArray[np.int64]]
    slices: dict[str, dict[str, SliceScore]]
    by_seed: dict[int, SliceScore]
    by_fold: tuple[dict[str, Any], ...]
    tested: tuple[TestedClip, ...]
    excluded: tuple[tuple[str, str], ...]
    ece: float
    likely: LikelyScore | None
    trust: Trust | None = None
    importances: dict[str, Importance] = field(default_factory=dict)
    histories: tuple[dict[str, NDArray[np.float64]], ...] = ()
    listeners: tuple[float, str] | None = None
    counterpart: Evaluation | None = None

    def confidences(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Of each answer, how sure it was, and whether it was right."""
        return _confidences(self.tested, self.emotions)

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
                "by_speaker": {name: counts.tolist() for name, counts in self.by_speaker.items()},
                "slices": {
                    field: {value: vars(score) for value, score in scores.items()}
                    for field, scores in self.slices.items()
                },
                "seeds": [{"seed": seed, **vars(score)} for seed, score in self.by_seed.items()],
                "folds": self.by_fold,
                "ece": self.ece,
                "likely": vars(self.likely) if self.likely else None,
                "excluded": [{"file": path, "error": reason} for path, reason in self.excluded],
                "importances": {name: vars(one) for name, one in self.importances.items()},
                "histories": [{name: row.tolist() for name, row in one.items()} for one in self.histories],
            }
        )
        return plain


def summarise(tested: Sequence[TestedClip], emotions: tuple[str, ...], **about: Any) -> Evaluation:
    """All figures from the single answers; ``about`` is all of an evaluation that is no figure."""
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
        by_speaker={name: matrices[:, i].astype(np.int64) for i, name in enumerate(by_speaker)},
        slices={field: _slice(tested, field, emotions, len(seeds)) for field in SLICES},
        by_seed={
            seed: _score_slice([one for one in tested if one.seed == seed], emotions) for seed in seeds
        },
        by_fold=tuple(_describe_folds(tested, emotions)),
        tested=tuple(tested),
        ece=reliability(*_confidences(tested, emotions)).ece,
        likely=_score_likely(tested),
        **about,
    )


def _confidences(
    tested: Sequence[TestedClip], emotions: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    place = {emotion: i for i, emotion in enumerate(emotions)}
    sure = np.array([one.probabilities[place[one.answer]] for one in tested])
    return sure, np.array([one.answer == one.clip.emotion for one in tested])


def _score_likely(tested: Sequence[TestedClip]) -> LikelyScore | None:
    if not all(one.likely for one in tested):
        return None
    covered = np.array([one.clip.emotion in one.likely for one in tested])
    sizes = np.array([len(one.likely) for one in tested])
    speakers = np.array([one.clip.speaker_id for one in tested])
    alone = sizes == 1
    return LikelyScore(
        coverage=float(covered.mean()),
        by_speaker={str(name): float(covered[speakers == name].mean()) for name in np.unique(speakers)},
        size=float(sizes.mean()),
        alone=float(alone.mean()),
        alone_accuracy=float(covered[alone].mean()) if alone.any() else math.nan,
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
