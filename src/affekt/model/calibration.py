"""Calibration: how probabilities become confidences and prediction sets, and how well they hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affekt.support.plain_values import build_fields

BINS = 10
COVERAGE = 0.9  # how often a prediction set shall hold the true emotion
TEMPERATURES = 0.05, 20.0  # least and greatest
_SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Temperature and prediction-set threshold; fitted by ``fit_calibration``.

    Attributes
    ----------
    temperature
        Probabilities are raised to the power 1 / temperature: above 1 they become less confident
        (Guo et al. 2017, ICML).
    threshold
        The prediction set holds the emotions that are at least this probable, so that it holds the true
        one in 90 % of cases (split conformal prediction with least ambiguous sets, Sadinle et al. 2019).
    """

    temperature: float
    threshold: float

    @classmethod
    def parse(cls, values: object) -> Calibration:
        """Build from plain values; ``ValueError`` where they are out of range."""
        parsed: Calibration = build_fields(cls, values, name="the calibration")
        if not (TEMPERATURES[0] <= parsed.temperature <= TEMPERATURES[1] and 0 <= parsed.threshold <= 1):
            raise ValueError(f"temperature or threshold is out of range: {parsed}")
        return parsed

    def calibrate(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return calibrated probabilities of the same shape, classes last."""
        powers = np.maximum(np.asarray(probabilities, np.float64), _SMALLEST) ** (1 / self.temperature)
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

    def prediction_set(self, calibrated: NDArray[np.float64]) -> list[int]:
        """Return the positions of the emotions in one clip's prediction set, the most probable first.

        The most probable emotion is always in it.
        """
        order = np.argsort(-calibrated, kind="stable")
        count = int((calibrated >= self.threshold).sum())
        return [int(i) for i in order[: max(count, 1)]]


UNCALIBRATED = Calibration(temperature=1.0, threshold=0.0)
"""Probabilities stay as they are, and every emotion is in the prediction set."""


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Predictions in bins of equal width by confidence; empty bins are left out.

    Attributes
    ----------
    confidence, accuracy, count
        Of each bin: mean confidence, accuracy, number of predictions; arrays of shape (bins,).
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """Expected calibration error: mean difference of confidence and accuracy over predictions."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float(np.average(gaps, weights=self.count))


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare confidence with accuracy, bin by bin (Guo et al. 2017, ICML).

    Parameters
    ----------
    confidence
        Of each prediction, 0 to 1.
    correct
        Whether each prediction was correct.
    bins
        Number of bins.
    """
    confident, hits = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    # a confidence of exactly 0.5 belongs to the bin that ends there, as in the paper
    place = np.clip(np.ceil(confident * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    some = count > 0
    return Reliability(
        confidence=np.bincount(place, confident, bins)[some] / count[some],
        accuracy=np.bincount(place, hits, bins)[some] / count[some],
        count=count[some],
    )


def accuracy_by_coverage(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the accuracy of the most confident predictions alone.

    Returns
    -------
    coverage, accuracy : float64 arrays
        The share of clips that is kept, ascending, and the accuracy on these. Predictions of equal
        confidence are kept or dropped together.
    """
    confident, hits = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    order = np.argsort(-confident, kind="stable")
    confident, hits = confident[order], hits[order]
    last = np.append(confident[1:] != confident[:-1], True)  # of equal confidence
    kept = np.arange(1, len(confident) + 1)
    return (kept / len(confident))[last], (np.cumsum(hits) / kept)[last]
