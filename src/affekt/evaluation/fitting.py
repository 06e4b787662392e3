"""Fitting a recipe on the training side of a fold, and predicting with it or with a finished model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from affekt.estimators.recipe import Estimator
from affekt.evaluation.dataset import Dataset
from affekt.features.feature_sets import stack_features
from affekt.model.bundle import Bundle
from affekt.model.out_of_distribution import distance
from affekt.model.speaker_normalisation import (
    SpeakerStatistics,
    average_speaker,
    normalise_speaker,
    speaker_statistics,
)

_INTERRUPTED = "Training interrupted by user"


class Predictor(Protocol):
    """What predicts in a fold: a fitted recipe, or a finished model."""

    def enrol(self, features: NDArray[Any]) -> SpeakerStatistics | None:
        """Return the statistics of a speaker from the features of some of their clips; None of no clips."""
        ...

    def predict_proba(
        self, features: NDArray[Any], speaker: SpeakerStatistics | None = None
    ) -> NDArray[np.float64]:
        """Return probabilities (clips, emotions), not calibrated; ``speaker`` is that of all clips."""
        ...

    def distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Return the out-of-distribution distance of each clip."""
        ...


@dataclass(frozen=True)
class FittedRecipe:
    """An estimator fitted on the training side of a fold, and the average of its training speakers."""

    estimator: Estimator
    average: SpeakerStatistics
    relative: Sequence[int]
    emotion_count: int

    def enrol(self, features: NDArray[Any]) -> SpeakerStatistics | None:
        """Return the statistics of a speaker from the features of some of their clips; None of no clips."""
        return speaker_statistics(features, self.average, self.relative) if len(features) else None

    def predict_proba(
        self, features: NDArray[Any], speaker: SpeakerStatistics | None = None
    ) -> NDArray[np.float64]:
        """Return probabilities (clips, emotions), 0 for an emotion that was not trained on."""
        features = normalise_speaker(features, speaker, self.average, self.relative)
        predict = self.estimator.predict_proba
        if speaker is not None:
            predict = getattr(self.estimator, "predict_proba_enrolled", predict)
        probabilities = np.zeros((len(features), self.emotion_count))
        if len(features):
            probabilities[:, self.estimator.classes_] = predict(features)
        return probabilities

    def distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Return the out-of-distribution distance of each clip."""
        return np.array([distance(one, self.average, self.relative) for one in features])


@dataclass(frozen=True)
class FinishedModel:
    """A bundle that predicts clips from the features of their windows, as ``predict`` does."""

    bundle: Bundle

    def enrol(self, features: NDArray[Any]) -> SpeakerStatistics | None:
        """Return the statistics of a speaker from the windows of some of their clips, as ``adapt`` does."""
        feature_set, average = self.bundle.feature_set, self.bundle.contract.average_speaker
        windows = [window for clip in features for window in clip]
        if not windows:
            return None
        stacked = stack_features(windows, feature_set)
        return speaker_statistics(stacked, average, feature_set.relative_columns)

    def predict_proba(
        self, features: NDArray[Any], speaker: SpeakerStatistics | None = None
    ) -> NDArray[np.float64]:
        """Return what the graph returns for each clip, mean over its windows: (clips, all its emotions)."""
        rows = [self.bundle.predict_proba(windows, speaker) for windows in features]
        return np.array(rows, np.float64).reshape(len(rows), len(self.bundle.contract.emotions))

    def distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Return the out-of-distribution distance of each clip, median over its windows."""
        return np.array([self.bundle.distance(windows) for windows in features])


def fit_recipe(
    estimator: Estimator,
    dataset: Dataset,
    train: NDArray[np.intp],
    validation: NDArray[np.intp],
    groups: NDArray[Any],
) -> FittedRecipe:
    """Fit an estimator on the clips at ``train``.

    Parameters
    ----------
    estimator
        As the recipe built it.
    dataset
        The clips.
    train, validation
        Positions of the clips to fit on, and of those that a protocol sets aside for early stopping.
    groups
        What the estimator's own inner folds keep apart, of each clip of the data set.

    Notes
    -----
    An estimator is given what its ``fit`` takes of ``groups``, ``speakers``, ``sessions``, ``corpora``,
    ``validation`` and ``degraded``; see ``Estimator``.
    """
    offered: dict[str, Any] = {
        "groups": groups[train],
        "speakers": dataset.speakers[train],
        "sessions": dataset.sessions[train],
        "corpora": dataset.corpora[train],
    }
    if dataset.degraded is not None:
        offered["degraded"] = dataset.degraded[train]
    if len(validation):
        offered["validation"] = (dataset.features[validation], dataset.labels[validation])
    taken = {name: value for name, value in offered.items() if has_fit_parameter(estimator, name)}
    # matrices are small: several threads of linear algebra wait for each other more than they compute
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        # scikit-learn's perceptron turns Ctrl-C into a warning, and is not trained then
        warnings.filterwarnings("error", _INTERRUPTED)
        try:
            estimator.fit(dataset.features[train], dataset.labels[train], **taken)
        except UserWarning as warning:
            if _INTERRUPTED in str(warning):
                raise KeyboardInterrupt from warning
            raise
    average = average_speaker(dataset.features[train], dataset.speakers[train])
    return FittedRecipe(estimator, average, dataset.relative, len(dataset.emotions))
