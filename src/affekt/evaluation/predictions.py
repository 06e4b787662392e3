"""From arrays to predictions: calibrated probabilities, prediction sets and out-of-distribution flags."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from affekt.corpora.base import Clip
from affekt.estimators.calibrated import fit_calibration, weighted_quantile
from affekt.evaluation.checkpoints import ENROLLED, PREDICTED, Arrays
from affekt.evaluation.parts import Part
from affekt.evaluation.protocols import speakers_overlap
from affekt.evaluation.scores import TestedClip
from affekt.evaluation.terms import Terms
from affekt.inference.prediction import restrict
from affekt.model.bundle import Bundle
from affekt.model.calibration import (
    FITTED_ON,
    SEEN_SPEAKERS,
    UNSEEN_CORPORA,
    UNSEEN_SPEAKERS,
    Calibration,
)
from affekt.model.out_of_distribution import FLAGGED_SHARE, UNCERTAINTY_WEIGHT, weighted_distance

LEAST_ENROLLED = 50  # predictions that a calibration for enrolled speakers is fitted on


@dataclass(frozen=True)
class Fitted:
    """Calibration and out-of-distribution threshold, fitted on predictions of held-out clips.

    ``enrolled_calibration`` is fitted on predictions with clips of the speaker enrolled. It is None of a
    recipe that has no classifier for enrolled speakers, or where few clips have others of their speaker.
    """

    calibration: Calibration
    distance_threshold: float
    enrolled_calibration: Calibration | None = None


@dataclass(frozen=True)
class _Raw:
    """A tested clip, its probabilities before calibration, and its out-of-distribution distance.

    ``kind`` says what of it was not trained on, as in ``FITTED_ON``.
    """

    tested: TestedClip
    distance: float
    kind: str
    scored: bool


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """All predictions of an experiment.

    Attributes
    ----------
    emotions
        The meaning of each column of the probabilities.
    parts
        Sorted by seed and fold.
    arrays
        Condition -> the arrays of each part.
    """

    emotions: tuple[str, ...]
    parts: Sequence[Part]
    arrays: Mapping[str, Sequence[Arrays]]

    @property
    def speakers_overlap(self) -> bool:
        """Whether any scored part trains on a speaker that it tests; unknown speakers count as shared."""
        return any(
            speakers_overlap(part.dataset.corpus.clips, [part.fold]) for part in self.parts if part.scored
        )

    @functools.cached_property
    def fitted_by_fold(self) -> Mapping[tuple[int, int], Fitted]:
        """Calibration and threshold of each seed and fold, fitted on the other folds."""
        return _fit_each_fold(self._of_first_condition, self._of_enrolled, self.emotions)

    @functools.cached_property
    def fitted_on_all(self) -> Fitted:
        """Calibration and threshold fitted on all folds, for a model that is trained on all clips."""
        return _fit(self._of_first_condition, self._of_enrolled, self.emotions)

    @functools.cached_property
    def _of_first_condition(self) -> list[_Raw]:
        return _raw(self, next(iter(self.arrays)))

    @functools.cached_property
    def _of_enrolled(self) -> list[_Raw]:
        return _raw(self, next(iter(self.arrays)), ENROLLED)


def judge(
    terms: Terms, predictions: Predictions, condition: str, *, enrolled: bool = False
) -> list[TestedClip]:
    """Return the scored predictions of a condition, calibrated.

    Parameters
    ----------
    terms, predictions
        What was asked, and what was predicted.
    condition
        One of the conditions of the experiment.
    enrolled
        Whether the speakers are enrolled in it: their predictions have a calibration of their own if the
        model or recipe has a classifier for them.

    Notes
    -----
    A finished model has its calibration and threshold in its contract. Those of a recipe are fitted, for
    each fold, on the predictions of the same seed for other speakers in the other folds, as in
    cross-conformal prediction (Vovk 2015): no prediction takes part in its own calibration, but the models
    of the other folds were trained on its clip. With one fold alone nothing is fitted. Of several corpora,
    predictions for each corpus count as much by models that were trained on it as by models that were not,
    and as much as those for another corpus.
    """
    raw = _raw(predictions, condition)
    if terms.bundle:
        return [
            _judge_finished(one, terms, enrolled=enrolled)
            for one in raw
            if terms.is_scored(one.tested.clip)
        ]
    fitted, emotions = predictions.fitted_by_fold, predictions.emotions
    return [
        _judge(one, fitted.get((one.tested.seed, one.tested.fold)), emotions, enrolled=enrolled)
        for one in raw
        if one.scored and terms.is_scored(one.tested.clip)
    ]


def _raw(predictions: Predictions, condition: str, prefix: str = "") -> list[_Raw]:
    """The predictions in the arrays whose names begin with ``prefix``, of the parts that have these."""
    return [
        one
        for part, arrays in zip(predictions.parts, predictions.arrays[condition], strict=True)
        if prefix + PREDICTED[0] in arrays
        for one in _raw_of_part(part, [arrays[prefix + name] for name in PREDICTED], predictions.emotions)
    ]


def _raw_of_part(part: Part, predicted: Sequence[NDArray[Any]], emotions: tuple[str, ...]) -> list[_Raw]:
    clips = part.dataset.corpus.clips
    speakers = {clips[i].speaker_id for i in part.fold.train}
    corpora = {clips[i].corpus for i in part.fold.train}
    return [
        _Raw(
            TestedClip(
                clip=clips[clip],
                seed=int(repeat),
                fold=part.number,
                predicted=emotions[row.argmax()],
                probabilities=tuple(row.tolist()),
            ),
            float(distance),
            _kind(clips[clip], speakers, corpora),
            part.scored,
        )
        for clip, repeat, row, distance in zip(*predicted, strict=True)
    ]


def _kind(clip: Clip, speakers: Collection[str], corpora: Collection[str]) -> str:
    if clip.corpus not in corpora:
        return UNSEEN_CORPORA
    return SEEN_SPEAKERS if clip.speaker_id in speakers else UNSEEN_SPEAKERS


def _fit_each_fold(
    raw: Sequence[_Raw], enrolled: Sequence[_Raw], emotions: tuple[str, ...]
) -> dict[tuple[int, int], Fitted]:
    by_seed, enrolled_by_seed = _by_seed(raw), _by_seed(enrolled)
    fitted = {}
    for seed, rows in by_seed.items():
        for number in dict.fromkeys(one.tested.fold for one in rows if one.scored):
            speakers = {one.tested.clip.speaker_id for one in rows if one.tested.fold == number} - {""}
            others, enrolled_others = (
                [
                    one
                    for one in some
                    if one.tested.fold != number and one.tested.clip.speaker_id not in speakers
                ]
                for some in (rows, enrolled_by_seed[seed])
            )
            if others:
                fitted[seed, number] = _fit(others, enrolled_others, emotions)
    return fitted


def _by_seed(raw: Sequence[_Raw]) -> dict[int, list[_Raw]]:
    found: dict[int, list[_Raw]] = defaultdict(list)
    for one in raw:
        found[one.tested.seed].append(one)
    return found


def _fit(raw: Sequence[_Raw], enrolled: Sequence[_Raw], emotions: tuple[str, ...]) -> Fitted:
    return Fitted(
        _fit_calibration(raw, emotions),
        _fit_distance_threshold([one for one in raw if one.kind != UNSEEN_CORPORA] or raw),
        _fit_calibration(enrolled, emotions) if len(enrolled) >= LEAST_ENROLLED else None,
    )


def _fit_distance_threshold(raw: Sequence[_Raw]) -> float:
    distances = np.array([one.distance for one in raw])
    probabilities = np.array([one.tested.probabilities for one in raw])
    weighted = weighted_distance(distances, probabilities, UNCERTAINTY_WEIGHT)
    return weighted_quantile(weighted, 1 - FLAGGED_SHARE, _weights(raw))


def _fit_calibration(raw: Sequence[_Raw], emotions: tuple[str, ...]) -> Calibration:
    probabilities = np.array([one.tested.probabilities for one in raw])
    truth = np.array([emotions.index(one.tested.clip.emotion) for one in raw])
    kinds = {one.kind for one in raw}
    distances = np.array([one.distance for one in raw]) if UNSEEN_CORPORA in kinds else None
    calibration = fit_calibration(probabilities, truth, distances, _weights(raw))
    return replace(calibration, fitted_on=tuple(kind for kind in FITTED_ON if kind in kinds))


def _weights(raw: Sequence[_Raw]) -> NDArray[np.float64]:
    """Weights of mean 1, by which each corpus counts the same, left out or not."""
    groups = [(one.tested.clip.corpus, one.kind == UNSEEN_CORPORA) for one in raw]
    counts = Counter(groups)
    return np.array([len(raw) / (len(counts) * counts[group]) for group in groups])


def _judge(one: _Raw, fitted: Fitted | None, emotions: tuple[str, ...], *, enrolled: bool) -> TestedClip:
    if fitted is None:
        return one.tested
    row = np.array(one.tested.probabilities)
    calibration = (fitted.enrolled_calibration if enrolled else None) or fitted.calibration
    calibrated = calibration.calibrate(row, one.distance)
    return replace(
        one.tested,
        probabilities=tuple(calibrated.tolist()),
        prediction_set=tuple(emotions[i] for i in calibration.prediction_set(calibrated)),
        out_of_distribution=bool(
            weighted_distance(one.distance, row, UNCERTAINTY_WEIGHT) > fitted.distance_threshold
        ),
    )


def _judge_finished(one: _Raw, terms: Terms, *, enrolled: bool) -> TestedClip:
    contract = cast(Bundle, terms.bundle).contract
    row = np.array(one.tested.probabilities, np.float32)
    probabilities, prediction_set = restrict(row, one.distance, contract, terms.emotions, enrolled=enrolled)
    return replace(
        one.tested,
        predicted=prediction_set[0],
        probabilities=tuple(probabilities.values()),
        prediction_set=prediction_set,
        out_of_distribution=contract.is_out_of_distribution(row, one.distance),
    )
