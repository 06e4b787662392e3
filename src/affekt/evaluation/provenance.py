"""Provenance: what a result was computed from, so that others can repeat it, or see what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from affekt.support.versions import installed_versions

if TYPE_CHECKING:
    from affekt.evaluation.dataset import Dataset
    from affekt.evaluation.parts import Part
    from affekt.evaluation.terms import Terms


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a result was computed from. Two results can be compared if their ``split`` is the same.

    Attributes
    ----------
    features
        The feature set ``name@version``.
    seeds
        Of the trainings; 0 for a finished model.
    corpora
        Corpus -> SHA-256 of the audio, emotion and speaker of its clips that were used. Where they are does
        not matter, nor what their files are called.
    split
        SHA-256 of the clips that were trained on, used for early stopping and tested, fold by fold.
    model_sha256
        Of the finished model that was scored; empty for a recipe.
    versions
        Of Python and of the libraries that may change a result.
    command
        The command line; empty where the result was computed in Python.
    """

    features: str
    seeds: tuple[int, ...]
    corpora: Mapping[str, str]
    split: str
    model_sha256: str = ""
    versions: Mapping[str, str]
    command: str = ""


def provenance_of(terms: Terms, dataset: Dataset, parts: Iterable[Part]) -> Provenance:
    """Return the provenance of a result, without a command."""
    clips: dict[str, list[str]] = {}
    for clip, fingerprint in zip(dataset.corpus.clips, dataset.fingerprints, strict=True):
        clips.setdefault(clip.corpus, []).append(f"{fingerprint} {clip.emotion} {clip.speaker}")
    return Provenance(
        features=terms.features,
        seeds=terms.seeds,
        corpora={name: _digest(sorted(own)) for name, own in sorted(clips.items())},
        split=_digest(line for part in parts if part.scored for line in _describe(part)),
        model_sha256=terms.bundle.contract.sha256 or "" if terms.bundle else "",
        versions=installed_versions(),
    )


def _describe(part: Part) -> Sequence[str]:
    prints = part.dataset.fingerprints
    sides = [
        sorted(prints[i] for i in side) for side in (part.fold.train, part.fold.validation, part.fold.test)
    ]
    return [f"seed {part.seed}, fold {part.number}", *(" ".join(side) for side in sides)]


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
