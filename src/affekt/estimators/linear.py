"""Logistic regression for several corpora, once for unknown and once for enrolled speakers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from affekt.estimators.onnx_graphs import GraphBuilder
from affekt.model.speaker_normalisation import (
    MAX_ENROLLED,
    SpeakerStatistics,
    average_speaker,
    normalise,
    speaker_statistics,
)

DEGRADED_WEIGHT = 0.5  # of a degraded copy
LARGEST_DEVIATIONS = 8.0  # features are clipped to so many standard deviations
MAX_STEPS = 100
_SMALLEST_DEVIATION = 1e-6


@dataclass(eq=False, repr=False)
class SpeakerAdaptiveRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Two multinomial logistic regressions: for unknown speakers, and for enrolled ones.

    The first is fitted on the features as they are. The second is fitted on features that are normalised
    by 1 to 16 other clips of the same speaker and vocal channel, as an enrolled speaker's are. Both are
    also fitted on degraded copies where there are any.

    Parameters
    ----------
    penalty
        The loss is the mean cross entropy plus ``penalty`` times the sum of squared weights.
    corpus_weights
        Corpus -> weight of its clips; 1 for a corpus that is not named.
    absent_share
        How much an emotion that a corpus does not have counts in the loss of its clips: 1 as any other,
        0 not at all. A corpus without calm clips says little about which voices are calm.
    seed
        Seed of the choice of clips by which speakers are enrolled.
    """

    penalty: float = 0.1
    corpus_weights: Mapping[str, float] = field(default_factory=dict)
    absent_share: float = 0.05
    _: KW_ONLY
    seed: int = 0

    def fit(
        self,
        X: NDArray[Any],
        y: ArrayLike,
        speakers: ArrayLike | None = None,
        sessions: ArrayLike | None = None,
        corpora: ArrayLike | None = None,
        degraded: NDArray[Any] | None = None,
    ) -> SpeakerAdaptiveRegression:
        """Fit both regressions.

        Parameters
        ----------
        X
            Features, (clips, columns).
        y
            The emotion of each clip.
        speakers
            The speaker of each clip; by default each clip has a speaker of its own.
        sessions
            The speaker and vocal channel of each clip; by default the speakers.
        corpora
            The corpus of each clip; by default all are of one corpus.
        degraded
            Features of a degraded copy of each clip; None for no copies.
        """
        speakers = np.arange(len(X)) if speakers is None else np.asarray(speakers)
        sessions = speakers if sessions is None else np.asarray(sessions)
        average = average_speaker(X, speakers)
        sides = [X] if degraded is None else [X, degraded]
        rng = np.random.default_rng(self.seed)
        enrolled = [_normalise_by_session(side, sessions, average, rng) for side in sides]
        return self.fit_normalised(sides, enrolled, y, corpora)

    def fit_normalised(
        self,
        sides: Sequence[NDArray[Any]],
        enrolled: Sequence[NDArray[Any]],
        y: ArrayLike,
        corpora: ArrayLike | None = None,
    ) -> SpeakerAdaptiveRegression:
        """Fit both regressions on features that are already normalised for the second.

        Parameters
        ----------
        sides
            Features of the clips, (clips, columns), and of a degraded copy of each if there are copies.
        enrolled
            The same, normalised by other clips of the same session.
        y, corpora
            As for ``fit``.
        """
        self.classes_, target = np.unique(np.asarray(y), return_inverse=True)
        weights, offsets = self.clip_weights(target, corpora), self.offsets(target, corpora)
        if len(sides) > 1:
            weights = np.concatenate([weights, DEGRADED_WEIGHT * weights])
            target, offsets = np.tile(target, 2), np.tile(offsets, (2, 1))
        self.unknown_, self.enrolled_ = (
            fit_regression(np.concatenate(rows), target, weights, offsets, self.penalty)
            for rows in (sides, enrolled)
        )
        return self

    def clip_weights(self, target: NDArray[np.intp], corpora: ArrayLike | None) -> NDArray[np.float64]:
        """Return the weight of each clip, that of its corpus."""
        names = _corpora_or_one(target, corpora)
        return np.array([self.corpus_weights.get(str(name), 1.0) for name in names])

    def offsets(self, target: NDArray[np.intp], corpora: ArrayLike | None) -> NDArray[np.float64]:
        """Return what is added to the scores of each clip in the loss, (clips, classes)."""
        names, classes = _corpora_or_one(target, corpora), np.arange(target.max() + 1)
        offsets = np.zeros((len(target), len(classes)))
        with np.errstate(divide="ignore"):
            absent_offset = np.log(self.absent_share)
        for name in np.unique(names):
            own = names == name
            offsets[np.ix_(own, np.setdiff1d(classes, target[own]))] = absent_offset
        return offsets

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for clips of unknown speakers, (clips, classes)."""
        return self.unknown_.predict_proba(X)

    def predict_proba_enrolled(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for clips whose features are normalised by speaker, (clips, classes)."""
        return self.enrolled_.predict_proba(X)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Return a graph with an output for each of the two regressions."""
        graph = GraphBuilder(shape)
        unknown, enrolled = (one.add_to(graph) for one in (self.unknown_, self.enrolled_))
        return graph.finish(unknown, enrolled)


@dataclass(frozen=True)
class Regression:
    """A fitted multinomial logistic regression.

    Attributes
    ----------
    mean, deviation
        By which features are standardised, (columns,).
    weights, biases
        Of the standardised features, (columns, classes) and (classes,).
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities, (clips, classes)."""
        scores = standardise(X, self.mean, self.deviation) @ self.weights + self.biases
        return cast(NDArray[np.float64], softmax(scores.astype(np.float64), axis=1))

    def add_to(self, graph: GraphBuilder, features: str = "features") -> str:
        """Add the regression of a tensor to a graph; return the name of the probabilities."""
        limits = (graph.constant(np.float32(sign * LARGEST_DEVIATIONS)) for sign in (-1, 1))
        centred = graph.add("Sub", features, graph.constant(self.mean))
        standardised = graph.add("Div", centred, graph.constant(self.deviation))
        clipped = graph.add("Clip", standardised, *limits)
        product = graph.add("MatMul", clipped, graph.constant(self.weights))
        return graph.add("Softmax", graph.add("Add", product, graph.constant(self.biases)), axis=1)


def fit_regression(
    X: NDArray[Any],
    target: NDArray[np.intp],
    weights: NDArray[np.float64],
    offsets: NDArray[np.float64],
    penalty: float,
) -> Regression:
    """Fit a multinomial logistic regression by L-BFGS.

    Parameters
    ----------
    X
        Features, (clips, columns).
    target
        The class of each clip.
    weights
        The weight of each clip in the loss.
    offsets
        What is added to the scores of each clip in the loss, (clips, classes); -inf leaves a class out.
    penalty
        Of the sum of squared weights.
    """
    shares = weights / weights.sum()
    mean = np.average(X, axis=0, weights=shares).astype(np.float32)
    deviation = np.sqrt(np.average(np.square(X - mean), axis=0, weights=shares))
    deviation = np.maximum(deviation, _SMALLEST_DEVIATION).astype(np.float32)
    inputs = standardise(X, mean, deviation)
    columns, classes, rows = inputs.shape[1], offsets.shape[1], np.arange(len(target))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        matrix = parameters.reshape(columns + 1, classes)
        scores = inputs @ matrix[:-1].astype(np.float32) + matrix[-1] + offsets
        log_probabilities = scores - logsumexp(scores, axis=1, keepdims=True)
        residuals = np.exp(log_probabilities)
        residuals[rows, target] -= 1
        residuals *= shares[:, None]
        gradient = np.empty_like(matrix)
        gradient[:-1] = inputs.T @ residuals.astype(np.float32) + 2 * penalty * matrix[:-1]
        gradient[-1] = residuals.sum(axis=0)
        value = -shares @ log_probabilities[rows, target] + penalty * np.square(matrix[:-1]).sum()
        return float(value), gradient.ravel()

    start = np.zeros((columns + 1) * classes)
    options = {"maxiter": MAX_STEPS, "maxcor": 20, "gtol": 1e-5}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    fitted = found.reshape(columns + 1, classes).astype(np.float32)
    return Regression(mean, deviation, fitted[:-1], fitted[-1])


def standardise(
    X: NDArray[Any], mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Shift and scale features, and clip them to ``LARGEST_DEVIATIONS``."""
    scaled = (np.asarray(X, np.float32) - mean) / deviation
    return np.clip(scaled, -LARGEST_DEVIATIONS, LARGEST_DEVIATIONS, out=scaled)


def draw_enrolled(
    sessions: NDArray[Any], rng: np.random.Generator
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each clip that is not alone in its session, and 1 to 16 of the others, drawn at random."""
    for name in np.unique(sessions):
        own = np.flatnonzero(sessions == name)
        for i in own if len(own) > 1 else ():
            yield int(i), draw_others(own, i, rng)


def draw_others(
    session: NDArray[np.intp], clip: np.intp | int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw 1 to 16 clips of a session at random, other than ``clip``; it has at least two."""
    others = session[session != clip]
    count = min(int(rng.integers(1, MAX_ENROLLED + 1)), len(others))
    return rng.choice(others, count, replace=False)


def _normalise_by_session(
    X: NDArray[Any], sessions: NDArray[Any], average: SpeakerStatistics, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Normalise each clip by some other clips of its session; one that has no others stays as it is."""
    normalised = np.array(X, np.float32)
    for i, enrolled in draw_enrolled(sessions, rng):
        normalised[i] = normalise(X[i], speaker_statistics(X[enrolled], average), average)
    return normalised


def _corpora_or_one(target: NDArray[np.intp], corpora: ArrayLike | None) -> NDArray[Any]:
    return np.zeros(len(target), int) if corpora is None else np.asarray(corpora)
