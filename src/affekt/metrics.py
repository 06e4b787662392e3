"""Metrics computed from confusion matrices, their titles, and the text form of their intervals.

The rows of a confusion matrix are true emotions and its columns are predicted emotions, both in the order
of ``emotions``. All metrics take arrays of shape (..., K, K), so that a bootstrap is one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

BOOTSTRAP_DRAWS = 2000
CONFIDENCE = 0.95


def confusion_matrix(true: Sequence[str], predicted: Sequence[str], emotions: Sequence[str]) -> Matrix:
    """Count the clips of each pair of true and predicted emotion, shape (K, K), rows the true emotion."""
    index = {emotion: i for i, emotion in enumerate(emotions)}
    matrix = np.zeros((len(emotions), len(emotions)))
    for row, column in zip(true, predicted, strict=True):
        matrix[index[row], index[column]] += 1
    return matrix


def accuracy(matrix: Matrix) -> Matrix:
    """Return the share of clips predicted correctly, shape (...)."""
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1)))


def recall(matrix: Matrix) -> Matrix:
    """Return the recall of each emotion, shape (..., K); NaN where an emotion has no clips."""
    return _ratio(_hits(matrix), matrix.sum(axis=-1))


def precision(matrix: Matrix) -> Matrix:
    """Return the precision of each emotion, shape (..., K); 0 where an emotion is never predicted."""
    return np.nan_to_num(_ratio(_hits(matrix), matrix.sum(axis=-2)))


def uar(matrix: Matrix) -> Matrix:
    """Return the unweighted average recall over the emotions that occur, shape (...).

    The same as ``sklearn.metrics.balanced_accuracy_score``.
    """
    return _mean_over_present(recall(matrix), matrix)


def f_beta(matrix: Matrix, beta: float = 1.0) -> Matrix:
    """Return the F-beta score of each emotion, shape (..., K); 0 where no clip is predicted correctly."""
    support, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return np.nan_to_num(_ratio((1 + beta**2) * _hits(matrix), beta**2 * support + predicted))


def macro_f1(matrix: Matrix) -> Matrix:
    """Return the mean F1 over the emotions that occur as true emotions, shape (...)."""
    return _mean_over_present(f_beta(matrix), matrix)


def weighted_f1(matrix: Matrix) -> Matrix:
    """Return the mean F1, weighted by the number of clips of each emotion, shape (...)."""
    return _weighted(f_beta(matrix), matrix)


def weighted_f2(matrix: Matrix) -> Matrix:
    """Return the mean F2 (recall counts double), weighted by the number of clips, shape (...)."""
    return _weighted(f_beta(matrix, 2.0), matrix)


HEADLINES: dict[str, Callable[[Matrix], Matrix]] = {
    "accuracy": accuracy,
    "uar": uar,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "weighted_f2": weighted_f2,
}
"""The metrics that every evaluation reports, by their names in files."""

METRIC_TITLES = {
    "accuracy": "accuracy",
    "uar": "UAR",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "weighted_f2": "weighted F2",
}
"""Titles of ``HEADLINES`` for tables and figures."""


def format_interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """Return an interval of shares in percent, without the sign; ``-`` where there is none.

    Parameters
    ----------
    low, high
        Bounds as shares from 0 to 1, or of a difference from -1 to 1; None or NaN for no interval.
    signed
        Whether to write signs, as for a difference, with ``to`` between the bounds.

    Examples
    --------
    >>> format_interval(0.619, 0.704), format_interval(float("nan"), float("nan"))
    ('61.9 - 70.4', '-')
    >>> format_interval(-0.012, 0.03, signed=True)
    '-1.2 to +3.0'
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "-"
    return f"{100 * low:+.1f} to {100 * high:+.1f}" if signed else f"{100 * low:.1f} - {100 * high:.1f}"


@dataclass(frozen=True, kw_only=True)
class Score:
    """The value of one metric.

    Attributes
    ----------
    value
        Mean over seeds.
    low, high
        95 % bootstrap interval, resampled over speakers; NaN where there are fewer than two.
    spread
        Standard deviation over seeds, 0 for one seed.
    """

    value: float
    low: float
    high: float
    spread: float

    @property
    def interval(self) -> str:
        """The interval in percent, such as ``61.9 - 70.4``; ``-`` where there is none."""
        return format_interval(self.low, self.high)

    @property
    def with_interval(self) -> str:
        """Value and interval in percent, such as ``66.1 (61.9 - 70.4)``; the value alone without one."""
        value, interval = f"{100 * self.value:.1f}", self.interval
        return value if interval == "-" else f"{value} ({interval})"


def score_headlines(matrices: Matrix, rng: np.random.Generator) -> dict[str, Score]:
    """Return every metric of ``HEADLINES`` with its interval.

    Parameters
    ----------
    matrices
        Confusion matrices of shape (seeds, speakers, K, K).
    rng
        Source of the bootstrap draws.

    Notes
    -----
    Clips of one speaker are alike, so the bootstrap resamples speakers, not clips: an interval over clips
    would be too narrow. Every draw applies to all seeds, and the mean over seeds is scored. The interval
    is that of the percentile method (Efron & Tibshirani 1993).
    """
    resampled = _resample_speakers(matrices, rng)
    scores = {}
    for name, headline in HEADLINES.items():
        by_seed = headline(matrices.sum(axis=1))
        low, high = (
            interval_of(headline(resampled).mean(axis=1)) if matrices.shape[1] > 1 else (np.nan, np.nan)
        )
        scores[name] = Score(
            value=float(by_seed.mean()),
            low=low,
            high=high,
            spread=float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0,
        )
    return scores


def bootstrap(
    headline: Callable[[Matrix], Matrix], matrices: Matrix, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the value of a metric in each draw of speakers, mean over seeds, shape (draws,).

    The draws depend only on the state of ``rng`` and the number of speakers.
    """
    return np.asarray(headline(_resample_speakers(matrices, rng)).mean(axis=1))


def interval_of(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bounds of the central 95 % of the draws."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(draws, (tail, 1 - tail))
    return float(low), float(high)


def _resample_speakers(matrices: Matrix, rng: np.random.Generator) -> Matrix:
    """Sum (seeds, speakers, K, K) over the drawn speakers: (draws, seeds, K, K)."""
    speakers = matrices.shape[1]
    drawn = rng.multinomial(speakers, np.full(speakers, 1 / speakers), BOOTSTRAP_DRAWS)
    return np.asarray(np.einsum("bs,rsij->brij", drawn.astype(np.float64), matrices))


def _hits(matrix: Matrix) -> Matrix:
    return np.asarray(np.diagonal(matrix, axis1=-2, axis2=-1))


def _ratio(part: Matrix, whole: Matrix) -> Matrix:
    """Divide, with NaN where ``whole`` is 0."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


def _mean_over_present(values: Matrix, matrix: Matrix) -> Matrix:
    present = matrix.sum(axis=-1) > 0
    return _ratio(np.where(present, values, 0.0).sum(axis=-1), present.sum(axis=-1))


def _weighted(values: Matrix, matrix: Matrix) -> Matrix:
    support = matrix.sum(axis=-1)
    return _ratio((values * support).sum(axis=-1), support.sum(axis=-1))
