"""Comparison: scores of several recipes side by side, with intervals on their differences."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.errors import CorpusError
from affekt.evaluation.results import Evaluation, read_evaluation
from affekt.metrics import HEADLINES, Score, bootstrap, format_interval, interval_of

COMPARED = ("accuracy", "uar")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of two recipes in one metric, on the same clips.

    Attributes
    ----------
    better, worse
        Names; ``better`` has the higher value.
    metric
        ``accuracy`` or ``uar``.
    value, low, high
        The difference, mean over seeds, and its 95 % interval over speakers, the same draws for both; NaN
        where there is none.
    no_interval
        Why there is no interval, as in ``Score``.
    """

    better: str
    worse: str
    metric: str
    value: float
    low: float
    high: float
    no_interval: str = ""

    @property
    def interval(self) -> str:
        """The interval in points; where there is none, the reason, such as ``none: 2 speakers``."""
        return (
            f"none: {self.no_interval}"
            if self.no_interval
            else format_interval(self.low, self.high, signed=True)
        )

    @property
    def significant(self) -> bool:
        """Whether the interval does not include 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Several evaluations of the same clips.

    Attributes
    ----------
    protocol_label
        That of all, or that of each with its name.
    leaky, n, speakers, chance
        What they have in common; 0 speakers where speakers are unknown.
    scores
        Name -> headlines, the best accuracy first.
    differences
        Of each pair and metric.
    """

    protocol_label: str
    leaky: bool
    n: int
    speakers: int
    chance: float
    scores: Mapping[str, Mapping[str, Score]]
    differences: tuple[Difference, ...]

    @property
    def interval_over(self) -> str:
        """What the intervals are drawn over: speakers; or clips, where speakers are unknown."""
        return "speakers" if self.speakers else "clips"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {one['accuracy'].value:.1%}" for name, one in self.scores.items())
        return f"<Comparison of accuracy, {self.protocol_label}, {self.n} clips: {shown}>"


def compare(results: Sequence[Evaluation | str | os.PathLike[str]]) -> Comparison:
    """Compare evaluations of the same clips: under one protocol, or under several that are not leaky.

    Parameters
    ----------
    results
        Two or more evaluations, or files that ``affekt evaluate --json-out`` wrote.

    Raises
    ------
    CorpusError
        A file holds no evaluation, they are not of the same clips and emotions, or a leaky protocol would
        be compared with another one.

    Notes
    -----
    Speakers are drawn with replacement, the same for all: a speaker that is hard for one recipe is often
    hard for the others, so the interval of a difference is narrower than the two intervals suggest.
    Intervals are not corrected for the number of pairs.
    """
    if len(results) < 2:
        raise CorpusError("to compare, give two evaluations or more")
    files = ["" if isinstance(one, Evaluation) else str(one) for one in results]
    found = [one if isinstance(one, Evaluation) else read_evaluation(one) for one in results]
    for evaluation, file in zip(found, files, strict=True):
        if not evaluation.by_speaker:
            raise CorpusError(
                f"{file or evaluation.recipe} holds no evaluation that can be compared: it lacks "
                "by_speaker. Write it again with affekt evaluate --json-out"
            )
    _check_same(found, files)
    names = _names(found, files)
    matrices = dict(zip(names, map(_matrices, found), strict=True))
    scores = {name: one.headlines for name, one in zip(names, found, strict=True)}

    def best_first(metric: str) -> list[str]:
        return sorted(scores, key=lambda name: -scores[name][metric].value)

    return Comparison(
        protocol_label=_protocol_label(found, names),
        leaky=found[0].leaky,
        n=found[0].n,
        speakers=len(found[0].slices["speaker"]),
        chance=found[0].chance,
        scores={name: scores[name] for name in best_first("accuracy")},
        differences=tuple(
            _difference(one, other, metric, matrices)
            for metric in COMPARED
            for one, other in combinations(best_first(metric), 2)
        ),
    )


def _protocol_label(found: Sequence[Evaluation], names: Sequence[str]) -> str:
    labels = [one.protocol_label for one in found]
    if len(set(labels)) == 1:
        return labels[0]
    return "; ".join(f"{name}: {label}" for name, label in zip(names, labels, strict=True))


def _check_same(found: Sequence[Evaluation], files: Sequence[str]) -> None:
    first = found[0]
    for i, other in enumerate(found[1:], 1):
        names = f"{files[0] or first.recipe} and {files[i] or other.recipe}"
        if first.protocol != other.protocol and (first.leaky or other.leaky):
            raise CorpusError(
                f"{names} cannot be compared: the protocols {first.protocol} and {other.protocol} differ, "
                "and one is leaky. Evaluate both with the same protocol"
            )
        for what, one, two in (
            ("condition", first.condition, other.condition),
            ("set of emotions", first.emotions, other.emotions),
        ):
            if one != two:
                raise CorpusError(
                    f"{names} cannot be compared: the {what} differs, {one} and {two}. Evaluate both with "
                    f"the same {what}"
                )
        if _support(first) != _support(other):
            raise CorpusError(
                f"{names} cannot be compared: they were not scored on the same clips "
                f"({first.n} and {other.n}). Evaluate both on the same clips of the same corpus"
            )


def _support(found: Evaluation) -> dict[str, list[list[int]]]:
    """How many clips of each emotion each speaker has: in each seed, or once where all are the same."""
    by_seed = {name: np.asarray(counts).sum(axis=2) for name, counts in found.by_speaker.items()}
    if all((counts == counts[0]).all() for counts in by_seed.values()):
        by_seed = {name: counts[:1] for name, counts in by_seed.items()}
    return {name: counts.tolist() for name, counts in by_seed.items()}


def _names(found: Sequence[Evaluation], files: Sequence[str]) -> list[str]:
    """The recipes' names, or the files' where two are of the same recipe."""
    names = [one.recipe for one in found]
    if len(set(names)) < len(names):
        names = [Path(file).stem or one.recipe for one, file in zip(found, files, strict=True)]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _matrices(found: Evaluation) -> NDArray[np.float64]:
    """Confusion matrices of shape (seeds, speakers, K, K), speakers by name."""
    return np.stack([np.asarray(one, float) for _, one in sorted(found.by_speaker.items())], axis=1)


def _difference(
    better: str, worse: str, metric: str, matrices: dict[str, NDArray[np.float64]]
) -> Difference:
    score = HEADLINES[metric]
    values, drawn = [], []
    for name in (better, worse):
        one = matrices[name]
        values.append(float(score(one.sum(axis=1)).mean()))
        drawn.append(bootstrap(score, one, np.random.default_rng(0)))  # the same speakers for both
    low, high, why = interval_of(drawn[0] - drawn[1], matrices[better])
    return Difference(
        better=better,
        worse=worse,
        metric=metric,
        value=values[0] - values[1],
        low=low,
        high=high,
        no_interval=why,
    )
