"""``reproduce``: run what published systems describe, and put their claims beside the results."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from affekt.corpora.base import Corpus
from affekt.corpora.registry import CorpusLike
from affekt.emotions import sort_emotions
from affekt.errors import CorpusError
from affekt.estimators.recipe import Estimator, Recipe
from affekt.evaluation.dataset import Dataset, Extraction, extract_dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.protocols import find_protocol
from affekt.evaluation.terms import Terms, read_corpus
from affekt.experiments.published_systems import (
    PublishedSystem,
    Trial,
    find_published_system,
    published_systems,
)
from affekt.experiments.published_systems_page import render
from affekt.experiments.reproduction_result import Reproduction, TrialResult, key_of, read_reproduction
from affekt.experiments.scoring import evaluate_dataset
from affekt.support.progress import progress_bar
from affekt.support.terminal import plural
from affekt.support.writing import check_folder, check_place, whole_file

QUICK_SETTINGS = {"epochs": 3, "draws": 1}  # enough to see that everything runs


def reproduce(
    corpus: CorpusLike = "ravdess",
    *,
    system: str | None = None,
    quick: bool = False,
    out: str | os.PathLike[str] = "docs",
    jobs: int = 1,
    progress: bool = False,
    checkpoints: str | os.PathLike[str] | None = None,
) -> Reproduction:
    """Run every trial of the published systems, and write ``results.json`` and ``results.md``.

    Each result is written as soon as it is computed, and a result that is there is not computed again. All
    trials together take hours; with ``progress``, what will be run is said first, on standard error.

    Parameters
    ----------
    corpus
        RAVDESS, or a part of it.
    system
        The number or the recipe of one system; all of them by default.
    quick
        One seed, and training cut so short that scores mean nothing: to see that everything runs. Written
        to ``results-quick.json`` and ``results-quick.md``.
    out
        The folder to write to, made if need be.
    jobs, progress, checkpoints
        As for ``evaluate``.

    Raises
    ------
    CorpusError
        The folder holds results of another corpus, or files that are no results.
    UnknownNameError
        There is no such system.
    OSError
        Results cannot be written to the folder.
    """
    known = published_systems()
    chosen = [find_published_system(system, known)] if system else list(known)
    place = Path(out) / ("results-quick.json" if quick else "results.json")
    loaded = read_corpus(corpus)
    needed = {emotion for one in chosen for trial in one.trials for emotion in trial.emotions}
    if lacking := needed - set(loaded.emotions):
        raise CorpusError(
            f"{loaded.name} has no clips of {', '.join(sort_emotions(lacking))}: the published systems "
            "use RAVDESS"
        )
    results = _begun(place, Reproduction(
        quick=quick, corpus=loaded.name, clips=len(loaded.clips), trials=(),
        systems={one.number: one.claims for one in known},
    ))  # fmt: skip
    check_folder(place.parent)
    for file in (place, place.with_suffix(".md")):
        check_place(file)
    done = {trial.key for trial in results.trials}
    todo = [(one, trial) for one in chosen for trial in one.trials if key_of(one, trial) not in done]
    execution = Execution(jobs=jobs, progress=progress, checkpoints=checkpoints)
    datasets = _Datasets(loaded, execution)
    report = _reporter(progress)
    report(_plan(loaded, todo, len(done), quick, place))
    with progress_bar("trials", len(todo), shown=progress) as advance:
        for number, (one, trial) in enumerate(todo, 1):
            advance(f"{trial.recipe.name}, {trial.protocol}", steps=0)
            result = _run(one.number, trial, datasets.of(trial), quick, execution)
            results = results.add(result, known)
            _write(place, results)
            report(f"{number} of {len(todo)}: {trial.recipe.name}, {trial.protocol}, {result.seconds} s", 1)
            advance()
    _write(place, results)
    return results


def _reporter(shown: bool) -> Callable[..., None]:
    """A function that says something on standard error; with a second argument, only if no bar is shown."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=not shown)

    def report(text: str, instead_of_bar: int = 0) -> None:
        if not (instead_of_bar and console.is_terminal):
            console.print(text, markup=False)

    return report


def _plan(
    corpus: Corpus, todo: Sequence[tuple[PublishedSystem, Trial]], done: int, quick: bool, place: Path
) -> str:
    """What will be run, for how long, where results go, and how to stop."""
    by_system: dict[str, list[tuple[PublishedSystem, Trial]]] = {}
    for one in todo:
        by_system.setdefault(one[0].number, []).append(one)
    lines = [f"{len(todo)} trials on {corpus.name}, {len(corpus.clips)} clips; {done} are done already"]
    minutes = 0.0
    for number, pairs in by_system.items():
        system = pairs[0][0]
        own = system.minutes * len(pairs) / len(system.trials)
        minutes += own
        time = f", about {own:.0f} min" if own >= 1 and not quick else ""
        lines.append(f"  {number} {system.name}: {plural(len(pairs), 'trial')}{time}")
    if minutes >= 1 and not quick:
        lines.append(f"All of it takes about {_duration(minutes)} on two cores.")
    if todo:
        lines.append(
            f"Each result is written to {place} and {place.with_suffix('.md').name} as soon as it is "
            "there. Ctrl-C stops; the same command continues after the last finished trial."
        )
    return "\n".join(lines)


def _duration(minutes: float) -> str:
    """Return ``40 minutes`` or ``3.7 hours``."""
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"


def _run(number: str, trial: Trial, dataset: Dataset, quick: bool, execution: Execution) -> TrialResult:
    terms = Terms(
        corpus=dataset.corpus,
        recipe=_shortened(trial.recipe) if quick else trial.recipe,
        protocol=find_protocol(trial.protocol),
        seeds=tuple(range(1 if quick else trial.seeds)),
    )
    began = time.monotonic()
    evaluation = evaluate_dataset(terms, dataset, execution)
    return TrialResult(
        system=number,
        recipe=trial.recipe.name,
        protocol=trial.protocol,
        material=trial.material,
        reading=trial.reading,
        claims=dict(trial.claims or {}),
        seconds=round(time.monotonic() - began),
        evaluation=evaluation,
    )


def _shortened(recipe: Recipe) -> Recipe:
    def build(seed: int) -> Estimator:
        estimator = recipe.build(seed)
        shorter = {name: value for name, value in QUICK_SETTINGS.items() if name in estimator.get_params()}
        return estimator.set_params(**shorter)

    return replace(recipe, build=build)


class _Datasets:
    """The clips of a trial; features of the last feature set are kept."""

    def __init__(self, corpus: Corpus, execution: Execution) -> None:
        self.corpus, self.execution = corpus, execution
        self.kept: tuple[Extraction, Dataset] | None = None

    def of(self, trial: Trial) -> Dataset:
        """Return the clips that a trial uses."""
        extraction = Extraction(
            features=trial.recipe.features, degraded_copies=trial.recipe.degraded_copies
        )
        if self.kept is None or self.kept[0] != extraction:
            self.kept = extraction, extract_dataset(self.corpus, extraction, self.execution)
        return self.kept[1].select(emotions=trial.emotions, vocal_channel=trial.vocal_channel)


def _begun(place: Path, empty: Reproduction) -> Reproduction:
    """The results that are there, or none yet."""
    if not place.is_file():
        return empty
    found = read_reproduction(place)
    keys = [trial.key for trial in found.trials]
    if len(set(keys)) < len(keys):
        raise CorpusError(f"{place} holds a trial twice: write to another folder")
    if (found.quick, found.corpus, found.clips) != (empty.quick, empty.corpus, empty.clips):
        raise CorpusError(
            f"{place} holds results of {found.clips} clips of {found.corpus}, not of {empty.clips} of "
            f"{empty.corpus}: write to another folder"
        )
    return replace(found, systems=empty.systems)


def _write(place: Path, results: Reproduction) -> None:
    results.write(place)
    with whole_file(place.with_suffix(".md")) as file:
        file.write(render(results))
