"""A corpus in, an honestly scored model out."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from dataclasses import asdict

import numpy as np

from affekt.alignment import average_voice
from affekt.bundle import (
    FINGERPRINT_DIGITS,
    Bundle,
    Contract,
    ContractScores,
    TrainingCorpus,
    parse,
    save,
    seal,
)
from affekt.checkpoints import Checkpoints
from affekt.confidence import UNCHANGED, reliability
from affekt.corpora import READERS
from affekt.corpus import Clip
from affekt.cross_validation import cross_validate, fit
from affekt.dataset import Dataset, each_clip, listen_for, load_whole
from affekt.evaluation import Evaluation
from affekt.features import find_feature_set
from affekt.novelty import FLAGGED_SHARE, novelty
from affekt.onnx_export import export
from affekt.progress import progress_bar
from affekt.protocols import Protocol, find_protocol, inner_groups, split
from affekt.recipe import Recipe
from affekt.recording import ClipFacts, describe_recording
from affekt.scoring import DEFAULT_PROTOCOL, CorpusLike, read_corpus, ready_recipe
from affekt.versions import installed_versions
from affekt.writing import check_place

PERCENTILES = 5, 50, 95


def train(
    corpus: CorpusLike,
    recipe: str | Recipe,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    emotions: Collection[str] | None = None,
    channel: str | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    checkpoints: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = False,
) -> tuple[Bundle, Evaluation]:
    """Score a recipe by cross-validation, then give it every clip and seal it as a bundle.

    The score in the bundle's contract is the cross-validation's: the model itself has heard
    every speaker.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    recipe
        A name that ``affekt recipes`` lists, or a ``Recipe``.
    protocol, emotions, channel, seed, checkpoints, jobs
        As for ``evaluate``.
    out
        Where to write the bundle; nothing is written without it.
    progress
        Show bars on a terminal.

    Returns
    -------
    bundle, evaluation
        The model, ready to answer, and its score.

    Raises
    ------
    CorpusError, LeakError, UnknownNameError, ExportError
    """
    chosen = ready_recipe(recipe)
    how = find_protocol(protocol)
    if out is not None:
        check_place(out)
    if checkpoints is not None:
        Checkpoints(checkpoints)
    selected = read_corpus(corpus, protocol, channel, emotions, chosen.emotions)
    dataset = listen_for(chosen, selected, jobs=jobs, progress=progress)
    evaluation = cross_validate(
        dataset, chosen, protocol, seeds=[seed], checkpoints=checkpoints, progress=progress
    )
    with progress_bar(f"{chosen.name}, on all clips", 1, shown=progress) as advance:
        groups = inner_groups(dataset.corpus.clips, how, dataset.fingerprints)
        estimator = fit(chosen.build(seed), dataset, groups=groups)
        advance()
    graph, parity = export(
        estimator, dataset.features, len(dataset.emotions), find_feature_set(chosen.features).shape
    )
    recordings = _recordings(dataset, jobs=jobs, progress=progress)
    novel_from = _novel_from(dataset, how, seed)
    contract = _contract(dataset, chosen, evaluation, recordings, novel_from, seed, parity)
    bundle = parse(seal(graph, contract), str(out or f"{chosen.name} on {dataset.corpus.name}"))
    if out is not None:
        save(out, graph, contract)
    return bundle, evaluation


def _recordings(dataset: Dataset, *, jobs: int, progress: bool) -> dict[str, tuple[float, float, float]]:
    """How the clips were recorded: the percentiles that the contract has."""
    described = each_clip(dataset.corpus, _describe_clip, jobs=jobs, progress=progress)
    facts = [asdict(found) for _, found in described if isinstance(found, ClipFacts)]
    table = {name: [one[name] for one in facts if math.isfinite(one[name])] for name in facts[0]}
    found = {}
    for name, values in table.items():
        if not values:
            continue
        low, middle, high = np.percentile(values, PERCENTILES).tolist()
        found[name] = low, middle, high
    return found


def _describe_clip(clip: Clip) -> ClipFacts:
    return describe_recording(load_whole(clip))


def _novel_from(dataset: Dataset, protocol: Protocol, seed: int) -> float:
    """What few clips reach that were held out, each measured against the others' average voice."""
    distances = []
    for fold in split(dataset.corpus, protocol, dataset.fingerprints, seed):
        average = average_voice(dataset.features[fold.train], dataset.speakers[fold.train])
        distances += [novelty(dataset.features[i], average, dataset.relative) for i in fold.test]
    return float(np.quantile(distances, 1 - FLAGGED_SHARE))


def _contract(
    dataset: Dataset,
    recipe: Recipe,
    evaluation: Evaluation,
    recordings: dict[str, tuple[float, float, float]],
    novel_from: float,
    seed: int,
    parity: float,
) -> Contract:
    return Contract(
        emotions=dataset.emotions,
        features=recipe.features,
        sample_rate=find_feature_set(recipe.features).sample_rate,
        recipe=recipe.name,
        seed=seed,
        corpora=tuple(_training_corpora(dataset)),
        fingerprints=tuple(sorted({one[:FINGERPRINT_DIGITS] for one in dataset.fingerprints})),
        scores=_scores(evaluation),
        recordings=recordings,
        trust=evaluation.trust or UNCHANGED,
        novel_from=novel_from,
        average_voice=average_voice(dataset.features, dataset.speakers),
        parity=parity,
        versions=installed_versions(),
    )


def _training_corpora(dataset: Dataset) -> list[TrainingCorpus]:
    clips = dataset.corpus.clips
    cards = {card.name: card for card in dataset.corpus.cards}
    own = next((card for card in dataset.corpus.cards if not card.counts), None)
    cards |= {name: reader.card for name, reader in READERS.items() if reader.card.counts}
    found = []
    for name in dict.fromkeys(clip.corpus for clip in clips):
        part = [clip for clip in clips if clip.corpus == name]
        card = cards.get(name, own)
        found.append(
            TrainingCorpus(
                name=name,
                licence=card.licence if card else "unknown",
                citation=card.citation if card else "",
                clips=len(part),
                speakers=tuple(sorted({clip.speaker for clip in part} - {""})),
                unknown_speakers=any(not clip.speaker for clip in part),
            )
        )
    return found


def _scores(evaluation: Evaluation) -> ContractScores:
    """What of an evaluation stands in the contract."""
    found = reliability(*evaluation.confidences())
    return ContractScores(
        protocol=evaluation.protocol,
        protocol_label=evaluation.protocol_label,
        leaky=evaluation.leaky,
        n=evaluation.n,
        chance=evaluation.chance,
        headlines=evaluation.headlines,
        recall={name: score.recall for name, score in evaluation.per_emotion.items()},
        confusion_matrix=tuple(tuple(row) for row in evaluation.confusion_matrix.tolist()),
        coverage=evaluation.likely.coverage if evaluation.likely else None,
        likely_count=evaluation.likely.size if evaluation.likely else None,
        reliability={name: tuple(values.tolist()) for name, values in vars(found).items()},
    )
