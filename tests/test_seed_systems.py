"""Each published system is run on its own terms and on honest ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from affekt.emotions import EMOTIONS
from affekt.errors import UnknownNameError
from affekt.features import FEATURE_SETS
from affekt.metrics import HEADLINES
from affekt.protocols import PROTOCOLS
from affekt.recipes import RECIPES
from affekt.seed_systems import BOTH, SPEECH, SeedSystem, Trial, find_seed_system, seed_systems

SYSTEMS = seed_systems()
TRIALS = [(system, trial) for system in SYSTEMS for trial in system.trials]
EIGHT = {"neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"}
BY_NUMBER = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.number)


def test_there_are_five_and_their_numbers_are_in_order() -> None:
    assert [system.number for system in SYSTEMS] == ["000", "001", "002", "003", "004"]


@BY_NUMBER
def test_a_system_is_a_recipe_with_claims_and_an_audit(system: SeedSystem) -> None:
    assert RECIPES[system.name].claims
    assert system.claim
    assert system.audit


@pytest.mark.parametrize(("system", "trial"), TRIALS)
def test_a_trial_names_only_what_there_is(system: SeedSystem, trial: Trial) -> None:
    assert trial.protocol in PROTOCOLS
    assert trial.recipe.features in FEATURE_SETS
    assert set(trial.claims or {}) <= set(HEADLINES)
    assert all(0 < value < 1 for value in (trial.claims or {}).values())
    assert set(trial.emotions) <= set(EMOTIONS)
    assert trial.material in (SPEECH, BOTH)
    assert trial.seeds >= 1
    assert trial.reading


def test_no_two_trials_would_be_taken_for_one() -> None:
    keys = [(s.number, t.recipe.name, t.protocol, t.material, t.reading) for s, t in TRIALS]
    assert len(set(keys)) == len(keys)


@BY_NUMBER
def test_its_own_terms_are_run_with_five_seeds_and_beside_its_claims(system: SeedSystem) -> None:
    own = [trial for trial in system.trials if trial.recipe.name == system.name and trial.claims]
    held_out = [trial for trial in own if trial.protocol.startswith("random-") and trial.seeds >= 5]
    assert own[0].emotions in {trial.emotions for trial in held_out}
    assert own[0].claims == RECIPES[system.name].claims
    assert own[0].protocol == RECIPES[system.name].claims_protocol


@BY_NUMBER
def test_it_is_run_on_unseen_actors_on_its_own_material_and_on_what_all_are_compared_on(
    system: SeedSystem,
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


def test_the_last_of_them_is_shown_where_its_figure_comes_from() -> None:
    protocols = {trial.protocol for trial in SYSTEMS[-1].trials}
    assert {"augment-before-split", "training-side", "random-80-20", "by-actor-5"} <= protocols


def test_material_tells_the_channel() -> None:
    trial = SYSTEMS[0].trials[0]
    assert replace(trial, material=SPEECH).channel == "speech"
    assert replace(trial, material=BOTH).channel is None


@BY_NUMBER
def test_a_system_is_found_by_number_and_by_recipe(system: SeedSystem) -> None:
    assert find_seed_system(system.number, SYSTEMS) is system
    assert find_seed_system(system.name, SYSTEMS) is system


def test_an_unknown_system_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'se-cnn'.*000.*004.*stacked-ensemble"):
        find_seed_system("secnn", SYSTEMS)
