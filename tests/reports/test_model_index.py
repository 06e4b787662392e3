"""The metadata of a card has the fields that Hugging Face documents, and the figures of the card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.reports.synthetic import make_evaluation

from affekt.model.bundle import load
from affekt.model.contract import Contract
from affekt.reports.model_card import render
from affekt.reports.model_index import front_matter

yaml = pytest.importorskip("yaml")
CONTRACT = load().contract


def metadata(contract: Contract = CONTRACT, **further: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(front_matter("m.onnx", contract, further).strip("-\n"))
    return found


def test_a_card_begins_with_the_metadata() -> None:
    assert render("m.onnx", CONTRACT).startswith(front_matter("m.onnx", CONTRACT) + "\n# Model card")


def test_each_result_has_the_fields_that_are_required() -> None:
    (model,) = metadata(Elsewhere={"a": make_evaluation()})["model-index"]
    assert model["name"] == "m.onnx"
    assert len(model["results"]) == 2
    for result in model["results"]:
        assert result["task"]["type"] == metadata()["pipeline_tag"] == "audio-classification"
        assert result["dataset"]["type"] and result["dataset"]["name"]
        for metric in result["metrics"]:
            assert isinstance(metric["type"], str)
            assert isinstance(metric["value"], float)


def test_scores_come_with_protocol_clips_chance_and_interval() -> None:
    first = metadata()["model-index"][0]["results"][0]
    accuracy = CONTRACT.scores.headlines["accuracy"]
    assert first["dataset"]["type"] == "ravdess+nemo"
    assert first["dataset"]["config"] == CONTRACT.scores.protocol_label
    assert first["metrics"][0]["value"] == round(accuracy.value, 4)
    for part in (f"{CONTRACT.scores.n} clips", "chance 12.5%", accuracy.interval):
        assert part in first["metrics"][0]["name"]


def test_only_clips_as_they_were_recorded_are_results() -> None:
    noisy = make_evaluation(condition="noise, 5 dB")
    assert len(metadata(Noise={"noise": noisy})["model-index"][0]["results"]) == 1


def test_the_licence_is_that_of_the_corpora() -> None:
    assert metadata()["license"] == "cc-by-nc-sa-4.0"
    own = replace(CONTRACT, corpora=tuple(replace(one, licence='my "own"') for one in CONTRACT.corpora))
    assert (metadata(own)["license"], metadata(own)["license_name"]) == ("other", 'my "own"')
