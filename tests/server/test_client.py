"""The client returns what the functions of the package return, and waits for a busy server."""

from __future__ import annotations

import io
import pickle
import time
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
from tests.server.conftest import EXAMPLES, Served

import affekt
from affekt.errors import AudioFormatError, AudioNotFoundError, ServerError, SettingsError
from affekt.server import client as client_module

PATHS = sorted(EXAMPLES.iterdir())


@pytest.fixture
def remote(served: Served) -> Any:
    with affekt.Client(served.url) as client:
        yield client


def test_predictions_voices_and_timelines_are_those_of_the_package(remote: affekt.Client) -> None:
    assert remote.predict(PATHS[0]) == affekt.predict(PATHS[0])
    voice = remote.adapt(PATHS[1:])
    assert voice.to_dict() == affekt.adapt(PATHS[1:]).to_dict()
    emotions = ["sad", "happy"]
    with PATHS[0].open("rb") as file:
        found = remote.predict(file, voice=voice, emotions=emotions)
    assert found == affekt.predict(PATHS[0], voice=voice, emotions=emotions)
    assert remote.timeline(PATHS[0].read_bytes(), "text/vtt").startswith(b"WEBVTT")
    assert b"<html" in remote.explain(PATHS[0], "sad", "text/html", emotions=emotions)[:200]
    assert remote.models()[0]["emotions"] == list(affekt.load().contract.emotions)


def test_of_many_recordings_one_that_fails_costs_its_answer_alone(
    remote: affekt.Client, tmp_path: Path
) -> None:
    broken = tmp_path / "text.wav"
    broken.write_text("no sound")
    found = dict(remote.predict_many([PATHS[0], broken, tmp_path / "missing.wav"]))
    assert found[PATHS[0].name] == affekt.predict(PATHS[0])
    error = found["text.wav"]
    assert isinstance(error, ServerError)
    assert (error.status, error.problem["type"]) == (415, "/docs/errors#not-audio")
    assert "not audio" in str(error)
    assert isinstance(found["missing.wav"], AudioNotFoundError)
    assert pickle.loads(pickle.dumps(error)).problem == error.problem


def answering(*answers: httpx.Response | Exception) -> tuple[affekt.Client, list[httpx.Request]]:
    """A client of a server that gives these answers; an exception stands for none."""
    left, asked = list(answers), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        request.read()
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return affekt.Client("http://server", "secret", transport=httpx.MockTransport(answer)), asked


def test_a_busy_server_is_asked_again_after_the_time_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    done = httpx.Response(200, json={"models": []})
    busy = httpx.Response(429, headers={"Retry-After": "7"})
    client, asked = answering(busy, httpx.Response(503, headers={"Retry-After": "9999"}), done)
    assert client.models() == []
    assert waited == [7, 60]
    assert {one.headers["Authorization"] for one in asked} == {"Bearer secret"}
    client, asked = answering(*[busy] * 9)
    with pytest.raises(ServerError, match="429"):
        client.predict(io.BytesIO(b"x"))
    assert len(asked) == client_module.TRIES
    assert len({one.content.partition(b"\r\n\r\n")[2][:1] for one in asked}) == 1  # sent whole each time


@pytest.mark.parametrize("deletion", [httpx.Response(204), httpx.Response(503), httpx.ReadTimeout("slow")])
@pytest.mark.parametrize("ending", ["done", "failed", "interrupted"])
def test_a_job_is_deleted_however_it_ends(
    monkeypatch: pytest.MonkeyPatch, ending: str, deletion: httpx.Response | Exception
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    begun = httpx.Response(202, headers={"Location": "/v1/jobs/name"})
    answers = {
        "done": [httpx.Response(200, json={"status": "done"}), httpx.Response(200, content=b"made")],
        "failed": [httpx.Response(200, json={"status": "failed"}), httpx.Response(415)],
        "interrupted": [httpx.Response(200, json={"status": "running"})],
    }
    client, asked = answering(begun, *answers[ending], deletion)
    if ending == "done":
        assert client.timeline(b"x") == b"made"
    else:
        with pytest.raises(ServerError if ending == "failed" else KeyboardInterrupt):
            client.timeline(b"x")
    assert [one.url.path for one in asked if one.method == "DELETE"] == ["/v1/jobs/name"]


def test_what_is_no_file_is_refused(remote: affekt.Client) -> None:
    with pytest.raises(AudioFormatError, match="give a path, bytes or an open file, not tuple"):
        remote.predict(cast(Any, (np.zeros(16_000), 16_000)))


def test_other_errors_and_no_answer_are_raised_at_once() -> None:
    client, _ = answering(httpx.Response(502, text="<html>bad gateway"))
    with pytest.raises(ServerError, match=r"Bad Gateway \(status 502\)"):
        client.models()
    with affekt.Client("http://127.0.0.1:9") as nobody, pytest.raises(ServerError, match="does not answer"):
        nobody.models()


@pytest.mark.parametrize("url", ["", "localhost:8400", "ftp://localhost", "http://", "http://a:b"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="no address"):
        affekt.Client(url)
