"""Requests under other names, and of pages of other sites, are refused; each answer has its fields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from affekt.server.app import make_app
from affekt.server.guard import check_names, host_name
from affekt.server.settings import Settings


class Asked:
    """A connection with these fields in its head."""

    def __init__(self, **headers: str) -> None:
        self.headers = headers


class Serving:
    """A service with these settings."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)


@pytest.mark.parametrize("host", ["localhost:8400", "127.0.0.1", "[::1]:8400", "LOCALHOST", "box.lan"])
def test_a_server_on_this_machine_answers_to_its_own_names(host: str) -> None:
    check_names(Asked(host=host), Serving(hosts=("box.lan",)))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8400", "", "[", "localhost.evil.example"])
def test_it_answers_to_no_other_name(host: str) -> None:
    with pytest.raises(Exception, match="wrong-host"):
        check_names(Asked(host=host), Serving())  # type: ignore[arg-type]


OPEN: dict[str, Any] = {"host": "0.0.0.0", "auth": False, "hosts": ("speech.lan",)}


@pytest.mark.parametrize(
    "host", ["localhost", "SPEECH.lan:80", "10.0.0.1", "10.0.0.1:8400", "[fd00::1]:8400", "127.0.0.1"]
)
def test_without_keys_a_server_for_other_machines_answers_to_addresses_and_its_names(host: str) -> None:
    check_names(Asked(host=host), Serving(**OPEN))  # type: ignore[arg-type]
    check_names(Asked(host=host), Serving(**OPEN | {"host": ""}))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8400", "", "10.0.0.1.evil.example"])
@pytest.mark.parametrize("listens", ["0.0.0.0", "::", "", "speech.lan"])
def test_it_answers_to_no_name_of_another_site(host: str, listens: str) -> None:
    with pytest.raises(Exception, match="wrong-host"):
        check_names(Asked(host=host), Serving(**OPEN | {"host": listens}))  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"auth": True}])
def test_with_keys_any_name_will_do(settings: dict[str, Any]) -> None:
    check_names(Asked(host="speech.example"), Serving(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://["])
def test_pages_of_other_sites_are_refused(origin: str) -> None:
    asked = Asked(host="localhost:8400", origin=origin)
    with pytest.raises(Exception, match="other-origin"):
        check_names(asked, Serving())  # type: ignore[arg-type]


def test_the_own_page_is_not() -> None:
    own = Asked(host="localhost:8400", origin="http://localhost:8400")
    check_names(own, Serving())  # type: ignore[arg-type]


def test_the_name_of_a_host_has_no_port() -> None:
    assert [host_name(one) for one in ("a:1", "[::1]:2", "A", "")] == ["a", "::1", "a", ""]


def test_every_answer_has_a_request_id_and_what_keeps_browsers_safe(client: httpx.Client) -> None:
    for path in ("/healthz", "/nothing", "/docs", "/v1/models"):
        answer = client.get(path, headers={"X-Request-ID": "mine-1"})
        assert answer.headers["X-Request-ID"] == "mine-1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    odd = client.get("/healthz", headers={"X-Request-ID": "a b\tc"}).headers["X-Request-ID"]
    assert len(odd) == 16


def test_an_unknown_path_or_method_is_a_problem(client: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PUT", "/v1/predictions", 405),
        ("GET", "/pages/live.html", 404),
        ("GET", "/pages/..%2fapp.py", 404),
        ("GET", "/v1/models/other/card", 404),
        ("GET", "/v1/jobs/other", 404),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert client.put("/v1/predictions").headers["Allow"] == "POST"
    assert client.put("/v1/jobs/other").headers["Allow"] == "DELETE, GET"


def test_a_server_that_stops_waits_for_an_upload() -> None:
    app = make_app(Settings())
    service = app.state.service
    idle = [service.idle]

    async def body() -> AsyncIterator[bytes]:
        idle.append(service.idle)
        service.stopping.set()
        yield b""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [
                await client.post("/v1/predictions", content=body(), headers={"Content-Type": "audio/wav"})
                for _ in range(2)
            ]

    first, second = asyncio.run(ask())
    assert "the body is empty" in first.json()["detail"]  # it was read to its end
    assert second.json()["type"] == "/docs/errors#stopping"
    assert [*idle, service.idle] == [True, False, True]


def test_an_error_that_nobody_expected_is_a_problem_without_its_message() -> None:
    app = make_app(Settings())

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("a secret")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/broken")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["type"]) == (500, "/docs/errors#internal-error")
    assert "secret" not in answer.text
