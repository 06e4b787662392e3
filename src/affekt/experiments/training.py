"""``train``: evaluate a recipe by cross-validation, fit it on all clips, and save it as a model."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from typing import Unpack, cast

import numpy as np

from affekt.corpora.registry import READERS, CorpusLike
from affekt.errors import LeakError
from affekt.estimators.onnx_export import export
from affekt.estimators.recipe import Recipe
from affekt.evaluation.dataset import Dataset, extract_for
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import FittedRecipe, fit_recipe
from affekt.evaluation.parts import everything
from affekt.evaluation.results import Evaluation
from affekt.evaluation.terms import DEFAULT_PROTOCOL, TermOptions, Terms, read_terms
from affekt.experiments.scoring import evaluate_dataset
from affekt.features.feature_sets import find_feature_set
from affekt.model.bundle import Bundle, parse, seal
from affekt.model.calibration import UNCALIBRATED, Reliability
from affekt.model.contract import FINGERPRINT_DIGITS, Contract, ContractScores, TrainingCorpus
from affekt.model.out_of_distribution import UNCERTAINTY_WEIGHT
from affekt.support.progress import progress_bar
from affekt.support.versions import installed_versions
from affekt.support.writing import check_place

PERCENTILES = 5, 50, 95


def train(
    corpus: CorpusLike,
    recipe: str | Recipe,
    *,
    out: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = False,
    checkpoints: str | os.PathLike[str] | None = None,
    **options: Unpack[TermOptions],
) -> tuple[Bundle, Evaluation]:
    """Evaluate a recipe by cross-validation, then fit it on all clips and build a model.

    The scores in the model's contract are those of the cross-validation: the model itself is trained on
    every speaker.

    Parameters
    ----------
    corpus, jobs, progress, checkpoints
        As for ``evaluate``.
    recipe
        A name that ``affekt recipes`` lists, or a ``Recipe``.
    out
        Where to write the model; nothing is written without it.
    **options
        ``protocol``, ``emotions``, ``vocal_channel`` and ``seeds``, one seed, as for ``evaluate``.

    Returns
    -------
    bundle, evaluation
        The model, ready to predict, and its recipe's evaluation.

    Raises
    ------
    CorpusError, LeakError, UnknownNameError, ExportError, ValueError
        As for ``evaluate``; or the exported graph predicts otherwise than the estimator.
    """
    if out is not None:
        check_place(out)
    execution = Execution(jobs=jobs, progress=progress, checkpoints=checkpoints)
    given = {name for name, value in options.items() if value is not None}
    if unknown := {"model", "test_on", "tested_vocal_channel"} & given:
        raise ValueError(f"train does not take {', '.join(sorted(unknown))}: use evaluate")
    terms = read_terms(corpus, recipe, **options)
    if terms.protocol and terms.protocol.keeps_apart == "nothing":
        raise LeakError(
            f"{terms.protocol.name} tests clips that were trained on, and cannot calibrate a model: use "
            f"{DEFAULT_PROTOCOL}"
        )
    if len(terms.seeds) > 1:
        raise ValueError(f"a model is trained with one seed: seeds=[{terms.seeds[0]}]")
    dataset = extract_for(terms, execution, facts=True)
    evaluation = evaluate_dataset(terms, dataset, execution)
    with progress_bar(f"{terms.name}, on all clips", 1, shown=progress) as advance:
        part, estimator = everything(terms, dataset), cast(Recipe, terms.recipe).build(terms.seeds[0])
        fitted = fit_recipe(estimator, dataset, part.fold.train, part.fold.validation, part.groups)
        advance()
    shape = find_feature_set(terms.features).shape
    graph, parity = export(fitted.estimator, dataset.features, len(dataset.emotions), shape)
    contract = _contract(terms, dataset, evaluation, fitted, parity)
    bundle = parse(seal(graph, contract), str(out or f"{terms.name} on {dataset.corpus.name}"))
    if out is not None:
        bundle.save(out)
    return bundle, evaluation


def _contract(
    terms: Terms, dataset: Dataset, evaluation: Evaluation, fitted: FittedRecipe, parity: float
) -> Contract:
    return Contract(
        emotions=dataset.emotions,
        features=terms.features,
        sample_rate=find_feature_set(terms.features).sample_rate,
        recipe=terms.name,
        seed=terms.seeds[0],
        corpora=tuple(_training_corpora(dataset)),
        fingerprints=tuple(sorted({one[:FINGERPRINT_DIGITS] for one in dataset.fingerprints})),
        scores=_contract_scores(evaluation),
        recordings=_recordings(dataset),
        calibration=evaluation.calibration or UNCALIBRATED,
        enrolled_calibration=evaluation.enrolled_calibration,
        distance_threshold=cast(float, evaluation.distance_threshold),
        uncertainty_weight=UNCERTAINTY_WEIGHT,
        average_speaker=fitted.average,
        parity=parity,
        versions=installed_versions(),
    )


def _recordings(dataset: Dataset) -> dict[str, tuple[float, float, float]]:
    """Percentiles of how the clips were recorded, by characteristic."""
    facts = [asdict(one) for one in dataset.facts]
    found = {}
    for name in facts[0]:
        values = [one[name] for one in facts if math.isfinite(one[name])]
        if values:
            low, middle, high = np.percentile(values, PERCENTILES).tolist()
            found[name] = low, middle, high
    return found


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


def _contract_scores(evaluation: Evaluation) -> ContractScores:
    """What of an evaluation stands in the contract."""
    bins = cast(Reliability, evaluation.reliability)
    sets = evaluation.prediction_sets
    return ContractScores(
        protocol=evaluation.protocol,
        protocol_label=evaluation.protocol_label,
        leaky=evaluation.leaky,
        n=evaluation.n,
        chance=evaluation.chance,
        headlines=evaluation.headlines,
        recall={name: score.recall for name, score in evaluation.per_emotion.items()},
        confusion_matrix=tuple(tuple(row) for row in evaluation.confusion_matrix.tolist()),
        coverage=sets.coverage if sets else None,
        set_size=sets.size if sets else None,
        reliability={name: tuple(values.tolist()) for name, values in vars(bins).items()},
    )
