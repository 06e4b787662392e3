"""A corpus in, an honestly scored model out."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from affekt.bundle import Bundle, Contract, TrainingCorpus, parse, seal
from affekt.dataset import Dataset, listen
from affekt.evaluation import (
    DEFAULT_PROTOCOL,
    CorpusLike,
    Evaluation,
    cross_validate,
    fit,
    read_corpus,
)
from affekt.features import find_feature_set
from affekt.onnx_export import export
from affekt.protocols import find_protocol
from affekt.recipe import Recipe
from affekt.recipes import find_recipe
from affekt.writing import whole_file

_RECORDED_VERSIONS = ("affekt", "numpy", "onnxruntime", "scikit-learn", "skl2onnx", "soundfile", "soxr")


def train(
    corpus: CorpusLike,
    recipe: str | Recipe,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    emotions: Collection[str] | None = None,
    channel: str | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> tuple[Bundle, Evaluation]:
    """Score a recipe by cross-validation, then fit it on every clip and seal it as a bundle.

    The score in the bundle's contract is the cross-validation's: the model itself has heard
    every speaker.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    recipe
        A name that ``affekt recipes`` lists, or a ``Recipe``.
    protocol, emotions, channel, seed
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
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    find_protocol(protocol)
    if out is not None and not Path(out).absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {Path(out).parent} to write {Path(out).name} into")
    selected = read_corpus(corpus, protocol, channel, emotions)
    dataset = listen(selected, find_feature_set(chosen.features), progress=progress)
    evaluation = cross_validate(dataset, chosen, protocol, seeds=[seed], progress=progress)
    estimator = fit(chosen.build(seed), dataset)
    graph, parity = export(estimator, dataset.features, len(dataset.emotions))
    content = seal(graph, _contract(dataset, chosen, evaluation, seed, parity))
    bundle = parse(content, str(out or f"{chosen.name} on {dataset.corpus.name}"))
    if out is not None:
        with whole_file(out, "wb") as file:
            file.write(content)
    return bundle, evaluation


def _contract(
    dataset: Dataset, recipe: Recipe, evaluation: Evaluation, seed: int, parity: float
) -> Contract:
    return Contract(
        emotions=dataset.emotions,
        features=recipe.features,
        sample_rate=find_feature_set(recipe.features).sample_rate,
        recipe=recipe.name,
        seed=seed,
        corpora=tuple(_training_corpora(dataset)),
        scores=_scores(evaluation),
        parity=parity,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in _RECORDED_VERSIONS},
        },
    )


def _training_corpora(dataset: Dataset) -> list[TrainingCorpus]:
    clips, cards = dataset.corpus.clips, {card.name: card for card in dataset.corpus.cards}
    own_card = dataset.corpus.cards[0] if len(dataset.corpus.cards) == 1 else None
    found = []
    for name in dict.fromkeys(clip.corpus for clip in clips):
        own = [clip for clip in clips if clip.corpus == name]
        card = cards.get(name, own_card)
        found.append(
            TrainingCorpus(
                name=name,
                licence=card.licence if card else "unknown: ask whoever made the corpus",
                citation=card.citation if card else "",
                clips=len(own),
                speakers=tuple(sorted({clip.speaker for clip in own} - {""})),
            )
        )
    return found


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    """What of an evaluation stands in the contract."""
    return {
        "protocol": evaluation.protocol,
        "protocol_label": evaluation.protocol_label,
        "leaky": evaluation.leaky,
        "n": evaluation.n,
        "chance": evaluation.chance,
        **{name: asdict(score) for name, score in evaluation.headlines.items()},
        "recall": {name: score.recall for name, score in evaluation.per_emotion.items()},
    }
