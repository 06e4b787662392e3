"""Metrics for Prometheus. One process answers all requests, so that no counts have to be added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


STATE = {
    "ready": "Whether new work is taken",
    "workers": "Workers that take tasks",
    "workers_busy": "Workers that compute",
    "worker_restarts": "Workers that were replaced",
    "tasks_waiting": "Tasks that wait for a worker",
    "upload_bytes": "Bytes of uploads in memory",
    "jobs": "Jobs that wait, run or are kept",
}


class Metrics:
    """What is counted while requests are answered."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "affekt_http_requests",
            "Requests that were answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "affekt_http_request_duration_seconds",
            "Time from the head of a request to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "affekt_http_requests_in_progress", "Requests being answered", registry=self.registry
        )
        self.task_seconds = Histogram(
            "affekt_task_duration_seconds",
            "Time that a worker took for a task",
            ("task",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.problems = Counter(
            "affekt_problems",
            "Answers that were problems, by their type",
            ("type",),
            registry=self.registry,
        )
        self.audio_seconds = Counter(
            "affekt_audio_seconds", "Length of the recordings that were predicted", registry=self.registry
        )
        self.streams = Gauge("affekt_streams", "Streams that are open", registry=self.registry)

    def watch(
        self, measure: Callable[[], Mapping[str, float]], model: Callable[[], Mapping[str, str]]
    ) -> None:
        """Also show the state of the server: a value for each of ``STATE``, and what it has loaded."""
        self.registry.register(_State(measure, model))

    def text(self) -> bytes:
        """Return all metrics in Prometheus's format."""
        return generate_latest(self.registry)


class _State(Collector):
    """What is measured when it is asked for."""

    def __init__(
        self, measure: Callable[[], Mapping[str, float]], model: Callable[[], Mapping[str, str]]
    ) -> None:
        self._measure, self._model = measure, model

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        for name, value in self._measure().items():
            counts = name.endswith("_restarts")
            kind = CounterMetricFamily if counts else GaugeMetricFamily
            yield kind(f"affekt_{name}", STATE[name], value=value)
        yield InfoMetricFamily("affekt", "Version and model", value=dict(self._model()))
