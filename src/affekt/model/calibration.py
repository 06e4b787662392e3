"""Calibration: how probabilities become confidences and prediction sets, and how well they hold."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affekt.model.speaker_normalisation import LARGEST
from affekt.support.plain_values import build_fields

BINS = 10
COVERAGE = 0.9  # how often a prediction set shall hold the true emotion
TEMPERATURES = 0.05, 20.0  # least and greatest
MAX_SLOPE = 100.0
SEEN_SPEAKERS, UNSEEN_SPEAKERS, UNSEEN_CORPORA = "seen speakers", "unseen speakers", "unseen corpora"
FITTED_ON = {
    SEEN_SPEAKERS: "speakers that were trained on",
    UNSEEN_SPEAKERS: "unseen speakers of corpora like the training ones",
    UNSEEN_CORPORA: "left-out corpora",
}
"""What calibration can be fitted on, and its description."""
_SMALLEST = 1e-12
_LARGEST_EXPONENT = float(np.log(TEMPERATURES[1] / TEMPERATURES[0]))


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
    distance_slope, reference_distance
        ``temperature`` is that of a clip whose out-of-distribution distance is ``reference_distance``. Its
        logarithm grows by ``distance_slope``, 0 or more, with each standard deviation of distance.
    fitted_on
        Which out-of-fold predictions it was fitted on, of ``FITTED_ON``: it promises nothing for others.
    """

    temperature: float
    threshold: float
    distance_slope: float = 0.0
    reference_distance: float = 0.0
    fitted_on: tuple[str, ...] = (UNSEEN_SPEAKERS,)

    @classmethod
    def parse(cls, values: object) -> Calibration:
        """Build from plain values; ``ValueError`` where they are out of range."""
        parsed: Calibration = build_fields(cls, values, name="the calibration")
        if not (TEMPERATURES[0] <= parsed.temperature <= TEMPERATURES[1] and 0 <= parsed.threshold <= 1):
            raise ValueError(f"temperature or threshold is out of range: {parsed}")
        if not (0 <= parsed.distance_slope <= MAX_SLOPE and abs(parsed.reference_distance) <= LARGEST):
            raise ValueError(f"distance slope or reference distance is out of range: {parsed}")
        if not parsed.fitted_on or not FITTED_ON.keys() >= set(parsed.fitted_on):
            raise ValueError(f"calibration is fitted on some of {list(FITTED_ON)}, not {parsed.fitted_on}")
        return parsed

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; those that files did not have earlier are left out at their defaults."""
        defaults = {one.name: one.default for one in fields(self) if one.default is not MISSING}
        return {
            name: value
            for name, value in vars(self).items()
            if name not in defaults or value != defaults[name]
        }

    def temperatures(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Return the temperature of each clip; ``distances`` are out-of-distribution distances."""
        exponents = self.distance_slope * (np.asarray(distances, np.float64) - self.reference_distance)
        growth = np.exp(np.clip(exponents, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
        return np.clip(self.temperature * growth, *TEMPERATURES)

    def calibrate(self, probabilities: NDArray[np.floating], distances: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated probabilities.

        Parameters
        ----------
        probabilities
            Of each clip, classes last: shape (..., emotions).
        distances
            The out-of-distribution distance of each clip, shape (...).
        """
        temperatures = self.temperatures(distances)[..., None]
        powers = np.maximum(np.asarray(probabilities, np.float64), _SMALLEST) ** (1 / temperatures)
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
