"""What getting used to a voice is worth: scores against the number of unlabelled clips it was heard in."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from affekt.alignment import VoiceStatistics, align, average_voice, describe_speaker
from affekt.cross_validation import answer, fit, tested_clips
from affekt.dataset import Dataset, listen
from affekt.errors import CorpusError, LeakError
from affekt.evaluation import Evaluation, TestedClip, summarise
from affekt.features import find_feature_set
from affekt.progress import progress_bar
from affekt.protocols import Indices, audio_groups, find_protocol, inner_groups, speakers_overlap, split
from affekt.recipe import Estimator, Recipe
from affekt.scoring import DEFAULT_PROTOCOL, CorpusLike, read_corpus, ready_recipe

ENROLMENTS = (0, 1, 2, 4, 8, 16, 32)
DRAWS = 5


def enrolment_curve(
    corpus: CorpusLike,
    recipe: str | Recipe,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    emotions: Collection[str] | None = None,
    channel: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = False,
) -> dict[int, Evaluation]:
    """Score a recipe on unseen voices that it could first get used to.

    Of each tested speaker some clips are drawn at random, whatever is felt in them; the model is adapted
    to the first 0, 1, 2, 4, ... of these without their labels, and scored on all others, the same at
    every point. This is done five times with other draws, which stand as seeds in the scores.

    Parameters
    ----------
    corpus, recipe, protocol, emotions, channel, jobs, progress
        As for ``evaluate``.
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
        The protocol tests speakers that were trained on, who need no getting used to.
    """
    chosen, how = ready_recipe(recipe), find_protocol(protocol)
    if how.keeps_apart != "speakers":
        raise LeakError(
            f"{how.name} tests voices that were trained on: no model needs to get used to these"
        )
    selected = read_corpus(corpus, protocol, channel, emotions, chosen.emotions)
    dataset = listen(selected, find_feature_set(chosen.features), jobs=jobs, progress=progress)
    clips = dataset.corpus.clips
    if not all(clip.speaker for clip in clips):
        raise CorpusError(f"{dataset.corpus.name} has clips of unknown speakers: nobody can be enrolled")
    folds = split(dataset.corpus, how, dataset.fingerprints, seed)
    least = min(np.unique(dataset.speakers[fold.test], return_counts=True)[1].min() for fold in folds)
    counts = [count for count in ENROLMENTS if count <= least * 2 // 3]
    if least < 2:
        raise CorpusError(f"a speaker of {dataset.corpus.name} has one clip: none is left to enrol")
    tested: dict[int, list[TestedClip]] = {count: [] for count in counts}
    same_audio = np.array(audio_groups(clips, dataset.fingerprints))
    groups = inner_groups(clips, how, dataset.fingerprints)
    with progress_bar(f"{chosen.name}, getting used to voices", len(folds), shown=progress) as advance:
        for number, fold in enumerate(folds):
            estimator = chosen.build(seed)
            fit(estimator, dataset, fold.train, validation=fold.validation, groups=groups)
            average = average_voice(dataset.features[fold.train], dataset.speakers[fold.train])
            for place, speaker in enumerate(np.unique(dataset.speakers[fold.test])):
                own = fold.test[dataset.speakers[fold.test] == speaker]
                for draw in range(DRAWS):
                    order = np.random.default_rng([seed, number, place, draw]).permutation(own)
                    heard, scored = np.split(order, counts[-1:])
                    scored = scored[~np.isin(same_audio[scored], same_audio[heard])]
                    for count in counts:
                        enrolled = heard[:count]
                        probabilities = _answer(dataset, estimator, average, enrolled, scored)
                        tested[count] += tested_clips(dataset, scored, number, draw, probabilities)
            advance()
    overlap = speakers_overlap(clips, folds)
    return {
        count: summarise(
            answers,
            corpus=dataset.corpus.name,
            recipe=chosen.name,
            protocol=how.name,
            protocol_label=f"{how.label}, used to {count} unlabelled clips of the speaker",
            leaky=False,
            speakers_overlap=overlap,
            emotions=dataset.emotions,
            excluded=dataset.excluded,
            listeners=dataset.corpus.listeners,
        )
        for count, answers in tested.items()
    }


def _answer(
    dataset: Dataset, estimator: Estimator, average: VoiceStatistics, enrolled: Indices, scored: Indices
) -> NDArray[np.float64]:
    """Probabilities (scored clips, emotions) once the estimator is used to the enrolled clips."""
    voice = describe_speaker(dataset.features[enrolled], average)
    features = dataset.features[scored].copy()
    for i, clip in enumerate(features):
        features[i] = align(clip, voice, average)
    return answer(estimator, features, len(dataset.emotions))
