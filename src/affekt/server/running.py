"""Running a server: its socket, its logs, and the signals that stop it or let it load its model anew."""

from __future__ import annotations

import asyncio
import functools
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn

from affekt.errors import SettingsError, WorkerError
from affekt.server.app import make_app
from affekt.server.connections import Connection
from affekt.server.keys import KeyRing
from affekt.server.logs import configure_logs, report
from affekt.server.problems import Problem
from affekt.server.service import Service, keys_file
from affekt.server.settings import Settings
from affekt.server.stream import MAX_CONFIGURATION_BYTES

BACKLOG = 2048
CONNECTIONS_S = 5  # to close what is open, after all requests were finished
MAX_HEAD_BYTES = 32_768


def serve(settings: Settings, started: Callable[[str], None] = lambda url: None) -> None:
    """Serve until a signal comes.

    SIGTERM and Ctrl-C finish what was begun and refuse what is new; a second one ends at once. SIGHUP
    loads the model anew.

    Parameters
    ----------
    settings
        How it runs.
    started
        Called with the address of the server when it answers.

    Raises
    ------
    SettingsError
        It would be open to other machines without keys, or its address cannot be used.
    WorkerError, BundleError
        Its workers do not start.
    """
    check_open(settings)
    configure_logs()
    listeners = listen(settings)
    app = make_app(settings)
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        http=type("LimitedConnection", (Connection,), _limits(settings)),
        ws="websockets-sansio",
        ws_max_size=max_websocket_bytes(settings),  # a larger one ends the connection before it is read
        ws_per_message_deflate=False,  # a small message could become a large one
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=CONNECTIONS_S,
    )
    server = _Server(config, service, lambda: started(_url_of(listeners[0])))
    try:
        asyncio.run(server.run_to_end(listeners))
    except (WorkerError, Problem) as error:
        cause = "; ".join(getattr(error, "__notes__", [])) or str(error)
        raise WorkerError(f"the workers do not start: {cause}") from error


def check_open(settings: Settings) -> None:
    """Raise ``SettingsError`` if other machines could use the server without keys, and nobody said so."""
    if settings.needs_keys and not len(KeyRing(keys_file(settings))):
        raise SettingsError(
            f"on {settings.host or 'every address'} the server needs keys, and there is none in "
            f"{keys_file(settings)}: make one with 'affekt keys create NAME', or let everybody who can "
            "connect use it with --no-auth"
        )


def listen(settings: Settings) -> list[socket.socket]:
    """Return sockets that listen, so that an address that cannot be used is known at once.

    Every address is a socket for IPv4 and one for IPv6. With one for both, a client of IPv4 would be
    ``::ffff:10.0.0.2``: none of ``trusted_proxies``, and in one limit of requests with all others.
    """
    hosts, port = [settings.host], settings.port
    if settings.host in ("", "::"):
        hosts = ["0.0.0.0"]  # noqa: S104 - what was asked for
        if socket.has_dualstack_ipv6():
            hosts.append("::")
    found: list[socket.socket] = []
    try:
        for host in hosts:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            found.append(socket.create_server((host, port), family=family, backlog=BACKLOG))
            port = found[0].getsockname()[1]
    except OSError as error:
        for one in found:
            one.close()
        raise SettingsError(
            f"the server cannot listen on {settings.host or 'every address'}, port {settings.port} "
            f"({error.strerror or error}): choose another with --host or --port"
        ) from error
    return found


def max_websocket_bytes(settings: Settings) -> int:
    """Return the largest message of a stream that is read: samples, or a configuration."""
    return max(4 * settings.max_message_bytes, MAX_CONFIGURATION_BYTES)


def _limits(settings: Settings) -> dict[str, Any]:
    return {"header_s": settings.header_s, "most": settings.max_connections}


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server, which finishes all work before it closes connections."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._started = service, started
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run_to_end(self, listeners: list[socket.socket]) -> None:
        """Serve on sockets until a signal comes."""
        self._loop = asyncio.get_running_loop()
        with self._signals():
            await self._service.pool.start()  # here, because uvicorn tells nobody why an application failed
            await self._serve(listeners)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        facts = self._service.pool.facts
        report("serving", model=facts.name, workers=self._service.pool.count)
        self._started()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        handlers: dict[str, Callable[[], None]] = {
            "SIGINT": self._stop,
            "SIGTERM": self._stop,
            "SIGHUP": self._reload,
        }
        before = {}
        for name, handle in handlers.items():
            if number := getattr(signal, name, None):  # Windows has no SIGHUP
                before[number] = signal.signal(number, functools.partial(self._handle, handle))
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, handle: Callable[[], None], number: int, frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(handle)

    def _stop(self) -> None:
        if self._service.stopping.is_set():
            self.should_exit = self.force_exit = True
            return
        report("stopping", seconds=self._service.settings.drain_s)
        self._service.stopping.set()
        self._begin(self._drain())

    def _reload(self) -> None:
        self._begin(self._service.pool.reload())

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        until = self._loop.time() + self._service.settings.drain_s
        while not self._service.idle and self._loop.time() < until:
            await asyncio.sleep(0.05)
        self.should_exit = True
