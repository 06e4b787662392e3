"""Are two recipes really different? Scores side by side, and intervals on their differences."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import CorpusError
from affekt.evaluation import Evaluation
from affekt.metrics import HEADLINES, Score, bootstrap, interval_of, score_headlines

COMPARED = ("accuracy", "uar")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much better one is than another, on the same clips.

    Attributes
    ----------
    better, worse
        Names; ``better`` has the higher value.
    metric
        ``accuracy`` or ``uar``.
    value, low, high
        The difference, mean over seeds, and its 95 % interval, drawn over speakers for both at once; NaN
        where there are fewer than two.
    """

    better: str
    worse: str
    metric: str
    value: float
    low: float
    high: float

    @property
    def real(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Several evaluations of the same clips.

    Attributes
    ----------
    protocol_label, leaky, n, speakers, chance
        What they have in common; 0 speakers where nobody knows who speaks.
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
    scores: dict[str, dict[str, Score]]
    differences: tuple[Difference, ...]


def compare(results: Sequence[Evaluation | str | os.PathLike[str]]) -> Comparison:
    """Put evaluations side by side that were made of the same clips under the same protocol.

    Parameters
    ----------
    results
        Two or more, or the files that ``affekt evaluate --json`` wrote.

    Raises
    ------
    CorpusError
        A file holds no evaluation, or they are not of the same clips, emotions and protocol.

    Notes
    -----
    Speakers are drawn with replacement, the same for all: what is hard about a voice is hard for all
    recipes, so the interval of a difference is narrower than the two intervals suggest. With several
    pairs some will look different by accident; intervals are not corrected for that.
    """
    if len(results) < 2:
        raise CorpusError("to compare, give two evaluations or more")
    figures = [_read(result) for result in results]
    _check_same(figures)
    matrices = dict(zip(_names(figures), map(_matrices, figures), strict=True))
    first = figures[0]
    scores = {name: score_headlines(one, np.random.default_rng(0)) for name, one in matrices.items()}

    def best_first(metric: str) -> list[str]:
        return sorted(scores, key=lambda name: -scores[name][metric].value)

    return Comparison(
        protocol_label=first["protocol_label"],
        leaky=first["leaky"],
        n=first["n"],
        speakers=len(first["slices"]["speaker"]),
        chance=first["chance"],
        scores={name: scores[name] for name in best_first("accuracy")},
        differences=tuple(
            _difference(one, other, metric, matrices)
            for metric in COMPARED
            for one, other in combinations(best_first(metric), 2)
        ),
    )


def _read(result: Evaluation | str | os.PathLike[str]) -> dict[str, Any]:
    if isinstance(result, Evaluation):
        return {**result.to_json(), "file": ""}
    try:
        read: dict[str, Any] = json.loads(Path(result).read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("it is a list")
        missing = {
            "by_speaker",
            "slices",
            "recipe",
            "protocol",
            "protocol_label",
            "emotions",
            "n",
        } - read.keys()
    except (ValueError, AttributeError) as error:
        raise CorpusError(f"{result} holds no evaluation: {error}") from error
    if missing:
        raise CorpusError(
            f"{result} holds no evaluation that can be compared: it lacks {', '.join(sorted(missing))}. "
            "Write it anew with affekt evaluate --json"
        )
    return {**read, "file": str(result)}


def _check_same(figures: Sequence[dict[str, Any]]) -> None:
    first = figures[0]
    for other in figures[1:]:
        names = f"{first['file'] or first['recipe']} and {other['file'] or other['recipe']}"
        for what in ("protocol", "emotions"):
            if first[what] != other[what]:
                raise CorpusError(
                    f"{names} cannot be compared: their {what} differ, {first[what]} and {other[what]}"
                )
        if _support(first) != _support(other):
            raise CorpusError(
                f"{names} cannot be compared: they were not scored on the same clips "
                f"({first['n']} and {other['n']})"
            )


def _support(figures: dict[str, Any]) -> dict[str, list[list[int]]]:
    """How many clips of each emotion each speaker has: in each seed, or once where all are the same."""
    by_seed = {name: np.asarray(counts).sum(axis=2) for name, counts in figures["by_speaker"].items()}
    if all((counts == counts[0]).all() for counts in by_seed.values()):
        by_seed = {name: counts[:1] for name, counts in by_seed.items()}
    return {name: counts.tolist() for name, counts in by_seed.items()}


def _names(figures: Sequence[dict[str, Any]]) -> list[str]:
    """The recipes' names, or the files' where two are of the same recipe."""
    names = [one["recipe"] for one in figures]
    if len(set(names)) < len(names):
        names = [Path(one["file"]).stem or one["recipe"] for one in figures]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _matrices(figures: dict[str, Any]) -> NDArray[np.float64]:
    """Confusion matrices of shape (seeds, speakers, K, K), speakers by name."""
    by_speaker = figures["by_speaker"]
    return np.stack([np.asarray(by_speaker[name], float) for name in sorted(by_speaker)], axis=1)


def _difference(
    better: str, worse: str, metric: str, matrices: dict[str, NDArray[np.float64]]
) -> Difference:
    score = HEADLINES[metric]
    values, drawn = [], []
    for name in (better, worse):
        one = matrices[name]
        values.append(float(score(one.sum(axis=1)).mean()))
        drawn.append(bootstrap(score, one, np.random.default_rng(0)))  # the same speakers for both
    alone = matrices[better].shape[1] < 2
    low, high = (np.nan, np.nan) if alone else interval_of(drawn[0] - drawn[1])
    return Difference(
        better=better, worse=worse, metric=metric, value=values[0] - values[1], low=low, high=high
    )
