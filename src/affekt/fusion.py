"""A network that hears a voice from near, fused with a support vector machine that hears it from afar."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from affekt.alignment import VoiceStatistics, align, align_unknown, average_voice, describe_speaker
from affekt.calibration import SpeakerCalibratedClassifier
from affekt.features.two_views import BANDS, COLUMNS, LEVEL
from affekt.novelty import novelty_weights
from affekt.onnx_graphs import GraphBuilder
from affekt.voice_network import Takes, VoiceNetwork

RELATIVE = [COLUMNS.index(LEVEL)]
NEAR = [*range(BANDS), *RELATIVE]
ENROLLED = 16  # clips that a voice is known from
MOST_FROM_AFAR = 0.5  # of the answer
FAMILIAR, STRANGE = 0.75, 0.99  # of clips that were learned from are nearer to the average voice
_SMALLEST = 1e-6


class FusionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Two views of a voice, each with a classifier of its own; their answers are multiplied.

    Both learn from each clip as it is, and once more as it is when its voice is known from other clips of
    its speaker; the half that hears from near also learns from spoilt copies. The other one knows nothing
    of noise and narrow lines, so the stranger a clip is, the less it has to say: half of the answer at
    most, nothing in the end. Features are those of ``two-views@1``.

    Parameters
    ----------
    near
        Learns from spectra over time.
    afar
        Learns from one vector a clip, and is calibrated on unheard speakers.
    seed
        Of the voices that are drawn.
    """

    def __init__(self, near: VoiceNetwork, afar: SpeakerCalibratedClassifier, *, seed: int = 0) -> None:
        self.near = near
        self.afar = afar
        self.seed = seed

    def fit(
        self,
        X: NDArray[Any],
        y: ArrayLike,
        groups: ArrayLike,
        speakers: ArrayLike | None = None,
        sessions: ArrayLike | None = None,
        degraded: NDArray[Any] | None = None,
    ) -> FusionClassifier:
        """Learn.

        Parameters
        ----------
        X
            Of each clip an array of shape (rows, columns), as an array of objects.
        y
            Emotions.
        groups
            What the calibration must keep apart.
        speakers
            Whose voice each clip is; by default the groups.
        sessions
            The same, but what a speaker spoke and what he sang are told apart; by default the speakers.
        degraded
            A spoilt copy of each clip, for the half that hears from near; or none.

        Raises
        ------
        CorpusError
            There is one group alone.

        Notes
        -----
        A voice that is known to the half that hears it from afar is known from the same session: what
        people sing says little about where the pitch of their speech lies.
        """
        rng = np.random.default_rng(self.seed)
        self.classes_, target = np.unique(np.asarray(y), return_inverse=True)
        groups = np.asarray(groups)
        own = np.asarray(groups if speakers is None else speakers)
        session = own if sessions is None else np.asarray(sessions)
        average = average_voice(X, own)
        plain = align_unknown(X, average, RELATIVE)
        aligned = [
            align(X[i][:1], self._get_used_to(X, session, i, average, rng), average) for i in range(len(X))
        ]
        self.afar_ = clone(self.afar).fit(
            _from_afar([*plain, *aligned]), np.tile(target, 2), np.tile(groups, 2)
        )
        mean, deviation = np.array(average.mean), np.array(average.deviation)
        self.average_ = mean[BANDS:]
        self.weights_ = novelty_weights(average, [*range(BANDS), *RELATIVE])[BANDS:]
        self.familiar_, self.strange_ = np.quantile(self._novelty(_from_afar(plain)), [FAMILIAR, STRANGE])
        average_near = VoiceStatistics(tuple(mean[NEAR].tolist()), tuple(deviation[NEAR].tolist()))
        takes = Takes(
            _columns(plain, NEAR),
            None if degraded is None else _columns(align_unknown(degraded, average, RELATIVE), NEAR),
            _columns(X, NEAR),
            target,
            own,
            average_near,
            relative=[BANDS],
            frames=self.near.crop_frames,
            seed=self.near.seed,
        )
        self.near_ = clone(self.near).fit(takes)
        return self

    @staticmethod
    def _get_used_to(
        X: NDArray[Any], own: NDArray[Any], i: int, average: VoiceStatistics, rng: np.random.Generator
    ) -> VoiceStatistics:
        """A voice from other clips of the same session; nobody's where there is none."""
        others = np.setdiff1d(np.flatnonzero(own == own[i]), [i])
        heard = rng.choice(others, min(ENROLLED, len(others)), replace=False)
        return describe_speaker(X[heard], average, RELATIVE)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """The weighted geometric mean of both answers; shape (clips, classes)."""
        vectors = _from_afar(X)
        near, afar = (
            np.log(np.maximum(one, _SMALLEST))
            for one in (self.near_.predict_proba(X), self.afar_.predict_proba(vectors))
        )
        familiarity = (self.strange_ - self._novelty(vectors)) / self._spread
        share = MOST_FROM_AFAR * np.clip(familiarity, 0, 1)[:, None]
        return cast(NDArray[np.float64], softmax((1 - share) * near + share * afar, axis=1))

    def _novelty(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean distance from the average voice, in deviations, of what is heard from afar."""
        return cast(NDArray[np.float64], np.abs(vectors - self.average_) @ self.weights_)

    @property
    def _spread(self) -> float:
        return max(float(self.strange_ - self.familiar_), _SMALLEST)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Both in one graph."""
        graph = GraphBuilder(shape)
        columns = len(COLUMNS)
        first = graph.add("Gather", "features", graph.constant(np.int64(0)), axis=1)
        afar = graph.add("Gather", first, graph.constant(np.arange(BANDS, columns)), axis=1)
        slope = MOST_FROM_AFAR / self._spread  # can be steep, so single precision would not do
        exact = graph.add("Cast", afar, to=TensorProto.DOUBLE)
        distance = graph.add("Abs", graph.add("Sub", exact, graph.constant(self.average_)))
        novelty = graph.add("MatMul", distance, graph.constant(slope * self.weights_[:, None]))
        rest = graph.add("Sub", graph.constant(np.float64(slope * self.strange_)), novelty)
        limits = graph.constant(np.float64(0)), graph.constant(np.float64(MOST_FROM_AFAR))
        share = graph.add("Cast", graph.add("Clip", rest, *limits), to=TensorProto.FLOAT)
        smallest = graph.constant(np.float32(_SMALLEST))
        heard_near, heard_afar = (
            graph.add("Log", graph.add("Max", one, smallest))
            for one in (
                graph.include(convert(self.near_, shape), "features"),
                graph.include(convert(self.afar_, (columns - BANDS,)), afar),
            )
        )
        gain = graph.add("Mul", share, graph.add("Sub", heard_afar, heard_near))
        return graph.finish(graph.add("Softmax", graph.add("Add", heard_near, gain), axis=1))


def _columns(X: NDArray[Any], wanted: list[int]) -> NDArray[Any]:
    kept = np.empty_like(X)
    for i, clip in enumerate(X):
        kept[i] = clip[:, wanted]
    return kept


def _from_afar(X: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
    """The columns that are the same in every row, once."""
    return np.stack([clip[0, BANDS:] for clip in X])
