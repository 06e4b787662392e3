"""A network that hears a voice from near, fused with a support vector machine that hears it from afar."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from affekt.alignment import VoiceStatistics, align, align_unknown, average_voice, describe_speaker
from affekt.calibration import SpeakerCalibratedClassifier
from affekt.features.two_views import BANDS, COLUMNS, LEVEL
from affekt.onnx_graphs import GraphBuilder
from affekt.voice_network import Takes, VoiceNetwork

RELATIVE = [COLUMNS.index(LEVEL)]
NEAR = [*range(BANDS), *RELATIVE]
ENROLLED = 16  # clips that a voice is known from
_SMALLEST = 1e-6


class FusionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Two views of a voice, each with a classifier of its own; their answers are multiplied.

    Both learn from each clip as it is, once more as it is when its voice is known from other clips of its
    speaker, and from a spoilt copy of it where there is one. Features are those of ``two-views@1``.

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
            A spoilt copy of each clip, or none.

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
        spoilt = align_unknown(degraded, average, RELATIVE) if degraded is not None else plain[:0]
        aligned = [
            align(X[i][:1], self._get_used_to(X, session, i, average, rng), average) for i in range(len(X))
        ]
        self.afar_ = clone(self.afar).fit(
            _from_afar([*plain, *aligned, *spoilt]),
            np.concatenate([target, target, target[: len(spoilt)]]),
            np.concatenate([groups, groups, groups[: len(spoilt)]]),
        )
        mean, deviation = np.array(average.mean), np.array(average.deviation)
        average_near = VoiceStatistics(tuple(mean[NEAR].tolist()), tuple(deviation[NEAR].tolist()))
        takes = Takes(
            _columns(plain, NEAR),
            _columns(spoilt if len(spoilt) else plain, NEAR),
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
        """The geometric mean of both answers; shape (clips, classes)."""
        both = self.near_.predict_proba(X), self.afar_.predict_proba(_from_afar(X))
        product = np.sqrt(np.prod([np.maximum(one, _SMALLEST) for one in both], axis=0))
        return cast(NDArray[np.float64], product / product.sum(axis=1, keepdims=True))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Both in one graph."""
        graph = GraphBuilder(shape)
        columns = len(COLUMNS)
        smallest = graph.constant(np.float32(_SMALLEST))
        first = graph.add("Gather", "features", graph.constant(np.int64(0)), axis=1)
        afar = graph.add("Gather", first, graph.constant(np.arange(BANDS, columns)), axis=1)
        answers = [
            graph.include(convert(self.near_, shape), "features"),
            graph.include(convert(self.afar_, (columns - BANDS,)), afar),
        ]
        product = graph.add("Mul", *(graph.add("Max", one, smallest) for one in answers))
        root = graph.add("Sqrt", product)
        total = graph.add("ReduceSum", root, graph.constant([1]), keepdims=1)
        return graph.finish(graph.add("Div", root, total))


def _columns(X: NDArray[Any], wanted: list[int]) -> NDArray[Any]:
    kept = np.empty_like(X)
    for i, clip in enumerate(X):
        kept[i] = clip[:, wanted]
    return kept


def _from_afar(X: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
    """The columns that are the same in every row, once."""
    return np.stack([clip[0, BANDS:] for clip in X])
