"""Predictions, batches and voices are those of the package; what cannot be answered is a problem."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from tests.server.conftest import EXAMPLES

import affekt

FLAC = {"Content-Type": "audio/flac"}


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("example", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_a_recording_is_answered_as_predict_answers_it(client: httpx.Client, example: Any) -> None:
    wanted = affekt.predict(example).to_dict()
    content = example.read_bytes()
    as_part = client.post("/v1/predictions", files={"file": (example.name, content)})
    as_body = client.post("/v1/predictions", content=content, headers=FLAC)
    assert (as_part.status_code, as_body.status_code) == (200, 200)
    assert same(as_part.json(), wanted)
    assert as_part.json() == as_body.json()
    assert as_part.json()["notice"] == "a notice"


def test_the_query_limits_emotions_channel_and_shown_probabilities(client: httpx.Client) -> None:
    left = soundfile.read(EXAMPLES / "low-slow-quiet.flac")[0]
    right, rate = soundfile.read(EXAMPLES / "high-fast-loud.flac")
    length = min(len(left), len(right))
    file = io.BytesIO()
    soundfile.write(file, np.stack([left[:length], right[:length]], axis=1), rate, format="WAV")
    emotions = ["happy", "sad", "angry"]
    for channel in ("mix", "left", "right"):
        query = {"emotions": ",".join(emotions), "audio-channel": channel, "top": "2"}
        found = client.post(
            "/v1/predictions", params=query, content=file.getvalue(), headers={"Content-Type": "audio/wav"}
        ).json()
        wanted = affekt.predict(file.getvalue(), emotions=emotions, audio_channel=channel)
        largest = sorted(wanted.probabilities.values())[1:]
        assert sorted(found["probabilities"].values()) == largest
        assert found["emotion"] == wanted.emotion


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("top=0", "top"),
        ("emotion=happy,sad", "emotion"),
        ("emotions=happy", "two emotions or more"),
        ("emotions=happy,hungry", "hungry"),
        ("audio-channel=each", "audio-channel"),
    ],
)
def test_a_wrong_parameter_is_named(client: httpx.Client, clip: bytes, query: str, named: str) -> None:
    answer = client.post(f"/v1/predictions?{query}", content=clip, headers=FLAC)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/docs/errors#wrong-parameters"
    assert named in problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "name"),
    [
        (b"this is no sound", "audio/wav", 415, "not-audio"),
        (b"", "audio/wav", 400, "bad-request"),
        (b"x", "text/plain", 415, "wrong-media-type"),
        (b"x", "application/x-www-form-urlencoded", 415, "wrong-media-type"),
        (b"no part", "multipart/form-data", 400, "bad-request"),
        (b"no part", "multipart/form-data; boundary=abc", 400, "bad-request"),
        (b"--abc\r\nContent-Disp", "multipart/form-data; boundary=abc", 400, "bad-request"),
    ],
)
def test_a_body_that_cannot_be_used_is_a_problem(
    client: httpx.Client, content: bytes, kind: str, status: int, name: str
) -> None:
    answer = client.post("/v1/predictions", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/docs/errors#{name}")


def silence(seconds: float) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(int(8000 * seconds)), 8000, format="FLAC")
    return file.getvalue()


def test_silence_and_hours_are_unusable_audio(client: httpx.Client) -> None:
    for content in (silence(1), silence(3700)):
        answer = client.post("/v1/predictions", content=content, headers=FLAC)
        assert (answer.status_code, answer.json()["type"]) == (422, "/docs/errors#unusable-audio")


def test_parts_that_are_unknown_or_too_many_are_refused(client: httpx.Client, clip: bytes) -> None:
    unknown = client.post("/v1/predictions", files={"audio": ("a.flac", clip)})
    assert "'audio'" in unknown.json()["detail"]
    twice = client.post("/v1/predictions", files=[("file", ("a", clip)), ("file", ("b", clip))])
    assert (unknown.status_code, twice.status_code) == (400, 400)


def test_a_batch_answers_each_file(client: httpx.Client) -> None:
    paths = sorted(EXAMPLES.iterdir())
    files = [("file", (path.name, path.read_bytes())) for path in paths]
    files.insert(1, ("file", ("text.wav", b"no sound")))
    answers = client.post("/v1/predictions:batch", files=files).json()["answers"]
    broken = answers.pop(1)
    assert (broken["source"], broken["problem"]["type"]) == ("text.wav", "/docs/errors#not-audio")
    assert [one["source"] for one in answers] == [path.name for path in paths]
    assert all(same(one, affekt.predict(path).to_dict()) for one, path in zip(answers, paths, strict=True))


def test_a_voice_is_that_of_adapt_and_is_used_in_a_request(client: httpx.Client, clip: bytes) -> None:
    paths = sorted(EXAMPLES.iterdir())[:3]
    files = [("file", (path.name, path.read_bytes())) for path in paths]
    found = client.post("/v1/voices", files=[*files, ("file", ("text.wav", b"no sound"))]).json()
    assert [one["source"] for one in found["skipped"]] == ["text.wav"]
    voice = affekt.adapt(paths)
    assert found["voice"] == json.loads(json.dumps(voice.to_dict()))
    parts: dict[str, Any] = {"file": ("a.flac", clip), "voice": ("voice", json.dumps(found["voice"]))}
    answer = client.post("/v1/predictions", files=parts).json()
    assert same(answer, affekt.predict(clip, voice=voice).to_dict())
    parts["voice"] = ("voice", b"{}")
    answer = client.post("/v1/predictions", files=parts)
    assert (answer.status_code, answer.json()["type"]) == (422, "/docs/errors#unusable-voice")


def test_a_body_above_the_limit_is_refused_before_it_is_read(client: httpx.Client) -> None:
    def endless() -> Any:
        for _ in range(100):
            yield bytes(100_000)

    stated = client.post("/v1/predictions", content=bytes(1_000_001), headers=FLAC)
    unstated = client.post("/v1/predictions", content=endless(), headers=FLAC)
    parts = client.post("/v1/predictions", files={"file": ("a", bytes(1_000_001))})
    assert [one.status_code for one in (stated, unstated, parts)] == [413, 413, 413]
    assert client.get("/metrics").text.count("affekt_upload_bytes 0.0") == 1
