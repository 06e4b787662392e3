"""The route for explanations: as JSON, or as a page with sounds."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from affekt.server.predictions import RecordingQuery, read_recording
from affekt.server.problems import Problem
from affekt.server.schemas import WITH_UPLOAD, problems, recordings_body
from affekt.server.service import allowed, service_of, unless_gone
from affekt.server.timelines import preferred

MEDIA_TYPES = ("application/json", "text/html")
MASKS, MOST_MASKS = 300, 1000
# A page of an explanation has its styles, pictures and sounds in it, and no script.
_PAGE_POLICY = "sandbox; default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"

router = APIRouter(prefix="/v1", tags=["explanations"], dependencies=[Depends(allowed("predict"))])


class ExplanationQuery(RecordingQuery):
    """How a prediction is to be explained."""

    emotion: str | None = Field(
        None, max_length=50, description="The emotion to explain; by default the predicted one."
    )
    masks: int = Field(
        MASKS, ge=20, le=MOST_MASKS, description="How many masked versions the model predicts."
    )


@router.post(
    "/explanations",
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/html": {"schema": {}}}},
        **problems(*WITH_UPLOAD, "not-acceptable"),
    },
    openapi_extra=recordings_body(["voice"]),
    response_class=Response,
    summary="Explain a prediction",
)
async def make_explanation(request: Request, query: Annotated[ExplanationQuery, Query()]) -> Response:
    """The field `Accept` chooses JSON, or a page with the sounds. The recording lasts at most 30 s."""
    service = service_of(request)
    settings = service.settings
    kind = preferred(request.headers.get("accept", "*/*"), MEDIA_TYPES)
    if kind is None:
        raise Problem("not-acceptable", f"there are {', '.join(MEDIA_TYPES)}")
    service.work.check()
    with service.held.account() as account:
        form, upload = await read_recording(request, service, account, settings.max_bytes)
        options = query.options(service, form)
        with service.work.take():
            async with service.pool.explaining:
                work = service.pool.run(
                    "explain",
                    upload.name,
                    upload.content,
                    options,
                    emotion=query.emotion,
                    masks=query.masks,
                    page=kind == "text/html",
                    limit_s=settings.explain_s,
                )
                found: dict[str, Any] | str
                duration_s, found = await unless_gone(request, work)
    service.metrics.audio_seconds.inc(duration_s)
    headers = {"Vary": "Accept"}
    if isinstance(found, str):
        headers["Content-Security-Policy"] = _PAGE_POLICY
        return Response(found, media_type=f"{kind}; charset=utf-8", headers=headers)
    return Response(json.dumps(service.with_notice(found)), media_type=kind, headers=headers)
