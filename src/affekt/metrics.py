"""Metrics computed from confusion matrices, their titles, and the text form of their intervals.

The rows of a confusion matrix are true emotions and its columns are predicted emotions, both in the order
of ``emotions``. All metrics take arrays of shape (..., K, K), so that a bootstrap is one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

BOOTSTRAP_DRAWS = 2000
CONFIDENCE = 0.95
MIN_SPEAKERS = 5  # of normal speakers, 95 % of five cover 84 %; of four 79 %, of three 75 %, of two 51 %
MIN_CLIPS = 30
INTERVAL_RULE = (
    f"An interval needs at least {MIN_SPEAKERS} speakers with different scores, and {MIN_CLIPS} clips."
)


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
        95 % bootstrap interval, resampled over speakers; NaN where there is none.
    spread
        Standard deviation over seeds, 0 for one seed.
    no_interval
        Why there is no interval, such as ``2 speakers``; empty where there is one, or where a file does not
        say why.
    """

    value: float
    low: float
    high: float
    spread: float
    no_interval: str = ""

    @property
    def bounds(self) -> str:
        """The interval in percent, such as ``61.9 - 70.4``; ``-`` where there is none."""
        return format_interval(self.low, self.high)

    @property
    def interval(self) -> str:
        """The interval in percent; where there is none, the reason, such as ``none: 2 speakers``."""
        return f"none: {self.no_interval}" if self.no_interval else self.bounds

    @property
    def with_interval(self) -> str:
        """Value and interval in percent: ``66.1 (61.9 - 70.4)``, or ``66.1 (no interval: 2 speakers)``."""
        return f"{100 * self.value:.1f}{self.in_brackets}"

    @property
    def in_brackets(self) -> str:
        """What ``with_interval`` has after the value, from the space on; empty if nothing is known."""
        if self.no_interval:
            return f" (no interval: {self.no_interval})"
        return "" if self.bounds == "-" else f" ({self.bounds})"


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
    is that of the percentile method (Efron & Tibshirani 1993). ``interval_of`` says where there is none.
    """
    resampled = _resample_speakers(matrices, rng)
    scores = {}
    for name, headline in HEADLINES.items():
        by_seed = headline(matrices.sum(axis=1))
        low, high, why = interval_of(headline(resampled).mean(axis=1), matrices)
        scores[name] = Score(
            value=float(by_seed.mean()),
            low=low,
            high=high,
            spread=float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0,
            no_interval=why,
        )
    return scores


def bootstrap(
    headline: Callable[[Matrix], Matrix], matrices: Matrix, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the value of a metric in each draw of speakers, mean over seeds, shape (draws,).

    The draws depend only on the state of ``rng`` and the number of speakers.
    """
    return np.asarray(headline(_resample_speakers(matrices, rng)).mean(axis=1))


def interval_of(draws: NDArray[np.float64], matrices: Matrix) -> tuple[float, float, str]:
    """Return the bounds of the central 95 % of the draws; or NaN twice, and why there is no interval.

    Parameters
    ----------
    draws
        Values of a metric, or differences of two.
    matrices
        The confusion matrices that were drawn from, shape (seeds, speakers, K, K).

    Notes
    -----
    With few speakers the percentile method promises more than it holds. For the mean of normally
    distributed speakers, an interval of 95 % contains the truth in 51 % of the cases with 2 speakers, 79 %
    with 4, 84 % with 5, 89 % with 10 and 93 % with 24: below 5 there is none. Speakers count by their
    effective number (Carter, Schnepel & Steigerwald 2017): a fifth speaker with one clip is not enough.
    Draws that are all equal, as where every clip is predicted correctly, have no width: not because the
    score is certain, but because these clips cannot say how much it varies.
    """
    if why := _too_few(matrices):
        return math.nan, math.nan, why
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(draws, (tail, 1 - tail))
    if high - low < 1e-9:
        return math.nan, math.nan, "equal in every draw of speakers"
    return float(low), float(high), ""


def _too_few(matrices: Matrix) -> str:
    """Why the speakers or clips do not suffice for an interval; empty if they do."""
    sizes = matrices.sum(axis=(-2, -1)).mean(axis=0)
    clips, speakers = round(float(sizes.sum())), len(sizes)
    if speakers < MIN_SPEAKERS and speakers < clips:
        return f"{speakers} speaker{'s' * (speakers != 1)}"
    if clips < MIN_CLIPS:
        return f"{clips} clip{'s' * (clips != 1)}"
    if round(float(sizes.sum() ** 2 / (sizes**2).sum())) < MIN_SPEAKERS:
        return "most clips are of few speakers"
    return ""


def _resample_speakers(matrices: Matrix, rng: np.random.Generator) -> Matrix:
    """Sum (seeds, speakers, K, K) over the drawn speakers: (draws, seeds, K, K)."""
    speakers = matrices.shape[1]
    drawn = rng.multinomial(speakers, np.full(speakers, 1 / speakers), BOOTSTRAP_DRAWS)
    return np.asarray(np.einsum("bs,rsij->brij", drawn.astype(np.float64), matrices))


Span = tuple[float, float, str]
"""Start and end in seconds, and the emotion between."""


@dataclass(frozen=True)
class DiarisationErrors:
    """How long a timeline is wrong, in seconds.

    Attributes
    ----------
    false_alarm_s
        An emotion was found where there is none.
    missed_s
        None was found where there is one.
    confusion_s
        Another emotion was found.
    reference_s
        Length of the reference's spans together.
    duration_s
        Length of the recording.
    """

    false_alarm_s: float = 0.0
    missed_s: float = 0.0
    confusion_s: float = 0.0
    reference_s: float = 0.0
    duration_s: float = 0.0

    def __add__(self, other: DiarisationErrors) -> DiarisationErrors:
        """Return the errors of both recordings."""
        return DiarisationErrors(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def wrong_s(self) -> float:
        """All three errors together."""
        return self.false_alarm_s + self.missed_s + self.confusion_s

    @property
    def rate(self) -> float:
        """The emotion diarisation error rate: errors over the length of the reference; may exceed 1."""
        return self.wrong_s / self.reference_s if self.reference_s else math.nan

    @property
    def right(self) -> float:
        """Share of the recording that is right, pauses included."""
        return 1 - self.wrong_s / self.duration_s if self.duration_s else math.nan


def diarisation_errors(
    reference: Sequence[Span], found: Sequence[Span], duration_s: float
) -> DiarisationErrors:
    """Compare when an emotion is found with when it is expressed.

    Where spans of one side overlap, the one that starts first counts. There is no tolerance at their ends.

    Parameters
    ----------
    reference, found
        What is true, and what a timeline has.
    duration_s
        Length of the recording: spans count up to there.

    Notes
    -----
    Source: emotion diarisation error rate, Wang et al. (2023), Speech Emotion Diarization: Which Emotion
    Appears When?, ASRU. Where the reference covers the whole recording, as with neutral speech around an
    emotion, the rate is theirs.
    """
    inner = {edge for start, end, _ in (*reference, *found) for edge in (start, end)}
    edges = np.array(sorted({0.0, duration_s, *(edge for edge in inner if 0 < edge < duration_s)}))
    lengths, middles = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    true, answered = _emotions_at(middles, reference), _emotions_at(middles, found)
    true_speech, found_speech = true != "", answered != ""
    return DiarisationErrors(
        false_alarm_s=float(lengths[~true_speech & found_speech].sum()),
        missed_s=float(lengths[true_speech & ~found_speech].sum()),
        confusion_s=float(lengths[true_speech & found_speech & (true != answered)].sum()),
        reference_s=float(lengths[true_speech].sum()),
        duration_s=duration_s,
    )


def _emotions_at(times_s: NDArray[np.float64], spans: Sequence[Span]) -> NDArray[np.object_]:
    """Return the emotion at each time, empty where there is none."""
    emotions = np.full(len(times_s), "", object)
    for start, end, emotion in sorted(spans, reverse=True):
        first, last = np.searchsorted(times_s, (start, end))
        emotions[first:last] = emotion
    return emotions


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
