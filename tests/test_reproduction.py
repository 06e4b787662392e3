"""A reproduction writes each result as it comes, loses none, and computes none twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from affekt.corpora import load
from affekt.corpus import Corpus
from affekt.cross_validation import cross_validate
from affekt.dataset import Dataset, listen
from affekt.errors import UnknownNameError
from affekt.features import find_feature_set
from affekt.recipe import Recipe
from affekt.reproduction import QUICK_SETTINGS, _Listener, reproduce
from affekt.results_page import render
from affekt.seed_systems import SPEECH, SeedSystem, Trial


class Fast(GaussianNB):
    """Counts how often it is fitted, notes its settings, and gives up where it is told to."""

    fits: ClassVar[list[dict[str, Any]]] = []
    stop_in: ClassVar[int] = 0

    def __init__(self, epochs: int = 70, draws: int = 7, var_smoothing: float = 1e-3) -> None:
        super().__init__(var_smoothing=var_smoothing)
        self.epochs = epochs
        self.draws = draws

    def fit(self, X: np.ndarray, y: np.ndarray) -> Fast:
        Fast.fits.append({"epochs": self.epochs, "draws": self.draws, "clips": len(X)})
        if len(Fast.fits) == Fast.stop_in:
            raise KeyboardInterrupt
        return super().fit(X, y)


FAST, OTHER = (
    Recipe(name=name, summary="-", source="-", features="mfcc-mean@1", build=lambda seed: Fast())
    for name in ("fast", "other")
)
THREE, TWO = ("neutral", "happy", "angry"), ("happy", "angry")


def make_trials(recipe: Recipe) -> tuple[Trial, ...]:
    return (
        Trial(
            recipe=recipe, protocol="random-80-20", emotions=TWO, seeds=3, claims={"accuracy": 0.99},
            reading="as claimed",
        ),
        Trial(recipe=recipe, protocol="by-actor-5", emotions=TWO, reading="its material"),
        Trial(recipe=recipe, protocol="by-actor-5", emotions=THREE, material=SPEECH, reading="common"),
    )  # fmt: skip


SYSTEMS = tuple(
    SeedSystem(number=number, name=recipe.name, claim="99 %", audit="A split.", trials=make_trials(recipe))
    for number, recipe in (("000", FAST), ("001", OTHER))
)
FITS = {"quick": 1 + 5 + 5, "whole": 3 + 5 + 5}  # of one system


@pytest.fixture(autouse=True)
def _small_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    Fast.fits.clear()
    Fast.stop_in = 0
    monkeypatch.setattr("affekt.reproduction.seed_systems", lambda: SYSTEMS)


@pytest.fixture(scope="module")
def corpus(small_ravdess: Path) -> Corpus:
    return load(small_ravdess)


@pytest.fixture(scope="module")
def heard(corpus: Corpus) -> Dataset:
    return listen(corpus, find_feature_set("mfcc-mean@1"))


@pytest.fixture(autouse=True)
def listened(heard: Dataset, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Listen once for all tests; what was asked for."""
    asked: list[str] = []

    def listen_again(recipe: Recipe, corpus: Corpus, **_: Any) -> Dataset:
        asked.append(recipe.features + (", and copies" if recipe.degraded_copies else ""))
        return heard

    monkeypatch.setattr("affekt.reproduction.listen_for", listen_again)
    return asked


def read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def names(results: dict[str, Any]) -> list[tuple[str, str]]:
    return [(trial["system"], trial["reading"]) for trial in results["trials"]]


ALL = [(s.number, t.reading) for s in SYSTEMS for t in s.trials]


def test_every_trial_is_run_and_written_beside_its_claim(
    corpus: Corpus, heard: Dataset, tmp_path: Path
) -> None:
    results = reproduce(corpus, out=tmp_path / "new")
    assert results == read(tmp_path / "new" / "results.json")
    assert (tmp_path / "new" / "results.md").read_text(encoding="utf-8") == render(results)
    assert names(results) == ALL
    assert len(Fast.fits) == 2 * FITS["whole"]
    assert results["systems"]["000"] == {"name": "fast", "claim": "99 %", "audit": "A split."}
    first = results["trials"][0]
    assert first["claims"] == {"accuracy": 0.99}
    expected = cross_validate(heard.select(emotions=TWO), FAST, "random-80-20", seeds=range(3)).to_json()
    assert first["evaluation"] == {name: expected[name] for name in first["evaluation"]}
    assert first["evaluation"]["leaky"]
    assert len(first["evaluation"]["seeds"]) == 3
    assert results["trials"][2]["evaluation"]["emotions"] == list(THREE)


def test_a_quick_run_is_short_and_has_files_of_its_own(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, quick=True, out=tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"results-quick.json", "results-quick.md"}
    assert results["quick"] is True
    assert len(Fast.fits) == 2 * FITS["quick"]
    assert all(fitted.items() >= QUICK_SETTINGS.items() for fitted in Fast.fits)
    assert "A quick run" in (tmp_path / "results-quick.md").read_text(encoding="utf-8")


def test_a_quick_run_leaves_the_whole_one_alone(corpus: Corpus, tmp_path: Path) -> None:
    reproduce(corpus, seed_system="000", out=tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    reproduce(corpus, seed_system="000", quick=True, out=tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before


def test_without_haste_nothing_is_shortened(corpus: Corpus, tmp_path: Path) -> None:
    reproduce(corpus, seed_system="000", out=tmp_path)
    assert {(fitted["epochs"], fitted["draws"]) for fitted in Fast.fits} == {(70, 7)}


def test_what_is_there_is_not_computed_again(corpus: Corpus, tmp_path: Path, listened: list[str]) -> None:
    first = reproduce(corpus, quick=True, out=tmp_path)
    trained, asked = len(Fast.fits), len(listened)
    assert reproduce(corpus, quick=True, out=tmp_path) == first
    assert (len(Fast.fits), len(listened)) == (trained, asked)


def test_features_that_follow_each_other_are_listened_to_once(
    corpus: Corpus, tmp_path: Path, listened: list[str]
) -> None:
    reproduce(corpus, quick=True, out=tmp_path)
    assert listened == ["mfcc-mean@1"]


def test_a_recipe_that_learns_from_spoilt_copies_is_listened_for_anew(
    corpus: Corpus, listened: list[str]
) -> None:
    hear = _Listener(corpus, jobs=1, progress=False)
    own = SYSTEMS[0].trials[0]
    for recipe in (own.recipe, replace(own.recipe, degraded_copies=True), own.recipe):
        hear(replace(own, recipe=recipe))
    assert listened == ["mfcc-mean@1", "mfcc-mean@1, and copies", "mfcc-mean@1"]


def test_results_of_one_system_leave_those_of_others_where_they_are(corpus: Corpus, tmp_path: Path) -> None:
    later = reproduce(corpus, seed_system="other", quick=True, out=tmp_path)
    assert names(later) == ALL[3:]
    both = reproduce(corpus, seed_system="000", quick=True, out=tmp_path)
    assert names(both) == ALL
    assert both["trials"][3:] == later["trials"]
    assert len(Fast.fits) == 2 * FITS["quick"]


def test_an_unknown_system_is_refused_and_those_there_are_are_named(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"seed system is called '007'.*000, 001, fast, other"):
        reproduce(corpus, seed_system="007", out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_was_finished_before_an_interruption_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    Fast.stop_in = 1 + 5 + 3
    with pytest.raises(KeyboardInterrupt):
        reproduce(corpus, quick=True, out=tmp_path)
    assert names(read(tmp_path / "results-quick.json")) == ALL[:2]
    page = (tmp_path / "results-quick.md").read_text(encoding="utf-8")
    assert page == render(read(tmp_path / "results-quick.json"))
    Fast.fits.clear()
    Fast.stop_in = 0
    assert names(reproduce(corpus, quick=True, out=tmp_path)) == ALL
    assert len(Fast.fits) == 5 + FITS["quick"]


def test_a_result_whose_trial_is_no_longer_run_costs_no_other(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, seed_system="000", quick=True, out=tmp_path)
    results["trials"][0]["recipe"] = "as it was called before"
    (tmp_path / "results-quick.json").write_text(json.dumps(results), encoding="utf-8")
    again = reproduce(corpus, quick=True, out=tmp_path)
    assert set(names(again)) >= set(ALL)
