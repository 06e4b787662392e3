"""``explore``: what a corpus contains, how it was recorded, and what its features separate."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affekt.audio.loading import load_audio
from affekt.corpora.base import Clip, Corpus
from affekt.corpora.check import CorpusCheck, Recording, compare_with_cards, describe_clip
from affekt.corpora.clips import each_clip, load_whole
from affekt.corpora.registry import CorpusLike
from affekt.errors import AffektError, CorpusError, UnknownNameError
from affekt.evaluation.execution import Execution
from affekt.evaluation.terms import read_corpus
from affekt.experiments.explanations import Carriers, explain_corpus
from affekt.features.feature_sets import FEATURE_SETS, extract, find_feature_set
from affekt.features.recording import ClipFacts, describe_recording
from affekt.model.bundle import Bundle
from affekt.support.markup import html_table
from affekt.support.progress import progress_bar

DEFAULT_FEATURES = "spectral-120@1"
REDUNDANT = 0.95
NEIGHBOURS = 10
MAP_COMPONENTS = 30  # the map is drawn of as many principal components


@dataclass(frozen=True, kw_only=True, repr=False)
class Exploration:
    """What ``explore`` found in a corpus.

    Attributes
    ----------
    check
        The corpus compared with its card; problems and identical clips.
    clips, facts
        Each clip that can be read, and how it was recorded.
    feature_set, columns, features
        Its features, float64 of shape (clips, columns).
    map
        A place in the plane for each clip, near clips of similar features: shape (clips, 2).
    carriers
        What carries each emotion for a model, where one was given.
    """

    check: CorpusCheck
    clips: tuple[Clip, ...]
    facts: tuple[ClipFacts, ...]
    feature_set: str
    columns: tuple[str, ...]
    features: NDArray[np.float64]
    map: NDArray[np.float64]
    carriers: tuple[Carriers, ...] = ()

    def __repr__(self) -> str:
        return f"<Exploration of {self.corpus.name}: {len(self.clips)} clips, {self.feature_set}>"

    def to_dict(self) -> dict[str, Any]:
        """Return what was found, but for the features, which ``affekt.extract_many`` computes again."""
        clips = [
            {**clip.to_dict(), **asdict(facts)} for clip, facts in zip(self.clips, self.facts, strict=True)
        ]
        values = {"check": self.check.to_dict(), "feature_set": self.feature_set, "clips": clips}
        return {**values, "carriers": [one.to_dict() for one in self.carriers]}

    def _repr_html_(self) -> str:
        lengths = [one.duration_s for one in self.facts]
        rows = [
            ("clips", len(self.clips)),
            ("emotions", ", ".join(self.corpus.emotions)),
            ("speakers", len(set(self.values("speaker_id")) - {""}) or "unknown"),
            ("length", f"{min(lengths):.1f} to {max(lengths):.1f} s"),
            ("features", f"{self.feature_set}, {len(self.columns)} columns"),
            ("unusable files", len(self.check.unusable)),
            ("groups of identical clips", len(self.check.identical)),
        ]
        return html_table(f"Exploration of {self.corpus.name}", rows)

    @property
    def corpus(self) -> Corpus:
        """The corpus that was explored."""
        return self.check.corpus

    def values(self, field: str) -> NDArray[np.str_]:
        """Return a field of each clip, such as ``emotion`` or ``speaker_id``."""
        return np.array([str(getattr(clip, field)) for clip in self.clips])


def explore(
    corpus: CorpusLike,
    *,
    features: str = DEFAULT_FEATURES,
    model: str | os.PathLike[str] | Bundle | None = None,
    jobs: int = 1,
    progress: bool = False,
) -> Exploration:
    """Read every clip of a corpus, extract its features, and draw a map of all clips.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    features
        A feature set with one vector for each clip.
    model
        A model file or a ``Bundle`` whose answers to some clips of each emotion are explained; none are by
        default.
    jobs, progress
        As for ``evaluate``.

    Raises
    ------
    CorpusError
        Fewer than two clips can be read.
    UnknownNameError
        There is no such feature set, or it has frames.
    EncoderError
        The feature set needs an encoder that is not on this machine.
    """
    feature_set = find_feature_set(features)
    if len(feature_set.shape) > 1:
        whole = [name for name, one in FEATURE_SETS.items() if len(one.shape) == 1]
        raise UnknownNameError("feature set with one vector a clip", features, whole)
    feature_set.check()
    execution = Execution(jobs=jobs, progress=progress)
    selected = read_corpus(corpus)
    describe = partial(_describe, features=features)
    results = list(each_clip(selected, describe, jobs=execution.jobs, progress=progress))
    read = [(clip, found) for clip, found in results if not isinstance(found, AffektError)]
    if len(read) < 2:
        raise CorpusError(f"{len(read)} clips of {selected.name} can be read: explore needs two or more")
    table = np.stack([found[1] for _, found in read]).astype(np.float64)
    with progress_bar("drawing the map", 1, shown=progress) as advance:
        places = lay_out(table)
        advance()
    return Exploration(
        check=compare_with_cards(
            selected,
            [(clip, found if isinstance(found, AffektError) else found[2]) for clip, found in results],
        ),
        clips=tuple(clip for clip, _ in read),
        facts=tuple(found[0] for _, found in read),
        feature_set=features,
        columns=feature_set.columns,
        features=table,
        map=places,
        carriers=explain_corpus(selected, model, progress=progress) if model is not None else (),
    )


def _describe(clip: Clip, features: str) -> tuple[ClipFacts, NDArray[np.float32], Recording]:
    waveform = load_whole(clip)
    resampled = load_audio(waveform, find_feature_set(features).sample_rate)
    return describe_recording(waveform), extract(resampled, features), describe_clip(waveform)


def standardise(features: NDArray[Any]) -> NDArray[np.float64]:
    """Return each column with mean 0 and standard deviation 1, constant ones as 0: (clips, columns)."""
    table = np.asarray(features, np.float64)
    centred = table - table.mean(axis=0)
    deviation = table.std(axis=0)
    varies = deviation > 1e-9 * np.maximum(np.abs(table).max(axis=0), 1e-12)
    return np.where(varies, centred / np.where(varies, deviation, 1), 0.0)


def effect_sizes(features: NDArray[Any], groups: ArrayLike) -> NDArray[np.float64]:
    """Return epsilon squared of each column: the share of variance between the groups, 0 to 1.

    Source: Kelley (1935): eta squared, corrected for what a random grouping of as many groups explains, so
    that 24 speakers and 8 emotions can be compared; negative values are set to 0.
    """
    table = standardise(features)
    named, member = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.bincount(member)
    sums = np.zeros((len(named), table.shape[1]))
    np.add.at(sums, member, table)
    between = (sums**2 / counts[:, None]).sum(axis=0)
    total = (table**2).sum(axis=0)
    eta = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    spare = len(table) - len(named)
    if spare <= 0:  # each clip is a group of its own
        return np.zeros_like(eta)
    return np.asarray(np.clip(1 - (1 - eta) * (len(table) - 1) / spare, 0, 1) * (total > 0))


def correlations(features: NDArray[Any]) -> NDArray[np.float64]:
    """Return Pearson's correlation of each pair of columns, 0 with a constant one: (columns, columns)."""
    table = standardise(features)
    return np.asarray(np.clip(table.T @ table / len(table), -1, 1))


def redundant_pairs(
    features: NDArray[Any], columns: Sequence[str], threshold: float = REDUNDANT
) -> list[tuple[str, str, float]]:
    """Return redundant pairs of columns: |correlation| at least the threshold, the largest first."""
    matrix = correlations(features)
    first, second = np.nonzero(np.triu(np.abs(matrix) >= threshold, 1))
    pairs = [
        (columns[i], columns[j], float(matrix[i, j]))
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[2]))


def shared_neighbours(
    features: NDArray[Any], groups: ArrayLike, neighbours: int = NEIGHBOURS
) -> tuple[float, float]:
    """Return the share of nearest neighbours that are of the same group, and the share by chance.

    Distances are Euclidean between standardised columns.
    """
    from sklearn.neighbors import NearestNeighbors

    table, named = standardise(features), np.asarray(groups)
    near = NearestNeighbors(n_neighbors=min(neighbours, len(table) - 1)).fit(table)
    found = near.kneighbors(return_distance=False)
    _, counts = np.unique(named, return_counts=True)
    chance = float((counts * (counts - 1)).sum() / (len(named) * (len(named) - 1)))
    return float(np.mean(named[found] == named[:, None])), chance


def lay_out(features: NDArray[Any]) -> NDArray[np.float64]:
    """Return a place in the plane for each clip, near clips of similar features; deterministic.

    Returns
    -------
    float64 array of shape (clips, 2)
        t-SNE (van der Maaten & Hinton 2008) of the first principal components; these alone where there
        are too few clips for it. Large distances mean little.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    table = standardise(features)
    components = min(MAP_COMPONENTS, *table.shape)
    with warnings.catch_warnings():  # of clips that are all alike there are no components
        warnings.simplefilter("ignore", RuntimeWarning)
        reduced = np.nan_to_num(PCA(components, random_state=0).fit_transform(table))
    few = 12  # clips that t-SNE needs
    if len(table) < few or reduced.shape[1] < 2 or not reduced.any():
        return np.hstack([reduced, np.zeros((len(table), 2))])[:, :2]
    perplexity = min(30.0, (len(table) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    return np.asarray(places, np.float64)
