"""How far a confidence can be trusted: functions of how sure the answers were, and which were right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10


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
