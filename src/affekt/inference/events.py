"""Events: what a stream makes known while sound arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from affekt.inference.prediction import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceStart:
    """An utterance has started, at ``start_s`` seconds from the start of the stream."""

    start_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"event": "utterance_start", "start_s": self.start_s}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What is expressed in 0.5 s of an utterance.

    Attributes
    ----------
    start_s, end_s
        Seconds from the start of the stream.
    probabilities
        Calibrated probabilities of the emotions in the 2 s around, as far as these are voice without a long
        pause; smoothed over time: the mean of this measurement, counted twice, and the one before and after
        it.
    """

    start_s: float
    end_s: float
    probabilities: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        at = {"start_s": self.start_s, "end_s": self.end_s}
        return {"event": "measurement", **at, "probabilities": dict(self.probabilities)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceEnd:
    """An utterance has ended.

    Attributes
    ----------
    start_s, end_s
        Seconds from the start of the stream.
    prediction
        What ``predict`` answers for these samples; None where they cannot be used.
    """

    start_s: float
    end_s: float
    prediction: Prediction | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        found = None if self.prediction is None else self.prediction.to_dict()
        at = {"start_s": self.start_s, "end_s": self.end_s}
        return {"event": "utterance_end", **at, "prediction": found}


Event = UtteranceStart | Measurement | UtteranceEnd
