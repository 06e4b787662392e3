"""What getting used to a voice is worth: scores against the number of unlabelled clips it was heard in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.alignment import describe_speaker
from affekt.bundle import Bundle, load
from affekt.corpus import Corpus
from affekt.cross_validation import (
    Trained,
    check_channel,
    label_scored,
    of_channel,
    tested_clips,
    train_fold,
    trust_each_fold,
)
from affekt.dataset import Dataset, listen, listen_for
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError
from affekt.evaluation import Evaluation, TestedClip, summarise
from affekt.features import find_feature_set
from affekt.prediction import Model
from affekt.progress import progress_bar
from affekt.protocols import Fold, Indices, audio_groups, inner_groups, split
from affekt.recipe import Recipe
from affekt.scoring import (
    DEFAULT_PROTOCOL,
    UNSEEN_CORPUS,
    CorpusLike,
    read_corpus,
    ready_for_strangers,
    refuse_known_recordings,
    refuse_known_speakers,
)

ENROLMENTS = (0, 1, 2, 4, 8, 16, 32)
DRAWS = 5


def enrolment_curve(
    corpus: CorpusLike,
    recipe: str | Recipe | None = None,
    *,
    model: Model = None,
    protocol: str = DEFAULT_PROTOCOL,
    emotions: Collection[str] | None = None,
    channel: str | None = None,
    tested_channel: str | None = None,
    enrolled_emotion: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = False,
) -> dict[int, Evaluation]:
    """Score a recipe, or a finished model, on unseen voices that it could first get used to.

    Of each tested speaker some clips are drawn at random, whatever is felt in them; the model is adapted
    to the first 0, 1, 2, 4, ... of these without their labels, and scored on all others, the same at
    every point. This is done five times with other draws, which stand as seeds in the scores.

    Parameters
    ----------
    corpus, protocol, channel, tested_channel, jobs, progress
        As for ``evaluate``; clips of the tested channel alone are enrolled, too.
    recipe, model
        One of the two; with neither, the model that comes with affekt.
    emotions
        As for ``evaluate``; of a finished model, the emotions of the corpus are all that it may answer.
    enrolled_emotion
        Draw the clips to enrol from those of one emotion, as ``neutral``, and score all others.
    seed
        Of the recipe, and of the draws.

    Returns
    -------
    dict
        Number of enrolled clips -> scores. At least a third of each speaker's clips is left to score.

    Raises
    ------
    CorpusError
        A tested speaker has one clip alone, or is unknown.
    LeakError
        The tested speakers were trained on: nobody needs to get used to them.
    """
    if recipe is not None and model is not None:
        raise ValueError("give a recipe to cross-validate, or a model to score, not both")
    if recipe is None:
        heard = _by_a_model(model, corpus, channel, emotions, jobs=jobs, progress=progress)
    else:
        heard = _by_a_recipe(
            recipe, corpus, protocol, channel, emotions, seed=seed, jobs=jobs, progress=progress
        )
    dataset = heard.dataset
    check_channel(dataset, tested_channel)
    speakers = [
        _by_speaker(dataset, of_channel(dataset, fold.test, tested_channel)) for fold in heard.folds
    ]
    may_enrol = np.full(len(dataset.labels), True)
    if enrolled_emotion is not None:
        wanted = canonical_emotion(enrolled_emotion)
        may_enrol = np.array([clip.emotion == wanted for clip in dataset.corpus.clips])
    counts = _counts(dataset, speakers, may_enrol)
    tested: dict[int, list[TestedClip]] = {count: [] for count in counts}
    same_audio = np.array(audio_groups(dataset.corpus.clips, dataset.fingerprints))
    with progress_bar(f"{heard.name}, getting used to voices", len(speakers), shown=progress) as advance:
        for number, (fitted, own_clips) in enumerate(zip(heard.trained, speakers, strict=True)):
            for place, own in enumerate(own_clips):
                for draw in range(DRAWS):
                    rng = np.random.default_rng([seed, number, place, draw])
                    drawn = rng.permutation(own[may_enrol[own]])[: counts[-1]]
                    rest = np.setdiff1d(own, drawn) if may_enrol.all() else own[~may_enrol[own]]
                    scored = rest[~np.isin(same_audio[rest], same_audio[drawn])]
                    for count in counts:
                        probabilities = _answer(dataset, fitted, drawn[:count], scored)
                        tested[count] += tested_clips(dataset, scored, number, draw, probabilities)
            advance()
    label = label_scored(heard.terms, tested_channel)
    return {
        count: summarise(
            trust_each_fold(answers, dataset.emotions, fitted_on=tested[0]),
            corpus=dataset.corpus.name,
            recipe=heard.name,
            protocol=heard.terms.split()[0],
            protocol_label=f"{label}, used to {count} unlabelled clips of the speaker",
            leaky=False,
            speakers_overlap=False,
            emotions=dataset.emotions,
            excluded=dataset.excluded,
            listeners=dataset.corpus.listeners,
        )
        for count, answers in tested.items()
    }


@dataclass(frozen=True)
class _Heard:
    """A corpus that was listened to, its folds, and who answers in each, trained when it is asked for."""

    name: str
    terms: str
    dataset: Dataset
    folds: Sequence[Fold]
    trained: Iterator[Trained]


def _by_a_recipe(
    recipe: str | Recipe,
    corpus: CorpusLike,
    protocol: str,
    channel: str | None,
    emotions: Collection[str] | None,
    *,
    seed: int,
    jobs: int,
    progress: bool,
) -> _Heard:
    chosen, how, selected = ready_for_strangers(corpus, recipe, protocol, channel, emotions)
    _refuse_unknown_speakers(selected)
    dataset = listen_for(chosen, selected, jobs=jobs, progress=progress)
    folds = split(dataset.corpus, how, dataset.fingerprints, seed)
    groups = inner_groups(dataset.corpus.clips, how, dataset.fingerprints)
    trained = (train_fold(dataset, chosen, how, groups, seed, fold) for fold in folds)
    return _Heard(chosen.name, how.name, dataset, folds, trained)


def _by_a_model(
    model: Model,
    corpus: CorpusLike,
    channel: str | None,
    emotions: Collection[str] | None,
    *,
    jobs: int,
    progress: bool,
) -> _Heard:
    """One fold, of all clips, and nothing left to train."""
    bundle = model if isinstance(model, Bundle) else load(model)
    contract = bundle.contract
    selected = read_corpus(corpus, "", channel, emotions, contract.emotions)
    if unknown := set(selected.emotions) - set(contract.emotions):
        raise CorpusError(f"the model does not know {', '.join(sorted(unknown))}: name others")
    refuse_known_speakers(bundle, selected)
    _refuse_unknown_speakers(selected)
    dataset = listen(selected, find_feature_set(contract.features), jobs=jobs, progress=progress)
    refuse_known_recordings(bundle, dataset)
    everything = Fold(np.array([], np.intp), np.arange(len(dataset.labels)))
    terms = f"{UNSEEN_CORPUS} (answers: {', '.join(selected.emotions)})"
    trained = Trained(_Finished(bundle, dataset.emotions), contract.average_voice)
    return _Heard(contract.recipe, terms, dataset, [everything], iter([trained]))


def _refuse_unknown_speakers(corpus: Corpus) -> None:
    if not all(clip.speaker for clip in corpus.clips):
        raise CorpusError(f"{corpus.name} has clips of unknown speakers: nobody can be enrolled")


@dataclass(frozen=True)
class _Finished:
    """A bundle as an estimator that tells some emotions apart."""

    bundle: Bundle
    emotions: tuple[str, ...]

    @property
    def classes_(self) -> NDArray[np.intp]:
        return np.arange(len(self.emotions))

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        contract = self.bundle.contract
        rows = contract.trust.temper(np.concatenate([self.bundle.run(clip[None]) for clip in X]))
        wanted = rows[:, [contract.emotions.index(emotion) for emotion in self.emotions]]
        return np.asarray(wanted / wanted.sum(axis=1, keepdims=True))


def _counts(dataset: Dataset, speakers: list[list[Indices]], may_enrol: NDArray[np.bool_]) -> list[int]:
    """How many clips are enrolled at each point, so that enough are left of every speaker."""
    least = min((may_enrol[own].sum() for folds in speakers for own in folds), default=0)
    most = least * 2 // 3 if may_enrol.all() else least
    if most < 1:
        raise CorpusError(
            f"a speaker of {dataset.corpus.name} has one clip alone, or none that may be enrolled: "
            "there is nothing to score, or nothing to get used to"
        )
    return [count for count in ENROLMENTS if count <= most]


def _by_speaker(dataset: Dataset, test: Indices) -> list[Indices]:
    return [test[dataset.speakers[test] == name] for name in np.unique(dataset.speakers[test])]


def _answer(dataset: Dataset, fitted: Trained, enrolled: Indices, scored: Indices) -> NDArray[np.float64]:
    """Probabilities (scored clips, emotions) once it is used to the enrolled clips."""
    voice = describe_speaker(dataset.features[enrolled], fitted.average, dataset.relative)
    return fitted.answer(dataset, dataset.features[scored], voice)
