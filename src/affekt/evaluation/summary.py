"""From predictions to an ``Evaluation``: every figure is computed here."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from affekt.errors import CorpusError
from affekt.estimators.inspection import HISTORY
from affekt.evaluation.checkpoints import EXCLUDED, REASONS, Arrays
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.parts import Part, calibration_folds
from affekt.evaluation.predictions import Predictions, judge
from affekt.evaluation.protocols import Protocol
from affekt.evaluation.provenance import provenance_of
from affekt.evaluation.results import AS_RECORDED, Evaluation
from affekt.evaluation.scores import (
    SLICES,
    CorpusScore,
    EmotionScore,
    FoldScore,
    Importance,
    PredictionSetScore,
    SliceScore,
    TestedClip,
    confidences,
)
from affekt.evaluation.terms import Terms
from affekt.metrics import (
    Matrix,
    accuracy,
    confusion_matrix,
    f_beta,
    precision,
    recall,
    score_headlines,
    uar,
)
from affekt.model.calibration import reliability
from affekt.notes import Note, NoteKind

_BOOTSTRAP_SEED = 0


def summarise(
    terms: Terms, dataset: Dataset, predictions: Predictions, condition: str, *, enrolled: bool = False
) -> Evaluation:
    """Compute the evaluation of one condition.

    Parameters
    ----------
    terms, dataset, predictions
        What was asked, the clips, and what was predicted for them.
    condition
        One of the conditions of the experiment.
    enrolled
        Whether the speakers are enrolled in it.
    """
    tested = judge(terms, predictions, condition, enrolled=enrolled)
    if not tested:
        raise CorpusError(f"no tested clip of {terms.tested_corpus.name} could be scored")
    scored = [
        (part, one)
        for part, one in zip(predictions.parts, predictions.arrays[condition], strict=True)
        if part.scored
    ]
    arrays = [one for _, one in scored]
    fitted = predictions.fitted_on_all if terms.recipe and not terms.test_corpus else None
    tested_corpus = replace(terms.tested_corpus, clips=tuple(one.clip for one in tested))
    return summarise_clips(
        tested,
        terms.emotions or predictions.emotions,
        corpus=terms.tested_corpus.name,
        recipe=terms.name,
        protocol=terms.protocol_name,
        protocol_label=terms.label if condition == AS_RECORDED else f"{terms.label}, {condition}",
        condition=condition,
        leaky=terms.leaky,
        speakers_overlap=_speakers_overlap(terms, dataset, predictions),
        excluded=(*dataset.excluded, *_untested(part for part, _ in scored), *_excluded(arrays)),
        notes=tuple(_notes(terms, dataset, tested)),
        human_accuracy=tested_corpus.human_accuracy,
        provenance=provenance_of(terms, dataset, predictions.parts),
        calibration=fitted.calibration if fitted else None,
        enrolled_calibration=fitted.enrolled_calibration if fitted else None,
        distance_threshold=fitted.distance_threshold if fitted else None,
        **_training(dataset, arrays),
    )


def summarise_clips(tested: Sequence[TestedClip], emotions: tuple[str, ...], **about: Any) -> Evaluation:
    """Compute all figures from single predictions; ``about`` holds the fields that are no figures."""
    seeds = list(dict.fromkeys(one.seed for one in tested))
    matrices = _matrices(tested, emotions, seeds)
    stacked = np.stack(list(matrices.values()), axis=1)
    matrix = stacked.sum(axis=(0, 1))
    support = matrix.sum(axis=1)
    bins = reliability(*confidences(tested))
    return Evaluation(
        n=len(tested) // len(seeds),
        emotions=emotions,
        chance=1 / len(emotions),
        majority=float(support.max() / support.sum()),
        headlines=score_headlines(stacked, np.random.default_rng(_BOOTSTRAP_SEED)),
        per_emotion=_emotion_scores(matrix, emotions, len(seeds)),
        confusion_matrix=matrix.astype(np.int64),
        by_speaker={name: counts.astype(np.int64) for name, counts in matrices.items()},
        by_corpus=_corpus_scores(tested, emotions, seeds),
        slices={field: _slice(tested, field, emotions, len(seeds)) for field in SLICES},
        by_seed={
            seed: _score_slice([one for one in tested if one.seed == seed], emotions) for seed in seeds
        },
        by_fold=_fold_scores(tested, emotions),
        tested=tuple(tested),
        ece=bins.ece,
        reliability=bins,
        prediction_sets=_prediction_sets(tested, emotions),
        **_flagged(tested),
        **about,
    )


def _matrices(
    tested: Sequence[TestedClip], emotions: tuple[str, ...], seeds: Sequence[int]
) -> dict[str, Matrix]:
    """Confusion matrices of each speaker, shape (seeds, emotions, emotions); unknown speakers by clip."""
    by_speaker: dict[str, list[TestedClip]] = defaultdict(list)
    for one in tested:
        by_speaker[one.clip.speaker_id or one.clip.name].append(one)
    return {
        name: np.stack([_matrix([one for one in own if one.seed == seed], emotions) for seed in seeds])
        for name, own in by_speaker.items()
    }


def _emotion_scores(matrix: Matrix, emotions: tuple[str, ...], seeds: int) -> dict[str, EmotionScore]:
    recalls, precisions, f1s, support = (
        recall(matrix),
        precision(matrix),
        f_beta(matrix),
        matrix.sum(axis=1),
    )
    return {
        emotion: EmotionScore(
            precision=float(precisions[i]),
            recall=float(recalls[i]),
            f1=float(f1s[i]),
            support=int(support[i]) // seeds,
        )
        for i, emotion in enumerate(emotions)
    }


def _corpus_scores(
    tested: Sequence[TestedClip], emotions: tuple[str, ...], seeds: Sequence[int]
) -> dict[str, CorpusScore]:
    by_corpus: dict[str, list[TestedClip]] = defaultdict(list)
    for one in tested:
        by_corpus[one.clip.corpus].append(one)
    return {name: _corpus_score(own, emotions, seeds) for name, own in sorted(by_corpus.items())}


def _corpus_score(
    tested: Sequence[TestedClip], emotions: tuple[str, ...], seeds: Sequence[int]
) -> CorpusScore:
    stacked = np.stack(list(_matrices(tested, emotions, seeds).values()), axis=1)
    matrix = stacked.sum(axis=(0, 1))
    support = matrix.sum(axis=1)
    headlines = score_headlines(stacked, np.random.default_rng(_BOOTSTRAP_SEED))
    sets = _prediction_sets(tested, emotions)
    return CorpusScore(
        n=len(tested) // len(seeds),
        speakers=len({one.clip.speaker_id for one in tested} - {""}),
        majority=float(support.max() / support.sum()),
        accuracy=headlines["accuracy"],
        uar=headlines["uar"],
        ece=reliability(*confidences(tested)).ece,
        coverage=sets.coverage if sets else None,
        set_size=sets.size if sets else None,
        recall={
            emotion: float(share) if clips else None
            for emotion, share, clips in zip(emotions, recall(matrix), support, strict=True)
        },
        coverage_by_emotion=sets.by_emotion if sets else {},
        **_flagged(tested),
    )


def _prediction_sets(tested: Sequence[TestedClip], emotions: Sequence[str]) -> PredictionSetScore | None:
    if not all(one.prediction_set for one in tested):
        return None
    covered = np.array([one.clip.emotion in one.prediction_set for one in tested])
    sizes = np.array([len(one.prediction_set) for one in tested])
    speakers = np.array([one.clip.speaker_id for one in tested])
    alone = sizes == 1
    return PredictionSetScore(
        coverage=float(covered.mean()),
        by_speaker={
            str(name): float(covered[speakers == name].mean()) for name in np.unique(speakers) if name
        },
        size=float(sizes.mean()),
        alone=float(alone.mean()),
        alone_accuracy=float(covered[alone].mean()) if alone.any() else math.nan,
        by_emotion={
            emotion: _mean(
                one.clip.emotion in one.prediction_set for one in tested if one.clip.emotion == emotion
            )
            for emotion in emotions
        },
    )


def _flagged(tested: Sequence[TestedClip]) -> Mapping[str, Any]:
    """The share of clips that are flagged, and the accuracy of those that are and of those that are not."""
    known = [
        (one.out_of_distribution, one.predicted == one.clip.emotion)
        for one in tested
        if one.out_of_distribution is not None
    ]
    return {
        "out_of_distribution": _mean(flagged for flagged, _ in known),
        "flagged_accuracy": _mean(correct for flagged, correct in known if flagged),
        "unflagged_accuracy": _mean(correct for flagged, correct in known if not flagged),
    }


def _mean(values: Iterable[bool]) -> float | None:
    """The share that is true; None of nothing."""
    listed = list(values)
    return float(np.mean(listed)) if listed else None


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


def _fold_scores(tested: Sequence[TestedClip], emotions: tuple[str, ...]) -> tuple[FoldScore, ...]:
    folds: dict[tuple[int, int], list[TestedClip]] = defaultdict(list)
    for one in tested:
        folds[one.seed, one.fold].append(one)
    return tuple(
        FoldScore(
            seed=seed,
            fold=number,
            speakers=tuple(sorted({one.clip.speaker_id for one in part} - {""})),
            **vars(_score_slice(part, emotions)),
        )
        for (seed, number), part in folds.items()
    )


def _matrix(part: Sequence[TestedClip], emotions: tuple[str, ...]) -> Matrix:
    return confusion_matrix([one.clip.emotion for one in part], [one.predicted for one in part], emotions)


def _speakers_overlap(terms: Terms, dataset: Dataset, predictions: Predictions) -> bool | None:
    if terms.protocol and not terms.test_corpus:
        return predictions.speakers_overlap
    return None if any(not clip.speaker for clip in dataset.corpus.clips) else False


def _notes(terms: Terms, dataset: Dataset, tested: Sequence[TestedClip]) -> Iterator[Note]:
    clips = len(dataset.fingerprints)
    if copies := clips - len(set(dataset.fingerprints)):
        apart = terms.protocol and terms.protocol.keeps_apart != "nothing"
        yield Note(
            NoteKind.IDENTICAL_CLIPS,
            f"{copies} of {clips} clips {'is' if copies == 1 else 'are'} identical to another one: the "
            f"same recordings count more than once{', on one side of every fold' if apart else ''}",
        )
    if terms.recipe and not all(one.prediction_set for one in tested):
        yield Note(NoteKind.NOT_CALIBRATED, f"not calibrated: {_why_not_calibrated(terms, dataset)}")


def _why_not_calibrated(terms: Terms, dataset: Dataset) -> str:
    name = cast(Protocol, terms.protocol).name
    if terms.test_corpus and (why := calibration_folds(terms, dataset)[1]):
        return f"the training clips cannot be split by {name}. {why}"
    return f"{name} has no predictions for other speakers to fit calibration on"


def _untested(parts: Iterable[Part]) -> dict[tuple[str, str], None]:
    """(path, reason) of the clips that their fold cannot test; each once, whatever the number of seeds."""
    clips = (part.dataset.corpus.clips[i] for part in parts for i in part.fold.untested)
    return dict.fromkeys(
        (clip.name, f"{clip.name}: the training corpora do not know {clip.emotion!r}") for clip in clips
    )


def _excluded(arrays: Sequence[Arrays]) -> list[tuple[str, str]]:
    """(path, reason) of the clips that could not be tested in a condition."""
    pairs = [(one[EXCLUDED].tolist(), one[REASONS].tolist()) for one in arrays if EXCLUDED in one]
    return list(
        dict.fromkeys(pair for files, reasons in pairs for pair in zip(files, reasons, strict=True))
    )


def _training(dataset: Dataset, arrays: Sequence[Arrays]) -> Mapping[str, Any]:
    """What the estimators of the folds found out in training: importances, and losses by epoch."""
    return {
        "importances": _importances(dataset.columns, arrays),
        "histories": tuple({name: one[name] for name in HISTORY} for one in arrays if HISTORY[0] in one),
    }


def _importances(columns: tuple[str, ...], arrays: Sequence[Arrays]) -> dict[str, Importance]:
    """Means over all folds; the most important column first."""
    own, permuted = (
        np.mean([one[name] for one in arrays], axis=0)
        if all(name in one for one in arrays)
        else np.full(len(columns), np.nan)
        for name in ("importances", "permutation")
    )
    if np.isnan(own).all() and np.isnan(permuted).all():
        return {}
    order = np.argsort(-(own if np.isnan(permuted).all() else permuted), kind="stable")
    return {columns[i]: Importance(own=float(own[i]), permuted=float(permuted[i])) for i in order}
