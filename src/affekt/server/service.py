"""What the routes of a server share: its settings, workers, limits, keys, jobs and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.requests import HTTPConnection

from affekt.errors import AffektError
from affekt.server.jobs import Jobs
from affekt.server.keys import Key, KeyRing, keys_path
from affekt.server.limits import HeldBytes, Places, RequestRate, client_of
from affekt.server.logs import report
from affekt.server.messages import ModelFacts
from affekt.server.metrics import Metrics
from affekt.server.pool import Pool
from affekt.server.problems import Problem
from affekt.server.settings import Settings
from affekt.server.traces import Traces
from affekt.support.parallel import core_count


class ClientGone(Exception):  # noqa: N818 - no error of ours
    """The client has closed its connection: nobody waits for the answer."""


@dataclass
class Service:
    """One server.

    Attributes
    ----------
    settings
        As it was started.
    pool
        The workers.
    keys
        Those that are valid.
    rate
        Requests of each client in this minute.
    work, streams
        Places for requests that are computed or wait, and for streams.
    held
        Bytes of uploads in memory.
    jobs
        Timelines of long recordings.
    metrics
        What was counted.
    traces
        Where requests are traced; None if they are not.
    stopping
        Set when the server was told to stop.
    unfinished
        How many requests with a body are being read or answered.
    """

    settings: Settings
    pool: Pool
    keys: KeyRing
    rate: RequestRate
    work: Places
    streams: Places
    held: HeldBytes
    jobs: Jobs
    metrics: Metrics
    traces: Traces | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    unfinished: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Service:
        """Return the service that these settings describe; its workers are not started yet."""
        metrics = Metrics()
        traces = Traces(settings.traces) if settings.traces else None
        count = settings.workers or core_count()
        pool = Pool(
            count,
            settings.model,
            report,
            lambda task, seconds: metrics.task_seconds.labels(task).observe(seconds),
            traces.task if traces else None,
        )
        service = cls(
            settings=settings,
            pool=pool,
            keys=KeyRing(keys_file(settings)),
            rate=RequestRate(settings.requests_per_minute),
            work=Places(count + settings.queue, "too many requests wait for a worker"),
            streams=Places(settings.max_streams, "too many streams are open"),
            held=HeldBytes(settings.max_held_bytes),
            jobs=Jobs(settings.max_jobs, settings.job_kept_s),
            metrics=metrics,
            traces=traces,
        )
        metrics.watch(service.measure, service.loaded)
        return service

    def measure(self) -> dict[str, float]:
        """Return the state that metrics show."""
        return {
            "ready": self.ready,
            "workers": self.pool.ready,
            "workers_busy": self.pool.busy,
            "worker_restarts": self.pool.restarts,
            "tasks_waiting": self.pool.waiting,
            "upload_bytes": self.held.held,
            "jobs": len(self.jobs),
        }

    def loaded(self) -> dict[str, str]:
        """Return version and model."""
        facts: ModelFacts = self.pool.facts
        return {"version": version("affekt"), "model": facts.name, "sha256": facts.contract.sha256}

    @property
    def ready(self) -> bool:
        """Whether new work is taken."""
        return self.pool.ready > 0 and not self.stopping.is_set()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do before the server stops."""
        return not (self.unfinished or self.streams.taken or self.jobs.running)

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Count a request with a body, from its head to the end of its answer."""
        self.unfinished += 1
        try:
            yield
        finally:
            self.unfinished -= 1

    def with_notice(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return an answer with the name of the model, and the notice that each answer is to carry."""
        notice = {"notice": self.settings.notice} if self.settings.notice else {}
        return {**answer, "model": self.pool.facts.name, **notice}

    def find_key(self, secret: str | None, scope: str) -> Key:
        """Return the key that a client has sent.

        Raises
        ------
        Problem
            It is none that is valid, or is not for this.
        """
        key = self.keys.find(secret) if secret else None
        if key is None:
            what = "no key was sent" if not secret else "this key is unknown, expired or revoked"
            raise Problem("no-key", what, {"WWW-Authenticate": "Bearer"})
        if scope not in key.scopes:
            raise Problem("out-of-scope", f"the key lacks the scope {scope!r}")
        return key


def keys_file(settings: Settings) -> Path:
    """Return the file of the keys."""
    return keys_path(Path(settings.keys_file) if settings.keys_file else None)


def service_of(connection: HTTPConnection) -> Service:
    """Return the service that answers a request."""
    service: Service = connection.app.state.service
    return service


def client_address(connection: HTTPConnection) -> str:
    """Return whom a connection without a key is counted for."""
    return client_of(connection.client.host if connection.client else "")


def sent_key(connection: HTTPConnection) -> str | None:
    """Return the key in the head of a request."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def allowed(scope: str) -> Callable[[Request], Awaitable[str]]:
    """Return a dependency of routes: a key with this scope, and a request that is left in this minute."""

    async def check(request: Request) -> str:
        """Return whose request it is: the name of a key, or an address."""
        service, state = service_of(request), request.scope["state"]
        client = f"address {client_address(request)}"
        if service.settings.needs_keys:
            try:
                key = service.find_key(sent_key(request), scope)
            except (Problem, AffektError):
                state["fields"] = service.rate.count(client)  # so that keys cannot be tried at will
                raise
            client, state["key"] = f"key {key.name}", key.name
        state["fields"] = service.rate.count(client)
        return client

    return check


async def unless_gone(request: Request, work: Awaitable[Any]) -> Any:
    """Await work for a client, and cancel it when the client is gone.

    Raises
    ------
    ClientGone
        It is gone.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        leaving.cancel()
        working.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
