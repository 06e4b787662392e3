"""What the server and its workers send each other, without the libraries that compute."""

from __future__ import annotations

from dataclasses import dataclass

from affekt.model.contract import Contract

UNNAMED = "recording"
LONG = "long"  # what is answered instead of a timeline that would take too long


@dataclass(frozen=True, kw_only=True)
class Options:
    """How recordings are to be predicted.

    Attributes
    ----------
    emotions
        Those that may be predicted; None for all.
    audio_channel
        As for ``predict``.
    voice
        The document of a voice; None for an unknown speaker.
    max_seconds
        Longer recordings are refused.
    """

    emotions: tuple[str, ...] | None = None
    audio_channel: str = "mix"
    voice: bytes | None = None
    max_seconds: float = 600.0


@dataclass(frozen=True)
class ModelFacts:
    """The model of a worker: the name of its file, and its contract."""

    name: str
    contract: Contract
