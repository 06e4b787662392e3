"""Results of a reproduction: how they are kept in JSON, put in order, and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.experiments.recipes import BAYES
from tests.experiments.results import SYSTEMS, make_results, make_trial
from tests.odd_values import ODD_VALUES, name_of, places, replaced

from affekt.errors import CorpusError
from affekt.experiments.published_systems import Claim, PublishedSystem, Trial, published_systems
from affekt.experiments.reproduction_result import Reproduction, TrialResult, key_of, read_reproduction

DOCS = Path(__file__).parents[2] / "docs"


def as_text(found: Reproduction) -> str:
    return json.dumps(found.to_dict(), allow_nan=False)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    results = make_results()
    results.write(tmp_path / "r.json")
    found = read_reproduction(tmp_path / "r.json")
    assert as_text(found) == as_text(results)
    assert found.systems == SYSTEMS
    assert found.trials[0].evaluation.headlines == results.trials[0].evaluation.headlines
    assert [trial.key for trial in found.trials] == [trial.key for trial in results.trials]


def test_the_file_has_the_same_names_as_before() -> None:
    values = json.loads(as_text(make_results()))
    assert values.keys() == {"quick", "corpus", "clips", "systems", "trials"}
    assert values["systems"]["004"] == {
        "name": "se-cnn", "claim": "92.20 % accuracy", "audit": "Augmented first."
    }  # fmt: skip
    assert values["trials"][0].keys() == {
        "system", "recipe", "protocol", "material", "reading", "claims", "seconds", "evaluation",
    }  # fmt: skip
    assert values["trials"][0]["evaluation"].keys() == {
        "protocol_label", "leaky", "n", "emotions", "chance", "majority", "accuracy", "uar", "macro_f1",
        "weighted_f1", "weighted_f2", "intervals", "spread", "no_interval", "per_emotion",
        "confusion_matrix", "seeds",
    }  # fmt: skip


def test_the_published_results_are_read_and_written_unchanged(tmp_path: Path) -> None:
    found = read_reproduction(DOCS / "results.json")
    found.write(tmp_path / "again.json")
    one, other = (json.loads(path.read_text()) for path in (DOCS / "results.json", tmp_path / "again.json"))
    assert one == other
    known = {key_of(system, trial) for system in published_systems() for trial in system.trials}
    assert {trial.key for trial in found.trials} == known


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("trials"),
        lambda values: values.pop("quick"),
        lambda values: values["trials"][0].pop("evaluation"),
        lambda values: values["trials"][0].update(more=1),
        lambda values: values["trials"][0]["evaluation"].pop("intervals"),
        lambda values: values.update(systems=[]),
        lambda values: values.update(trials=3),
        lambda values: values["systems"]["004"].pop("claim"),
    ],
)
def test_a_file_that_holds_no_results_is_refused(
    change: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    values = json.loads(as_text(make_results()))
    change(values)
    (tmp_path / "odd.json").write_text(json.dumps(values))
    with pytest.raises(CorpusError, match=r"odd\.json holds no results of affekt reproduce"):
        read_reproduction(tmp_path / "odd.json")


@pytest.mark.parametrize("path", list(places(json.loads(as_text(make_results())))), ids=name_of)
def test_an_odd_value_anywhere_in_results_is_refused_or_harmless(
    path: tuple[Any, ...], tmp_path: Path
) -> None:
    """Harmless: the results are read, shown and written."""
    for odd in ODD_VALUES:
        values = replaced(json.loads(as_text(make_results())), path, odd)
        (tmp_path / "odd.json").write_text(json.dumps(values))
        try:
            found = read_reproduction(tmp_path / "odd.json")
        except CorpusError as error:
            assert "odd.json holds no results" in str(error)
            continue
        repr(found), found._repr_html_(), as_text(found)


@pytest.mark.parametrize(
    "content", ["", "dear diary", "[]", "3", '{"quick": true}', "\udcff", "[" * 100_000]
)
def test_a_file_that_is_no_results_at_all_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorpusError, match="holds no results of affekt reproduce"):
        read_reproduction(tmp_path / "odd.json")


def test_a_trial_is_told_apart_by_system_recipe_protocol_material_and_emotions() -> None:
    trial = make_trial("by-actor-5", 0.5)
    assert trial.key == ("004", "se-cnn", "by-actor-5", "speech + song", "happy,sad")
    others = [
        replace(trial, system="003"),
        replace(trial, recipe="mlp"),
        replace(trial, protocol="random-80-20"),
        replace(trial, material="speech"),
        replace(trial, evaluation=replace(trial.evaluation, emotions=("happy",))),
    ]
    assert len({one.key for one in (trial, *others)}) == 6
    assert replace(trial, seconds=3, reading="another").key == trial.key


def make_known() -> tuple[PublishedSystem, ...]:
    trials = tuple(
        Trial(recipe=BAYES, protocol=protocol, emotions=("happy", "sad"))
        for protocol in ("random-80-20", "by-actor-5")
    )
    return tuple(
        PublishedSystem(number=number, name="bayes", claim="-", audit="-", trials=trials)
        for number in ("000", "001")
    )


def of(number: str, protocol: str) -> TrialResult:
    return make_trial(protocol, 0.5, system=number, recipe="bayes")


def test_trials_are_kept_in_the_order_of_the_published_systems() -> None:
    known = make_known()
    expected = [key_of(system, trial) for system in known for trial in system.trials]
    results = replace(make_results(), trials=())
    for number, protocol in (
        ("001", "by-actor-5"), ("000", "by-actor-5"), ("001", "random-80-20"), ("000", "random-80-20")
    ):  # fmt: skip
        results = results.add(of(number, protocol), known)
    assert [trial.key for trial in results.trials] == expected
    assert [trial.protocol for trial in results.of_system("001")] == ["random-80-20", "by-actor-5"]
    assert results.of_system("002") == []


def test_a_trial_that_is_no_longer_run_is_kept_after_the_others() -> None:
    results = replace(make_results(), trials=(of("000", "training-side"),))
    results = results.add(of("001", "by-actor-5"), make_known())
    assert [trial.protocol for trial in results.trials] == ["by-actor-5", "training-side"]


def test_a_reproduction_is_shown_in_one_line() -> None:
    assert repr(make_results()) == "<Reproduction of 2 systems on ravdess: 3 trials>"


def test_a_reproduction_is_a_table_in_a_notebook() -> None:
    table = make_results()._repr_html_()
    for text in ("ravdess", "2452 clips", "92.2", "81.2 (76.2 - 86.2)", "random-80-20 (LEAKY: said)"):
        assert text in table
    assert "scores mean nothing" not in table
    assert "scores mean nothing" in make_results(quick=True)._repr_html_()


def test_texts_of_a_results_file_are_escaped_in_a_notebook() -> None:
    evil = "<script>alert(1)</script>"
    trial = make_trial("by-actor-5", 0.5, recipe=evil, material=evil, system=evil)
    table = replace(make_results(trials=(trial,)), corpus=evil)._repr_html_()
    assert "<script" not in table
    assert table.count("&lt;script&gt;") == 4


def test_the_systems_are_claims_without_trials() -> None:
    assert all(type(one) is Claim for one in make_results().systems.values())
    with_trials = {system.number: system.claims for system in published_systems()}
    results = replace(make_results(), systems=with_trials)
    assert json.loads(as_text(results))["systems"].keys() == with_trials.keys()
