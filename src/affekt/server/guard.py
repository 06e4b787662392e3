"""What every request passes: checks of its host and origin, a name, an answer to each error, and a log."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affekt.errors import AffektError
from affekt.server.logs import report
from affekt.server.problems import MEDIA_TYPE, Problem, place_of, problem_of, problem_of_status
from affekt.server.service import ClientGone, Service

QUIET = ("/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready")  # asked all the time
METHODS = ("DELETE", "GET", "HEAD", "POST")
SEND_S = 30.0  # a client that does not read is left after this time
CLIENT_GONE = 499  # as nginx logs it
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_READABLE = " !#$&'()*+,-./:;=?@[]_~"  # in a field of the head
_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or begin a stream."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        if scope["type"] == "websocket":
            await self._stream(scope, receive, send)
        else:
            await _Exchange(self._app, self._service, scope, send).answer(receive)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_names(HTTPConnection(scope), self._service)
        except Problem:
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
            return
        await self._app(scope, receive, send)


class _Exchange:
    """A request and its answer."""

    def __init__(self, app: ASGIApp, service: Service, scope: Scope, send: Send) -> None:
        self._app, self._service, self._scope, self._send = app, service, scope, send
        self._began = time.perf_counter()
        given = HTTPConnection(scope).headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope["state"]["request_id"] = self.request_id
        self._status = 0

    async def answer(self, receive: Receive) -> None:
        """Answer it, within a span where requests are traced."""
        traces = self._service.traces
        if traces is None or self._scope["path"] in QUIET:
            await self._answer(receive)
            return
        with traces.request(HTTPConnection(self._scope).headers) as span:
            await self._answer(receive)
            traces.finish(
                span, self._method, self._route, self._status, self._scope["state"].get("problem", "")
            )

    async def _answer(self, receive: Receive) -> None:
        metrics = self._service.metrics
        metrics.in_progress.inc()
        try:
            self._check()
            with self._service.begun() if self._is_work else nullcontext():
                await self._app(self._scope, receive, self.send)
        except ClientGone:
            self._status = self._status or CLIENT_GONE
        except Problem as problem:
            await self._tell(problem, receive)
        except Exception as error:
            report("request failed", level="error", request_id=self.request_id, cause=place_of(error))
            if self._status:  # an answer has begun: the connection is closed
                raise
            await self._tell(Problem("internal-error"), receive)
        finally:
            metrics.in_progress.dec()
            self._finish()

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the fields that every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            own = {name.lower() for name, _ in message["headers"]}
            fields = {
                **_ALWAYS,
                **_notice_field(self._service.settings.notice),
                "X-Request-ID": self.request_id,
                **self._scope["state"].get("fields", {}),
            }
            message["headers"] = [
                *message["headers"],
                *(
                    (name.encode(), value.encode())
                    for name, value in fields.items()
                    if name.lower().encode() not in own
                ),
            ]
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(message)
        except TimeoutError as error:
            raise ClientGone from error

    def _check(self) -> None:
        check_names(HTTPConnection(self._scope), self._service)
        if self._service.stopping.is_set() and self._is_work:
            raise Problem("stopping", headers={"Retry-After": "5", "Connection": "close"})

    @property
    def _is_work(self) -> bool:
        return bool(self._scope["method"] == "POST")

    @property
    def _method(self) -> str:
        return self._scope["method"] if self._scope["method"] in METHODS else "other"

    @property
    def _route(self) -> str:
        return getattr(self._scope.get("route"), "path", "unknown")

    async def _tell(self, problem: Problem, receive: Receive) -> None:
        self._scope["state"]["problem"] = problem.name
        await problem_response(problem, self.request_id)(self._scope, receive, self.send)

    def _finish(self) -> None:
        state, metrics = self._scope["state"], self._service.metrics
        method, route = self._method, self._route
        seconds = time.perf_counter() - self._began
        metrics.requests.labels(method, route, self._status).inc()
        metrics.request_seconds.labels(route).observe(seconds)
        facts = {name: state[name] for name in ("key", "problem", "cause", "files") if state.get(name)}
        if "problem" in facts:
            metrics.problems.labels(facts["problem"]).inc()
        if route not in QUIET:
            report(
                "request",
                request_id=self.request_id,
                method=method,
                route=route,
                status=self._status,
                seconds=round(seconds, 4),
                **facts,
            )


def check_names(connection: HTTPConnection, service: Service) -> None:
    """Check under which name the server is asked, and by a page of which site.

    Without this, any page that a visitor opens could use a server that needs no key, on the visitor's
    machine or in the same network: directly, or by a name of its own that it lets point there (DNS
    rebinding). No page can do so with an address: any will do where other machines can connect.

    Raises
    ------
    Problem
        Its name or its origin is another's.
    """
    settings = service.settings
    host = connection.headers.get("host", "")
    name = host_name(host)
    if not settings.needs_keys:
        names = {"localhost", "127.0.0.1", "::1", settings.host, *settings.hosts} - {""}
        known = name in {one.lower() for one in names}
        if not known and (settings.on_loopback or not _is_address(name)):
            raise Problem("wrong-host", f"the request is for {name[:100]!r}; see the setting 'hosts'")
    origin = connection.headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        raise Problem("other-origin", f"the page is of {origin[:100]!r}")


def host_name(host: str) -> str:
    """Return the name in the field Host, without its port.

    >>> host_name("localhost:8400"), host_name("[::1]:8400")
    ('localhost', '::1')
    """
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def problem_response(problem: Problem, request_id: str = "") -> Response:
    """Return the answer that tells a problem."""
    return JSONResponse(
        problem.to_dict(request_id), problem.kind.status, problem.headers, media_type=MEDIA_TYPE
    )


def _answer(request: Request, problem: Problem, cause: str = "") -> Response:
    state = request.scope["state"]
    state["problem"] = problem.name
    if problem.kind.status >= 500:  # others may name a file of the client
        state["cause"] = cause or "; ".join(getattr(problem, "__notes__", []))
    return problem_response(problem, state.get("request_id", ""))


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - it is registered for these
    return _answer(request, error)


async def _on_affekt_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AffektError)  # noqa: S101 - it is registered for these
    return _answer(request, problem_of(error), f"{type(error).__name__}: {error}")


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    problem = problem_of_status(error.status_code)
    problem.headers |= error.headers or {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # the framework names those of one route alone
        problem.headers["Allow"] = ", ".join(_methods(request))
    return _answer(request, problem)


def _methods(request: Request) -> list[str]:
    """Return the methods that a path may be asked with."""
    scope, routes = request.scope, request.app.routes
    return [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def _on_wrong_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    found = [
        {"parameter": str(one["loc"][-1]), "message": one["msg"]}
        for one in error.errors()[:10]
        if one.get("loc")
    ]
    detail = "; ".join(f"{one['parameter']}: {one['message']}" for one in found)
    return _answer(request, Problem("wrong-parameters", detail, errors=found))


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _on_problem,
    AffektError: _on_affekt_error,
    HTTPException: _on_http_error,
    RequestValidationError: _on_wrong_parameters,
}


def _notice_field(notice: str) -> dict[str, str]:
    """Return the notice as a field of the head, percent-encoded, where there is one."""
    return {"Affekt-Notice": quote(notice, safe=_READABLE)} if notice else {}
