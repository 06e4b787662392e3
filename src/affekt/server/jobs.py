"""Jobs: timelines that take longer than a client should wait, kept until they are fetched or too old."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from affekt.server.logs import report
from affekt.server.problems import Problem, place_of

AT_A_TIME = 1  # each has a worker of its own beside the pool


@dataclass(eq=False)
class Job:
    """A timeline that is computed in its own time.

    Attributes
    ----------
    name
        Random, so that nobody else can guess it.
    client
        Whose it is; to others it does not exist.
    status
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    result
        The timelines; None before it is done.
    problem
        Why it failed.
    """

    name: str
    client: str
    status: str = "queued"
    result: Any = None
    problem: Problem | None = None
    created: float = field(default_factory=time.time)
    finished: float = 0.0
    task: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("queued", "running")

    def to_dict(self) -> dict[str, Any]:
        """Return its state as plain values."""
        found = {"id": self.name, "status": self.status, "created": _iso(self.created)}
        if self.finished:
            found["finished"] = _iso(self.finished)
        if self.status == "done":
            found["result"] = f"/v1/jobs/{self.name}/result"
        return found | ({"problem": self.problem.to_dict()} if self.problem else {})


class Jobs:
    """All jobs of a server, at most ``limit``.

    Finished ones are kept for ``kept_s`` seconds, or until their place is needed.
    """

    def __init__(self, limit: int, kept_s: float) -> None:
        self._limit, self._kept_s = limit, kept_s
        self._jobs: dict[str, Job] = {}
        self._turn = asyncio.Semaphore(AT_A_TIME)

    def __len__(self) -> int:
        self._forget()
        return len(self._jobs)

    @property
    def running(self) -> int:
        """How many wait or run."""
        return sum(job.active for job in self._jobs.values())

    def check(self) -> None:
        """Raise ``Problem`` if there may be no more jobs, as none that could make room is finished."""
        if self.running >= self._limit:
            raise Problem(
                "overloaded", f"{self._limit} jobs wait or run, which is the limit", {"Retry-After": "10"}
            )

    def add(
        self, client: str, work: Coroutine[Any, Any, Any], release: Callable[[], None] = lambda: None
    ) -> Job:
        """Begin a job when those before it are finished; ``release`` is called when it is over.

        Where all places are taken, the job that has been finished longest is forgotten.
        """
        self._forget()
        finished = [job for job in self._jobs.values() if not job.active]
        if len(self._jobs) >= self._limit and finished:
            self.remove(min(finished, key=lambda job: job.finished))
        job = Job(secrets.token_urlsafe(16), client)
        self._jobs[job.name] = job
        job.task = asyncio.create_task(self._run(job, work))

        def end(task: asyncio.Task[None]) -> None:
            work.close()  # it has not begun if the job was cancelled before its turn
            release()

        job.task.add_done_callback(end)
        return job

    def find(self, name: str, client: str) -> Job:
        """Return a job of this client.

        Raises
        ------
        Problem
            There is none.
        """
        self._forget()
        job = self._jobs.get(name)
        if job is None or job.client != client:
            raise Problem(
                "not-found",
                "there is no such job, or its result was deleted: after the time that results are kept, or "
                "to make room for another",
            )
        return job

    def remove(self, job: Job) -> None:
        """Cancel a job and forget it."""
        self._jobs.pop(job.name, None)
        if job.task:
            job.task.cancel()

    async def stop(self) -> None:
        """Cancel all."""
        tasks = [job.task for job in self._jobs.values() if job.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job, work: Coroutine[Any, Any, Any]) -> None:
        try:
            async with self._turn:
                job.status = "running"
                job.result = await work
            job.status = "done"
        except Problem as problem:
            # A copy has no traceback, whose frames would keep the recording in memory.
            job.status, job.problem = "failed", copy(problem)
        except Exception as error:  # noqa: BLE001 - nobody else would notice
            job.status, job.problem = "failed", Problem("internal-error")
            report("job failed", level="error", cause=place_of(error))
        except asyncio.CancelledError:
            job.status = "cancelled"
            raise
        finally:
            job.finished = time.time()

    def _forget(self) -> None:
        before = time.time() - self._kept_s
        for job in list(self._jobs.values()):
            if job.finished and job.finished < before:
                del self._jobs[job.name]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
