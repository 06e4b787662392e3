"""Routes about the server itself: its models, and whether it works."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from affekt.reports.model_card import render
from affekt.server.messages import ModelFacts
from affekt.server.metrics import MEDIA_TYPE
from affekt.server.problems import Problem
from affekt.server.schemas import ALWAYS, ModelDocument, ModelsDocument, StatusDocument, problems
from affekt.server.service import Service, allowed, service_of

models = APIRouter(prefix="/v1/models", tags=["models"], dependencies=[Depends(allowed("predict"))])
health = APIRouter(tags=["operation"])


@models.get("", response_model=ModelsDocument, responses=problems(*ALWAYS), summary="List the models")
async def list_models(request: Request) -> JSONResponse:
    """Return the model that the server has loaded, with its scores."""
    facts: ModelFacts = service_of(request).pool.facts
    contract = facts.contract
    document = ModelDocument(
        name=facts.name,
        sha256=contract.sha256,
        emotions=list(contract.emotions),
        recipe=contract.recipe,
        features=contract.features,
        trained_on=[corpus.name for corpus in contract.corpora],
        protocol=contract.scores.protocol_label,
        accuracy=contract.scores.headlines["accuracy"].value,
        card=f"/v1/models/{facts.name}/card",
    )
    return JSONResponse({"models": [document.model_dump()]})


@models.get(
    "/{name}/card",
    responses={
        200: {"content": {"text/markdown": {"schema": {"type": "string"}}}},
        **problems(*ALWAYS, "not-found"),
    },
    response_class=Response,
    summary="Show a model's card",
)
async def show_card(request: Request, name: str) -> Response:
    """Return intended use, limits and scores, in Markdown."""
    facts = find_model(service_of(request), name)
    return Response(render(facts.name, facts.contract), media_type="text/markdown; charset=utf-8")


def find_model(service: Service, name: str) -> ModelFacts:
    """Return the model of this name, with or without its suffix.

    Raises
    ------
    Problem
        There is none.
    """
    facts: ModelFacts = service.pool.facts
    if name not in (facts.name, facts.name.removesuffix(".onnx")):
        raise Problem("not-found", f"the model is called {facts.name!r}")
    return facts


@health.get("/healthz", response_model=StatusDocument, summary="Whether the server runs")
async def show_health() -> JSONResponse:
    """Answer as long as the server runs."""
    return JSONResponse({"status": "running"})


@health.get(
    "/readyz",
    response_model=StatusDocument,
    responses=problems("not-ready", "stopping"),
    summary="Whether the server takes work",
)
async def show_readiness(request: Request) -> JSONResponse:
    """Answer 503 before a worker has loaded the model, and while the server stops."""
    service = service_of(request)
    if not service.ready:
        stopping = service.stopping.is_set()
        raise Problem("stopping" if stopping else "not-ready", headers={"Retry-After": "2"})
    return JSONResponse({"status": "ready"})


@health.get(
    "/metrics",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems("no-key", "out-of-scope", "too-many-requests"),
    },
    response_class=Response,
    dependencies=[Depends(allowed("metrics"))],
    summary="Metrics for Prometheus",
)
async def show_metrics(request: Request) -> Response:
    """Return counts and durations."""
    return Response(service_of(request).metrics.text(), media_type=MEDIA_TYPE)
