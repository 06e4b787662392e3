"""What a contract holds, and the names that it is stored by in a model file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.model.contracts import CONTRACT

from affekt.metrics import HEADLINES, Score
from affekt.model.bundle import load
from affekt.model.calibration import Calibration
from affekt.model.contract import CONTRACT_FORMAT, MIN_WINDOW_S, Contract, parse_contract

# The keys of format 4, whatever the attributes are called.
KEYS = {
    "emotions", "features", "sample_rate", "recipe", "seed", "corpora", "fingerprints", "scores",
    "recordings", "trust", "novel_from", "average_voice", "parity", "versions", "sha256", "format",
}  # fmt: skip
LATER_KEYS = {"uncertainty_weight", "enrolled_calibration"}  # which a file has where they are needed
SCORE_KEYS = {
    "protocol", "protocol_label", "leaky", "n", "chance", "headlines", "recall", "confusion_matrix",
    "reliability", "coverage", "likely_count",
}  # fmt: skip


def stored(contract: Contract = CONTRACT) -> dict[str, Any]:
    """The values as a file holds them: JSON knows no tuples."""
    values: dict[str, Any] = json.loads(json.dumps(contract.to_dict()))
    return values


def test_a_contract_of_format_4_is_written_by_the_names_of_that_format() -> None:
    assert CONTRACT_FORMAT == 4
    assert stored().keys() == KEYS
    assert stored()["scores"].keys() == SCORE_KEYS
    assert stored()["trust"] == {"temperature": 1.5, "threshold": 0.2}
    assert stored()["novel_from"] == 3.0
    assert stored()["average_voice"] == {"mean": [0.0] * 80, "deviation": [1.0] * 80}
    assert stored()["scores"]["likely_count"] == 1.5


def test_a_calibration_for_left_out_corpora_is_kept_with_whom_it_promises_for() -> None:
    both = replace(
        CONTRACT,
        calibration=replace(
            CONTRACT.calibration,
            distance_slope=1.5,
            reference_distance=0.9,
            fitted_on=("unseen speakers", "unseen corpora"),
        ),
    )
    assert parse_contract(stored(both)) == both
    assert both.averaged_over == "unseen speakers of corpora like the training ones and left-out corpora"


def test_an_uncertain_clip_is_out_of_distribution_at_a_smaller_distance() -> None:
    weighted = parse_contract(stored(replace(CONTRACT, uncertainty_weight=1.0)))
    sure, unsure = np.array([0.9, 0.1]), np.array([0.5, 0.5])
    assert not weighted.is_out_of_distribution(sure, 2.5)
    assert weighted.is_out_of_distribution(unsure, 2.5)
    assert weighted.is_out_of_distribution(sure, 2.8)


def test_an_earlier_file_flags_by_the_distance_alone() -> None:
    earlier = parse_contract(stored())
    assert "uncertainty_weight" not in stored()
    for row in (np.array([0.9, 0.1]), np.array([0.5, 0.5])):
        assert [earlier.is_out_of_distribution(row, far) for far in (2.9, 3.1)] == [False, True]


def test_an_earlier_file_promises_for_unseen_speakers_unless_its_scores_are_leaky() -> None:
    values = stored()
    assert values["trust"].keys() == {"temperature", "threshold"}
    assert parse_contract(values).averaged_over == "unseen speakers of corpora like the training ones"
    values["scores"]["leaky"] = True
    assert parse_contract(values).averaged_over == "speakers that were trained on"


def test_enrolled_speakers_have_a_calibration_of_their_own_where_the_contract_has_one() -> None:
    own = Calibration(temperature=0.7, threshold=0.3, fitted_on=("unseen speakers", "unseen corpora"))
    both = replace(CONTRACT, enrolled_calibration=own)
    assert stored(both)["enrolled_calibration"] == json.loads(json.dumps(own.to_dict()))
    assert parse_contract(stored(both)) == both
    assert both.calibration_for(enrolled=True) == own
    assert both.calibration_for(enrolled=False) == CONTRACT.calibration
    assert both.averaged_over_enrolled == (
        "unseen speakers of corpora like the training ones and left-out corpora"
    )
    leaky = replace(both, scores=replace(both.scores, leaky=True))
    assert leaky.averaged_over_enrolled == "speakers that were trained on"


def test_in_an_earlier_file_enrolled_speakers_have_the_calibration_of_others() -> None:
    assert "enrolled_calibration" not in stored()
    earlier = parse_contract(stored())
    assert earlier.enrolled_calibration is None
    assert earlier.calibration_for(enrolled=True) == CONTRACT.calibration
    assert earlier.averaged_over_enrolled == ""


@pytest.mark.parametrize(
    "odd",
    [
        {"temperature": 0.0, "threshold": 0.1},
        {"temperature": 1.0},
        {"temperature": 1.0, "threshold": 0.1, "fitted_on": ["friends"]},
        {"temperature": 1.0, "threshold": 0.1, "clips": 16},
        [1.0, 0.1],
    ],
)
def test_a_calibration_for_enrolled_speakers_is_checked_as_the_other(odd: object) -> None:
    with pytest.raises(ValueError, match=r"calibration|temperature"):
        parse_contract(stored() | {"enrolled_calibration": odd})


def test_the_bundled_model_has_these_names_and_no_others() -> None:
    values = stored(load().contract)
    assert KEYS <= values.keys() <= KEYS | LATER_KEYS
    assert values["scores"].keys() == SCORE_KEYS


def test_what_is_written_is_what_is_read() -> None:
    assert parse_contract(stored()) == CONTRACT
    bundled = load().contract
    assert parse_contract(stored(bundled)) == bundled


def test_values_of_the_file_are_found_under_the_names_of_the_attributes() -> None:
    values = stored()
    values |= {"trust": {"temperature": 3.0, "threshold": 0.4}, "novel_from": 7}
    values["average_voice"]["mean"][2] = 5
    values["scores"]["likely_count"] = 2.5
    found = parse_contract(values)
    assert (found.calibration.temperature, found.calibration.threshold) == (3.0, 0.4)
    assert found.distance_threshold == 7.0
    assert found.average_speaker.mean[2] == 5.0
    assert found.scores.set_size == 2.5


@pytest.mark.parametrize("key", sorted(KEYS))
def test_no_part_of_a_contract_may_be_missing(key: str) -> None:
    values = stored()
    del values[key]
    with pytest.raises(ValueError, match=r"lacks|format|sha256"):
        parse_contract(values)


@pytest.mark.parametrize("key", sorted(SCORE_KEYS))
def test_no_score_may_be_missing(key: str) -> None:
    values = stored()
    del values["scores"][key]
    with pytest.raises(ValueError):
        parse_contract(values)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda values: values["scores"]["reliability"]["count"].append(1), "of one length"),
        (lambda values: values["scores"]["reliability"].pop("count"), "reliability diagram"),
        (lambda values: values["scores"]["reliability"].update(count=[0]), "no "),
        (lambda values: values["scores"].update(confusion_matrix=[[1, 0]]), "does not fit the emotions"),
        (lambda values: values["scores"].update(confusion_matrix=[[1], [1]]), "does not fit the emotions"),
        (lambda values: values["scores"].update(likely_count=-3), "set size is out of range"),
        (lambda values: values["scores"].update(n=-4), "scored on -4 clips"),
        (lambda values: values.update(emotions=[]), "names 0 emotions"),
        (lambda values: values.update(emotions=[1, 2]), r"emotions\[0\] is 1, not a text"),
        (lambda values: values.update(format=3), "reads format 4"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(
    change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    values = stored()
    change(values)
    with pytest.raises(ValueError, match=reason):
        parse_contract(values)


def test_a_window_is_never_so_short_that_a_recording_falls_apart() -> None:
    assert CONTRACT.window_s == 3.0
    assert replace(CONTRACT, recordings={"duration_s": (0.0, 0.0, 0.0)}).window_s == MIN_WINDOW_S
    assert replace(CONTRACT, recordings={}).window_s == float("inf")


def test_a_model_knows_which_speakers_it_may_have_been_trained_on() -> None:
    assert CONTRACT.knows_speaker("own", "a")
    assert CONTRACT.knows_speaker("own", "")
    assert not CONTRACT.knows_speaker("own", "c")
    assert not CONTRACT.knows_speaker("other", "a")
    unknown = replace(CONTRACT, corpora=(replace(CONTRACT.corpora[0], unknown_speakers=True),))
    assert unknown.knows_speaker("own", "c")
    assert not unknown.knows_speaker("other", "c")


def test_a_model_knows_the_clips_that_it_was_trained_on() -> None:
    assert CONTRACT.was_trained_on("0123456789abcdef0123456789abcdef")
    assert not CONTRACT.was_trained_on("1123456789abcdef0123456789abcdef")


@pytest.mark.parametrize("features", [None, [], 1])
def test_features_that_are_no_name_are_refused(features: object) -> None:
    values = load().contract.to_dict() | {"features": features}
    with pytest.raises(ValueError, match=r"features is .*, not a text"):
        parse_contract(values)


def test_a_score_without_an_interval_keeps_the_reason_and_others_are_written_as_before() -> None:
    assert stored()["scores"]["headlines"]["uar"] == {"value": 0.5, "low": 0.4, "high": 0.6, "spread": 0.0}
    few = replace(
        CONTRACT.scores,
        headlines={
            name: Score(value=1.0, low=math.nan, high=math.nan, spread=0.0, no_interval="2 speakers")
            for name in HEADLINES
        },
    )
    found = parse_contract(stored(replace(CONTRACT, scores=few))).scores.headlines["uar"]
    assert found.interval == "none: 2 speakers"
    assert math.isnan(found.low)
