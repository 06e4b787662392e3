"""How well a recipe hears unseen voices through noise, narrow lines, codecs and rooms."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affekt.audio import Waveform, load_audio
from affekt.corpus import Clip, Corpus
from affekt.cross_validation import (
    check_channel,
    label_scored,
    of_channel,
    tested_clips,
    train_fold,
    trust_each_fold,
)
from affekt.dataset import Dataset, each_clip, listen_for, load_whole
from affekt.degradations import DEGRADATIONS
from affekt.errors import AffektError, explain_import
from affekt.evaluation import Evaluation, TestedClip, summarise
from affekt.features import extract, find_feature_set, stack_features
from affekt.progress import progress_bar
from affekt.protocols import inner_groups, speakers_overlap, split
from affekt.recipe import Recipe
from affekt.scoring import DEFAULT_PROTOCOL, CorpusLike, each_seed, ready_for_strangers

AS_RECORDED = "as recorded"
NOISE_SEED = 0  # everyone hears the same noise


def robustness(
    corpus: CorpusLike,
    recipe: str | Recipe,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    emotions: Collection[str] | None = None,
    channel: str | None = None,
    tested_channel: str | None = None,
    seeds: int = 1,
    jobs: int = 1,
    progress: bool = False,
) -> dict[str, Evaluation]:
    """Train as the recipe does, and test on unseen voices whose clips were spoilt.

    A recipe with ``degraded_copies`` has learned from noise, rooms and narrow lines of the same kind: only
    babble, MP3 and cut-off peaks are new to it.

    Parameters
    ----------
    corpus, recipe, protocol, emotions, channel, tested_channel, seeds, jobs, progress
        As for ``evaluate``. All trainings hear the same noise.

    Returns
    -------
    dict
        What was done to the clips -> scores; ``as recorded`` first. A clip that cannot be heard any more is
        in ``excluded`` there.

    Raises
    ------
    LeakError
        The protocol tests speakers that were trained on.
    """
    all_seeds = each_seed(seeds)
    chosen, how, selected = ready_for_strangers(corpus, recipe, protocol, channel, emotions)
    feature_set = find_feature_set(chosen.features)
    dataset = listen_for(chosen, selected, jobs=jobs, progress=progress)
    check_channel(dataset, tested_channel)
    _check_libraries()
    groups = inner_groups(dataset.corpus.clips, how, dataset.fingerprints)
    all_folds = [
        (seed, number, fold)
        for seed in all_seeds
        for number, fold in enumerate(split(dataset.corpus, how, dataset.fingerprints, seed))
    ]
    trained = []
    with progress_bar(f"{chosen.name}, {how.name}", len(all_folds), shown=progress) as advance:
        for seed, _, fold in all_folds:
            trained.append(train_fold(dataset, chosen, how, groups, seed, fold))
            advance()
    tests = [of_channel(dataset, fold.test, tested_channel) for *_, fold in all_folds]
    tested_corpus = dataset.corpus.select(channel=tested_channel)
    overlap = speakers_overlap(dataset.corpus.clips, [fold for *_, fold in all_folds])
    pool = _one_clip_each(dataset)
    scores = {}
    as_recorded: list[TestedClip] = []
    for name in (AS_RECORDED, *DEGRADATIONS):
        heard, excluded = dict(enumerate(dataset.features)), list(dataset.excluded)
        if name != AS_RECORDED:
            hear = partial(_hear, condition=name, feature_set=chosen.features, pool=pool)
            heard, unheard = _hear_each(dataset, tested_corpus, hear, jobs=jobs, progress=progress)
            excluded += unheard
        tested: list[TestedClip] = []
        for (seed, number, _), one, test in zip(all_folds, trained, tests, strict=True):
            scored = np.array([i for i in test if i in heard], np.intp)
            features = stack_features([heard[i] for i in scored], feature_set)
            probabilities = one.answer(dataset, features)
            tested += tested_clips(dataset, scored, number, seed, probabilities)
        as_recorded = as_recorded or tested
        scores[name] = summarise(
            trust_each_fold(tested, dataset.emotions, fitted_on=as_recorded),
            corpus=dataset.corpus.name,
            recipe=chosen.name,
            protocol=how.name,
            protocol_label=f"{label_scored(how.label, tested_channel)}, {name}",
            leaky=False,
            speakers_overlap=overlap,
            emotions=dataset.emotions,
            excluded=tuple(excluded),
            listeners=dataset.corpus.listeners,
        )
    return scores


def _check_libraries() -> None:
    """What a degradation needs must be missed before hours of training, not after."""
    try:
        import av  # noqa: F401
    except ModuleNotFoundError as error:
        raise explain_import(error, "affekt.robustness") from error


def _one_clip_each(dataset: Dataset) -> dict[str, Waveform]:
    """A clip of each speaker, to babble with."""
    rng = np.random.default_rng(NOISE_SEED)
    own = {name: np.flatnonzero(dataset.speakers == name) for name in np.unique(dataset.speakers)}
    return {str(name): load_whole(dataset.corpus.clips[rng.choice(clips)]) for name, clips in own.items()}


def _hear_each(
    dataset: Dataset,
    corpus: Corpus,
    hear: Callable[[Clip], NDArray[np.float32]],
    *,
    jobs: int,
    progress: bool,
) -> tuple[dict[int, NDArray[np.float32]], list[tuple[str, str]]]:
    """Features by a clip's place in the data set, and (path, reason) of what cannot be heard any more."""
    place = {clip.path: i for i, clip in enumerate(dataset.corpus.clips)}
    heard, unheard = {}, []
    for clip, result in each_clip(corpus, hear, jobs=jobs, progress=progress):
        if isinstance(result, AffektError):
            unheard.append((str(clip.path), str(result)))
        else:
            heard[place[clip.path]] = result
    return heard, unheard


def _hear(clip: Clip, condition: str, feature_set: str, pool: dict[str, Waveform]) -> NDArray[np.float32]:
    recorded = load_whole(clip)
    others = [one for name, one in pool.items() if name != clip.speaker_id]
    rng = np.random.default_rng([NOISE_SEED, zlib.crc32(clip.path.name.encode())])
    spoilt = DEGRADATIONS[condition](recorded, others, rng)
    return extract(load_audio(spoilt, find_feature_set(feature_set).sample_rate), feature_set)
