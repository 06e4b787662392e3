"""``enrolment``: scores against the number of a speaker's clips that a model is adapted with."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
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
from affekt.experiments.scoring import predict_enrolled
from affekt.notes import Note, NoteKind

ENROLMENTS = (0, 1, 2, 4, 8, 16, 32)
DRAWS = 5
ENOUGH_SPEAKERS = 0.8  # of the speakers have enough clips for the largest number


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

    Predictions for enrolled speakers are calibrated as those of a model that ``train`` makes: with a
    calibration of their own, fitted on the other folds, if the recipe has a classifier for these speakers.

    The largest number is one that four in five speakers have enough clips for, with a third of these left
    to score. Speakers with fewer are left out at every number, so that the scores can be compared: the
    result has a note that counts them, and their clips are in ``excluded``.

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
        Number of enrolled clips -> evaluation.

    Raises
    ------
    CorpusError
        No tested speaker has clips to enrol and others to score, or one is unknown.
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
        count: experiment.explain(summarise(terms, dataset, predictions, name, enrolled=count > 0), dataset)
        for count, name in zip(experiment.counts, experiment.conditions, strict=True)
    }


@dataclass(frozen=True)
class _Speaker:
    """A tested speaker: name, positions of their clips, and how many of these can be enrolled."""

    name: str
    clips: Indices
    room: int


@dataclass(frozen=True)
class _Enrolment:
    """The experiment: clips are drawn for each speaker, and the model is adapted to the first of them.

    With ``calibrate``, the first condition also has the predictions that ``evaluate`` fits the calibration
    for enrolled speakers on.
    """

    counts: Sequence[int]
    may_enrol: NDArray[np.bool_]
    may_score: NDArray[np.bool_]
    same_audio: NDArray[np.intp]
    settings: str
    speakers: Sequence[_Speaker]
    calibrate: bool
    needed: Collection[str] = ()

    @classmethod
    def of(cls, terms: Terms, dataset: Dataset, enrolled_emotion: str | None) -> _Enrolment:
        """Which clips may be drawn and scored, of which speakers, and how many are drawn."""
        clips = dataset.corpus.clips
        may_score = np.array([terms.is_scored(clip) for clip in clips])
        may_enrol = np.full(len(clips), True)
        if enrolled_emotion is not None:
            wanted = canonical_emotion(enrolled_emotion)
            if wanted not in dataset.corpus.emotions:
                raise UnknownNameError(f"emotion in {dataset.corpus.name}", wanted, dataset.corpus.emotions)
            may_enrol = np.array([clip.emotion == wanted for clip in clips])
        speakers = _speakers(terms, dataset, may_score, may_enrol)
        if not any(one.room for one in speakers):
            raise CorpusError(
                f"no speaker of {terms.tested_corpus.name} has a clip that may be enrolled, and another "
                "to score"
            )
        most = _most([one.room for one in speakers])
        for one in speakers:
            if one.room < most:
                may_score[one.clips] = False
        return cls(
            counts=ENROLMENTS[: ENROLMENTS.index(most) + 1],
            may_enrol=may_enrol,
            may_score=may_score,
            same_audio=np.array(audio_groups(clips, dataset.fingerprints)),
            settings=f"{terms.tested_vocal_channel} {enrolled_emotion} {most} {DRAWS}",
            speakers=speakers,
            calibrate=terms.predicts_enrolled,
        )

    @property
    def conditions(self) -> Sequence[str]:
        """One for each number of clips."""
        return [f"adapted to {count} unlabelled clips of the speaker" for count in self.counts]

    def explain(self, evaluation: Evaluation, dataset: Dataset) -> Evaluation:
        """Say in an evaluation which speakers are left out, and why no more clips are enrolled."""
        most, clips = self.counts[-1], dataset.corpus.clips
        small = [one for one in self.speakers if one.room < most]
        why = f"too few clips to enrol {most} and score others"
        notes, excluded = [*evaluation.notes], [*evaluation.excluded]
        if small:
            lost = [clips[i] for one in small for i in one.clips]
            notes.append(_left_out(small, len(self.speakers), len(lost), why))
            excluded += [(clip.name, f"{clip.name}: its speaker has {why}") for clip in lost]
        if most < ENROLMENTS[-1]:
            more = ENROLMENTS[ENROLMENTS.index(most) + 1]
            few = sum(one.room < more for one in self.speakers)
            text = f"{few} of {len(self.speakers)} speakers have too few clips to enrol {more}"
            notes.append(Note(NoteKind.FEW_CLIPS, f"no more than {most} clips are enrolled: {text}"))
        return replace(evaluation, notes=tuple(notes), excluded=tuple(excluded))

    def predict(
        self, part: Part, predictor: Predictor, conditions: Sequence[str]
    ) -> Iterator[tuple[str, Arrays]]:
        """Predict, for each number of clips, every speaker in every draw.

        Of a part that is not scored, calibration alone uses predictions: those without clips.
        """
        features = part.dataset.features
        found = {name: [_nothing(predictor, features)] for name in conditions}
        for place, own in enumerate(_by_speaker(part, self.may_score)):
            distances = predictor.distances(features[own])
            for draw in range(DRAWS):
                rng = np.random.default_rng([part.seed, part.number, place, draw])
                drawn, scored = self._draw(own, rng)
                for count, name in zip(self.counts, self.conditions, strict=True):
                    if name in conditions and (part.scored or not count):
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
            joined = {key: np.concatenate([one[key] for one in arrays]) for key in arrays[0]}
            if self.calibrate and name == self.conditions[0]:
                joined |= predict_enrolled(part, predictor, range(DRAWS))
            yield name, joined

    def _draw(self, own: Indices, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Which clips of a speaker are enrolled, and which are scored."""
        drawn = rng.permutation(own[self.may_enrol[own]])[: self.counts[-1]]
        rest = np.setdiff1d(own, drawn) if self.may_enrol.all() else own[~self.may_enrol[own]]
        return drawn, rest[~np.isin(self.same_audio[rest], self.same_audio[drawn])]


def _left_out(small: Sequence[_Speaker], speakers: int, clips: int, why: str) -> Note:
    names = ", ".join(one.name for one in small)
    return Note(
        NoteKind.SPEAKERS_LEFT_OUT,
        f"{len(small)} of {speakers} speakers ({clips} clips) are left out, with {why}: {names}",
    )


def _speakers(
    terms: Terms, dataset: Dataset, may_score: NDArray[np.bool_], may_enrol: NDArray[np.bool_]
) -> list[_Speaker]:
    """The tested speakers; one who is tested in several folds has the room of the smallest."""
    found: dict[str, _Speaker] = {}
    for part in split_parts(terms, dataset):
        for own in _by_speaker(part, may_score) if part.scored else ():
            name = str(dataset.speakers[own[0]])
            room, known = _room(own, may_enrol), found.get(name)
            if known:
                room, own = min(room, known.room), np.concatenate([known.clips, own])  # noqa: PLW2901
            found[name] = _Speaker(name, own, room)
    return [found[name] for name in sorted(found)]


def _room(own: Indices, may_enrol: NDArray[np.bool_]) -> int:
    """How many clips of a speaker can be enrolled, so that others are left to score."""
    enrollable = int(may_enrol[own].sum())
    if may_enrol.all():
        return enrollable * 2 // 3
    return enrollable if enrollable < len(own) else 0


def _most(rooms: Sequence[int]) -> int:
    """The largest number that most speakers have room for, of those that can be enrolled at all."""
    able = np.array([room for room in rooms if room])
    return max(n for n in ENROLMENTS if n <= 1 or (able >= n).mean() >= ENOUGH_SPEAKERS)


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
