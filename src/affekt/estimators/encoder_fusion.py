"""Late fusion of a fine-tuned block of an encoder with regressions on statistics of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from affekt.estimators.fine_tuned import FineTunedNetwork
from affekt.estimators.linear import SpeakerAdaptiveRegression
from affekt.estimators.onnx_graphs import GraphBuilder
from affekt.estimators.row_statistics import RowStatistics, SessionNormalisation
from affekt.features.voice import COLUMNS as VOICE_COLUMNS
from affekt.model.speaker_normalisation import average_speaker

CONSTANT = len(VOICE_COLUMNS)  # columns that are the same in every row, the last ones
_SMALLEST = 1e-6


@dataclass(eq=False, repr=False)
class EncoderFusionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Geometric mean of the probabilities of a fine-tuned block and of a regression.

    Features are rows of an encoder's outputs and ``voice@1``, as of ``whisper-tiny-frames-voice@1``. For
    enrolled speakers it is the regression for these, and the rows of the block are normalised by speaker.

    Parameters
    ----------
    frame_branch
        A network on the rows. It draws clips as often as the regression weighs them.
    utterance_branch
        Regressions on the mean and standard deviation of the outputs, and on ``voice@1``.
    """

    frame_branch: FineTunedNetwork
    utterance_branch: SpeakerAdaptiveRegression

    def fit(
        self,
        X: NDArray[Any],
        y: ArrayLike,
        speakers: ArrayLike | None = None,
        sessions: ArrayLike | None = None,
        corpora: ArrayLike | None = None,
        degraded: NDArray[Any] | None = None,
    ) -> EncoderFusionClassifier:
        """Fit both branches.

        Parameters
        ----------
        X
            Features of each clip: objects of shape (rows, columns).
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
        self.classes_, target = np.unique(np.asarray(y), return_inverse=True)
        speakers = np.arange(len(X)) if speakers is None else np.asarray(speakers)
        sessions = speakers if sessions is None else np.asarray(sessions)
        average = average_speaker(X, speakers)
        sides = [RowStatistics.of(side, CONSTANT) for side in (X, degraded) if side is not None]
        rng = np.random.default_rng(self.utterance_branch.seed)
        enrolled = [side.normalise_by_session(sessions, average, rng) for side in sides]
        regressions = clone(self.utterance_branch)
        regressions.fit_normalised([side.features() for side in sides], enrolled, target, corpora)
        self.utterance_branch_ = regressions
        weights = regressions.clip_weights(target, corpora)
        self.frame_branch_ = clone(self.frame_branch).fit(
            X,
            target,
            weights
            / weights.max(),  # or a corpus of little weight, alone, would be trained on for few steps
            regressions.offsets(target, corpora),
            degraded,
            SessionNormalisation(sides[0], sessions, average),
        )
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for clips of unknown speakers, (clips, classes)."""
        return self._fuse(X, self.utterance_branch_.predict_proba)

    def predict_proba_enrolled(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities for clips whose features are normalised by speaker, (clips, classes)."""
        return self._fuse(X, self.utterance_branch_.predict_proba_enrolled)

    def _fuse(
        self, X: NDArray[Any], regression: Callable[[NDArray[Any]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        branches = self.frame_branch_.predict_proba(X), regression(RowStatistics.of(X, CONSTANT).features())
        logs = [np.log(np.maximum(one, _SMALLEST)) for one in branches]
        return cast(NDArray[np.float64], softmax((logs[0] + logs[1]) / 2, axis=1))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Return a graph with an output for unknown and one for enrolled speakers."""
        graph = GraphBuilder(shape)
        statistics = _add_statistics(graph)
        network = _add_logarithm(graph, graph.include(convert(self.frame_branch_, shape), "features"))
        unknown, enrolled = (
            _add_geometric_mean(graph, network, _add_logarithm(graph, one.add_to(graph, statistics)))
            for one in (self.utterance_branch_.unknown_, self.utterance_branch_.enrolled_)
        )
        return graph.finish(unknown, enrolled)


def _add_logarithm(graph: GraphBuilder, probabilities: str) -> str:
    return graph.add("Log", graph.add("Max", probabilities, graph.constant(np.float32(_SMALLEST))))


def _add_geometric_mean(graph: GraphBuilder, *logs: str) -> str:
    """Add the geometric mean of two probabilities whose logarithms are given."""
    mean = graph.add("Mul", graph.add("Add", *logs), graph.constant(np.float32(0.5)))
    return graph.add("Softmax", mean, axis=1)


def _add_statistics(graph: GraphBuilder) -> str:
    """Add ``RowStatistics.features`` to a graph."""
    ends = graph.constant(np.array([-CONSTANT])), graph.constant(np.array([np.iinfo(np.int64).max]))
    start, last = graph.constant(np.array([0])), graph.constant(np.array([2]))
    outputs = graph.add("Slice", "features", start, ends[0], last)
    voice = graph.add("Slice", "features", *ends, last)
    voice = graph.add("Gather", voice, graph.constant(np.int64(0)), axis=1)
    rows = graph.constant(np.array([1]))
    mean = graph.add("ReduceMean", outputs, rows, keepdims=1)
    centred = graph.add("Sub", outputs, mean)
    variance = graph.add("ReduceMean", graph.add("Mul", centred, centred), rows, keepdims=0)
    mean = graph.add("Squeeze", mean, rows)
    return graph.add("Concat", mean, graph.add("Sqrt", variance), voice, axis=1)
