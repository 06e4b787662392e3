"""A corpus that has been listened to: the features and the fingerprint of every clip."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from affekt.audio import Waveform, fingerprint, load_audio
from affekt.corpus import Clip, Corpus
from affekt.degradations import spoil
from affekt.errors import AffektError, AudioContentError, CorpusError
from affekt.features import FeatureSet, extract, find_feature_set, stack_features
from affekt.parallel import map_in_order
from affekt.progress import track
from affekt.recipe import Recipe

Result = TypeVar("Result")
Features = NDArray[Any]
Augment = Callable[[NDArray[np.float32], int, np.random.Generator], NDArray[np.float32]]
"""(features, copies, rng) -> so many altered copies of them, one after another."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What is trained and tested on.

    Attributes
    ----------
    corpus
        The clips that could be read.
    features
        float32 array of shape (clips, columns) or (clips, frames, columns); where clips have as many
        frames as they are long, an array of objects, each of shape (frames, columns).
    fingerprints
        Of each clip's audio.
    labels
        Each clip's position in ``emotions``.
    columns
        The name of each feature.
    relative
        Positions of those that say nothing about a voice that nobody knows.
    emotions
        In canonical order.
    excluded
        (path, reason) of each clip that could not be read.
    degraded
        Features of a spoilt copy of each clip, where these were asked for.
    """

    corpus: Corpus
    features: Features
    columns: tuple[str, ...]
    relative: Sequence[int]
    fingerprints: tuple[str, ...]
    labels: NDArray[np.intp]
    emotions: tuple[str, ...]
    excluded: tuple[tuple[str, str], ...]
    degraded: Features | None = None

    @property
    def speakers(self) -> NDArray[np.str_]:
        """Each clip's speaker; a clip whose speaker is unknown counts as one of its own."""
        clips = self.corpus.clips
        return np.array([clip.speaker_id or f"unknown {i}" for i, clip in enumerate(clips)])

    @property
    def sessions(self) -> NDArray[np.str_]:
        """Each clip's speaker and channel."""
        channels = [clip.channel for clip in self.corpus.clips]
        return np.array([f"{one} {channel}" for one, channel in zip(self.speakers, channels, strict=True)])

    def select(self, *, emotions: Collection[str] = (), channel: str | None = None) -> Dataset:
        """Only the clips of these emotions and of this channel."""
        corpus = self.corpus.select(emotions=emotions, channel=channel)
        kept = {id(clip) for clip in corpus.clips}
        rows = [i for i, clip in enumerate(self.corpus.clips) if id(clip) in kept]
        return replace(
            self,
            corpus=corpus,
            features=self.features[rows],
            degraded=self.degraded[rows] if self.degraded is not None else None,
            fingerprints=tuple(self.fingerprints[i] for i in rows),
            labels=np.array([corpus.emotions.index(clip.emotion) for clip in corpus.clips]),
            emotions=corpus.emotions,
        )


def listen(
    corpus: Corpus,
    feature_set: FeatureSet,
    *,
    degraded_copies: bool = False,
    jobs: int = 1,
    progress: bool = False,
) -> Dataset:
    """Read and describe every clip of a corpus, and a spoilt copy of each if wanted, in ``jobs`` processes.

    Raises
    ------
    CorpusError
        Not one clip could be read, or all are of one emotion.
    """
    clips, heard_clips = [], []
    excluded = [(str(path), f"{path}: its name tells no emotion") for path in corpus.misnamed]
    hear = partial(_hear, name=feature_set.name, degraded_copy=degraded_copies)
    for clip, heard in each_clip(corpus, hear, jobs=jobs, progress=progress):
        if isinstance(heard, AffektError):
            excluded.append((str(clip.path), str(heard)))
        else:
            clips.append(clip)
            heard_clips.append(heard)
    if not clips:
        raise CorpusError(f"not one clip of {corpus.name} could be read; the first: {excluded[0][1]}")
    corpus = replace(corpus, clips=tuple(clips))
    if len(corpus.emotions) < 2:
        raise CorpusError(f"{corpus.name} has clips of {corpus.emotions[0]!r} alone: nothing to tell apart")
    rows, fingerprints, degraded = map(list, zip(*heard_clips, strict=True))
    return Dataset(
        corpus=corpus,
        features=stack_features(rows, feature_set),
        degraded=stack_features(degraded, feature_set) if degraded_copies else None,
        columns=feature_set.columns,
        relative=feature_set.relative_columns,
        fingerprints=tuple(fingerprints),
        labels=np.array([corpus.emotions.index(clip.emotion) for clip in clips]),
        emotions=corpus.emotions,
        excluded=tuple(excluded),
    )


def listen_for(recipe: Recipe, corpus: Corpus, *, jobs: int = 1, progress: bool = False) -> Dataset:
    """``listen`` for what this recipe learns from."""
    return listen(
        corpus,
        find_feature_set(recipe.features),
        degraded_copies=recipe.degraded_copies,
        jobs=jobs,
        progress=progress,
    )


def with_copies(dataset: Dataset, augment: Augment, copies: int, rng: np.random.Generator) -> Dataset:
    """The same clips, then ``copies`` altered copies of each, which say what they are copies of."""
    clips, prints = dataset.corpus.clips, dataset.fingerprints
    named = [
        replace(clip, path=Path(f"{clip.path}#copy{k}"), augmented_from=str(clip.path))
        for k in range(copies)
        for clip in clips
    ]
    return replace(
        dataset,
        corpus=replace(dataset.corpus, clips=(*clips, *named)),
        features=np.concatenate([dataset.features, augment(dataset.features, copies, rng)]),
        degraded=None,
        fingerprints=(*prints, *(f"{one}#copy{k}" for k in range(copies) for one in prints)),
        labels=np.tile(dataset.labels, copies + 1),
    )


def _hear(
    clip: Clip, name: str, degraded_copy: bool
) -> tuple[NDArray[np.float32], str, NDArray[np.float32] | None]:
    """Features, fingerprint, and features of a copy that is spoilt alike whenever this audio is heard."""
    waveform = load_whole(clip, find_feature_set(name).sample_rate)
    features, own = extract(waveform, name), fingerprint(waveform)
    if not degraded_copy:
        return features, own, None
    copy = spoil(waveform, np.random.default_rng(zlib.crc32(own.encode())))
    return features, own, extract(copy, name)


def load_whole(clip: Clip, sample_rate: int | None = None) -> Waveform:
    """A clip's audio; one that lost its end is no fair example of anything, and raises."""
    waveform = load_audio(clip.path, sample_rate)
    if waveform.cut_off:
        raise AudioContentError(f"{clip.path}: {'; '.join(waveform.notes)}")
    return waveform


def each_clip(
    corpus: Corpus, function: Callable[[Clip], Result], *, jobs: int = 1, progress: bool = False
) -> Iterator[tuple[Clip, Result | AffektError]]:
    """Every clip with what the function makes of it, or with the error that it raised."""
    results = map_in_order(partial(_attempt, function=function), corpus.clips, jobs)
    title, count = f"listening to {corpus.name}", len(corpus.clips)
    yield from zip(corpus.clips, track(results, title, count, shown=progress), strict=True)


def _attempt(clip: Clip, function: Callable[[Clip], Result]) -> Result | AffektError:
    try:
        return function(clip)
    except AffektError as error:
        return error


def shared_emotions(corpus: Corpus) -> Collection[str]:
    """The emotions that every corpus in a joined one has."""
    names = {clip.corpus for clip in corpus.clips}
    of = [{clip.emotion for clip in corpus.clips if clip.corpus == name} for name in names]
    shared = set.intersection(*of)
    if len(shared) < 2:
        raise CorpusError(
            f"{corpus.name} share too few emotions to test one on another: {shared or 'none'}"
        )
    return shared
