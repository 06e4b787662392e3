"""Provenance: what a result was computed from, so that others can repeat it, or see what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from affekt.evaluation.dataset import Dataset
from affekt.evaluation.parts import Part
from affekt.evaluation.scores import Provenance
from affekt.evaluation.terms import Terms
from affekt.support.versions import installed_versions


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
