"""Traces for OpenTelemetry: off, unless an operator names where they are sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from affekt.errors import explain_import

EXPORT_S = 5.0  # for a collector to take spans
_SERVER_ERROR = 500


class Traces:
    """A span for each request, below that of its client, and one below it for each task.

    Neither has an address, a file name or a parameter. A collector that does not answer delays nothing;
    its spans are lost.

    Parameters
    ----------
    address
        Where spans are sent, with OTLP over HTTP, as ``http://127.0.0.1:4318/v1/traces``.

    Raises
    ------
    MissingExtraError
        OpenTelemetry's SDK is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ModuleNotFoundError as error:
            raise explain_import(error, "the setting 'traces'") from error
        resource = Resource.create({"service.name": "affekt", "service.version": version("affekt")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=address, timeout=EXPORT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("affekt.server")
        self._trace, self._propagator = trace, TraceContextTextMapPropagator()

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Any]:
        """Yield the span of a request; ``finish`` completes it."""
        with self._tracer.start_as_current_span(
            "HTTP",
            context=self._propagator.extract(dict(headers)),
            kind=self._trace.SpanKind.SERVER,
            record_exception=False,  # its message may name a file of the client
            set_status_on_exception=False,
        ) as span:
            yield span

    def finish(self, span: Any, method: str, route: str, status: int, problem: str) -> None:
        """Describe a request that was answered, in the words of the semantic conventions for HTTP."""
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        )
        if problem:
            span.set_attribute("error.type", problem)
        if status >= _SERVER_ERROR:
            span.set_status(self._trace.StatusCode.ERROR)

    def task(self, name: str, waited_s: float, took_s: float) -> None:
        """Add a task that has just ended to the request that it was for."""
        end = time.time_ns()
        begin = end - round(1e9 * took_s)
        span = self._tracer.start_span(
            name, start_time=begin, attributes={"affekt.waited_seconds": round(waited_s, 6)}
        )
        span.end(end)

    def stop(self) -> None:
        """Send what is left. It blocks."""
        self._provider.shutdown()
