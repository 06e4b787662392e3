"""``enrolment``: scores against the number of a speaker's clips that a model is adapted with."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from affekt.corpora.registry import CorpusLike
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError, UnknownNameError
from affekt.estimators.recipe import Recipe
from affekt.evaluation.checkpoints import Arrays
from affekt.evaluation.dataset import Dataset, Features, extract_for
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import Predictor
from affekt.evaluation.folds import predict_folds
from affekt.evaluation.parts import Part, split_parts
from affekt.evaluation.protocols import Indices, audio_groups
from affekt.evaluation.results import Evaluation
from affekt.evaluation.summary import summarise
from affekt.evaluation.terms import TermOptions, Terms, read_terms

ENROLMENTS = (0, 1, 2, 4, 8, 16, 32)
DRAWS = 5


def enrolment(
    corpus: CorpusLike,
    recipe: str | Recipe | None = None,
    *,
    enrolled_emotion: str | None = None,
    jobs: int = 1,
    progress: bool = False,
    checkpoints: str | os.PathLike[str] | None = None,
    **options: Unpack[TermOptions],
) -> dict[int, Evaluation]:
    """Evaluate on unseen speakers after adapting to some of their clips.

    Of each tested speaker some clips are drawn at random, whatever their emotion. The model is adapted to
    the first 0, 1, 2, 4, ... of these without their labels, and scored on the other clips, which are the
    same for every number. This is done for five draws, which stand as seeds in the results.

    Parameters
    ----------
    corpus, recipe, jobs, progress, checkpoints, **options
        As for ``evaluate``, and they ask the same question: with 0 clips a model predicts as it does there,
        on the clips that are not drawn. Only clips of ``tested_vocal_channel`` are drawn. A recipe is
        trained once.
    enrolled_emotion
        Draw clips of this emotion alone, such as ``neutral``, and score all others.

    Returns
    -------
    dict
        Number of enrolled clips -> evaluation. At least a third of each speaker's clips is left to score.

    Raises
    ------
    CorpusError
        A tested speaker has one clip alone, or is unknown.
    LeakError
        The tested speakers were trained on.
    """
    execution = Execution(jobs=jobs, progress=progress, checkpoints=checkpoints)
    terms = read_terms(corpus, recipe, **options)
    if len(terms.seeds) > 1:
        raise ValueError("seeds are the draws of enrolled clips: a recipe is trained once")
    terms.require_unseen_speakers()
    if not all(clip.speaker for clip in terms.tested_corpus.clips):
        raise CorpusError(
            f"enrolment needs the speaker of every clip: {terms.tested_corpus.name} has unknown speakers"
        )
    dataset = extract_for(terms, execution)
    experiment = _Enrolment.of(terms, dataset, enrolled_emotion)
    predictions = predict_folds(terms, dataset, experiment, execution)
    return {
        count: summarise(terms, dataset, predictions, name)
        for count, name in zip(experiment.counts, experiment.conditions, strict=True)
    }


@dataclass(frozen=True)
class _Enrolment:
    """The experiment: clips are drawn for each speaker, and the model is adapted to the first of them."""

    counts: Sequence[int]
    may_enrol: NDArray[np.bool_]
    may_score: NDArray[np.bool_]
    same_audio: NDArray[np.intp]
    settings: str
    needed: Collection[str] = ()

    @classmethod
    def of(cls, terms: Terms, dataset: Dataset, enrolled_emotion: str | None) -> _Enrolment:
        """Which clips may be drawn and scored, and how many can be drawn of every speaker."""
        clips = dataset.corpus.clips
        may_score = np.array([terms.is_scored(clip) for clip in clips])
        may_enrol = np.full(len(clips), True)
        if enrolled_emotion is not None:
            wanted = canonical_emotion(enrolled_emotion)
            if wanted not in dataset.corpus.emotions:
                raise UnknownNameError(f"emotion in {dataset.corpus.name}", wanted, dataset.corpus.emotions)
            may_enrol = np.array([clip.emotion == wanted for clip in clips])
        least = min(
            (
                int(may_enrol[own].sum())
                for part in split_parts(terms, dataset)
                if part.scored
                for own in _by_speaker(part, may_score)
            ),
            default=0,
        )
        most = least * 2 // 3 if may_enrol.all() else least
        if most < 1:
            raise CorpusError(
                f"a speaker of {dataset.corpus.name} has one clip alone, or no clip that may be enrolled"
            )
        return cls(
            counts=[count for count in ENROLMENTS if count <= most],
            may_enrol=may_enrol,
            may_score=may_score,
            same_audio=np.array(audio_groups(clips, dataset.fingerprints)),
            settings=f"{terms.tested_vocal_channel} {enrolled_emotion} {most} {DRAWS}",
        )

    @property
    def conditions(self) -> Sequence[str]:
        """One for each number of clips."""
        return [f"adapted to {count} unlabelled clips of the speaker" for count in self.counts]

    def predict(
        self, part: Part, predictor: Predictor, conditions: Sequence[str]
    ) -> Iterator[tuple[str, Arrays]]:
        """Predict, for each number of clips, every speaker in every draw."""
        features = part.dataset.features
        found = {name: [_nothing(predictor, features)] for name in conditions}
        for place, own in enumerate(_by_speaker(part, self.may_score)):
            distances = predictor.distances(features[own])
            for draw in range(DRAWS):
                rng = np.random.default_rng([part.seed, part.number, place, draw])
                drawn, scored = self._draw(own, rng)
                for count, name in zip(self.counts, self.conditions, strict=True):
                    if name in conditions:
                        speaker = predictor.enrol(features[drawn[:count]])
                        found[name].append(
                            {
                                "clips": scored,
                                "repeats": np.full(len(scored), draw),
                                "probabilities": predictor.predict_proba(features[scored], speaker),
                                "distances": distances[np.searchsorted(own, scored)],
                            }
                        )
        for name, arrays in found.items():
            yield name, {key: np.concatenate([one[key] for one in arrays]) for key in arrays[0]}

    def _draw(self, own: Indices, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Which clips of a speaker are enrolled, and which are scored."""
        drawn = rng.permutation(own[self.may_enrol[own]])[: self.counts[-1]]
        rest = np.setdiff1d(own, drawn) if self.may_enrol.all() else own[~self.may_enrol[own]]
        return drawn, rest[~np.isin(self.same_audio[rest], self.same_audio[drawn])]


def _nothing(predictor: Predictor, features: Features) -> Arrays:
    """The arrays of no clips, as of a fold none of whose clips is scored."""
    return {
        "clips": np.zeros(0, np.intp),
        "repeats": np.zeros(0, np.intp),
        "probabilities": predictor.predict_proba(features[:0]),
        "distances": predictor.distances(features[:0]),
    }


def _by_speaker(part: Part, may_score: NDArray[np.bool_]) -> list[Indices]:
    """The tested clips of each speaker."""
    test = np.sort(part.fold.test[may_score[part.fold.test]])
    speakers = part.dataset.speakers[test]
    return [test[speakers == name] for name in np.unique(speakers)]
