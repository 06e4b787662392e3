"""Recipes are trained on clips as they are, and tested on unseen voices whose clips were spoilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affekt import robustness as module
from affekt.audio import Waveform
from affekt.degradations import DEGRADATIONS
from affekt.errors import AudioContentError, LeakError
from affekt.robustness import AS_RECORDED, robustness
from affekt.scoring import evaluate

SOME = {name: DEGRADATIONS[name] for name in ("babble, 0 dB", "20 dB quieter")}


@pytest.fixture(autouse=True)
def _only_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEGRADATIONS", SOME)


def test_as_recorded_is_the_score_of_evaluate(small_ravdess: Path) -> None:
    found = robustness(small_ravdess, "svm")
    plain = evaluate(small_ravdess, recipe="svm")
    assert list(found) == [AS_RECORDED, *SOME]
    assert found[AS_RECORDED].headlines == plain.headlines
    assert found["babble, 0 dB"].headlines["accuracy"].value < plain.headlines["accuracy"].value
    assert found["babble, 0 dB"].protocol_label == "by-actor-5, babble, 0 dB"
    assert {one.n for one in found.values()} == {plain.n}


def test_a_recipe_that_does_not_look_at_loudness_is_deaf_to_gain(small_ravdess: Path) -> None:
    found = robustness(small_ravdess, "voice-svm")
    assert found["20 dB quieter"].headlines["accuracy"].value == pytest.approx(
        found[AS_RECORDED].headlines["accuracy"].value, abs=0.02
    )


def test_a_clip_that_cannot_be_heard_any_more_costs_itself(
    small_ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deafen(clip: Waveform, others: object, rng: np.random.Generator) -> Waveform:
        if clip.samples[100] > 0:
            raise AudioContentError("gone")
        return clip

    monkeypatch.setattr(module, "DEGRADATIONS", {"deafened": deafen})
    found = robustness(small_ravdess, "svm")["deafened"]
    assert 0 < len(found.excluded) < 120
    assert found.n == 120 - len(found.excluded)
    assert {reason for _, reason in found.excluded} == {"gone"}


def test_known_voices_are_refused(small_ravdess: Path) -> None:
    with pytest.raises(LeakError, match="random-80-20 tests voices that were trained on"):
        robustness(small_ravdess, "svm", protocol="random-80-20")


def test_several_trainings_hear_the_same_clips_and_noise(small_ravdess: Path) -> None:
    once = robustness(small_ravdess, "mlp")
    twice = robustness(small_ravdess, "mlp", seeds=2)
    for name, one in twice.items():
        assert list(one.by_seed) == [0, 1]
        assert one.by_seed[0].accuracy == once[name].headlines["accuracy"].value
        assert one.n == once[name].n
    assert len({one.answer for one in twice[AS_RECORDED].tested}) > 1
    with pytest.raises(ValueError, match="not 0 times"):
        robustness(small_ravdess, "mlp", seeds=0)
