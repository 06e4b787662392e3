"""The application: its routes, and its workers from start to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from affekt.server import explanations, models, open_inference, pages, predictions, stream, timelines
from affekt.server.guard import HANDLERS, Guard
from affekt.server.schemas import ProblemDocument
from affekt.server.service import Service
from affekt.server.settings import Settings

DESCRIPTION = """Predicts the emotion that a voice expresses, with calibrated probabilities.

Errors are problem details (RFC 9457), whose types are explained at `/docs/errors`. Streams are served by
the WebSocket `/v1/stream`. Recordings stay in memory until they are answered, and
timelines of jobs until they are deleted, at most for a time that the operator chose."""

# Newer versions of FastAPI trace and log by themselves where an environment variable says so, with the
# addresses and parameters of clients; older ones ignore this.
NO_TELEMETRY: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


def make_app(settings: Settings) -> FastAPI:
    """Return the application; its workers start and end with it. Its service is ``app.state.service``."""
    service = Service.of(settings)

    @asynccontextmanager
    async def run_workers(app: FastAPI) -> AsyncIterator[None]:
        await service.pool.start()
        try:
            yield
        finally:
            await service.jobs.stop()
            await service.pool.stop()
            if service.traces:
                await asyncio.to_thread(service.traces.stop)

    app = FastAPI(
        title="affekt",
        summary="Emotion in voices",
        description=DESCRIPTION,
        version=version("affekt"),
        lifespan=run_workers,
        docs_url=None,
        redoc_url=None,
        exception_handlers=dict(HANDLERS),  # type: ignore[arg-type]
        telemetry=NO_TELEMETRY,
    )
    app.state.service = service
    for router in (
        predictions.router,
        timelines.router,
        explanations.router,
        stream.router,
        models.models,
        models.health,
        open_inference.health,
        open_inference.router,
        pages.router,
    ):
        app.include_router(router)
    app.add_middleware(Guard, service=service)
    app.openapi = lambda: _openapi(app, FastAPI.openapi(app))  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI, document: dict[str, Any]) -> dict[str, Any]:
    """Add the document of problems, and how keys are sent."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    if "ProblemDocument" not in schemas or "securitySchemes" not in components:
        schemas["ProblemDocument"] = ProblemDocument.model_json_schema()
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"key": []}]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
    return document
