"""Each published system is evaluated as its project did, and on unseen speakers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from affekt.emotions import EMOTIONS
from affekt.errors import UnknownNameError
from affekt.evaluation.protocols import PROTOCOLS
from affekt.experiments.published_systems import (
    BOTH,
    SPEECH,
    Claim,
    PublishedSystem,
    Trial,
    find_published_system,
    published_systems,
)
from affekt.experiments.reproduction_result import key_of
from affekt.features.feature_sets import FEATURE_SETS
from affekt.metrics import HEADLINES
from affekt.recipes import RECIPES

SYSTEMS = published_systems()
TRIALS = [(system, trial) for system in SYSTEMS for trial in system.trials]
EIGHT = {"neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"}
BY_NUMBER = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.number)


def test_there_are_five_and_their_numbers_are_in_order() -> None:
    assert [system.number for system in SYSTEMS] == ["000", "001", "002", "003", "004"]


@BY_NUMBER
def test_a_system_is_a_recipe_with_claims_and_an_audit(system: PublishedSystem) -> None:
    assert RECIPES[system.name].claims
    assert system.claim
    assert system.audit


@BY_NUMBER
def test_the_claim_of_a_system_is_the_system_without_its_trials(system: PublishedSystem) -> None:
    assert system.claims == Claim(
        number=system.number, name=system.name, claim=system.claim, audit=system.audit
    )


@pytest.mark.parametrize(("system", "trial"), TRIALS)
def test_a_trial_names_only_what_there_is(system: PublishedSystem, trial: Trial) -> None:
    assert trial.protocol in PROTOCOLS
    assert trial.recipe.features in FEATURE_SETS
    assert set(trial.claims or {}) <= set(HEADLINES)
    assert all(0 < value < 1 for value in (trial.claims or {}).values())
    assert set(trial.emotions) <= set(EMOTIONS)
    assert trial.material in (SPEECH, BOTH)
    assert trial.seeds >= 1
    assert trial.reading


def test_no_two_trials_have_the_same_key() -> None:
    keys = [key_of(system, trial) for system, trial in TRIALS]
    assert len(set(keys)) == len(keys)
    readings = [(s.number, t.recipe.name, t.protocol, t.material, t.reading) for s, t in TRIALS]
    assert len(set(readings)) == len(readings)


@BY_NUMBER
def test_its_own_protocol_is_run_with_five_seeds_beside_its_claims(system: PublishedSystem) -> None:
    own = [trial for trial in system.trials if trial.recipe.name == system.name and trial.claims]
    held_out = [trial for trial in own if trial.protocol.startswith("random-") and trial.seeds >= 5]
    assert own[0].emotions in {trial.emotions for trial in held_out}
    assert own[0].claims == RECIPES[system.name].claims
    assert own[0].protocol == RECIPES[system.name].claims_protocol


@BY_NUMBER
def test_it_is_run_on_unseen_actors_on_its_own_material_and_on_that_of_the_comparison(
    system: PublishedSystem,
) -> None:
    honest = [
        trial
        for trial in system.trials
        if trial.recipe.name == system.name and not PROTOCOLS[trial.protocol].leaky
    ]
    own_terms = system.trials[0]
    assert {trial.protocol for trial in honest} == {"by-actor-5"}
    assert any((t.material, t.emotions) == (own_terms.material, own_terms.emotions) for t in honest)
    assert any(t.material == SPEECH and set(t.emotions) == EIGHT for t in honest)


def test_the_last_is_also_run_as_its_figures_were_most_likely_reached() -> None:
    protocols = {trial.protocol for trial in SYSTEMS[-1].trials}
    assert {"augment-before-split", "training-side", "random-80-20", "by-actor-5"} <= protocols


def test_the_material_selects_the_vocal_channel() -> None:
    trial = SYSTEMS[0].trials[0]
    assert replace(trial, material=SPEECH).vocal_channel == "speech"
    assert replace(trial, material=BOTH).vocal_channel is None


@BY_NUMBER
def test_a_system_is_found_by_number_and_by_recipe(system: PublishedSystem) -> None:
    assert find_published_system(system.number, SYSTEMS) is system
    assert find_published_system(system.name, SYSTEMS) is system


def test_an_unknown_system_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'se-cnn'.*000.*004.*stacked-ensemble"):
        find_published_system("secnn", SYSTEMS)
