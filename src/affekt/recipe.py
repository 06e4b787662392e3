"""What a recipe is: a named way from features to an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray


class Estimator(Protocol):
    """A classifier by scikit-learn's contract.

    Classes are whole numbers, the positions in the list of emotions. An estimator whose ``fit``
    takes ``groups`` is given what it must keep apart in what it fits inside, the speakers as a rule;
    one that takes ``speakers`` or ``sessions`` the speaker of each clip, or speaker and channel;
    one that takes ``validation`` is given (features, labels) to stop on where a protocol sets clips
    aside for that; one that takes ``degraded`` a spoilt copy of each clip, where its recipe asks for
    these. One with ``to_onnx(shape, convert)`` makes its own graph, others skl2onnx knows;
    one whose ``splits_at_thresholds`` is true may answer a little differently as a graph.
    """

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike, **fit_params: Any) -> Estimator:
        """Learn."""
        ...

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Answer: shape (clips, classes), rows summing to 1."""
        ...

    def get_params(self) -> dict[str, Any]:
        """The settings that it was built with."""
        ...

    def set_params(self, **params: Any) -> Estimator:
        """Change settings."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is made.

    Attributes
    ----------
    name, summary
        ``summary`` is one line for people.
    source
        Where it comes from.
    features
        The feature set ``name@version`` that it learns from.
    degraded_copies
        Also learn from a copy of each clip in which it is spoilt by a room, noise or a narrow line.
    emotions
        Those that it is made for, where nobody asks for others; empty for all that a corpus has.
    build
        seed -> an estimator that has not been fitted. Whatever is fitted is inside it, so that
        each fold fits it anew. Its libraries are imported when it is called.
    claims, claims_protocol
        Scores that its source reports, by metric, and the protocol that it reports them for.
    """

    name: str
    summary: str
    source: str
    features: str
    build: Callable[[int], Estimator]
    degraded_copies: bool = False
    emotions: tuple[str, ...] = ()
    claims: Mapping[str, float] = field(default_factory=dict)
    claims_protocol: str = ""
