"""Data sets: the features, the label and the fingerprint of every clip of a corpus."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.degradations import degrade, find_training_degradation
from affekt.audio.loading import Waveform, fingerprint, load_audio
from affekt.audio.windows import cut_windows
from affekt.corpora.base import Clip, Corpus
from affekt.corpora.clips import each_clip, load_whole
from affekt.errors import AffektError, CorpusError, LeakError
from affekt.evaluation.execution import Execution
from affekt.evaluation.terms import Terms
from affekt.features.feature_sets import extract, find_feature_set, stack_features
from affekt.features.recording import ClipFacts, describe_recording
from affekt.model.bundle import Bundle

Features = NDArray[Any]
Augment = Callable[[NDArray[np.float32], int, np.random.Generator], NDArray[np.float32]]
"""(features, copies, rng) -> so many altered copies of them, one after another."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The clips of a corpus that could be read, and what was computed of each.

    Attributes
    ----------
    corpus
        The clips that could be read.
    features
        float32 array of shape (clips, columns) or (clips, frames, columns). An array of objects of shape
        (frames, columns) where the number of frames varies. An array of lists, of the features of each
        window, where long clips were cut into windows.
    columns
        The name of each feature.
    relative
        Positions of the columns that mean nothing for an unknown speaker.
    fingerprints
        Of each clip's audio.
    labels
        Each clip's position in ``emotions``.
    emotions
        In canonical order.
    excluded
        (path, reason) of each clip that could not be read.
    degraded
        Features of a degraded copy of each clip, where these were asked for.
    facts
        How each clip was recorded, where this was asked for.
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
    facts: tuple[ClipFacts, ...] = ()

    @property
    def speakers(self) -> NDArray[np.str_]:
        """Each clip's speaker; a clip of unknown speaker counts as a speaker of its own."""
        clips = self.corpus.clips
        return np.array([clip.speaker_id or f"unknown {i}" for i, clip in enumerate(clips)])

    @property
    def corpora(self) -> NDArray[np.str_]:
        """The name of each clip's corpus."""
        return np.array([clip.corpus for clip in self.corpus.clips])

    @property
    def sessions(self) -> NDArray[np.str_]:
        """Each clip's speaker and vocal channel."""
        channels = [clip.vocal_channel for clip in self.corpus.clips]
        return np.array([f"{one} {channel}" for one, channel in zip(self.speakers, channels, strict=True)])

    def select(self, *, emotions: Collection[str] = (), vocal_channel: str | None = None) -> Dataset:
        """Return the clips of these emotions and of this vocal channel."""
        corpus = self.corpus.select(emotions=emotions, vocal_channel=vocal_channel)
        kept = {id(clip) for clip in corpus.clips}
        return self.take([i for i, clip in enumerate(self.corpus.clips) if id(clip) in kept])

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Dataset:
        """Return the clips at these positions."""
        corpus = replace(self.corpus, clips=tuple(self.corpus.clips[i] for i in rows))
        return replace(
            self,
            corpus=corpus,
            features=self.features[rows],
            degraded=self.degraded[rows] if self.degraded is not None else None,
            fingerprints=tuple(self.fingerprints[i] for i in rows),
            labels=np.array([corpus.emotions.index(clip.emotion) for clip in corpus.clips]),
            emotions=corpus.emotions,
            facts=tuple(self.facts[i] for i in rows) if self.facts else (),
        )


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What is computed of each clip.

    Attributes
    ----------
    features
        The feature set ``name@version``.
    window_s
        Cut clips longer than twice this many seconds into windows, as ``predict`` does; None for never.
    degraded_copies
        The training degradation of which a copy's features are also computed, drawn by the fingerprint of
        the clip: the same clip has the same copy in every run. None for no copies.
    facts
        Also describe how the clip was recorded.
    """

    features: str
    window_s: float | None = None
    degraded_copies: str | None = None
    facts: bool = False

    @classmethod
    def of(cls, terms: Terms) -> Extraction:
        """What evaluating on these terms needs."""
        if terms.recipe:
            return cls(features=terms.features, degraded_copies=terms.recipe.degraded_copies)
        window_s = terms.bundle.contract.window_s if terms.bundle else None
        return cls(features=terms.features, window_s=window_s)

    def describe(self, waveform: Waveform) -> Any:
        """Features of a waveform of any rate: an array, or a list of arrays where ``window_s`` is set."""
        if self.window_s is None:
            return extract(waveform, self.features)
        resampled = load_audio(waveform, find_feature_set(self.features).sample_rate)
        return [extract(window, self.features) for window in cut_windows(resampled, self.window_s)]

    def stack(self, rows: Sequence[Any]) -> Features:
        """The features of several clips as one array."""
        if self.window_s is None:
            return stack_features(list(rows), find_feature_set(self.features))
        stacked = np.empty(len(rows), object)
        stacked[:] = rows
        return stacked


@dataclass(frozen=True)
class _Extracted:
    features: Any
    fingerprint: str
    degraded: Any = None
    facts: ClipFacts | None = None


def extract_dataset(
    corpus: Corpus, extraction: Extraction, execution: Execution, bundle: Bundle | None = None
) -> Dataset:
    """Read every clip of a corpus once and extract its features.

    Raises
    ------
    CorpusError
        No clip could be read.
    UnknownNameError
        There is no such feature set or training degradation.
    LeakError
        ``bundle`` was trained on one of these recordings, whatever its file is called.
    EncoderError
        The features need an encoder that is not on this machine.
    """
    feature_set = find_feature_set(extraction.features)
    feature_set.check()
    if extraction.degraded_copies:
        find_training_degradation(extraction.degraded_copies)
    clips, found = [], []
    excluded = [(str(path), f"{path}: it has no label") for path in corpus.misnamed]
    one_clip = partial(_extract_clip, extraction=extraction, bundle=bundle)
    for clip, result in each_clip(corpus, one_clip, jobs=execution.jobs, progress=execution.progress):
        if isinstance(result, LeakError):
            raise result
        if isinstance(result, AffektError):
            excluded.append((clip.name, str(result)))
        else:
            clips.append(clip)
            found.append(result)
    if not clips:
        raise CorpusError(f"no clip of {corpus.name} could be read; the first: {excluded[0][1]}")
    corpus = replace(corpus, clips=tuple(clips))
    return Dataset(
        corpus=corpus,
        features=extraction.stack([one.features for one in found]),
        degraded=extraction.stack([one.degraded for one in found]) if extraction.degraded_copies else None,
        columns=feature_set.columns,
        relative=feature_set.relative_columns,
        fingerprints=tuple(one.fingerprint for one in found),
        labels=np.array([corpus.emotions.index(clip.emotion) for clip in clips]),
        emotions=corpus.emotions,
        excluded=tuple(excluded),
        facts=tuple(one.facts for one in found if one.facts),
    )


def extract_for(terms: Terms, execution: Execution, *, facts: bool = False) -> Dataset:
    """Extract what evaluating on these terms needs.

    Raises
    ------
    CorpusError
        No clip could be read, or all that can be trained on are of one emotion.
    LeakError
        The finished model was trained on one of these recordings.
    """
    corpus = terms.clips
    excluded = [(clip.name, reason) for clip, reason in terms.excluded]
    if len(excluded) == len(terms.tested_corpus.clips):
        raise CorpusError(
            f"no clip of {terms.tested_corpus.name} can be scored; the first: {excluded[0][1]}"
        )
    extraction = replace(Extraction.of(terms), facts=facts)
    dataset = extract_dataset(corpus, extraction, execution, terms.bundle)
    dataset = replace(dataset, excluded=(*dataset.excluded, *excluded))
    return _only_trained_emotions(terms, dataset) if terms.recipe else dataset


def is_trained_on(terms: Terms, dataset: Dataset) -> NDArray[np.bool_]:
    """Return of each clip whether it is of the corpora that a recipe is trained on."""
    trained = {clip.name for clip in terms.corpus.clips}
    return np.array([clip.name in trained for clip in dataset.corpus.clips], bool)


def _only_trained_emotions(terms: Terms, dataset: Dataset) -> Dataset:
    """Exclude tested clips of an emotion none of whose training clips could be read."""
    clips, is_trained = dataset.corpus.clips, is_trained_on(terms, dataset)
    emotions = {clip.emotion for clip, trained in zip(clips, is_trained, strict=True) if trained}
    if len(emotions) < 2:
        raise CorpusError(
            f"{terms.corpus.name} has readable clips of {''.join(map(repr, emotions)) or 'no emotion'} "
            "alone: a recipe needs two emotions or more to be trained"
        )
    lost = [
        (clip.name, f"{clip.name}: no training clip of {clip.emotion!r} could be read")
        for clip in clips
        if clip.emotion not in emotions
    ]
    if not lost:
        return dataset
    kept = [i for i, clip in enumerate(clips) if clip.emotion in emotions]
    return replace(dataset.take(kept), excluded=(*dataset.excluded, *lost))


def _extract_clip(clip: Clip, extraction: Extraction, bundle: Bundle | None) -> _Extracted:
    recorded = load_whole(clip)
    sample_rate = find_feature_set(extraction.features).sample_rate
    waveform, own = load_audio(recorded, sample_rate), fingerprint(recorded, sample_rate)
    if bundle and bundle.contract.was_trained_on(own):
        raise LeakError(f"{bundle.name} was trained on this very recording: {clip.name}")
    copy = None
    if extraction.degraded_copies:
        rng = np.random.default_rng(zlib.crc32(own.encode()))
        shares = find_training_degradation(extraction.degraded_copies)
        copy = extraction.describe(degrade(waveform, rng, shares))
    return _Extracted(
        features=extraction.describe(waveform),
        fingerprint=own,
        degraded=copy,
        facts=describe_recording(recorded) if extraction.facts else None,
    )


def with_copies(dataset: Dataset, augment: Augment, copies: int, rng: np.random.Generator) -> Dataset:
    """Return the same clips, then ``copies`` augmented copies of each, marked as copies."""
    clips, prints = dataset.corpus.clips, dataset.fingerprints
    named = [
        replace(clip, path=Path(f"{clip.path}#copy{k}"), augmented_from=clip.name)
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
