"""Claims beside results: run what published systems say they did, and what they would be worth."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from affekt.corpus import Corpus
from affekt.cross_validation import cross_validate
from affekt.dataset import Dataset, listen_for
from affekt.emotions import sort_emotions
from affekt.errors import CorpusError
from affekt.evaluation import Evaluation
from affekt.progress import progress_bar
from affekt.recipe import Estimator, Recipe
from affekt.results_page import render
from affekt.scoring import CorpusLike, read_corpus
from affekt.seed_systems import SeedSystem, Trial, find_seed_system, seed_systems
from affekt.writing import whole_file

QUICK_SETTINGS = {"epochs": 3, "draws": 1}  # enough to see that all of it runs
_KEPT = (
    "protocol_label", "leaky", "n", "emotions", "chance", "majority", "intervals", "spread", "per_emotion",
    "confusion_matrix", "seeds", "accuracy", "uar", "macro_f1", "weighted_f1", "weighted_f2",
)  # fmt: skip


def reproduce(
    corpus: CorpusLike = "ravdess",
    *,
    seed_system: str | None = None,
    quick: bool = False,
    out: str | os.PathLike[str] = "docs",
    checkpoints: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = False,
) -> dict[str, Any]:
    """Run every trial of the seed systems, and write ``results.json`` and ``results.md``.

    Each result is written as soon as it is there, and a result that is there is not computed again.

    Parameters
    ----------
    corpus
        RAVDESS, or a part of it.
    seed_system
        The number or recipe of one; all of them by default.
    quick
        One seed, and training so short that the scores mean nothing: to see that everything runs. Written
        to ``results-quick.json`` and ``.md``.
    out
        The folder to write to, made if need be.
    checkpoints, jobs, progress
        As for ``evaluate``.

    Raises
    ------
    CorpusError
        The folder holds results of another corpus, or no results at all.

    Returns
    -------
    dict
        What is in the JSON file.
    """
    known = seed_systems()
    chosen = [find_seed_system(seed_system, known)] if seed_system else list(known)
    place = Path(out) / ("results-quick.json" if quick else "results.json")
    loaded = read_corpus(corpus, "", None, None)
    needed = {emotion for system in chosen for trial in system.trials for emotion in trial.emotions}
    if lacking := needed - set(loaded.emotions):
        raise CorpusError(
            f"{loaded.name} has no clips of {', '.join(sort_emotions(lacking))}: what is reproduced was "
            "done on RAVDESS"
        )
    results = _begun(place, loaded, quick)
    place.parent.mkdir(parents=True, exist_ok=True)
    todo = [
        (system, trial)
        for system in chosen
        for trial in system.trials
        if _key(system, trial) not in {_entry_key(entry) for entry in results["trials"]}
    ]
    datasets = _Listener(loaded, jobs, progress)
    with progress_bar("trials", len(todo), shown=progress) as advance:
        for system, trial in todo:
            advance(f"{trial.recipe.name}, {trial.protocol}", steps=0)
            results["trials"].append(_run(system, trial, datasets, quick, checkpoints, progress))
            _write(place, results, known)
            advance()
    _write(place, results, known)
    return results


def _run(
    system: SeedSystem,
    trial: Trial,
    datasets: Callable[[Trial], Dataset],
    quick: bool,
    checkpoints: str | os.PathLike[str] | None,
    progress: bool,
) -> dict[str, Any]:
    recipe = _shortened(trial.recipe) if quick else trial.recipe
    dataset = datasets(trial)
    began = time.monotonic()
    seeds = range(1 if quick else trial.seeds)
    evaluation = cross_validate(
        dataset, recipe, trial.protocol, seeds=seeds, checkpoints=checkpoints, progress=progress
    )
    return _entry(system, trial, evaluation, time.monotonic() - began)


def _shortened(recipe: Recipe) -> Recipe:
    def build(seed: int) -> Estimator:
        estimator = recipe.build(seed)
        shorter = {name: value for name, value in QUICK_SETTINGS.items() if name in estimator.get_params()}
        return estimator.set_params(**shorter)

    return replace(recipe, build=build)


class _Listener:
    """Features of a trial's clips; those of the last feature set are kept."""

    def __init__(self, corpus: Corpus, jobs: int, progress: bool) -> None:
        self.corpus, self.jobs, self.progress = corpus, jobs, progress
        self.kept: tuple[tuple[str, bool], Dataset] | None = None

    def __call__(self, trial: Trial) -> Dataset:
        key = trial.recipe.features, trial.recipe.degraded_copies
        if self.kept is None or self.kept[0] != key:
            heard = listen_for(trial.recipe, self.corpus, jobs=self.jobs, progress=self.progress)
            self.kept = key, heard
        return self.kept[1].select(emotions=trial.emotions, channel=trial.channel)


def _entry(system: SeedSystem, trial: Trial, evaluation: Evaluation, seconds: float) -> dict[str, Any]:
    figures = evaluation.to_json()
    return {
        "system": system.number,
        "recipe": trial.recipe.name,
        "protocol": trial.protocol,
        "material": trial.material,
        "reading": trial.reading,
        "claims": dict(trial.claims or {}),
        "seconds": round(seconds),
        "evaluation": {name: figures[name] for name in _KEPT},
    }


def _key(system: SeedSystem, trial: Trial) -> tuple[str, ...]:
    """What tells trials apart."""
    return system.number, trial.recipe.name, trial.protocol, trial.material, ",".join(trial.emotions)


def _entry_key(entry: Mapping[str, Any]) -> tuple[str, ...]:
    emotions = ",".join(entry["evaluation"]["emotions"])
    return (*(entry[name] for name in ("system", "recipe", "protocol", "material")), emotions)


def _begun(place: Path, corpus: Corpus, quick: bool) -> dict[str, Any]:
    """The results that are there, or none yet."""
    about = {"quick": quick, "corpus": corpus.name, "clips": len(corpus.clips)}
    if not place.is_file():
        return {**about, "trials": []}
    try:
        results: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        found = {name: results[name] for name in about}
        keys = [_entry_key(entry) for entry in results["trials"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{place} holds no results of affekt reproduce: {error}") from error
    if found != about or len(set(keys)) != len(keys):
        raise CorpusError(
            f"{place} holds results of {found['clips']} clips of {found['corpus']}, not of "
            f"{about['clips']} of {about['corpus']}: write to another folder"
        )
    return results


def _write(place: Path, results: dict[str, Any], known: tuple[SeedSystem, ...]) -> None:
    keys = [_key(system, trial) for system in known for trial in system.trials]
    places = {key: i for i, key in enumerate(keys)}
    results["trials"].sort(key=lambda entry: places.get(_entry_key(entry), len(places)))
    results["systems"] = {
        one.number: {"name": one.name, "claim": one.claim, "audit": one.audit} for one in known
    }
    with whole_file(place) as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with whole_file(place.with_suffix(".md")) as file:
        file.write(render(results))
