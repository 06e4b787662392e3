"""Timelines come in the format that is accepted; those of long recordings are jobs."""

from __future__ import annotations

import io
import time
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from fastapi.routing import APIRoute
from tests.server.conftest import EXAMPLES

import affekt
from affekt.inference.writers import FORMATS
from affekt.server import timelines
from affekt.server.problems import Problem
from affekt.server.timelines import MEDIA_TYPES, choose_format


@pytest.fixture(scope="module")
def long_clip() -> bytes:
    """More than five seconds, with pauses."""
    parts = []
    for example in sorted(EXAMPLES.iterdir()):
        samples, rate = soundfile.read(example)
        parts += [samples, np.zeros(rate)]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), rate, format="FLAC")
    return file.getvalue()


def test_a_timeline_is_that_of_the_package(client: httpx.Client, clip: bytes) -> None:
    answer = client.post("/v1/timelines", files={"file": ("a.flac", clip)})
    wanted = affekt.timeline(clip).to_dict()
    assert answer.status_code == 200
    assert answer.json() == [{**wanted, "source": "a.flac"}]
    assert answer.headers["Affekt-Notice"] == "a notice"


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_the_format_is_the_one_that_is_accepted(client: httpx.Client, clip: bytes, kind: str) -> None:
    answer = client.post("/v1/timelines", files={"file": ("a.flac", clip)}, headers={"Accept": kind})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(kind)
    assert len(answer.content) > 20


def test_all_formats_of_timelines_are_documented() -> None:
    assert tuple(one.media_type for one in FORMATS.values()) == MEDIA_TYPES


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("*/*", "JSON"),
        ("text/vtt", "WebVTT"),
        ("text/vtt;q=0.5, text/html", "HTML"),
        ("image/png, application/json;q=0.1", "JSON"),
        ("TEXT/CSV", "CSV"),
        ("text/csv;q=0, */*;q=0.1", "JSON"),
        ("application/*", "JSON"),
        ("text/srt, */*;q=x, text/x-rttm", "RTTM"),
    ],
)
def test_what_is_liked_most_is_chosen(accept: str, name: str) -> None:
    assert choose_format(accept).name == name


@pytest.mark.parametrize("accept", ["image/png", "", ";;,,", "text/vtt;q=0"])
def test_what_cannot_be_written_is_not_acceptable(accept: str) -> None:
    with pytest.raises(Problem, match="not-acceptable"):
        choose_format(accept)


def finished(client: httpx.Client, place: str) -> dict[str, Any]:
    for _ in range(300):
        state: dict[str, Any] = client.get(place).json()
        if state["status"] not in ("queued", "running"):
            return state
        time.sleep(0.1)
    raise AssertionError("the job did not end")


def test_a_long_recording_is_a_job_whose_result_is_that_of_the_package(
    client: httpx.Client, long_clip: bytes
) -> None:
    answer = client.post("/v1/timelines", files={"file": ("a.flac", long_clip)})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    place = answer.headers["Location"]
    early = client.get(f"{place}/result")
    assert (early.status_code, early.json()["type"]) == (409, "/docs/errors#not-finished")
    assert finished(client, place)["result"] == f"{place}/result"
    wanted = affekt.timeline(long_clip).to_dict()
    assert client.get(f"{place}/result").json() == [{**wanted, "source": "a.flac"}]
    assert client.get(f"{place}/result", headers={"Accept": "text/vtt"}).text.startswith("WEBVTT")
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert "affekt_upload_bytes 0.0" in client.get("/metrics").text


def test_a_job_is_cancelled_and_one_of_no_sound_fails(client: httpx.Client, long_clip: bytes) -> None:
    later = {"Prefer": "respond-async"}
    running = client.post("/v1/timelines", files={"file": ("a", long_clip)}, headers=later)
    waiting = client.post("/v1/timelines", files={"file": ("a", b"no sound")}, headers=later)
    assert client.delete(running.headers["Location"]).status_code == 204
    state = finished(client, waiting.headers["Location"])
    assert (state["status"], state["problem"]["type"]) == ("failed", "/docs/errors#not-audio")
    result = client.get(f"{waiting.headers['Location']}/result")
    assert (result.status_code, result.json()["type"]) == (415, "/docs/errors#not-audio")
    client.delete(waiting.headers["Location"])


def test_every_route_of_jobs_asks_whose_the_job_is() -> None:
    for route in timelines.router.routes:
        assert isinstance(route, APIRoute)
        assert "client" in route.endpoint.__annotations__
