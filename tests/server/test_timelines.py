"""Timelines come in the format that is accepted; those of long recordings are jobs."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from fastapi import Request
from fastapi.routing import APIRoute
from tests.server.conftest import EXAMPLES

import affekt
from affekt.inference.writers import FORMATS
from affekt.server import timelines
from affekt.server.app import make_app
from affekt.server.jobs import Job
from affekt.server.problems import Problem
from affekt.server.service import Service
from affekt.server.settings import Settings
from affekt.server.timelines import MEDIA_TYPES, choose_format, show_result


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


def test_all_formats_of_timelines_are_documented(client: httpx.Client) -> None:
    documented = client.get("/openapi.json").json()["paths"]["/v1/timelines"]["post"]["responses"]["200"]
    assert documented["content"].keys() == {one.media_type for one in FORMATS.values()}


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
    for _ in range(600):
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


Use = Callable[[Service, httpx.AsyncClient], Awaitable[None]]


def directly(use: Use, **settings: Any) -> None:
    """Use an application whose workers find nothing in any recording."""

    async def run() -> None:
        app = make_app(Settings(**settings))
        service: Service = app.state.service
        service.pool.run = no_timelines  # type: ignore[method-assign]
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await use(service, client)
        await service.jobs.stop()

    asyncio.run(run())


async def no_timelines(*arguments: Any, **keywords: Any) -> list[Any]:
    return []


async def ended(service: Service, work: Coroutine[Any, Any, Any]) -> Job:
    """A job of this client that has ended."""
    job = service.jobs.add("address 127.0.0.1", work)
    assert job.task
    await job.task
    return job


def test_jobs_that_nobody_fetched_refuse_no_timeline(clip: bytes) -> None:
    async def use(service: Service, client: httpx.AsyncClient) -> None:
        kept = await ended(service, no_timelines())
        assert (await client.post("/v1/timelines", files={"file": clip})).json() == []
        assert (await client.get(f"/v1/jobs/{kept.name}")).json()["status"] == "done"
        later = {"Prefer": "respond-async"}
        assert (await client.post("/v1/timelines", files={"file": clip}, headers=later)).status_code == 202

    directly(use, max_jobs=1)


def test_jobs_that_run_refuse_further_jobs_and_no_short_timeline(clip: bytes) -> None:
    async def use(service: Service, client: httpx.AsyncClient) -> None:
        service.jobs.add("somebody", asyncio.Event().wait())
        assert (await client.post("/v1/timelines", files={"file": clip})).json() == []
        later = {"Prefer": "respond-async"}
        answer = await client.post("/v1/timelines", files={"file": clip}, headers=later)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")

    directly(use, max_jobs=1)


def test_the_problem_of_a_job_is_raised_as_another_one_each_time() -> None:
    async def fail() -> None:
        raise Problem("overloaded", "busy", {"Retry-After": "7"})

    async def use(service: Service, client: httpx.AsyncClient) -> None:
        job = await ended(service, fail())
        answer = await client.get(f"/v1/jobs/{job.name}/result")
        assert (answer.status_code, answer.json()["detail"]) == (503, "busy")
        assert answer.headers["Retry-After"] == "7"
        app = SimpleNamespace(state=SimpleNamespace(service=service))
        with pytest.raises(Problem, match="busy") as raised:
            await show_result(Request({"type": "http", "headers": [], "app": app}), job.client, job.name)
        assert raised.value is not job.problem

    directly(use)


def test_timelines_are_written_beside_other_requests(clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def encode(*arguments: Any) -> bytes:
        threads.append(threading.current_thread())
        return b"[]"

    monkeypatch.setattr(timelines, "encode_timelines", encode)

    async def use(service: Service, client: httpx.AsyncClient) -> None:
        job = await ended(service, no_timelines())
        assert (await client.get(f"/v1/jobs/{job.name}/result")).json() == []
        assert (await client.post("/v1/timelines", files={"file": clip})).json() == []

    directly(use)
    assert len(threads) == 2
    assert threading.main_thread() not in threads


def test_the_process_that_answers_does_not_load_onnxruntime() -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
import httpx
from affekt.server.app import make_app
from affekt.server.settings import Settings

async def ask(service, client):
    upload = {{"file": Path({str(EXAMPLES / "low-plain.flac")!r}).read_bytes()}}
    page = await client.post("/v1/timelines", files=upload, headers={{"Accept": "text/html"}})
    begun = await client.post("/v1/timelines", files=upload, headers={{"Prefer": "respond-async"}})
    (job,) = service.jobs._jobs.values()
    await job.task
    result = await client.get(begun.headers["Location"] + "/result")
    card = await client.get(f"/v1/models/{{service.pool.facts.name}}/card")
    print(page.status_code, result.status_code, card.status_code)

async def main():
    app = make_app(Settings(workers=1, job_s=300, work_s=300))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        await ask(app.state.service, client)

asyncio.run(main())
print("onnxruntime" in sys.modules)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answers, loaded = done.stdout.splitlines()[-2:]
    assert (answers, loaded) == ("200 200 200", "False")


def test_every_route_of_jobs_asks_whose_the_job_is() -> None:
    for route in timelines.router.routes:
        assert isinstance(route, APIRoute)
        assert "client" in route.endpoint.__annotations__
