"""Results: what an evaluation found, its JSON, and how it is shown."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import CorpusError
from affekt.evaluation.result_values import details_from, explained, read_json, scores_from
from affekt.evaluation.scores import (
    CorpusScore,
    EmotionScore,
    FoldScore,
    Importance,
    PredictionSetScore,
    Provenance,
    SliceScore,
    TestedClip,
    confidences,
)
from affekt.metrics import METRIC_TITLES, Score
from affekt.model.calibration import Calibration, Reliability
from affekt.notes import Note
from affekt.support.markup import html_table
from affekt.support.plain_values import build

RESULT_FORMAT = 3
AS_RECORDED = "as recorded"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The figures that every score comes with.

    Attributes
    ----------
    protocol_label, leaky
        The protocol as it must be shown beside the score, and whether it leaks.
    n
        Number of clips tested in each seed.
    emotions
        What could be predicted, in order.
    chance, majority
        Accuracy of guessing at random (1 / emotions), and of always predicting the most frequent emotion.
    headlines
        Accuracy, UAR, macro F1, weighted F1 and weighted F2, each with interval and spread.
    per_emotion, confusion_matrix
        Over all seeds together. The matrix has the true emotion in its rows and sums to n times the seeds.
    by_seed
        Accuracy and UAR of each seed.
    """

    protocol_label: str
    leaky: bool
    n: int
    emotions: tuple[str, ...]
    chance: float
    majority: float
    headlines: Mapping[str, Score]
    per_emotion: Mapping[str, EmotionScore]
    confusion_matrix: NDArray[np.int64]
    by_seed: Mapping[int, SliceScore]

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what is not a finite number becomes None."""
        values = {
            "protocol_label": self.protocol_label,
            "leaky": self.leaky,
            "n": self.n,
            "emotions": list(self.emotions),
            "chance": self.chance,
            "majority": self.majority,
            **{name: score.value for name, score in self.headlines.items()},
            "intervals": {name: [score.low, score.high] for name, score in self.headlines.items()},
            "spread": {name: score.spread for name, score in self.headlines.items()},
            "no_interval": {
                name: score.no_interval for name, score in self.headlines.items() if score.no_interval
            },
            "per_emotion": {name: vars(score) for name, score in self.per_emotion.items()},
            "confusion_matrix": self.confusion_matrix.tolist(),
            "seeds": [{"seed": seed, **vars(score)} for seed, score in self.by_seed.items()],
        }
        return {name: plain(value) for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Scores:
        """Build from what ``to_json`` returned.

        Raises
        ------
        CorpusError
            The values are not those of a score.
        """
        with explained():
            return Scores(**scores_from(values))


@dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation(Scores):
    """A score with all that is needed to judge it.

    Attributes
    ----------
    corpus, recipe
        ``recipe`` is that of the model where a finished model was scored.
    protocol
        The name of the protocol.
    condition
        In which condition the clips were tested: ``as recorded``, ``white noise, 20 dB``, ...
    speakers_overlap
        Whether any tested speaker was also trained on; None where it is unknown.
    by_speaker
        Speaker -> confusion matrices, one for each seed: shape (seeds, emotions, emotions).
    by_corpus
        Corpus -> scores on its clips.
    slices
        Field -> value -> score, the worst first, for speaker, sex, intensity, vocal channel and statement.
    by_fold
        Accuracy and UAR of each fold of each seed.
    ece, reliability
        Expected calibration error, and the bins that it is computed from (None in older files).
    prediction_sets
        How well prediction sets hold; None where no threshold could be fitted.
    out_of_distribution
        Share of clips flagged as out of distribution; None where no threshold could be fitted.
    flagged_accuracy, unflagged_accuracy
        Accuracy of the clips that are flagged, and of those that are not; None where there are none.
    excluded
        (path, reason) of every clip that could not be scored.
    notes
        What limits the scores: identical clips, speakers that were left out, no calibration.
    tested
        Every prediction; not part of the JSON.
    calibration, enrolled_calibration, distance_threshold
        Fitted on all predictions of the folds, for a model trained on all clips; None for a finished model
        and with ``test_on``. The second is for enrolled speakers, if the recipe has a classifier for these.
    importances
        Of features, the most important first; empty where unknown.
    histories
        Of networks, one for each fold: losses and accuracy at each epoch.
    human_accuracy
        Accuracy of people on these recordings, and its source; None where unknown.
    provenance
        What it was computed from; None in older files.
    counterpart
        The evaluation under a protocol of the other kind, leaky or honest, where it was asked for.
    """

    corpus: str
    recipe: str
    protocol: str
    condition: str = AS_RECORDED
    speakers_overlap: bool | None
    by_speaker: Mapping[str, NDArray[np.int64]]
    by_corpus: Mapping[str, CorpusScore] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, SliceScore]]
    by_fold: tuple[FoldScore, ...]
    ece: float
    reliability: Reliability | None = None
    prediction_sets: PredictionSetScore | None
    out_of_distribution: float | None = None
    flagged_accuracy: float | None = None
    unflagged_accuracy: float | None = None
    excluded: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    tested: tuple[TestedClip, ...] = ()
    calibration: Calibration | None = None
    enrolled_calibration: Calibration | None = None
    distance_threshold: float | None = None
    importances: Mapping[str, Importance] = field(default_factory=dict)
    histories: tuple[Mapping[str, NDArray[np.float64]], ...] = ()
    human_accuracy: tuple[float, str] | None = None
    provenance: Provenance | None = None
    counterpart: Evaluation | None = None

    def __repr__(self) -> str:
        accuracy, uar = self.headlines["accuracy"], self.headlines["uar"]
        return (
            f"<Evaluation {self.recipe} on {self.corpus}, {self.protocol_label}: accuracy "
            f"{accuracy.value:.1%}, UAR {uar.value:.1%}; {self.n} clips, chance {self.chance:.1%}"
            f"{accuracy.no_interval and f'; no interval: {accuracy.no_interval}'}>"
        )

    def _repr_html_(self) -> str:
        rows = [
            (METRIC_TITLES[name], f"{100 * one.value:.1f}", one.interval)
            for name, one in self.headlines.items()
        ]
        title = (
            f"{self.recipe} on {self.corpus}, {self.protocol_label}: {self.n} clips, {len(self.emotions)} "
            f"emotions, chance {self.chance:.1%}"
        )
        title = "; ".join([title, *map(str, self.notes)])
        return html_table(title, rows, ("", "%", f"95 % over {self.interval_over}"))

    @property
    def interval_over(self) -> str:
        """What the intervals are drawn over: speakers; or clips, of speakers that are unknown."""
        known = len(self.slices["speaker"])
        if len(self.by_speaker) in (0, known):
            return "speakers" if known else "clips"
        return "speakers and clips" if known else "clips"

    @property
    def terms_label(self) -> str:
        """The protocol label without the condition, which is its last part."""
        return self.protocol_label.removesuffix(f", {self.condition}")

    def confidences(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the confidence of each prediction, and whether it was correct."""
        return confidences(self.tested)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as ``to_json``."""
        return self.to_json()

    def to_json(self) -> dict[str, Any]:
        """Return everything but ``tested`` and ``counterpart`` as plain values, ready for JSON."""
        values = {
            "format": RESULT_FORMAT,
            "corpus": self.corpus,
            "recipe": self.recipe,
            "protocol": self.protocol,
            "condition": self.condition,
            "speakers_overlap": self.speakers_overlap,
            **super().to_json(),
            "interval_over": self.interval_over,
            "by_corpus": {name: asdict(one) for name, one in self.by_corpus.items()},
            "by_speaker": {name: counts.tolist() for name, counts in self.by_speaker.items()},
            "slices": {
                field: {value: vars(score) for value, score in scores.items()}
                for field, scores in self.slices.items()
            },
            "folds": [vars(one) for one in self.by_fold],
            "ece": self.ece,
            "reliability": self.reliability
            and {name: bins.tolist() for name, bins in vars(self.reliability).items()},
            "prediction_sets": self.prediction_sets and vars(self.prediction_sets),
            "out_of_distribution": self.out_of_distribution,
            "flagged_accuracy": self.flagged_accuracy,
            "unflagged_accuracy": self.unflagged_accuracy,
            "calibration": self.calibration and self.calibration.to_dict(),
            "enrolled_calibration": self.enrolled_calibration and self.enrolled_calibration.to_dict(),
            "distance_threshold": self.distance_threshold,
            "excluded": [{"file": path, "error": reason} for path, reason in self.excluded],
            "notes": [note.to_dict() for note in self.notes],
            "importances": {name: vars(one) for name, one in self.importances.items()},
            "histories": [{name: row.tolist() for name, row in one.items()} for one in self.histories],
            "human_accuracy": self.human_accuracy,
            "provenance": self.provenance and asdict(self.provenance),
        }
        return {name: plain(value) for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """Build from what ``to_json`` returned, in format 1, 2 or 3.

        Raises
        ------
        CorpusError
            The values are not those of an evaluation, or of a later format.
        """
        with explained():
            if build(int, values.get("format", 1), name="format") > RESULT_FORMAT:
                raise CorpusError(
                    f"its format is {values['format']}, and this version of affekt reads formats up to "
                    f"{RESULT_FORMAT}: update affekt"
                )
            scores = scores_from(values)
            return Evaluation(**scores, **details_from(values, scores["emotions"]))


def read_evaluation(path: str | os.PathLike[str]) -> Evaluation:
    """Read a file that holds one evaluation, as ``affekt evaluate --json-out`` writes it.

    Raises
    ------
    CorpusError
        The file holds no evaluation.
    """
    try:
        return Evaluation.from_json(read_json(path))
    except CorpusError as error:
        raise CorpusError(f"{os.fspath(path)} holds no evaluation: {error}") from error


def read_evaluations(path: str | os.PathLike[str]) -> dict[str, Evaluation]:
    """Read a file that holds several, by condition, as ``affekt robustness --json-out`` writes it."""
    try:
        return {name: _of_condition(name, one) for name, one in read_json(path).items()}
    except CorpusError as error:
        raise CorpusError(f"{os.fspath(path)} holds no evaluations: {error}") from error


def _of_condition(name: str, values: Mapping[str, Any]) -> Evaluation:
    """One of several; in format 1 the condition stood in the label alone."""
    found = Evaluation.from_json(values)
    if "condition" not in values and found.protocol_label.endswith(f", {name}"):
        return replace(found, condition=name)
    return found


def plain(value: Any) -> Any:
    """Replace what is not a finite number by None, and tuples by lists, however deep."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
