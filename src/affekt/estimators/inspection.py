"""Inspection of fitted estimators: feature importances and training histories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.estimators.recipe import Estimator
from affekt.support.progress import inner_bar

HISTORY = ("train_loss", "valid_loss", "valid_acc")


def describe_training(estimator: Estimator) -> dict[str, NDArray[np.float64]]:
    """Return the feature importances and the training history of a fitted estimator.

    Returns
    -------
    dict
        ``importances`` of shape (columns,), which sum to 1, if the estimator has ``feature_importances_``;
        ``train_loss``, ``valid_loss`` and ``valid_acc`` of shape (epochs,), if it has ``history_``.
    """
    found = {}
    importances = getattr(estimator, "feature_importances_", None)
    if importances is not None:
        values = np.asarray(importances, np.float64)
        found["importances"] = values / max(values.sum(), np.finfo(float).tiny)
    if epochs := getattr(estimator, "history_", None):
        found |= {name: np.array([epoch[name] for epoch in epochs]) for name in HISTORY}
    return found


def permutation_importances(
    estimator: Estimator, features: NDArray[Any], labels: NDArray[np.intp], seed: int
) -> NDArray[np.float64]:
    """Return the loss of accuracy when a column is shuffled among the clips, for each column.

    Parameters
    ----------
    estimator
        A fitted estimator.
    features, labels
        Clips that it was not trained on; features of shape (clips, columns).
    seed
        Seed of the shuffling.

    Returns
    -------
    float64 array of shape (columns,)
        Accuracy with the original minus accuracy with the shuffled column. It is negative if the estimator
        happens to do better with the shuffled one.

    Notes
    -----
    Breiman (2001), Machine Learning 45. The importance of a column is underestimated if other columns are
    correlated with it.
    """
    rng = np.random.default_rng(seed)
    columns = features.shape[1]
    accuracy = _accuracy(estimator, features, labels)
    lost = np.zeros(columns)
    with inner_bar("shuffling features", columns) as advance:
        for i in range(columns):
            shuffled = features.copy()
            shuffled[:, i] = rng.permutation(features[:, i])
            lost[i] = accuracy - _accuracy(estimator, shuffled, labels)
            advance()
    return lost


def _accuracy(estimator: Estimator, features: NDArray[Any], labels: NDArray[np.intp]) -> float:
    predicted = estimator.classes_[estimator.predict_proba(features).argmax(axis=1)]
    return float(np.mean(predicted == labels))
