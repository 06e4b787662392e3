"""Routes for timelines: answered at once, or as a job where the recording is long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from affekt.inference.timeline import Timeline
from affekt.inference.writers import FORMATS, Format, encode_timelines
from affekt.server.messages import LONG, UNNAMED
from affekt.server.predictions import RecordingQuery, read_recording
from affekt.server.problems import Problem
from affekt.server.schemas import ALWAYS, WITH_UPLOAD, JobDocument, problems, recordings_body
from affekt.server.service import Service, allowed, service_of, unless_gone

MEDIA_TYPES = tuple(one.media_type for one in FORMATS.values())
_FORMATS: dict[str, Any] = {
    kind: {"schema": {"type": "array", "items": {"type": "object"}} if kind == "application/json" else {}}
    for kind in MEDIA_TYPES
}
# A page of a timeline has its styles in it, and no script.
_PAGE_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"

router = APIRouter(prefix="/v1", tags=["timelines"])
Client = Annotated[str, Depends(allowed("predict"))]


class TimelineQuery(RecordingQuery):
    """How a timeline is to be made."""

    audio_channel: Literal["mix", "left", "right", "each"] = Field(  # type: ignore[assignment]
        "mix",
        alias="audio-channel",
        description="As for a prediction; `each`: a timeline for each channel.",
    )
    adapt: bool = Field(False, description="Adapt to the recording's own voice.")


@router.post(
    "/timelines",
    responses={
        200: {"content": _FORMATS},
        202: {"model": JobDocument, "description": "It takes longer: see `Location`."},
        **problems(*WITH_UPLOAD, "not-acceptable"),
    },
    openapi_extra=recordings_body(["voice"]),
    response_class=Response,
    summary="Find the utterances of a recording, and answer each",
)
async def make_timeline(
    request: Request, client: Client, query: Annotated[TimelineQuery, Query()]
) -> Response:
    """The field `Accept` chooses the format. A long recording is a job, as with `Prefer: respond-async`."""
    service = service_of(request)
    settings = service.settings
    form_of_answer = choose_format(request.headers.get("accept", "*/*"))
    wants_job = "respond-async" in request.headers.get("prefer", "").lower()
    service.work.check()
    if wants_job:
        service.jobs.check()
    with service.held.account() as account:
        form, upload = await read_recording(request, service, account, settings.max_timeline_bytes)
        options = query.options(service, form)
        name = upload.name or UNNAMED
        arguments = (name, upload.content, options)
        found: list[Timeline] | str = LONG
        if not wants_job:
            with service.work.take():
                work = service.pool.run(
                    "timeline",
                    *arguments,
                    adapts=query.adapt,
                    within_s=settings.synchronous_s,
                    limit_s=settings.work_s,
                )
                found = await unless_gone(request, work)
        if isinstance(found, list):
            _count(service, found)
            return await write_formatted(found, form_of_answer)
        service.jobs.check()
        held = account.take()

        async def compute() -> list[Timeline]:
            made: list[Timeline] = await service.pool.run_alone(
                "timeline", *arguments, adapts=query.adapt, within_s=None, limit_s=settings.job_s
            )
            _count(service, made)
            return made

        job = service.jobs.add(client, compute(), held.release)
    return JSONResponse(job.to_dict(), 202, {"Location": f"/v1/jobs/{job.name}"})


_OF_JOBS = problems(*ALWAYS, "not-found")


@router.get("/jobs/{name}", response_model=JobDocument, responses=_OF_JOBS, summary="Show a job")
async def show_job(request: Request, client: Client, name: str) -> JSONResponse:
    """Return its state."""
    return JSONResponse(service_of(request).jobs.find(name, client).to_dict())


@router.get(
    "/jobs/{name}/result",
    responses={
        200: {"content": _FORMATS},
        **_OF_JOBS,
        **problems("not-acceptable", "not-finished", "internal-error", "not-installed", "timeout"),
    },
    response_class=Response,
    summary="Fetch the timeline of a job",
)
async def show_result(request: Request, client: Client, name: str) -> Response:
    """The format is that of the field `Accept`."""
    job = service_of(request).jobs.find(name, client)
    form_of_answer = choose_format(request.headers.get("accept", "*/*"))
    if job.active:
        raise Problem("not-finished", f"the job is {job.status}", {"Retry-After": "2"})
    if job.problem:
        raise copy(job.problem)  # each time another, as its traceback grows
    if job.result is None:
        raise Problem("not-found", "the job was cancelled")
    return await write_formatted(job.result, form_of_answer)


@router.delete(
    "/jobs/{name}", status_code=204, responses=_OF_JOBS, response_class=Response, summary="Cancel a job"
)
async def cancel_job(request: Request, client: Client, name: str) -> Response:
    """Stop it if it runs, and forget its result."""
    jobs = service_of(request).jobs
    jobs.remove(jobs.find(name, client))
    return Response(status_code=204)


def choose_format(accept: str) -> Format:
    """Return the format of timelines that a client likes most; JSON where it likes all.

    Raises
    ------
    Problem
        It accepts none of them, or one needs a library that is not installed.
    """
    by_type = {one.media_type: one for one in FORMATS.values()}
    kind = preferred(accept, by_type)
    if kind is None:
        raise Problem("not-acceptable", f"there are {', '.join(by_type)}")
    by_type[kind].check()
    return by_type[kind]


def preferred(accept: str, kinds: Iterable[str]) -> str | None:
    """Return the media type that a client likes most, the first of equals; None if it accepts none.

    The most specific range that fits a media type decides on it (RFC 9110, section 12.5.1).
    """
    ranges: list[tuple[str, float]] = []
    for part in accept.split(","):
        pattern, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = 1.0
        for word in parameters:
            if word.startswith("q="):
                try:
                    quality = float(word[2:])
                except ValueError:
                    quality = 0.0
        ranges.append((pattern, quality if 0 <= quality <= 1 else 0.0))

    def liked(kind: str) -> tuple[float, int]:
        fitting = [(2 - pattern.count("*"), quality) for pattern, quality in ranges if _fits(kind, pattern)]
        exactness, quality = max(fitting, default=(0, 0.0))
        return quality, exactness

    chosen = max(kinds, key=liked)
    return chosen if liked(chosen)[0] > 0 else None


def _fits(kind: str, pattern: str) -> bool:
    group, _, name = pattern.partition("/")
    return pattern in ("*/*", kind) or (name == "*" and kind.startswith(f"{group}/"))


async def write_formatted(timelines: Sequence[Timeline], kind: Format) -> Response:
    """Return timelines in a format."""
    content = await asyncio.to_thread(encode_timelines, timelines, kind)  # of hours, it takes a while
    textual = kind.media_type.startswith("text/") and not kind.binary
    headers = {"Vary": "Accept"}
    if kind.media_type == "text/html":
        headers["Content-Security-Policy"] = _PAGE_POLICY
    media_type = f"{kind.media_type}; charset=utf-8" if textual else kind.media_type
    return Response(content, media_type=media_type, headers=headers)


def _count(service: Service, timelines: Sequence[Timeline]) -> None:
    service.metrics.audio_seconds.inc(sum(one.duration_s for one in timelines))
