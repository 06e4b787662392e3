"""What ``reproduce`` found: claims beside results, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from affekt.errors import CorpusError
from affekt.evaluation.result_values import explained, read_json
from affekt.evaluation.results import Scores
from affekt.experiments.published_systems import Claim, PublishedSystem, Trial
from affekt.support.markup import html_table
from affekt.support.plain_values import build
from affekt.support.writing import whole_file


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """The result of one trial.

    Attributes
    ----------
    system
        The number of the published system.
    recipe, protocol, material, reading, claims
        As in ``Trial``; ``recipe`` by name.
    seconds
        How long training and testing took.
    evaluation
        The scores.
    """

    system: str
    recipe: str
    protocol: str
    material: str
    reading: str
    claims: Mapping[str, float]
    seconds: int
    evaluation: Scores

    @property
    def key(self) -> tuple[str, ...]:
        """What identifies a trial."""
        emotions = ",".join(self.evaluation.emotions)
        return self.system, self.recipe, self.protocol, self.material, emotions

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**vars(self), "claims": dict(self.claims), "evaluation": Scores.to_json(self.evaluation)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrialResult:
        """Build from what ``to_json`` returned; ``CorpusError`` where it is something else."""
        with explained():
            evaluation = Scores.from_json(values["evaluation"])
            known = {name: one for name, one in values.items() if name != "evaluation"}
            found: TrialResult = build(cls, {**known, "evaluation": evaluation}, name="a trial")
        return found


@dataclass(frozen=True, kw_only=True, repr=False)
class Reproduction:
    """All trials that were run on a corpus.

    Attributes
    ----------
    quick
        Whether trainings were cut short, so that scores mean nothing.
    corpus, clips
        Name and number of clips of the corpus.
    systems
        Number -> what the published system claims.
    trials
        The results, system after system.
    """

    quick: bool
    corpus: str
    clips: int
    systems: Mapping[str, Claim]
    trials: tuple[TrialResult, ...]

    def __repr__(self) -> str:
        return f"<Reproduction of {len(self.systems)} systems on {self.corpus}: {len(self.trials)} trials>"

    def _repr_html_(self) -> str:
        rows = [
            (one.system, one.recipe, one.evaluation.protocol_label, one.material, claimed,
             one.evaluation.headlines["accuracy"].with_interval)
            for one in self.trials
            for claimed in [f"{100 * one.claims['accuracy']:.1f}" if "accuracy" in one.claims else "-"]
        ]  # fmt: skip
        quick = ", trained briefly: scores mean nothing" if self.quick else ""
        title = f"Published systems on {self.corpus}, {self.clips} clips, accuracy in %{quick}"
        return html_table(title, rows, ("system", "recipe", "protocol", "material", "claimed", "reached"))

    def of_system(self, number: str) -> list[TrialResult]:
        """Return the trials of one published system."""
        return [trial for trial in self.trials if trial.system == number]

    def add(self, trial: TrialResult, known: Sequence[PublishedSystem]) -> Reproduction:
        """Return the same with one more trial, in the order of the published systems."""
        order = {key: i for i, key in enumerate(key_of(one, t) for one in known for t in one.trials)}
        trials = sorted([*self.trials, trial], key=lambda one: order.get(one.key, len(order)))
        return replace(self, trials=tuple(trials))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as ``to_json``."""
        return self.to_json()

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        systems = {
            number: {"name": one.name, "claim": one.claim, "audit": one.audit}
            for number, one in self.systems.items()
        }
        trials = [trial.to_json() for trial in self.trials]
        return {**vars(self), "trials": trials, "systems": systems}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Reproduction:
        """Build from what ``to_json`` returned.

        Raises
        ------
        CorpusError
            The values are not those of a reproduction.
        """
        with explained():
            if unknown := values.keys() - {"quick", "corpus", "clips", "systems", "trials"}:
                raise ValueError(f"it has {', '.join(sorted(map(repr, unknown)))}, which is unknown")
            claims = {number: {**one, "number": number} for number, one in values["systems"].items()}
            return cls(
                quick=build(bool, values["quick"], name="quick"),
                corpus=build(str, values["corpus"], name="corpus"),
                clips=build(int, values["clips"], name="clips"),
                systems=build(Mapping[str, Claim], claims, name="systems"),
                trials=tuple(TrialResult.from_json(one) for one in values["trials"]),
            )

    def write(self, place: Path) -> None:
        """Write the JSON file, whole or not at all."""
        with whole_file(place) as file:
            json.dump(self.to_json(), file, indent=1)
            file.write("\n")


def read_reproduction(place: Path) -> Reproduction:
    """Read the JSON file; ``CorpusError`` where it holds no results."""
    try:
        return Reproduction.from_json(read_json(place))
    except CorpusError as error:
        raise CorpusError(f"{place} holds no results of affekt reproduce: {error}") from error


def key_of(system: Claim, trial: Trial) -> tuple[str, ...]:
    """The ``TrialResult.key`` that a trial will have."""
    return system.number, trial.recipe.name, trial.protocol, trial.material, ",".join(trial.emotions)
