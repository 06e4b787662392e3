"""Requests are traced where an operator asks for it, and nothing of OpenTelemetry is loaded otherwise."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.server.conftest import Serve

from affekt.errors import SettingsError
from affekt.server.settings import Settings

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Receive what is sent to an address."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
        finally:
            server.shutdown()
            thread.join()


def spans(bodies: list[bytes]) -> list[Any]:
    pytest.importorskip("opentelemetry.proto")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def test_a_request_is_a_span_of_its_client_and_has_one_for_its_task(serve: Serve, clip: bytes) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with collector() as (address, bodies):
        with serve(traces=address) as served, served.client() as client:
            parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            files = {"file": ("secret.flac", clip)}
            assert client.post("/v1/predictions", files=files, headers=parent).status_code == 200
            assert client.post("/v1/predictions", content=b"no sound").status_code == 415
            assert client.get("/readyz").status_code == 200  # is not traced
        found = spans(bodies)
    task, request, failed_task, failed = sorted(found, key=lambda one: one.end_time_unix_nano)
    assert (request.name, request.trace_id.hex(), request.parent_span_id.hex()) == (
        "POST /v1/predictions",
        TRACE,
        PARENT,
    )
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/predictions",
        "http.response.status_code": 200,
    }
    assert (task.name, task.trace_id, task.parent_span_id) == ("predict", request.trace_id, request.span_id)
    assert attributes(task)["affekt.waited_seconds"] >= 0
    assert request.start_time_unix_nano < task.start_time_unix_nano < task.end_time_unix_nano
    assert attributes(failed)["error.type"] == "not-audio"
    assert failed_task.trace_id == failed.trace_id != request.trace_id
    assert b"secret" not in b"".join(bodies)


def test_a_collector_that_does_not_answer_delays_neither_requests_nor_the_end(
    serve: Serve, clip: bytes
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with serve(traces="http://127.0.0.1:9/v1/traces") as served, served.client() as client:
        assert client.post("/v1/predictions", files={"file": ("a.flac", clip)}).status_code == 200
        began = time.monotonic()
        served.process.terminate()
        assert served.process.wait(20) == 0
        assert time.monotonic() - began < 15
        lines = served.log.read_text().splitlines()
    assert [line[:14] for line in lines if not line.startswith("{")] == ["affekt answers"]


def test_a_variable_of_the_framework_starts_no_traces(
    serve: Serve, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with collector() as (address, bodies):
        monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address.removesuffix("/v1/traces"))
        with serve() as served, served.client() as client:
            assert client.post("/v1/predictions", files={"file": ("a.flac", clip)}).status_code == 200
        assert bodies == []


def test_no_exporter_is_loaded_unless_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from affekt.server.app import make_app\n"
        "from affekt.server.settings import Settings\n"
        "make_app(Settings())\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_traces_are_sent_to_an_address() -> None:
    with pytest.raises(SettingsError, match="traces is 'console'"):
        Settings(traces="console")
