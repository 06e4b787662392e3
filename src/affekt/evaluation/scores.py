"""The parts of a result: one prediction, and scores of an emotion, a slice, a fold, a corpus, a feature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affekt.corpora.base import Clip
from affekt.metrics import Score

SLICES = ("speaker", "sex", "intensity", "vocal_channel", "statement")


@dataclass(frozen=True, kw_only=True)
class TestedClip:
    """One clip and what was predicted for it.

    Attributes
    ----------
    clip
        The clip; ``clip.emotion`` is the true emotion.
    seed, fold
        The seed (or the draw of enrolled clips), and the number of the fold that it was tested in.
    predicted
        The most probable emotion.
    probabilities
        In the order of the evaluation's emotions, calibrated where ``prediction_set`` is not empty.
    prediction_set
        The most probable first; empty where no threshold could be fitted.
    out_of_distribution
        Whether it was flagged; None where no threshold could be fitted.
    """

    clip: Clip
    seed: int
    fold: int
    predicted: str
    probabilities: tuple[float, ...]
    prediction_set: tuple[str, ...] = ()
    out_of_distribution: bool | None = None


def confidences(tested: Sequence[TestedClip]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence of each prediction, and whether it was correct."""
    confidence = np.array([max(one.probabilities) for one in tested])
    return confidence, np.array([one.predicted == one.clip.emotion for one in tested])


@dataclass(frozen=True, kw_only=True)
class EmotionScore:
    """Precision, recall and F1 of one emotion, and its number of clips; NaN recall where there are none."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True)
class SliceScore:
    """Accuracy and UAR on a part of the tested clips; ``n`` is the number of clips in each seed."""

    n: int
    accuracy: float
    uar: float


@dataclass(frozen=True, kw_only=True)
class FoldScore(SliceScore):
    """Accuracy and UAR on one fold of one seed, and the speakers tested in it."""

    seed: int
    fold: int
    speakers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PredictionSetScore:
    """How well prediction sets hold.

    Attributes
    ----------
    coverage
        How often the true emotion is in the set; the aim is 0.9.
    by_speaker
        Coverage of each speaker that is known.
    by_emotion
        Coverage of the clips of each emotion, None where there are none; empty in older files.
    size
        Mean number of emotions in a set.
    alone, alone_accuracy
        How often a set holds one emotion alone, and the accuracy of these (NaN where there are none).
    """

    coverage: float
    by_speaker: Mapping[str, float]
    size: float
    alone: float
    alone_accuracy: float
    by_emotion: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CorpusScore:
    """The scores on one of the tested corpora.

    Attributes
    ----------
    n, speakers
        Number of clips in each seed, and of known speakers.
    majority
        Accuracy of always predicting the most frequent emotion.
    accuracy, uar
        With intervals over the speakers of this corpus.
    ece
        Expected calibration error.
    coverage, set_size
        Of the prediction sets; None where no threshold could be fitted.
    out_of_distribution
        Share of clips flagged; None where no threshold could be fitted.
    flagged_accuracy, unflagged_accuracy
        Accuracy of the clips that are flagged, and of those that are not; None where there are none.
    recall, coverage_by_emotion
        Recall of each emotion over all seeds, and coverage of the prediction sets of its clips; None where
        the corpus has no clip of it. Empty in older files, and coverage where no threshold could be fitted.
    """

    n: int
    speakers: int
    majority: float
    accuracy: Score
    uar: Score
    ece: float
    coverage: float | None
    set_size: float | None
    out_of_distribution: float | None
    flagged_accuracy: float | None = None
    unflagged_accuracy: float | None = None
    recall: Mapping[str, float | None] = field(default_factory=dict)
    coverage_by_emotion: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def macro_coverage(self) -> float | None:
        """Mean coverage over the emotions that occur, as UAR is of recall; None where it is unknown."""
        known = [value for value in self.coverage_by_emotion.values() if value is not None]
        return math.fsum(known) / len(known) if known else None


@dataclass(frozen=True, kw_only=True)
class Importance:
    """What a feature is worth, mean over folds.

    Attributes
    ----------
    own
        The model's own importance; sums to 1 over the features; NaN for a model without any.
    permuted
        Accuracy lost when the feature is shuffled; NaN where it was not computed.
    """

    own: float
    permuted: float


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a result was computed from. Two results can be compared if their ``split`` is the same.

    Attributes
    ----------
    features
        The feature set ``name@version``.
    seeds
        Of the trainings; 0 for a finished model.
    corpora
        Corpus -> SHA-256 of the audio, emotion and speaker of its clips that were used. Where they are does
        not matter, nor what their files are called.
    split
        SHA-256 of the clips that were trained on, used for early stopping and tested, fold by fold.
    model_sha256
        Of the finished model that was scored; empty for a recipe.
    versions
        Of Python and of the libraries that may change a result.
    command
        The command line, with the names of files; empty where the result was computed in Python.
    """

    features: str
    seeds: tuple[int, ...]
    corpora: Mapping[str, str]
    split: str
    model_sha256: str = ""
    versions: Mapping[str, str]
    command: str = ""
