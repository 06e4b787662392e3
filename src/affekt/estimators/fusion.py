"""Late fusion of a frame-level branch and an utterance-level branch, each with a classifier of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from affekt.estimators.calibrated import SpeakerCalibratedClassifier
from affekt.estimators.crops import TrainingCrops
from affekt.estimators.frame_network import FrameNetwork
from affekt.estimators.onnx_graphs import GraphBuilder
from affekt.features.frame_and_utterance import BANDS, COLUMNS, LEVEL
from affekt.model.out_of_distribution import distance_weights
from affekt.model.speaker_normalisation import (
    MAX_ENROLLED,
    SpeakerStatistics,
    average_speaker,
    normalise,
    normalise_unknown,
    speaker_statistics,
)

RELATIVE = [COLUMNS.index(LEVEL)]
FRAME_COLUMNS = [*range(BANDS), *RELATIVE]
MAX_UTTERANCE_WEIGHT = 0.5
FULL_WEIGHT_QUANTILE, ZERO_WEIGHT_QUANTILE = 0.75, 0.99  # of the distances of the training clips
_SMALLEST = 1e-6


@dataclass(eq=False, repr=False)
class FusionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Weighted geometric mean of the probabilities of a frame-level and an utterance-level branch.

    Features are those of ``frames-and-utterance@1``. Both branches are trained on each clip as it is and
    normalised by speaker, so that the classifier predicts for unknown and for enrolled speakers. The
    frame-level branch is also trained on degraded copies.

    Parameters
    ----------
    frame_branch
        A network on the spectra.
    utterance_branch
        A classifier on the features that are the same in every frame.
    seed
        Seed of the choice of clips by which speakers are enrolled.

    Notes
    -----
    The utterance-level branch is not trained on degraded copies and is inaccurate on degraded clips. Its
    weight therefore depends on the mean distance of its features from the average speaker: 0.5 up to the
    0.75 quantile of the distances of the training clips, then falling linearly to 0 at the 0.99 quantile.
    """

    frame_branch: FrameNetwork
    utterance_branch: SpeakerCalibratedClassifier
    _: KW_ONLY
    seed: int = 0

    def fit(
        self,
        X: NDArray[Any],
        y: ArrayLike,
        groups: ArrayLike,
        speakers: ArrayLike | None = None,
        sessions: ArrayLike | None = None,
        degraded: NDArray[Any] | None = None,
    ) -> FusionClassifier:
        """Fit both branches.

        Parameters
        ----------
        X
            Features of each clip: objects of shape (frames, columns).
        y
            The emotion of each clip.
        groups
            The group of each clip; groups are kept together in the inner folds of the calibration.
        speakers
            The speaker of each clip; by default the groups.
        sessions
            The speaker and vocal channel of each clip; by default the speakers. For the utterance-level
            branch a speaker is enrolled from clips of one session, because the pitch of someone's song says
            little about that of their speech.
        degraded
            Features of a degraded copy of each clip for the frame-level branch; None for no copies.

        Raises
        ------
        CorpusError
            The utterance-level branch cannot be calibrated, because there are too few groups.
        """
        self.classes_, target = np.unique(np.asarray(y), return_inverse=True)
        groups = np.asarray(groups)
        speakers = groups if speakers is None else np.asarray(speakers)
        average = average_speaker(X, speakers)
        unknown = normalise_unknown(X, average, RELATIVE)
        enrolled = self._normalise_by_session(X, speakers if sessions is None else sessions, average)
        self.utterance_branch_ = clone(self.utterance_branch).fit(
            _utterance_features([*unknown, *enrolled]), np.tile(target, 2), np.tile(groups, 2)
        )
        self._fit_weight(unknown, average)
        if degraded is not None:
            degraded = normalise_unknown(degraded, average, RELATIVE)
        self._fit_frame_branch(X, unknown, degraded, target, speakers, average)
        return self

    def _normalise_by_session(
        self, X: NDArray[Any], sessions: ArrayLike, average: SpeakerStatistics
    ) -> list[NDArray[Any]]:
        """Return the first frame of each clip, normalised by other clips of its session if any."""
        rng = np.random.default_rng(self.seed)
        sessions = np.asarray(sessions)
        normalised = []
        for i in range(len(X)):
            others = np.setdiff1d(np.flatnonzero(sessions == sessions[i]), [i])
            enrolled = rng.choice(others, min(MAX_ENROLLED, len(others)), replace=False)
            speaker = speaker_statistics(X[enrolled], average, RELATIVE)
            normalised.append(normalise(X[i][:1], speaker, average))
        return normalised

    def _fit_weight(self, clips: NDArray[Any], average: SpeakerStatistics) -> None:
        """Set the distances between which the weight of the utterance-level branch falls."""
        self.average_ = np.array(average.mean)[BANDS:]
        self.distance_weights_ = distance_weights(average, FRAME_COLUMNS)[BANDS:]
        distances = self._distances(_utterance_features(clips))
        self.full_weight_distance_, self.zero_weight_distance_ = np.quantile(
            distances, [FULL_WEIGHT_QUANTILE, ZERO_WEIGHT_QUANTILE]
        )

    def _fit_frame_branch(
        self,
        X: NDArray[Any],
        unknown: NDArray[Any],
        degraded: NDArray[Any] | None,
        target: NDArray[np.intp],
        speakers: NDArray[Any],
        average: SpeakerStatistics,
    ) -> None:
        mean, deviation = (np.array(one)[FRAME_COLUMNS] for one in (average.mean, average.deviation))
        crops = TrainingCrops(
            features=_select(X, FRAME_COLUMNS),
            unknown=_select(unknown, FRAME_COLUMNS),
            degraded=None if degraded is None else _select(degraded, FRAME_COLUMNS),
            target=target,
            speakers=speakers,
            average=SpeakerStatistics(tuple(mean.tolist()), tuple(deviation.tolist())),
            relative=[BANDS],  # the level
            frames=self.frame_branch.crop_frames,
            seed=self.frame_branch.seed,
        )
        self.frame_branch_ = clone(self.frame_branch).fit(crops)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the weighted geometric mean of both branches, shape (clips, classes)."""
        utterances = _utterance_features(X)
        frame_log, utterance_log = (
            np.log(np.maximum(one, _SMALLEST))
            for one in (
                self.frame_branch_.predict_proba(X),
                self.utterance_branch_.predict_proba(utterances),
            )
        )
        closeness = (self.zero_weight_distance_ - self._distances(utterances)) / self._distance_range
        weight = MAX_UTTERANCE_WEIGHT * np.clip(closeness, 0, 1)[:, None]
        return cast(NDArray[np.float64], softmax((1 - weight) * frame_log + weight * utterance_log, axis=1))

    def _distances(self, utterances: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean distance of each clip from the average speaker, in standard deviations."""
        return cast(NDArray[np.float64], np.abs(utterances - self.average_) @ self.distance_weights_)

    @property
    def _distance_range(self) -> float:
        return max(float(self.zero_weight_distance_ - self.full_weight_distance_), _SMALLEST)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable class of each clip."""
        return cast(NDArray[Any], self.classes_[self.predict_proba(X).argmax(axis=1)])

    def to_onnx(self, shape: tuple[int | None, ...], convert: Callable[..., Any]) -> Any:
        """Return both branches and their fusion as one graph."""
        graph = GraphBuilder(shape)
        columns = len(COLUMNS)
        first = graph.add("Gather", "features", graph.constant(np.int64(0)), axis=1)
        utterances = graph.add("Gather", first, graph.constant(np.arange(BANDS, columns)), axis=1)
        weight = self._add_weight(graph, utterances)
        smallest = graph.constant(np.float32(_SMALLEST))
        frame_log, utterance_log = (
            graph.add("Log", graph.add("Max", one, smallest))
            for one in (
                graph.include(convert(self.frame_branch_, shape), "features"),
                graph.include(convert(self.utterance_branch_, (columns - BANDS,)), utterances),
            )
        )
        difference = graph.add("Sub", utterance_log, frame_log)
        scores = graph.add("Add", frame_log, graph.add("Mul", weight, difference))
        return graph.finish(graph.add("Softmax", scores, axis=1))

    def _add_weight(self, graph: GraphBuilder, utterances: str) -> str:
        """Add the weight of the utterance-level branch to a graph."""
        slope = MAX_UTTERANCE_WEIGHT / self._distance_range
        exact = graph.add("Cast", utterances, to=TensorProto.DOUBLE)  # the slope can be steep
        distance = graph.add("Abs", graph.add("Sub", exact, graph.constant(self.average_)))
        distance = graph.add("MatMul", distance, graph.constant(slope * self.distance_weights_[:, None]))
        rest = graph.add("Sub", graph.constant(np.float64(slope * self.zero_weight_distance_)), distance)
        limits = graph.constant(np.float64(0)), graph.constant(np.float64(MAX_UTTERANCE_WEIGHT))
        return graph.add("Cast", graph.add("Clip", rest, *limits), to=TensorProto.FLOAT)


def _select(X: NDArray[Any], columns: list[int]) -> NDArray[Any]:
    selected = np.empty_like(X)
    for i, clip in enumerate(X):
        selected[i] = clip[:, columns]
    return selected


def _utterance_features(X: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
    """Return the columns that are the same in every frame, (clips, columns)."""
    return np.stack([clip[0, BANDS:] for clip in X])
