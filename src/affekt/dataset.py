"""A corpus that has been listened to: the features and the fingerprint of every clip."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from affekt.audio import fingerprint, load_audio
from affekt.corpus import Clip, Corpus
from affekt.errors import AffektError, CorpusError
from affekt.features import FeatureSet, extract
from affekt.parallel import map_in_order
from affekt.progress import track


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What is trained and tested on.

    Attributes
    ----------
    corpus
        The clips that could be read.
    features
        float32 array of shape (clips, columns).
    fingerprints
        Of each clip's audio.
    labels
        Each clip's position in ``emotions``.
    emotions
        In canonical order.
    excluded
        (path, reason) of each clip that could not be read.
    """

    corpus: Corpus
    features: NDArray[np.float32]
    fingerprints: tuple[str, ...]
    labels: NDArray[np.intp]
    emotions: tuple[str, ...]
    excluded: tuple[tuple[str, str], ...]

    @property
    def speakers(self) -> NDArray[np.str_]:
        """Each clip's speaker; a clip whose speaker is unknown counts as one of its own."""
        clips = self.corpus.clips
        return np.array([clip.speaker_id or f"unknown {i}" for i, clip in enumerate(clips)])


def listen(corpus: Corpus, feature_set: FeatureSet, *, progress: bool = False) -> Dataset:
    """Read and describe every clip of a corpus, on all cores.

    Raises
    ------
    CorpusError
        Not one clip could be read, or all are of one emotion.
    """

    def hear(clip: Clip) -> tuple[NDArray[np.float32], str] | AffektError:
        try:
            waveform = load_audio(clip.path, feature_set.sample_rate)
        except AffektError as error:
            return error
        return extract(waveform, feature_set.name), fingerprint(waveform)

    clips, rows, fingerprints, excluded = [], [], [], []
    heard = map_in_order(hear, corpus.clips)
    for clip, result in zip(
        corpus.clips,
        track(heard, f"listening to {corpus.name}", len(corpus.clips), shown=progress),
        strict=True,
    ):
        if isinstance(result, AffektError):
            excluded.append((str(clip.path), str(result)))
        else:
            clips.append(clip)
            rows.append(result[0])
            fingerprints.append(result[1])
    if not rows:
        raise CorpusError(f"not one clip of {corpus.name} could be read; the first: {excluded[0][1]}")
    corpus = replace(corpus, clips=tuple(clips))
    if len(corpus.emotions) < 2:
        raise CorpusError(f"{corpus.name} has clips of {corpus.emotions[0]!r} alone: nothing to tell apart")
    return Dataset(
        corpus=corpus,
        features=np.stack(rows),
        fingerprints=tuple(fingerprints),
        labels=np.array([corpus.emotions.index(clip.emotion) for clip in clips]),
        emotions=corpus.emotions,
        excluded=tuple(excluded),
    )


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
