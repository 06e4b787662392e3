"""What a trained estimator tells of itself: which features it uses, and how it learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.progress import inner_bar
from affekt.recipe import Estimator

HISTORY = ("train_loss", "valid_loss", "valid_acc")


def describe_training(estimator: Estimator) -> dict[str, NDArray[np.float64]]:
    """Importances by column and what was noted at each epoch, as far as the estimator has them.

    Returns
    -------
    dict
        ``importances`` of shape (columns,), summing to 1; ``train_loss``, ``valid_loss`` and
        ``valid_acc`` of shape (epochs,). Each is missing where there is no such thing.
    """
    told = {}
    importances = getattr(estimator, "feature_importances_", None)
    if importances is not None:
        values = np.asarray(importances, np.float64)
        told["importances"] = values / max(values.sum(), np.finfo(float).tiny)
    for epochs in filter(None, [getattr(estimator, "history_", None)]):
        told |= {name: np.array([epoch[name] for epoch in epochs]) for name in HISTORY}
    return told


def permutation_importances(
    estimator: Estimator, features: NDArray[Any], labels: NDArray[np.intp], seed: int
) -> NDArray[np.float64]:
    """How much accuracy is lost when one column after the other is shuffled among the clips.

    Parameters
    ----------
    features, labels
        Of clips that were not trained on, shape (clips, columns).

    Returns
    -------
    float64 array of shape (columns,)
        In points of accuracy, 0 to 1; below 0 where the shuffled column did better by accident.

    Notes
    -----
    Breiman (2001), Machine Learning 45. Columns that say the same stand in for each other, and each
    alone looks unimportant.
    """
    rng = np.random.default_rng(seed)
    columns = features.shape[1]
    right = _accuracy(estimator, features, labels)
    lost = np.zeros(columns)
    with inner_bar("shuffling features", columns) as advance:
        for i in range(columns):
            shuffled = features.copy()
            shuffled[:, i] = rng.permutation(features[:, i])
            lost[i] = right - _accuracy(estimator, shuffled, labels)
            advance()
    return lost


def _accuracy(estimator: Estimator, features: NDArray[Any], labels: NDArray[np.intp]) -> float:
    answers = estimator.classes_[estimator.predict_proba(features).argmax(axis=1)]
    return float(np.mean(answers == labels))
