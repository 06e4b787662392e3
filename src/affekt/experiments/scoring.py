"""``evaluate``: how good a recipe or a finished model is on a corpus."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from affekt.corpora.registry import CorpusLike
from affekt.errors import CorpusError, LeakError, require
from affekt.estimators.inspection import describe_training, permutation_importances
from affekt.estimators.linear import draw_enrolled
from affekt.estimators.recipe import Recipe
from affekt.evaluation.checkpoints import ENROLLED, PREDICTED, Arrays
from affekt.evaluation.dataset import Dataset, extract_for
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import FittedRecipe, Predictor
from affekt.evaluation.folds import predict_folds
from affekt.evaluation.parts import Part
from affekt.evaluation.protocols import find_protocol
from affekt.evaluation.results import AS_RECORDED, Evaluation
from affekt.evaluation.summary import summarise
from affekt.evaluation.terms import DEFAULT_PROTOCOL, LEAKY_PROTOCOL, TermOptions, Terms, read_terms


def evaluate(
    corpus: CorpusLike,
    recipe: str | Recipe | None = None,
    *,
    for_report: bool = False,
    jobs: int = 1,
    progress: bool = False,
    checkpoints: str | os.PathLike[str] | None = None,
    **options: Unpack[TermOptions],
) -> Evaluation:
    """Evaluate a recipe by cross-validation, or a finished model on unseen speakers.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    recipe
        A name that ``affekt recipes`` lists, or a ``Recipe``; without it, ``model`` or the bundled model is
        evaluated.
    for_report
        Of a recipe, also compute what a report shows: permutation importances of features, and, as
        ``counterpart``, the evaluation under a protocol of the other kind, leaky or honest, where the clips
        can be split so.
    jobs
        Number of processes that read clips. With more than one, a script needs
        ``if __name__ == "__main__"``.
    progress
        Show progress bars on a terminal.
    checkpoints
        A folder that keeps each finished fold: a run that was stopped continues from there.
    **options
        ``model``, ``test_on``, ``protocol``, ``emotions``, ``vocal_channel``, ``tested_vocal_channel``,
        ``seeds``: see ``affekt.evaluation.terms.TermOptions``.

    Raises
    ------
    LeakError
        The model was trained on speakers of this corpus, or the split leaks.
    CorpusError, UnknownNameError, ValueError
        The corpus cannot be read, a name is unknown, or the options contradict each other.
    """
    if for_report:
        require("a report", "jinja2", "matplotlib")
    execution = Execution(jobs=jobs, progress=progress, checkpoints=checkpoints)
    terms = read_terms(corpus, recipe, **options)
    dataset = extract_for(terms, execution)
    evaluation = evaluate_dataset(terms, dataset, execution, importances=for_report)
    if not for_report or terms.protocol is None or terms.test_corpus:
        return evaluation
    other = find_protocol(LEAKY_PROTOCOL if not evaluation.leaky else DEFAULT_PROTOCOL)
    try:
        counterpart = evaluate_dataset(replace(terms, protocol=other), dataset, execution)
    except (CorpusError, LeakError):  # as where speakers are unknown: the report does without it
        counterpart = None
    return replace(evaluation, counterpart=counterpart)


def evaluate_dataset(
    terms: Terms, dataset: Dataset, execution: Execution, *, importances: bool = False
) -> Evaluation:
    """Evaluate on clips whose features are extracted; with ``importances``, permute features too."""
    one_vector = dataset.features.dtype != object and dataset.features.ndim == 2
    experiment = TestedAsRecorded(
        permute=importances and one_vector and terms.recipe is not None, enrol=terms.predicts_enrolled
    )
    predictions = predict_folds(terms, dataset, experiment, execution)
    return summarise(terms, dataset, predictions, AS_RECORDED)


@dataclass(frozen=True)
class TestedAsRecorded:
    """The experiment of ``evaluate``: the tested clips, unchanged.

    With ``enrol``, they are also predicted with other clips of the speaker enrolled, for calibration.
    """

    permute: bool = False
    enrol: bool = False
    conditions: Sequence[str] = (AS_RECORDED,)
    settings: str = ""

    @property
    def needed(self) -> Collection[str]:
        """The arrays that predictions must have."""
        enrolled = [ENROLLED + name for name in PREDICTED] if self.enrol else []
        return [*enrolled, "permutation"] if self.permute else enrolled

    def predict(
        self, part: Part, predictor: Predictor, conditions: Sequence[str]
    ) -> Iterator[tuple[str, Arrays]]:
        """Predict the tested clips of a part."""
        test, dataset = part.fold.test, part.dataset
        arrays: Arrays = {
            "clips": test,
            "repeats": np.full(len(test), part.seed),
            "probabilities": predictor.predict_proba(dataset.features[test]),
            "distances": predictor.distances(dataset.features[test]),
        }
        if self.enrol:
            arrays |= predict_enrolled(part, predictor)
        if isinstance(predictor, FittedRecipe):
            arrays |= describe_training(predictor.estimator)
            if self.permute:
                arrays["permutation"] = permutation_importances(
                    predictor.estimator, dataset.features[test], dataset.labels[test], part.seed
                )
        yield AS_RECORDED, arrays


def predict_enrolled(part: Part, predictor: Predictor, repeats: Sequence[int] | None = None) -> Arrays:
    """Predict each tested clip with 1 to 16 others of its speaker and vocal channel enrolled.

    Parameters
    ----------
    part, predictor
        The part, whose seed draws the others, and what predicts in it.
    repeats
        Seeds or draws that all of these predictions stand for; None for the seed of the part.

    Returns
    -------
    Arrays
        The arrays of predictions, by names that begin with ``ENROLLED``; without clips that are alone.
    """
    test, dataset = part.fold.test, part.dataset
    drawn = list(draw_enrolled(dataset.sessions[test], np.random.default_rng([part.seed, part.number])))
    clips, features = test[[i for i, _ in drawn]], dataset.features
    rows = [predictor.predict_proba(features[:0])] + [
        predictor.predict_proba(features[test[[i]]], predictor.enrol(features[test[others]]))
        for i, others in drawn
    ]
    repeats = [part.seed] if repeats is None else repeats
    predicted = clips, np.concatenate(rows), predictor.distances(features[clips])
    clips, probabilities, distances = (np.concatenate([one] * len(repeats)) for one in predicted)
    found = clips, np.repeat(repeats, len(drawn)), probabilities, distances
    return dict(zip([ENROLLED + name for name in PREDICTED], found, strict=True))
