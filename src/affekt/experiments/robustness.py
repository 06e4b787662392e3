"""``robustness``: scores on unseen speakers whose clips are degraded by noise, codecs or reverberation."""

from __future__ import annotations

import functools
import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from affekt.audio.degradations import DEGRADATIONS, Degradation
from affekt.audio.loading import Waveform
from affekt.corpora.base import Clip
from affekt.corpora.clips import load_whole
from affekt.corpora.registry import CorpusLike
from affekt.errors import AffektError, CorpusError, require
from affekt.estimators.recipe import Recipe
from affekt.evaluation.checkpoints import EXCLUDED, REASONS, Arrays
from affekt.evaluation.dataset import Dataset, Extraction, extract_for
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import Predictor
from affekt.evaluation.folds import predict_folds
from affekt.evaluation.parts import Part
from affekt.evaluation.results import AS_RECORDED, Evaluation
from affekt.evaluation.summary import summarise
from affekt.evaluation.terms import TermOptions, Terms, read_terms
from affekt.support.parallel import map_in_order
from affekt.support.progress import track

NOISE_SEED = 0  # the same clip is degraded alike in every run
MOST_BABBLERS = 256  # speakers that babble is drawn from


def robustness(
    corpus: CorpusLike,
    recipe: str | Recipe | None = None,
    *,
    jobs: int = 1,
    progress: bool = False,
    checkpoints: str | os.PathLike[str] | None = None,
    **options: Unpack[TermOptions],
) -> dict[str, Evaluation]:
    """Evaluate a recipe, or a finished model, on unseen speakers whose clips are degraded.

    A recipe is trained as usual. One with ``degraded_copies`` is also trained on randomly degraded copies.
    Those of ``noise-room-band@1`` have noise, reverberation and band-limited channels of the same
    kind: babble, codecs and clipping are new to the recipe. Those of ``everyday@2`` have every kind of
    degradation. Other speakers' voices in the babble, 0 dB of noise or babble, and FFmpeg's encoders are
    new to the recipe: copies have voices made of the clip itself, 5 dB or more, and libsndfile's encoders.

    Parameters
    ----------
    corpus, recipe, jobs, progress, checkpoints, **options
        As for ``evaluate``. The same clip is degraded alike for every recipe and seed.

    Returns
    -------
    dict
        Condition -> evaluation; ``as recorded`` first. A clip that cannot be used after it was degraded is
        in ``excluded`` there.

    Raises
    ------
    LeakError
        The protocol tests speakers that were trained on.
    CorpusError
        The corpus has one speaker alone, and babble needs others.
    """
    require("affekt.robustness", "av")  # for MP3
    execution = Execution(jobs=jobs, progress=progress, checkpoints=checkpoints)
    terms = read_terms(corpus, recipe, **options)
    terms.require_unseen_speakers()
    if len({clip.speaker_id or clip.name for clip in terms.clips.clips}) < 2:
        raise CorpusError(
            f"{terms.clips.name} has one speaker alone: babble is made of clips of other speakers"
        )
    dataset = extract_for(terms, execution)
    experiment = _Robustness(terms, dataset, execution)
    predictions = predict_folds(terms, dataset, experiment, execution)
    return {name: summarise(terms, dataset, predictions, name) for name in experiment.conditions}


@dataclass
class _Robustness:
    """The experiment: the tested clips, as recorded and after each degradation."""

    terms: Terms
    dataset: Dataset
    execution: Execution
    needed: Collection[str] = ()
    _rows: dict[str, dict[int, Any]] = field(default_factory=dict)
    _test: bytes = b""

    @property
    def conditions(self) -> Sequence[str]:
        """As recorded, then every degradation."""
        return [AS_RECORDED, *DEGRADATIONS]

    @property
    def settings(self) -> str:
        """What the predictions depend on, besides the terms."""
        return f"{self.terms.tested_vocal_channel} {NOISE_SEED}"

    def predict(
        self, part: Part, predictor: Predictor, conditions: Sequence[str]
    ) -> Iterator[tuple[str, Arrays]]:
        """Predict the tested clips in one condition after the other."""
        clips, extraction = self.dataset.corpus.clips, Extraction.of(self.terms)
        for name, rows in self._each_condition(part, conditions):
            kept = [i for i, row in rows.items() if not isinstance(row, AffektError)]
            lost = {i: row for i, row in rows.items() if isinstance(row, AffektError)}
            features = extraction.stack([rows[i] for i in kept]) if kept else self.dataset.features[:0]
            yield (
                name,
                {
                    "clips": np.array(kept, np.intp),
                    "repeats": np.full(len(kept), part.seed),
                    "probabilities": predictor.predict_proba(features),
                    "distances": predictor.distances(features),
                    EXCLUDED: np.array([clips[i].name for i in lost], np.str_),
                    REASONS: np.array([str(error) for error in lost.values()], np.str_),
                },
            )

    def _each_condition(
        self, part: Part, conditions: Sequence[str]
    ) -> Iterator[tuple[str, dict[int, Any]]]:
        """Each condition with the features of the tested clips by position, or the error of a clip.

        With several seeds, features are kept while the same clips are tested.
        """
        test = part.fold.test
        if self._test != test.tobytes():
            self._rows, self._test = {}, test.tobytes()
        tested = {name: self._tested(part, name) for name in conditions if name not in self._rows}
        computed = self._extract(tested)
        for name in conditions:
            rows = self._rows[name] if name in self._rows else {i: next(computed) for i in tested[name]}
            if len(self.terms.seeds) > 1:
                self._rows[name] = rows
            yield name, rows

    def _tested(self, part: Part, condition: str) -> list[int]:
        """Positions of the clips to predict: degraded ones only if they are scored."""
        clips = self.dataset.corpus.clips
        if condition == AS_RECORDED:  # calibration is fitted on all of these
            return [int(i) for i in part.fold.test]
        return [int(i) for i in part.fold.test if part.scored and self.terms.is_scored(clips[i])]

    @functools.cached_property
    def _others(self) -> list[tuple[Clip, Waveform]]:
        return _one_clip_each(self.dataset)

    def _extract(self, tested: Mapping[str, Sequence[int]]) -> Iterator[Any]:
        """Features, or an error, of every tested clip in every condition, condition after condition."""
        for i in tested.get(AS_RECORDED, ()):
            yield self.dataset.features[i]
        clips = self.dataset.corpus.clips
        degraded = {name: rows for name, rows in tested.items() if name != AS_RECORDED}
        items = [(name, clips[i]) for name, rows in degraded.items() for i in rows]
        if items:
            describe = functools.partial(
                _describe_degraded,
                extraction=Extraction.of(self.terms),
                degradations={name: DEGRADATIONS[name] for name in degraded},
                others=self._others,
            )
            computed = map_in_order(describe, items, self.execution.jobs)
            yield from track(computed, "degrading clips", len(items), shown=self.execution.progress)


def _one_clip_each(dataset: Dataset) -> list[tuple[Clip, Waveform]]:
    """A clip of each speaker, for babble; of some, where there are very many, as of unknown speakers."""
    rng = np.random.default_rng(NOISE_SEED)
    names = np.unique(dataset.speakers)
    if len(names) > MOST_BABBLERS:
        names = rng.choice(names, MOST_BABBLERS, replace=False)
    own = [rng.choice(np.flatnonzero(dataset.speakers == name)) for name in names]
    return [(clip, load_whole(clip)) for clip in (dataset.corpus.clips[i] for i in own)]


def _describe_degraded(
    item: tuple[str, Clip],
    extraction: Extraction,
    degradations: Mapping[str, Degradation],
    others: Sequence[tuple[Clip, Waveform]],
) -> Any:
    """Features of a degraded clip, or the error that it raised."""
    name, clip = item
    try:
        recorded = load_whole(clip)
        babble = [one for other, one in others if not _same_speaker(other, clip)]
        rng = np.random.default_rng([NOISE_SEED, zlib.crc32(Path(clip.name).name.encode())])
        return extraction.describe(degradations[name](recorded, babble, rng))
    except AffektError as error:
        return error


def _same_speaker(one: Clip, other: Clip) -> bool:
    """Whether two clips are of the same speaker, or are the same clip of an unknown speaker."""
    return one.path == other.path or (bool(one.speaker_id) and one.speaker_id == other.speaker_id)
