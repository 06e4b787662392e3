"""The loop behind every score: fit each fold, and predict its tested clips in each condition."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from affekt.errors import CorpusError
from affekt.evaluation.checkpoints import Arrays, Checkpoints
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import FinishedModel, Predictor, fit_recipe
from affekt.evaluation.parts import Part, split_parts
from affekt.evaluation.predictions import Predictions
from affekt.evaluation.terms import Terms
from affekt.model.bundle import Bundle
from affekt.support.progress import progress_bar


class Experiment(Protocol):
    """What is done with each fitted fold.

    Attributes
    ----------
    conditions
        The names of the conditions that clips are tested in; calibration is fitted on the first.
    settings
        What the predictions depend on, besides the terms, as text.
    needed
        Names of the arrays that each condition's predictions must have besides the usual ones.
    """

    @property
    def conditions(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def settings(self) -> str: ...  # noqa: D102
    @property
    def needed(self) -> Collection[str]: ...  # noqa: D102

    def predict(
        self, part: Part, predictor: Predictor, conditions: Sequence[str]
    ) -> Iterator[tuple[str, Arrays]]:
        """Yield each condition with its arrays.

        ``clips`` are positions in the data set; ``repeats`` are seeds or draws; ``probabilities`` are not
        calibrated, shape (clips, emotions); ``distances`` are out-of-distribution distances.
        """
        ...


def predict_folds(
    terms: Terms, dataset: Dataset, experiment: Experiment, execution: Execution
) -> Predictions:
    """Fit each fold and predict its tested clips in every condition, unless checkpoints hold them."""
    store = Checkpoints(execution.checkpoints) if execution.checkpoints is not None else None
    done: list[tuple[Part, dict[str, Arrays]]] = []
    parts = split_parts(terms, dataset)
    title = f"{terms.name}, {terms.protocol_name}"
    with progress_bar(title, len(parts), shown=execution.progress) as advance:
        for part in parts:
            advance(f"seed {part.seed}, fold {part.number + 1}", steps=0)
            try:
                done.append((part, _predict_part(terms, part, experiment, store)))
            except CorpusError:  # as of too few speakers in the corpora that are not left out
                if part.scored or not part.leaves_corpora_out:
                    raise
            advance()
    done.sort(key=lambda one: (one[0].seed, one[0].number))
    return Predictions(
        emotions=terms.bundle.contract.emotions if terms.bundle else dataset.emotions,
        parts=[part for part, _ in done],
        arrays={name: [found[name] for _, found in done] for name in experiment.conditions},
    )


def _predict_part(
    terms: Terms, part: Part, experiment: Experiment, store: Checkpoints | None
) -> dict[str, Arrays]:
    found: dict[str, Arrays] = {}
    places: dict[str, Path] = {}
    if store:
        places = store.places(terms, part, experiment.conditions, experiment.settings)
        emotions = len(terms.bundle.contract.emotions if terms.bundle else part.dataset.emotions)
        kept = {
            name: store.read(place, part, emotions, experiment.needed) for name, place in places.items()
        }
        found = {name: arrays for name, arrays in kept.items() if arrays}
    missing = [name for name in experiment.conditions if name not in found]
    if missing:
        for name, arrays in experiment.predict(part, fit_part(terms, part), missing):
            found[name] = arrays
            if store:
                store.write(places[name], arrays)
    return found


def fit_part(terms: Terms, part: Part) -> Predictor:
    """Fit the recipe on the training side of a part; a finished model is returned as it is."""
    recipe, dataset = terms.recipe, part.dataset
    if recipe is None:
        return FinishedModel(cast(Bundle, terms.bundle))
    augmented = bool(terms.protocol and terms.protocol.augments_first)
    if recipe.degraded_copies and dataset.degraded is None and not augmented:
        raise ValueError(f"{recipe.name} is trained on degraded copies too: use extract_for(terms)")
    estimator = recipe.build(part.seed)
    if augmented:  # what was augmented before the split is not augmented again
        estimator.set_params(augment=None)
    return fit_recipe(estimator, dataset, part.fold.train, part.fold.validation, part.groups)
