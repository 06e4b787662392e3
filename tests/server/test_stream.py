"""The WebSocket answers as ``Stream`` does; errors that go on and errors that end are told apart."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.server.conftest import EXAMPLES, Serve, Served
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import affekt
from affekt.server.app import make_app
from affekt.server.keys import create_key
from affekt.server.settings import Settings


def open_socket(served: Served, **options: Any) -> ClientConnection:
    url = served.url.replace("http", "ws") + "/v1/stream"
    socket: ClientConnection = connect(url, proxy=None, compression=None, **options)
    return socket


def events_until_end(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    try:
        while True:
            yield json.loads(socket.recv(timeout=20))
    except ConnectionClosed:
        return


@pytest.fixture(scope="module")
def samples() -> np.ndarray[Any, np.dtype[np.int16]]:
    """Two utterances at 16 kHz."""
    parts = []
    for name in ("low-plain", "high-slow"):
        clip, rate = soundfile.read(EXAMPLES / f"{name}.flac", dtype="int16")
        assert rate == 16_000
        parts += [clip, np.zeros(rate, np.int16)]
    return np.concatenate(parts)


def test_the_events_are_those_of_a_stream_of_the_package(served: Served, samples: Any) -> None:
    stream = affekt.Stream(16_000)
    wanted = [event.to_dict() for event in [*stream.push(samples), *stream.close()]]
    with open_socket(served) as socket:
        socket.send("{}")
        ready = json.loads(socket.recv(timeout=20))
        assert (ready["event"], ready["notice"]) == ("ready", "a notice")
        for start in range(0, len(samples), 1600):
            socket.send(samples[start : start + 1600].tobytes())
        socket.send('{"event": "end"}')
        found = list(events_until_end(socket))
        assert socket.close_code == 1000
    assert found == [*json.loads(json.dumps(wanted)), {"event": "end"}]
    assert sum(event["event"] == "utterance_end" for event in found) == 2


def test_after_an_error_in_a_message_the_stream_goes_on(served: Served, samples: Any) -> None:
    with open_socket(served) as socket:
        socket.send('{"emotions": ["happy", "sad"]}')
        assert json.loads(socket.recv(timeout=20))["emotions"] == ["happy", "sad"]
        for message in (b"odd", "no configuration", bytes(300_000)):
            socket.send(message)
            error = json.loads(socket.recv(timeout=20))
            assert (error["event"], error["fatal"]) == ("error", False)
        socket.send(samples[:32_000].tobytes())
        socket.send('{"event": "end"}')
        assert {event["event"] for event in events_until_end(socket)} >= {"utterance_end", "end"}


@pytest.mark.parametrize(
    ("message", "name", "code"),
    [
        (b"\0\0", "bad-request", 1008),
        ("no JSON", "bad-request", 1008),
        ('{"sample_rate": "x"}', "bad-request", 1008),
        ('{"rate": 8000}', "bad-request", 1008),
        ("[]", "bad-request", 1008),
        ('{"sample_rate": 1}', "not-audio", 1008),
        ('{"emotions": ["happy"]}', "wrong-parameters", 1008),
        ('{"voice": {}}', "unusable-voice", 1008),
    ],
)
def test_a_configuration_that_cannot_be_used_ends_the_stream(
    served: Served, message: str | bytes, name: str, code: int
) -> None:
    with open_socket(served) as socket:
        socket.send(message)
        (error,) = events_until_end(socket)
        assert (error["fatal"], error["problem"]["type"]) == (True, f"/docs/errors#{name}")
        assert socket.close_code == code


def test_a_message_far_above_the_limit_ends_the_connection(served: Served) -> None:
    with open_socket(served) as socket:
        socket.send("{}")
        socket.recv(timeout=20)
        with suppress(ConnectionClosed):  # the server need not wait for all of it
            socket.send(bytes(2_000_000))
        list(events_until_end(socket))
        assert socket.close_code == 1009


def test_a_page_of_another_site_gets_no_stream(served: Served) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        open_socket(served, origin="https://evil.example").close()
    own: Any = served.url
    with open_socket(served, origin=own) as socket:
        socket.send("{}")
        assert json.loads(socket.recv(timeout=20))["event"] == "ready"


@pytest.fixture(scope="module")
def strict(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """A server that needs keys, has one place for a stream, and little patience."""
    place = tmp_path_factory.mktemp("keys") / "keys.json"
    key = create_key(place, "me", ["stream", "metrics"])
    limits = {"max_streams": 1, "stream_idle_s": 0.5, "max_message_bytes": 1000}
    with serve("--auth", keys_file=str(place), **limits) as served:
        yield served, key


def until_ready(served: Served, configuration: str, **options: Any) -> bool:
    """Open a stream and close it, as soon as there is a place."""
    for _ in range(1000):
        with open_socket(served, **options) as socket:
            with suppress(ConnectionClosed):  # it is refused before it is configured
                socket.send(configuration)
            event = next(events_until_end(socket))
            if event["event"] == "ready":
                return True
            assert event["problem"]["type"] == "/docs/errors#overloaded"
        time.sleep(0.05)
    return False


def wait_for_place(served: Served, key: str) -> None:
    """Wait until the server knows that the last stream is over."""
    with served.client(headers={"Authorization": f"Bearer {key}"}) as client:
        while "affekt_streams 0.0" not in client.get("/metrics").text:
            time.sleep(0.05)


def test_the_key_is_in_the_head_or_in_the_configuration(strict: tuple[Served, str]) -> None:
    served, key = strict
    assert until_ready(served, "{}", additional_headers={"Authorization": f"Bearer {key}"})
    assert until_ready(served, json.dumps({"key": key}))
    for configuration in ("{}", '{"key": "affekt_x"}'):
        wait_for_place(served, key)
        with open_socket(served) as socket:
            socket.send(configuration)
            (error,) = events_until_end(socket)
            assert (error["problem"]["type"], socket.close_code) == ("/docs/errors#no-key", 1008)


def test_a_small_limit_of_messages_leaves_room_for_a_configuration(strict: tuple[Served, str]) -> None:
    served, key = strict
    wait_for_place(served, key)
    voice = json.dumps({"voice": {"long": "x" * 40_000}, "key": key})
    with open_socket(served) as socket:
        socket.send(voice)
        (error,) = events_until_end(socket)
        assert error["problem"]["type"] == "/docs/errors#unusable-voice"


def test_a_place_is_free_again_after_silence(strict: tuple[Served, str]) -> None:
    served, key = strict
    wait_for_place(served, key)
    with open_socket(served) as first:
        first.send(json.dumps({"key": key}))
        assert json.loads(first.recv(timeout=20))["event"] == "ready"
        with open_socket(served) as second:
            (error,) = events_until_end(second)
            assert (error["problem"]["type"], second.close_code) == ("/docs/errors#overloaded", 1013)
        (error,) = events_until_end(first)
        assert "nothing came" in error["problem"]["detail"]
    assert until_ready(served, json.dumps({"key": key}))


class Socket:
    """A client of an application whose workers are not started: it sends all its messages at once."""

    def __init__(self, *messages: str | bytes, **settings: Any) -> None:
        self.app = make_app(Settings(**settings))
        self.messages = messages

    def talk(self) -> list[dict[str, Any]]:
        """Return the events that come back."""
        return asyncio.run(self._talk())

    async def _talk(self) -> list[dict[str, Any]]:
        kinds = {str: "text", bytes: "bytes"}
        coming = [{"type": "websocket.receive", kinds[type(message)]: message} for message in self.messages]
        left = iter([{"type": "websocket.connect"}, *coming])
        sent: list[Any] = []

        async def receive() -> Any:
            return next(left)

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost")]
        scope = {"type": "websocket", "path": "/v1/stream", "query_string": b"", "headers": headers}
        await self.app(scope, receive, send)
        assert sent[-1]["type"] == "websocket.close"
        self.close_code = sent[-1]["code"]
        return [json.loads(message["text"]) for message in sent if message["type"] == "websocket.send"]


@pytest.mark.parametrize("field", ["key", "voice", "emotions"])
def test_half_of_a_surrogate_pair_is_refused(field: str) -> None:
    text: Any = "happy\ud83d"
    socket = Socket(json.dumps({field: [text] if field == "emotions" else text}), auth=field == "key")
    (error,) = socket.talk()
    assert (error["fatal"], error["problem"]["type"]) == (True, "/docs/errors#bad-request")
    assert "half of a surrogate pair" in error["problem"]["detail"]
    assert socket.close_code == 1008


def test_the_limit_of_a_configuration_is_of_bytes() -> None:
    (error,) = Socket(json.dumps({"key": "é" * 600_000}, ensure_ascii=False)).talk()
    assert "it is longer than 1048576 bytes" in error["problem"]["detail"]


def test_with_damaged_keys_a_try_is_answered_counted_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "keys.json"
    place.write_text("[")
    logged: list[str] = []
    monkeypatch.setattr(
        "affekt.server.stream.report", lambda event, **facts: logged.append(facts["outcome"])
    )
    monkeypatch.setattr("affekt.server.limits.time.time", lambda: 0.0)  # one window of a minute
    socket = Socket('{"key": "affekt_x"}', keys_file=str(place), requests_per_minute=1)
    found = [(socket.talk()[0]["problem"], socket.close_code) for _ in range(2)]
    assert [(problem["type"], code) for problem, code in found] == [
        ("/docs/errors#internal-error", 1011),
        ("/docs/errors#too-many-requests", 1008),
    ]
    assert "detail" not in found[0][0]  # no path of the server
    assert logged == ["internal-error", "too-many-requests"]


class Pushed:
    """Workers that take samples and answer nothing; a second passes with each message."""

    facts = SimpleNamespace(name="default")
    count = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        yield

    async def run_at(self, slot: None, task: str, *arguments: Any, **options: Any) -> list[Any]:
        self.count += task == "push"
        return []


def test_a_stream_whose_client_never_stops_sending_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    socket = Socket("{}", *[bytes(2)] * 100, '{"event": "end"}', max_stream_s=10)
    pushed = socket.app.state.service.pool = Pushed()
    clock = SimpleNamespace(monotonic=lambda: float(pushed.count), perf_counter=time.perf_counter)
    monkeypatch.setattr("affekt.server.stream.time", clock)
    ready, error = socket.talk()
    assert (ready["event"], error["fatal"]) == ("ready", True)
    assert error["problem"]["detail"] == "the limit of a stream is 10 s"
    assert pushed.count == 10
