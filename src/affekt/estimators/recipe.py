"""Recipes: named ways to train a model, each with a feature set and an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray


class Estimator(Protocol):
    """A classifier that follows scikit-learn's contract. Its classes are positions in the list of emotions.

    Notes
    -----
    ``fit`` may have further parameters. Of these it is given those it has:

    - ``groups``: a label for each clip; clips of one group must stay together in inner folds. Speakers
      under most protocols.
    - ``speakers``: the speaker of each clip.
    - ``sessions``: the speaker and vocal channel of each clip.
    - ``corpora``: the corpus of each clip.
    - ``validation``: (features, labels) for early stopping, if the protocol sets clips aside for it.
    - ``degraded``: features of a degraded copy of each clip, if the recipe has ``degraded_copies``.

    Three attributes are optional:

    - ``to_onnx(shape, convert)`` returns the estimator as an ONNX graph. An estimator without it is
      converted by skl2onnx.
    - ``predict_proba_enrolled(X)`` predicts from features that are normalised by an enrolled speaker.
      Without it, ``predict_proba`` does. With it, these predictions are calibrated on their own.
    - ``splits_at_thresholds`` is true if rounding can change probabilities noticeably, as in decision
      trees: the graph may then differ more from the estimator.
    """

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike, **fit_params: Any) -> Estimator:
        """Fit the estimator and return it."""
        ...

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return probabilities of shape (clips, classes); rows sum to 1."""
        ...

    def get_params(self) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        ...

    def set_params(self, **params: Any) -> Estimator:
        """Change parameters of the constructor and return the estimator."""
        ...


@dataclass(frozen=True, kw_only=True, repr=False)
class Recipe:
    """A named way to train a model.

    Attributes
    ----------
    name : str
        As given on the command line.
    summary : str
        A description in one line.
    source : str
        Where the recipe comes from.
    features : str
        The feature set, ``name@version``.
    build : callable
        Seed -> an estimator that is not fitted. Everything that is fitted is part of the estimator, so that
        it is fitted on the training side of each fold alone. Libraries for training are imported when
        ``build`` is called.
    degraded_copies : str or None
        The entry of ``TRAINING_DEGRADATIONS`` by which a copy of each clip is degraded. The estimator is
        also trained on these copies. None for no copies.
    emotions : tuple of str
        The emotions that are used unless others are asked for; empty for all emotions of the corpus.
    claims : mapping of str to float
        Scores that the source reports, by metric.
    claims_protocol : str
        The protocol that they are reported for.
    """

    name: str
    summary: str
    source: str
    features: str
    build: Callable[[int], Estimator]
    degraded_copies: str | None = None
    emotions: tuple[str, ...] = ()
    claims: Mapping[str, float] = field(default_factory=dict)
    claims_protocol: str = ""

    def __repr__(self) -> str:
        return f"<Recipe {self.name} on {self.features}: {self.summary}>"
