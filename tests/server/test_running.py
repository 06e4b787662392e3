"""A server keeps its requests through killed workers, signals, slow clients and overload."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import soundfile
from tests.server.conftest import Serve, Served
from websockets.sync.client import connect

import affekt
from affekt.errors import SettingsError
from affekt.model.bundle import DEFAULT_MODEL
from affekt.server.keys import create_key
from affekt.server.running import check_open, listen
from affekt.server.settings import Settings

FLAC = {"Content-Type": "audio/flac"}
LONG_S = 60


@pytest.fixture(scope="module")
def long_clip() -> bytes:
    """A recording that takes a second or more."""
    rng = np.random.default_rng(0)
    time_s = np.arange(16_000 * LONG_S) / 16_000
    tone = 0.1 * np.sin(2 * np.pi * 150 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s))
    file = io.BytesIO()
    soundfile.write(file, tone + 0.01 * rng.standard_normal(len(tone)), 16_000, format="FLAC")
    return file.getvalue()


def wait_until(true: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def predict(served: Served, content: bytes, **options: Any) -> httpx.Response:
    with served.client() as client:
        return client.post("/v1/predictions", content=content, headers=FLAC, **options)


def metric(served: Served, name: str) -> float:
    with served.client() as client:
        found = re.search(rf"^affekt_{name} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


@pytest.fixture(scope="module")
def small(serve: Serve) -> Any:
    """A server with one worker and one place in its queue."""
    with serve(queue=1, work_s=30.0, upload_s=1.0, header_s=0.5, max_held_bytes=40_000_000) as served:
        yield served


def test_a_worker_that_is_killed_costs_its_request_alone(
    small: Served, clip: bytes, long_clip: bytes
) -> None:
    (worker,) = small.workers()
    restarts = metric(small, "worker_restarts_total")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(predict, small, long_clip)
        wait_until(lambda: metric(small, "workers_busy"))
        second = threads.submit(predict, small, clip)
        wait_until(lambda: metric(small, "tasks_waiting"))
        os.kill(worker, signal.SIGKILL)
    assert (first.result().status_code, first.result().json()["type"]) == (500, "/docs/errors#worker-ended")
    assert second.result().json()["emotion"] == affekt.predict(clip).emotion
    assert metric(small, "worker_restarts_total") == restarts + 1
    assert small.workers() != [worker]


def test_a_worker_that_is_killed_while_it_is_idle_costs_nothing(small: Served, clip: bytes) -> None:
    (worker,) = small.workers()
    os.kill(worker, signal.SIGKILL)
    assert predict(small, clip).status_code == 200


def test_workers_that_are_killed_again_and_again_cost_no_more_than_a_request_each(
    small: Served, clip: bytes
) -> None:
    wanted = affekt.predict(clip).to_dict()
    statuses: list[int] = []
    for _ in range(3):
        for worker in wait_until(small.workers):
            os.kill(worker, signal.SIGKILL)
        for _ in range(2):
            answer = predict(small, clip)
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                assert {name: answer.json()[name] for name in wanted} == wanted
    assert set(statuses) <= {200, 500}
    assert statuses.count(500) <= 3
    assert statuses[1::2] == [200] * 3  # the second one, by a new worker


def test_a_full_disk_stops_nothing(serve: Serve, clip: bytes) -> None:
    resource = pytest.importorskip("resource")
    with serve() as served:
        (worker,) = served.workers()
        written = served.log.stat().st_size
        for process in (served.process.pid, worker):  # and those that it starts: no file can grow
            resource.prlimit(process, resource.RLIMIT_FSIZE, (written, written))
        assert predict(served, clip).status_code == 200
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda: predict(served, clip).status_code == 200)
        assert served.workers() != [worker]
        with served.client() as client:
            files = {"file": ("a.flac", clip)}
            assert client.post("/v1/timelines", files=files).status_code == 200
        assert served.log.stat().st_size == written


def test_a_stream_whose_worker_is_killed_ends_with_an_error(small: Served) -> None:
    with connect(small.url.replace("http", "ws") + "/v1/stream", proxy=None) as stream:
        stream.send("{}")
        stream.recv(timeout=20)
        os.kill(small.workers()[0], signal.SIGKILL)
        wait_until(lambda: metric(small, "workers") == 1)
        stream.send(bytes(3200))
        error = json.loads(stream.recv(timeout=20))
    assert (error["fatal"], error["problem"]["type"]) == (True, "/docs/errors#worker-ended")


def test_more_than_work_and_queue_hold_is_refused_and_none_is_mixed_up(
    small: Served, clip: bytes, long_clip: bytes
) -> None:
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(predict, small, long_clip)
        wait_until(lambda: metric(small, "workers_busy"))
        others = [one.result() for one in [threads.submit(predict, small, clip) for _ in range(6)]]
    refused = [one for one in others if one.status_code == 503]
    assert len(refused) == 5
    assert {(one.json()["type"], one.headers["Retry-After"]) for one in refused} == {
        ("/docs/errors#overloaded", "1")
    }
    (answered,) = (one.json() for one in others if one.status_code == 200)
    assert answered["emotion"] == affekt.predict(clip).emotion
    assert first.result().json()["duration_s"] == LONG_S


def test_a_client_that_leaves_is_forgotten(small: Served, clip: bytes, long_clip: bytes) -> None:
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(predict, small, long_clip)
        wait_until(lambda: metric(small, "workers_busy"))
        with pytest.raises(httpx.ReadTimeout):
            predict(small, clip, timeout=0.1)
        wait_until(lambda: not metric(small, "tasks_waiting"))
        assert first.result().status_code == 200
    wait_until(lambda: not metric(small, "upload_bytes"))


def raw(served: Served) -> socket.socket:
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_a_head_that_never_ends_is_cut_off(small: Served) -> None:
    with raw(small) as slow, raw(small) as silent:
        began = time.monotonic()
        slow.sendall(b"POST /v1/predictions HTTP/1.1\r\nHo")
        assert (slow.recv(100), silent.recv(100)) == (b"", b"")
        assert 0.3 < time.monotonic() - began < 5


def test_a_body_that_takes_too_long_is_refused(small: Served) -> None:
    with raw(small) as slow:
        slow.sendall(
            b"POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
            b"Content-Length: 1000\r\n\r\nRIFF"
        )
        answer = b"".join(iter(lambda: slow.recv(10_000), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"slow-upload" in answer


def test_many_open_connections_do_not_stop_others(serve: Serve, clip: bytes) -> None:
    with serve(max_connections=450) as served, ExitStack() as opened:
        sockets = [opened.enter_context(raw(served)) for _ in range(500)]
        wait_until(lambda: sum(is_closed(one) for one in sockets) == 50)  # more than there may be
        closed = [one for one in sockets if is_closed(one)]
        for one in sockets[:10]:
            one.close()
        assert wait_until(lambda: answers(served, clip))
        assert set(closed).isdisjoint(sockets[:450])


def test_a_worker_is_replaced_once_files_can_be_opened_again(serve: Serve, clip: bytes) -> None:
    resource = pytest.importorskip("resource")
    with serve() as served:
        (worker,) = served.workers()
        before = resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: "Too many open files" in served.log.read_text())
        resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, before)
        assert wait_until(lambda: answers(served, clip), 30)


def is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def answers(served: Served, clip: bytes) -> bool:
    try:
        return predict(served, clip).status_code == 200
    except httpx.TransportError:
        return False


def test_a_request_that_takes_too_long_is_stopped(serve: Serve, clip: bytes, long_clip: bytes) -> None:
    with serve(work_s=0.3, log_names=True) as served:
        (worker,) = served.workers()
        with served.client() as client:
            client.post("/v1/predictions", files={"file": ("named.flac", clip)})
        wait_until(lambda: '"files": ["named.flac"]' in served.log.read_text())  # as it was asked for
        answer = predict(served, long_clip)
        assert (answer.status_code, answer.json()["type"]) == (504, "/docs/errors#timeout")
        wait_until(lambda: served.workers() not in ([], [worker]) and metric(served, "workers"))
        wait_until(lambda: predict(served, clip).status_code == 200)


def test_a_signal_loads_the_model_anew_without_a_lost_request(
    serve: Serve, tmp_path: Path, clip: bytes, long_clip: bytes
) -> None:
    model = tmp_path / "model.onnx"
    shutil.copy(DEFAULT_MODEL, model)
    with serve(model=str(model), workers=1) as served, ThreadPoolExecutor(1) as threads:
        before = served.workers()
        first = threads.submit(predict, served, long_clip)
        wait_until(lambda: metric(served, "workers_busy"))
        served.process.send_signal(signal.SIGHUP)
        wait_until(lambda: '"event": "reloaded"' in served.log.read_text())
        assert predict(served, clip).status_code == 200
        assert first.result().status_code == 200
        wait_until(lambda: len(served.workers()) == 1)
        after = served.workers()
        assert after != before
        model.write_bytes(b"no model")
        served.process.send_signal(signal.SIGHUP)
        wait_until(lambda: '"event": "reload failed"' in served.log.read_text())
        assert predict(served, clip).status_code == 200
        assert served.workers() == after


def test_sigterm_finishes_what_was_begun_and_refuses_what_is_new(
    serve: Serve, clip: bytes, long_clip: bytes
) -> None:
    with (
        serve(queue=8) as served,
        ThreadPoolExecutor(5) as threads,
        served.client() as client,
        connect(served.url.replace("http", "ws") + "/v1/stream", proxy=None) as stream,
    ):
        workers = served.workers()
        stream.send("{}")
        stream.recv(timeout=20)
        first = threads.submit(predict, served, long_clip)
        wait_until(lambda: metric(served, "workers_busy"))
        others = [threads.submit(predict, served, clip) for _ in range(4)]
        wait_until(lambda: metric(served, "tasks_waiting") == 4)
        served.process.send_signal(signal.SIGTERM)
        wait_until(lambda: client.get("/readyz").status_code == 503)
        refused = client.post("/v1/predictions", content=clip, headers=FLAC)
        assert (refused.status_code, refused.json()["type"]) == (503, "/docs/errors#stopping")
        assert client.get("/healthz").status_code == 200
        error = json.loads(stream.recv(timeout=20))
        assert (error["fatal"], error["problem"]["type"]) == (True, "/docs/errors#stopping")
        assert first.result().json()["duration_s"] == LONG_S
        assert [one.result().status_code for one in others] == [200] * 4
        assert served.process.wait(20) == 0
        wait_until(lambda: not any(psutil.pid_exists(worker) for worker in workers))


def test_workers_end_with_a_server_that_is_killed(serve: Serve) -> None:
    with serve() as served:
        workers = served.workers()
        served.process.kill()
        served.process.wait()
        wait_until(lambda: not any(psutil.pid_exists(worker) for worker in workers))


def test_the_log_has_a_json_object_on_each_line_and_no_name_of_a_file(served: Served, clip: bytes) -> None:
    statuses = {}
    broken = {"content": b"no form", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}
    with served.client() as client:
        for sent in ({"files": {"file": ("secret.flac", clip)}}, {"files": {"file": b"no sound"}}, broken):
            found = client.post("/v1/predictions", **sent)
            statuses[found.headers["X-Request-ID"]] = found.status_code
    assert list(statuses.values()) == [200, 415, 400]
    wait_until(lambda: all(one in served.log.read_text() for one in statuses))  # logged once answered
    text = served.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if not line.startswith("affekt answers at")]
    logged = {line["request_id"]: line["status"] for line in lines if line["event"] == "request"}
    assert statuses.items() <= logged.items()
    assert any("boundary" in line["event"] for line in lines)  # a warning of the library that reads forms
    assert "secret" not in text


def test_other_machines_need_keys_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    open_to_all: dict[str, Any] = {"host": "0.0.0.0", "keys_file": str(place)}
    with pytest.raises(SettingsError, match="affekt keys create"):
        check_open(Settings(**open_to_all))
    with pytest.raises(SettingsError, match="affekt keys create"):
        check_open(Settings(host="", keys_file=str(place)))
    with pytest.raises(SettingsError, match="affekt keys create"):  # a proxy may be on this machine
        check_open(Settings(keys_file=str(place)))
    check_open(Settings(**open_to_all, auth=False))
    check_open(Settings(keys_file=str(place), auth=False))
    check_open(Settings())
    create_key(place, "me")
    check_open(Settings(**open_to_all))


def test_an_address_that_cannot_be_used_is_known_at_once() -> None:
    (taken,) = listen(Settings(port=0))
    with taken, pytest.raises(SettingsError, match="--port"):
        listen(Settings(port=taken.getsockname()[1]))
    with pytest.raises(SettingsError, match="cannot listen"):
        listen(Settings(host="no.such.host.invalid"))


@pytest.mark.parametrize("host", ["", "::"])
def test_every_address_is_one_of_ipv4_and_one_of_ipv6(host: str) -> None:
    loopback = ["127.0.0.1", "::1"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]
    with ExitStack() as opened:
        listeners = [opened.enter_context(one) for one in listen(Settings(host=host, port=0))]
        (port,) = {one.getsockname()[1] for one in listeners}
        for address, listener in zip(loopback, listeners, strict=True):
            opened.enter_context(socket.create_connection((address, port), timeout=10))
            connection, client = listener.accept()
            connection.close()
            assert client[0] == address  # as limits and trusted proxies expect it


def test_a_model_that_cannot_be_used_is_an_error_of_one_line(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")
    done = subprocess.run(
        [sys.executable, "-m", "affekt", "serve", "--port", "0", "--model", str(model)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the workers do not start: BundleError: ")
