"""Jobs are kept within a limit, and each ends in a state that its client is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from affekt.server import jobs as jobs_module
from affekt.server.jobs import Job, Jobs
from affekt.server.problems import Problem


async def nothing() -> None:
    pass


async def ended(jobs: Jobs, work: Coroutine[Any, Any, Any]) -> Job:
    """A job that has ended."""
    job = jobs.add("me", work)
    assert job.task
    await job.task
    return job


def test_the_job_that_has_been_finished_longest_makes_room_for_another() -> None:
    async def run() -> None:
        jobs = Jobs(3, kept_s=3600)
        first, second = await ended(jobs, nothing()), await ended(jobs, nothing())
        first.finished, second.finished = time.time() - 10, time.time() - 20
        running = jobs.add("me", asyncio.Event().wait())
        jobs.check()
        last = jobs.add("me", nothing())
        assert len(jobs) == 3
        for job in (first, running, last):
            assert jobs.find(job.name, "me") is job
        with pytest.raises(Problem, match="to make room for another"):
            jobs.find(second.name, "me")
        await jobs.stop()

    asyncio.run(run())


def test_jobs_are_refused_while_as_many_as_may_be_wait_or_run() -> None:
    async def run() -> None:
        jobs = Jobs(2, kept_s=3600)
        for _ in range(2):
            jobs.check()
            jobs.add("me", asyncio.Event().wait())
        with pytest.raises(Problem, match="2 jobs wait or run") as refused:
            jobs.check()
        assert refused.value.headers == {"Retry-After": "10"}
        await jobs.stop()

    asyncio.run(run())


def test_a_job_that_fails_in_an_unforeseen_way_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(jobs_module, "report", lambda event, **facts: reports.append((event, facts)))

    async def fail() -> None:
        raise MemoryError("secret.wav")

    async def run() -> None:
        jobs = Jobs(1, kept_s=3600)
        job = await ended(jobs, fail())
        assert (job.status, jobs.running) == ("failed", 0)
        assert job.to_dict()["problem"]["type"] == "/docs/errors#internal-error"

    asyncio.run(run())
    ((event, facts),) = reports
    assert (event, facts["level"]) == ("job failed", "error")
    assert facts["cause"].startswith("MemoryError in ")
    assert "secret" not in facts["cause"]


def test_the_problem_of_a_job_keeps_its_facts_and_no_frames() -> None:
    async def fail() -> None:
        problem = Problem("overloaded", "busy", {"Retry-After": "1"}, errors=[])
        problem.add_note("cause")
        raise problem from TimeoutError()

    async def run() -> Problem | None:
        return (await ended(Jobs(1, kept_s=3600), fail())).problem

    kept = asyncio.run(run())
    assert kept
    assert (kept.name, kept.detail, kept.headers) == ("overloaded", "busy", {"Retry-After": "1"})
    assert (kept.more, kept.__notes__) == ({"errors": []}, ["cause"])
    assert (kept.__traceback__, kept.__cause__, kept.__context__) == (None, None, None)
