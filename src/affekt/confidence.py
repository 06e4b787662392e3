"""How far a confidence can be trusted: what is told of probabilities, and how often it was right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10
COVERAGE = 0.9  # how often the truth shall be among the emotions that are named as likely
TEMPERATURES = 0.05, 20.0  # least and greatest
_SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How a model's probabilities become what is told; fitted by ``calibration.fit_trust``.

    Attributes
    ----------
    temperature
        Probabilities are raised to its inverse: over 1 it makes them less sure (Guo et al. 2017, ICML).
    threshold
        Emotions at least as probable as this are likely: in 90 % of cases the truth is among them (split
        conformal prediction with the least ambiguous sets, Sadinle et al. 2019).
    """

    temperature: float
    threshold: float

    def temper(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """The same probabilities, as sure as they should be; classes last."""
        powers = np.maximum(np.asarray(probabilities, np.float64), _SMALLEST) ** (1 / self.temperature)
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

    def likely(self, tempered: NDArray[np.float64]) -> list[int]:
        """Positions of the likely emotions of one clip, the most probable first, and that one always."""
        order = np.argsort(-tempered, kind="stable")
        count = int((tempered >= self.threshold).sum())
        return [int(i) for i in order[: max(count, 1)]]


UNCHANGED = Trust(temperature=1.0, threshold=0.0)
"""Of probabilities that nobody has compared with the truth: they stay, and no emotion is ruled out."""


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Answers sorted into bins of equal width by their confidence; empty bins are left out.

    Attributes
    ----------
    confidence, accuracy, count
        Of each bin: mean confidence, share of right answers, number of answers.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """Expected calibration error: how far confidence is from accuracy, on average over answers."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float(np.average(gaps, weights=self.count))


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare confidence with accuracy, bin by bin (Guo et al. 2017, ICML).

    Parameters
    ----------
    confidence
        Of each answer, 0 to 1.
    right
        Whether it was right.
    """
    sure, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    # a confidence of exactly 0.5 belongs to the bin that ends there, as in the paper
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    some = count > 0
    return Reliability(
        confidence=np.bincount(place, sure, bins)[some] / count[some],
        accuracy=np.bincount(place, hits, bins)[some] / count[some],
        count=count[some],
    )


def accuracy_by_coverage(
    confidence: ArrayLike, right: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy of the surest answers alone.

    Returns
    -------
    coverage, accuracy : float64 arrays
        The share of clips that are answered, ascending, and how many of these answers are right. Answers
        that are equally sure are set aside together.
    """
    sure, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    order = np.argsort(-sure, kind="stable")
    sure, hits = sure[order], hits[order]
    last = np.append(sure[1:] != sure[:-1], True)  # of those that are equally sure
    answered = np.arange(1, len(sure) + 1)
    return (answered / len(sure))[last], (np.cumsum(hits) / answered)[last]
