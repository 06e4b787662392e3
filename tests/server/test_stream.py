"""The WebSocket answers as ``Stream`` does; errors that go on and errors that end are told apart."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.server.conftest import EXAMPLES, Serve, Served
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import affekt
from affekt.server.keys import create_key


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
    with serve("--auth", keys_file=str(place), max_streams=1, stream_idle_s=0.5) as served:
        yield served, key


def until_ready(served: Served, configuration: str, **options: Any) -> bool:
    """Open a stream and close it, as soon as there is a place."""
    for _ in range(100):
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
