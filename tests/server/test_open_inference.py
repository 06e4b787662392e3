"""The Open Inference Protocol: tensors in JSON or behind it, in and out, as Triton's client sends them."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from tests.server.conftest import EXAMPLES

import affekt
from affekt.server.open_inference import Asked, parse_request
from affekt.server.problems import Problem

MODEL = "/v2/models/default"


@pytest.fixture(scope="module")
def samples() -> Any:
    return soundfile.read(EXAMPLES / "low-plain.flac", dtype="float32")[0]


@pytest.fixture(scope="module")
def wanted(samples: Any) -> dict[str, float]:
    return dict(affekt.predict((samples, 16_000)).probabilities)


def rate(value: int = 16_000) -> dict[str, Any]:
    return {"name": "sample_rate", "datatype": "INT32", "shape": [1], "data": [value]}


def in_json(samples: Any) -> dict[str, Any]:
    tensor = {"name": "samples", "datatype": "FP32", "shape": [1, len(samples)]}
    return {"id": "7", "inputs": [{**tensor, "data": samples.tolist()}, rate()]}


def test_server_and_model_describe_themselves(client: httpx.Client) -> None:
    assert client.get("/v2").json()["name"] == "affekt"
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 200
    assert client.get(f"{MODEL}/ready").status_code == 200
    assert client.get("/v2/models/other/ready").status_code == 404
    model = client.get(MODEL).json()
    assert [one["name"] for one in model["inputs"]] == ["samples", "sample_rate", "recording"]
    assert model["outputs"][0]["shape"] == [1, len(model["parameters"]["emotions"])]


def test_samples_in_json_are_answered_in_json(client: httpx.Client, samples: Any, wanted: Any) -> None:
    response = client.post(f"{MODEL}/infer", json=in_json(samples))
    assert response.headers["Affekt-Notice"] == "a notice"
    answer = response.json()
    shares, emotion = answer["outputs"]
    assert np.allclose(shares["data"], list(wanted.values()), atol=1e-6)
    assert emotion["data"] == [max(wanted, key=wanted.__getitem__)]
    assert answer["id"] == "7"


def test_binary_tensors_are_answered_in_binary(client: httpx.Client, samples: Any, wanted: Any) -> None:
    content = samples.astype("<f4").tobytes()
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "samples",
                    "datatype": "FP32",
                    "shape": [1, len(samples)],
                    "parameters": {"binary_data_size": len(content)},
                },
                rate(),
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    answer = client.post(f"{MODEL}/infer", content=head + content, headers=length)
    assert answer.status_code == 200
    cut = int(answer.headers["Inference-Header-Content-Length"])
    shares, emotion = json.loads(answer.content[:cut])["outputs"]
    size = shares["parameters"]["binary_data_size"]
    found = np.frombuffer(answer.content[cut : cut + size], "<f4")
    assert np.allclose(found, list(wanted.values()), atol=1e-6)
    word = answer.content[cut + size :]
    assert len(word) == emotion["parameters"]["binary_data_size"]
    assert word[4:].decode() == max(wanted, key=wanted.__getitem__)


def test_a_file_is_base64_in_json_and_has_its_length_in_binary(client: httpx.Client, clip: bytes) -> None:
    wanted = list(affekt.predict(clip).probabilities.values())
    tensor = {"name": "recording", "datatype": "BYTES", "shape": [1]}
    asked = {
        "inputs": [{**tensor, "data": [base64.b64encode(clip).decode()]}],
        "outputs": [{"name": "probabilities"}],
    }
    (output,) = client.post(f"{MODEL}/infer", json=asked).json()["outputs"]
    assert np.allclose(output["data"], wanted, atol=1e-6)
    content = struct.pack("<I", len(clip)) + clip
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(content)}}]}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    answer = client.post(f"{MODEL}/infer", content=head + content, headers=length).json()
    assert np.allclose(answer["outputs"][0]["data"], wanted, atol=1e-6)


SAMPLES = {"name": "samples", "datatype": "FP32", "shape": [2], "data": [0.1, 0.2]}


@pytest.mark.parametrize(
    "asked",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": [SAMPLES]},
        {"inputs": [rate()]},
        {"inputs": [SAMPLES, rate(0)]},
        {"inputs": [{**SAMPLES, "datatype": "FP8"}, rate()]},
        {"inputs": [{**SAMPLES, "datatype": "INT16", "data": [1, 2]}, rate()]},
        {"inputs": [{**SAMPLES, "shape": [3]}, rate()]},
        {"inputs": [{**SAMPLES, "shape": [2, 1]}, rate()]},
        {"inputs": [{**SAMPLES, "data": ["x", "y"]}, rate()]},
        {"inputs": [{**SAMPLES, "parameters": {"binary_data_size": 8}}, rate()]},
        {"inputs": [{"name": "recording", "datatype": "BYTES", "shape": [1], "data": ["%"]}]},
        {"inputs": [{"name": "recording", "datatype": "FP32", "shape": [1], "data": [1]}]},
        {"inputs": [SAMPLES, rate()], "outputs": [{"name": "logits"}]},
        {"inputs": [SAMPLES, {**rate(), "datatype": "BYTES", "data": ["aa"]}]},
    ],
)
def test_what_is_no_request_of_the_protocol_is_a_problem(client: httpx.Client, asked: Any) -> None:
    answer = client.post(f"{MODEL}/infer", json=asked)
    assert (answer.status_code, answer.json()["type"]) == (400, "/docs/errors#bad-request")


def test_samples_are_floats_and_integers_are_refused() -> None:
    def ask(datatype: str, data: list[float]) -> Asked:
        samples = {**SAMPLES, "datatype": datatype, "data": data}
        return parse_request(json.dumps({"inputs": [samples, rate()]}).encode(), None)

    for datatype in ("FP32", "FP64"):
        found = ask(datatype, [0.5, -1.0]).samples
        assert (found.dtype.name, found.tolist()) == ("float32", [0.5, -1.0])
    for datatype in ("INT16", "INT32", "INT64"):
        with pytest.raises(Problem) as refused:
            ask(datatype, [16_384, -32_768])
        assert "samples are FP32 or FP64" in refused.value.detail


def test_a_length_that_is_no_number_is_a_problem(client: httpx.Client) -> None:
    headers = {"Inference-Header-Content-Length": "x"}
    assert client.post(f"{MODEL}/infer", content=b"{}", headers=headers).status_code == 400


def test_a_recording_that_is_too_short_is_unusable_audio(client: httpx.Client) -> None:
    answer = client.post(f"{MODEL}/infer", json={"inputs": [SAMPLES, rate()]})
    assert (answer.status_code, answer.json()["type"]) == (422, "/docs/errors#unusable-audio")
