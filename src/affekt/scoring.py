"""How good a recipe or a model is on a corpus: the door to evaluation."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from affekt import corpora
from affekt.audio import fingerprint
from affekt.bundle import Bundle, load
from affekt.checkpoints import Checkpoints
from affekt.corpus import Clip, Corpus, join
from affekt.cross_validation import cross_validate
from affekt.dataset import Dataset, each_clip, listen_for, load_whole, shared_emotions
from affekt.emotions import canonical_emotion, sort_emotions
from affekt.errors import AffektError, CorpusError, LeakError, explain_import
from affekt.evaluation import Evaluation, TestedClip, summarise
from affekt.prediction import Model, Prediction, predict
from affekt.protocols import Protocol, find_protocol
from affekt.recipe import Recipe
from affekt.recipes import find_recipe

DEFAULT_PROTOCOL = "by-actor-5"
UNSEEN_CORPUS = "unseen-corpus"  # of a finished model
LEAKY_PROTOCOL = "random-80-20"  # what most publish

CorpusLike = str | os.PathLike[str] | Corpus | Sequence[str | os.PathLike[str]]
"""A path, a loaded corpus, or several paths to be joined."""


def evaluate(
    corpus: CorpusLike,
    *,
    recipe: str | Recipe | None = None,
    model: Model = None,
    protocol: str | None = None,
    channel: str | None = None,
    tested_channel: str | None = None,
    emotions: Collection[str] | None = None,
    seeds: int = 1,
    checkpoints: str | os.PathLike[str] | None = None,
    for_report: bool = False,
    jobs: int = 1,
    progress: bool = False,
) -> Evaluation:
    """Score a recipe by cross-validation, or a finished model on a corpus that it never heard.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    recipe, model
        One of the two; with neither, the model that comes with affekt.
    protocol
        How a recipe is split, ``by-actor-5`` by default; a finished model is scored on all clips.
    channel, emotions
        Use only these clips, and of a finished model's answers only these emotions. Without
        ``emotions``, a recipe is scored on those that it is made for; ``"all"`` for all there are.
    tested_channel
        Of a recipe, learn from all clips and score those of this channel alone.
    seeds
        How many times a recipe is trained, with seeds 0, 1, ...
    checkpoints
        A folder that keeps each finished fold of a recipe: a call that was stopped goes on from there.
    for_report
        Of a recipe, also find out what a report shows: what shuffling a feature costs, and, in
        ``counterpart``, the score under a protocol of the other kind, leaky or honest, where these clips
        can be split so.
    jobs
        Processes that listen to the clips. One by default, so that a script needs no
        ``if __name__ == "__main__"``; the command line takes all cores.
    progress
        Show bars on a terminal.

    Raises
    ------
    LeakError
        The model was trained on speakers of this corpus, or the split leaks.
    CorpusError, UnknownNameError
        The corpus cannot be read, or a name is wrong.
    """
    if recipe is not None and model is not None:
        raise ValueError("give a recipe to cross-validate, or a model to score, not both")
    if recipe is None and (seeds != 1 or protocol or tested_channel or checkpoints is not None):
        raise ValueError(
            "protocol, tested_channel, seeds and checkpoints are for a recipe: a finished model is scored "
            "once, on all clips"
        )
    all_seeds = each_seed(seeds)
    protocol = protocol or DEFAULT_PROTOCOL
    if recipe is None:
        selected = read_corpus(corpus, "", channel, emotions)
        bundle = model if isinstance(model, Bundle) else load(model)
        wanted = [] if emotions == "all" else [canonical_emotion(word) for word in emotions or ()]
        return evaluate_bundle(bundle, selected, wanted, jobs=jobs, progress=progress)
    chosen = ready_recipe(recipe)
    find_protocol(protocol)
    if checkpoints is not None:
        Checkpoints(checkpoints)
    selected = read_corpus(corpus, protocol, channel, emotions, chosen.emotions)
    dataset = listen_for(chosen, selected, jobs=jobs, progress=progress)
    score = partial(
        cross_validate,
        dataset,
        chosen,
        seeds=all_seeds,
        tested_channel=tested_channel,
        checkpoints=checkpoints,
        progress=progress,
    )
    evaluation = score(protocol, inspect=for_report)
    if not for_report:
        return evaluation
    try:
        counterpart = score(LEAKY_PROTOCOL if not evaluation.leaky else DEFAULT_PROTOCOL)
    except (CorpusError, LeakError):  # as where nobody knows who speaks: the report goes without it
        counterpart = None
    return replace(evaluation, counterpart=counterpart)


def read_corpus(
    corpus: CorpusLike,
    protocol: str,
    channel: str | None,
    emotions: Collection[str] | None,
    default_emotions: Collection[str] = (),
) -> Corpus:
    """The clips to work with: loaded, joined, and only those asked for.

    Without ``emotions``, those of the default that there are; with ``"all"``, all that there are.
    """
    if emotions == "all":
        emotions, default_emotions = None, ()
    if isinstance(emotions, str):
        raise TypeError(f"emotions are a list, as [{emotions!r}]")
    if not isinstance(corpus, Corpus):
        paths = [corpus] if isinstance(corpus, str | os.PathLike) else list(corpus)
        loaded = [corpora.load(path) for path in paths]
        corpus = loaded[0] if len(loaded) == 1 else join(loaded)
    if protocol == "cross-corpus":
        corpus = corpus.select(emotions=shared_emotions(corpus))
    wanted = [canonical_emotion(word) for word in emotions or ()]
    if default_emotions and not wanted:
        wanted = [emotion for emotion in default_emotions if emotion in corpus.emotions]
        if len(wanted) < 2:
            raise CorpusError(
                f"the recipe is made for {', '.join(default_emotions)}, and of these {corpus.name} has "
                f"{', '.join(wanted) or 'none'}: ask for others with --emotions A,B, or for all"
            )
    return corpus.select(emotions=wanted, channel=channel)


def ready_recipe(recipe: str | Recipe) -> Recipe:
    """The recipe of that name; an error where a library that it needs is not installed."""
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    try:
        chosen.build(0)
    except ModuleNotFoundError as error:
        raise explain_import(error, f"the recipe {chosen.name}") from error
    return chosen


def each_seed(seeds: int) -> range:
    """0, 1, ..., so many; ``ValueError`` where there is none."""
    if seeds < 1:
        raise ValueError(f"a recipe is trained once or more, not {seeds} times")
    return range(seeds)


def ready_for_strangers(
    corpus: CorpusLike,
    recipe: str | Recipe,
    protocol: str,
    channel: str | None,
    emotions: Collection[str] | None,
) -> tuple[Recipe, Protocol, Corpus]:
    """What to train, how to split, and the clips; ``LeakError`` where the split tests known voices."""
    chosen, how = ready_recipe(recipe), find_protocol(protocol)
    if how.keeps_apart != "speakers":
        raise LeakError(f"{how.name} tests voices that were trained on: ask for {DEFAULT_PROTOCOL}")
    return chosen, how, read_corpus(corpus, protocol, channel, emotions, chosen.emotions)


def evaluate_bundle(
    bundle: Bundle,
    corpus: Corpus,
    emotions: Collection[str] | None = None,
    *,
    jobs: int = 1,
    progress: bool = False,
) -> Evaluation:
    """Score a finished model by asking it as a user would, through ``predict``.

    Where ``emotions`` are given, the most probable of these counts as its answer. Clips of an
    emotion that the model does not know are excluded, and said to be.
    """
    refuse_known_speakers(bundle, corpus)
    contract = bundle.contract
    answers = sort_emotions(set(emotions or contract.emotions) & set(contract.emotions))
    if len(answers) < 2:
        raise CorpusError(f"with {answers} as the only answer, any model is right: give two emotions")

    tested: list[TestedClip] = []
    excluded: list[tuple[str, str]] = []
    ask = partial(_ask, bundle=bundle, answers=answers)
    for clip, heard in each_clip(corpus, ask, jobs=jobs, progress=progress):
        if isinstance(heard, LeakError):
            raise heard
        if isinstance(heard, AffektError):
            excluded.append((str(clip.path), str(heard)))
            continue
        row = np.array([heard.probabilities[emotion] for emotion in answers])
        tested.append(
            TestedClip(
                clip=clip,
                seed=contract.seed,
                fold=0,
                answer=answers[row.argmax()],
                probabilities=tuple((row / max(row.sum(), np.finfo(float).tiny)).tolist()),
                likely=heard.likely if answers == contract.emotions else (),
            )
        )
    if not tested:
        raise CorpusError(f"not one clip of {corpus.name} can be scored; the first: {excluded[0][1]}")
    unknown = any(not one.clip.speaker for one in tested)
    promise = (
        "nobody knows whether it was trained on these speakers"
        if unknown
        else "it was trained on none of these speakers"
    )
    return summarise(
        tested,
        corpus=corpus.name,
        recipe=contract.recipe,
        protocol=UNSEEN_CORPUS,
        protocol_label=f"{UNSEEN_CORPUS} ({promise})",
        leaky=False,
        speakers_overlap=None if unknown else False,
        emotions=answers,
        excluded=tuple(excluded),
        listeners=corpus.listeners,
    )


def _ask(clip: Clip, bundle: Bundle, answers: tuple[str, ...]) -> Prediction:
    if clip.emotion not in answers:
        raise CorpusError(f"{clip.path}: the model does not know {clip.emotion!r}")
    waveform = load_whole(clip, bundle.contract.sample_rate)
    if bundle.contract.has_heard(fingerprint(waveform)):
        raise LeakError(f"{bundle.name} was trained on this very recording: {clip.path}")
    return predict(waveform, bundle)


def refuse_known_recordings(bundle: Bundle, dataset: Dataset) -> None:
    """``LeakError`` where the model was trained on one of these very recordings, whatever it is called."""
    for clip, print_of_clip in zip(dataset.corpus.clips, dataset.fingerprints, strict=True):
        if bundle.contract.has_heard(print_of_clip):
            raise LeakError(f"{bundle.name} was trained on this very recording: {clip.path}")


def refuse_known_speakers(bundle: Bundle, corpus: Corpus) -> None:
    """``LeakError`` where the model was, or may have been, trained on speakers of this corpus."""
    known = sorted(
        {
            clip.speaker_id or f"{clip.corpus} (unknown speaker)"
            for clip in corpus.clips
            if bundle.contract.knows_speaker(clip.corpus, clip.speaker)
        }
    )
    if known:
        raise LeakError(
            f"{bundle.name} was trained on {len(known)} of these speakers ({', '.join(known[:4])}"
            f"{', ...' if len(known) > 4 else ''}): a score on them would mean nothing. Score its recipe "
            f"by cross-validation instead: --recipe {bundle.contract.recipe}"
        )
