"""What is in a corpus: how its clips sound, and how much of that is the emotion and how much the voice."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affekt.audio import fingerprint, load_audio
from affekt.corpus import Clip, Corpus
from affekt.corpus_check import CorpusCheck, compare_with_cards
from affekt.dataset import each_clip, load_whole
from affekt.errors import AffektError, CorpusError, UnknownNameError
from affekt.features import FEATURE_SETS, extract, find_feature_set
from affekt.progress import progress_bar
from affekt.recording import ClipFacts, describe_recording
from affekt.scoring import CorpusLike, read_corpus

DEFAULT_FEATURES = "spectral-120@1"
REDUNDANT = 0.95
NEIGHBOURS = 10
MAP_COMPONENTS = 30  # the map is drawn of as many principal components


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """What was found in a corpus.

    Attributes
    ----------
    check
        The corpus against its card; problems and identical clips.
    clips, facts
        Each clip that can be read, and how it was recorded.
    feature_set, columns, features
        Its features, float64 of shape (clips, columns).
    map
        A place in the plane for each clip, such that like lies by like: shape (clips, 2).
    """

    check: CorpusCheck
    clips: tuple[Clip, ...]
    facts: tuple[ClipFacts, ...]
    feature_set: str
    columns: tuple[str, ...]
    features: NDArray[np.float64]
    map: NDArray[np.float64]

    @property
    def corpus(self) -> Corpus:
        """What was explored."""
        return self.check.corpus

    def values(self, field: str) -> NDArray[np.str_]:
        """A field of each clip, as ``emotion`` or ``speaker_id``."""
        return np.array([str(getattr(clip, field)) for clip in self.clips])


def explore(
    corpus: CorpusLike, *, features: str = DEFAULT_FEATURES, jobs: int = 1, progress: bool = False
) -> Exploration:
    """Listen to every clip of a corpus, describe it, and lay all of them out on a map.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    features
        A feature set with one vector a clip.
    jobs, progress
        As for ``evaluate``.

    Raises
    ------
    CorpusError
        Fewer than two clips can be read.
    UnknownNameError
        There is no such feature set, or it describes frames.
    """
    feature_set = find_feature_set(features)
    if len(feature_set.shape) > 1:
        whole = [name for name, one in FEATURE_SETS.items() if len(one.shape) == 1]
        raise UnknownNameError("feature set with one vector a clip", features, whole)
    selected = read_corpus(corpus, "", None, "all")
    describe = partial(_describe, features=features)
    heard = list(each_clip(selected, describe, jobs=jobs, progress=progress))
    read = [(clip, found) for clip, found in heard if not isinstance(found, AffektError)]
    if len(read) < 2:
        raise CorpusError(f"of {selected.name}, {len(read)} clips can be read: there is nothing to explore")
    table = np.stack([found[1] for _, found in read]).astype(np.float64)
    with progress_bar("drawing the map", 1, shown=progress) as advance:
        places = lay_out(table)
        advance()
    return Exploration(
        check=compare_with_cards(
            selected,
            [(clip, found if isinstance(found, AffektError) else found[2]) for clip, found in heard],
        ),
        clips=tuple(clip for clip, _ in read),
        facts=tuple(found[0] for _, found in read),
        feature_set=features,
        columns=feature_set.columns,
        features=table,
        map=places,
    )


def _describe(clip: Clip, features: str) -> tuple[ClipFacts, NDArray[np.float32], str]:
    waveform = load_whole(clip)
    resampled = load_audio(waveform, find_feature_set(features).sample_rate)
    return describe_recording(waveform), extract(resampled, features), fingerprint(waveform)


def standardise(features: NDArray[Any]) -> NDArray[np.float64]:
    """Each column with mean 0 and deviation 1; constant ones 0. Shape (clips, columns)."""
    table = np.asarray(features, np.float64)
    centred = table - table.mean(axis=0)
    deviation = table.std(axis=0)
    varies = deviation > 1e-9 * np.maximum(np.abs(table).max(axis=0), 1e-12)
    return np.where(varies, centred / np.where(varies, deviation, 1), 0.0)


def effect_sizes(features: NDArray[Any], groups: ArrayLike) -> NDArray[np.float64]:
    """Epsilon squared of each column: the share of its variance that lies between the groups, 0 to 1.

    Source: Kelley (1935): eta squared, corrected for what any grouping of so many groups explains by
    accident, so that 24 speakers and 8 emotions can be compared; what falls below 0 is 0.
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
    if spare <= 0:  # each clip is a group of its own: nothing can be said
        return np.zeros_like(eta)
    return np.asarray(np.clip(1 - (1 - eta) * (len(table) - 1) / spare, 0, 1) * (total > 0))


def correlations(features: NDArray[Any]) -> NDArray[np.float64]:
    """Pearson's correlation of each pair of columns, 0 with a constant one: shape (columns, columns)."""
    table = standardise(features)
    return np.asarray(np.clip(table.T @ table / len(table), -1, 1))


def redundant_pairs(
    features: NDArray[Any], columns: Sequence[str], threshold: float = REDUNDANT
) -> list[tuple[str, str, float]]:
    """Pairs of columns that say the same: |correlation| at least the threshold, the closest first."""
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
    """Of each clip's nearest neighbours, the share that is of its own group; and what chance would give.

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
    """A place in the plane for each clip, near those that it is like; always the same places.

    Returns
    -------
    float64 array of shape (clips, 2)
        t-SNE (van der Maaten & Hinton 2008) of the first principal components; these alone where there
        are too few clips for it. Distances between far places mean little.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    table = standardise(features)
    components = min(MAP_COMPONENTS, *table.shape)
    with warnings.catch_warnings():  # of clips that are all alike there are no components
        warnings.simplefilter("ignore", RuntimeWarning)
        reduced = np.nan_to_num(PCA(components, random_state=0).fit_transform(table))
    few = 12
    if len(table) < few or reduced.shape[1] < 2 or not reduced.any():
        return np.hstack([reduced, np.zeros((len(table), 2))])[:, :2]
    perplexity = min(30.0, (len(table) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    return np.asarray(places, np.float64)
