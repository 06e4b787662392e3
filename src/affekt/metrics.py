"""Scores, all of them functions of a confusion matrix.

A confusion matrix has the reference in its rows and the answer in its columns, both in the order
of ``emotions``. All functions take arrays of shape (..., K, K) and work on each matrix, so that a
bootstrap is one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

BOOTSTRAP_DRAWS = 2000
CONFIDENCE = 0.95


def confusion_matrix(reference: Sequence[str], answered: Sequence[str], emotions: Sequence[str]) -> Matrix:
    """Count who was taken for what: shape (K, K), rows the reference."""
    index = {emotion: i for i, emotion in enumerate(emotions)}
    matrix = np.zeros((len(emotions), len(emotions)))
    for truth, answer in zip(reference, answered, strict=True):
        matrix[index[truth], index[answer]] += 1
    return matrix


def accuracy(matrix: Matrix) -> Matrix:
    """Share of clips answered rightly."""
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1)))


def recall(matrix: Matrix) -> Matrix:
    """Of each emotion's clips, the share answered so; NaN where there are none. Shape (..., K)."""
    return _ratio(_hits(matrix), matrix.sum(axis=-1))


def precision(matrix: Matrix) -> Matrix:
    """Of each answer, the share that was right; 0 for an answer never given. Shape (..., K)."""
    return np.nan_to_num(_ratio(_hits(matrix), matrix.sum(axis=-2)))


def uar(matrix: Matrix) -> Matrix:
    """Unweighted average recall, over the emotions that occur (scikit-learn's balanced accuracy)."""
    return _mean_over_present(recall(matrix), matrix)


def f_beta(matrix: Matrix, beta: float = 1.0) -> Matrix:
    """F-beta of each emotion, 0 where it was never answered rightly. Shape (..., K)."""
    support, answers = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return np.nan_to_num(_ratio((1 + beta**2) * _hits(matrix), beta**2 * support + answers))


def macro_f1(matrix: Matrix) -> Matrix:
    """Mean F1 over the emotions that occur in the reference."""
    return _mean_over_present(f_beta(matrix), matrix)


def weighted_f1(matrix: Matrix) -> Matrix:
    """Mean F1, each emotion counting as often as it occurs."""
    return _weighted(f_beta(matrix), matrix)


def weighted_f2(matrix: Matrix) -> Matrix:
    """Mean F2 (recall counts double), each emotion counting as often as it occurs."""
    return _weighted(f_beta(matrix, 2.0), matrix)


HEADLINES: dict[str, Callable[[Matrix], Matrix]] = {
    "accuracy": accuracy,
    "uar": uar,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "weighted_f2": weighted_f2,
}
METRIC_TITLES = {
    "accuracy": "accuracy",
    "uar": "UAR",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "weighted_f2": "weighted F2",
}
"""The headlines as people write them."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One headline figure.

    Attributes
    ----------
    value
        Mean over seeds.
    low, high
        95 % bootstrap interval, drawn over speakers; NaN where there are fewer than two.
    spread
        Standard deviation over seeds, 0 for one seed.
    """

    value: float
    low: float
    high: float
    spread: float


def score_headlines(matrices: Matrix, rng: np.random.Generator) -> dict[str, Score]:
    """Every headline with its interval.

    Parameters
    ----------
    matrices
        Confusion matrices of shape (seeds, speakers, K, K).
    rng
        Draws the speakers.

    Notes
    -----
    Clips of one voice are alike, so speakers are drawn with replacement and not clips: an interval
    over clips would be too narrow. The same draw serves all seeds, whose mean is scored
    (Efron & Tibshirani 1993, percentile method).
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
    """A score's value in each draw of speakers, mean over seeds: shape (draws,).

    With the same state of ``rng`` and as many speakers, the same are drawn.
    """
    return np.asarray(headline(_resample_speakers(matrices, rng)).mean(axis=1))


def interval_of(draws: NDArray[np.float64]) -> tuple[float, float]:
    """The bounds that 95 % of the draws lie within."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(draws, (tail, 1 - tail))
    return float(low), float(high)


def _resample_speakers(matrices: Matrix, rng: np.random.Generator) -> Matrix:
    """(seeds, speakers, K, K) -> sums over drawn speakers, (draws, seeds, K, K)."""
    speakers = matrices.shape[1]
    drawn = rng.multinomial(speakers, np.full(speakers, 1 / speakers), BOOTSTRAP_DRAWS)
    return np.asarray(np.einsum("bs,rsij->brij", drawn.astype(np.float64), matrices))


def _hits(matrix: Matrix) -> Matrix:
    return np.asarray(np.diagonal(matrix, axis1=-2, axis2=-1))


def _ratio(part: Matrix, whole: Matrix) -> Matrix:
    """Part / whole, NaN where there is nothing to divide."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


def _mean_over_present(values: Matrix, matrix: Matrix) -> Matrix:
    present = matrix.sum(axis=-1) > 0
    return _ratio(np.where(present, values, 0.0).sum(axis=-1), present.sum(axis=-1))


def _weighted(values: Matrix, matrix: Matrix) -> Matrix:
    support = matrix.sum(axis=-1)
    return _ratio((values * support).sum(axis=-1), support.sum(axis=-1))
