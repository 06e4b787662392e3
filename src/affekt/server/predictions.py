"""Routes that answer recordings: predictions, batches and voices."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from affekt.server.limits import Account
from affekt.server.messages import Options
from affekt.server.problems import Problem
from affekt.server.schemas import (
    WITH_UPLOAD,
    BatchDocument,
    PredictionDocument,
    VoiceDocument,
    problems,
    recordings_body,
)
from affekt.server.service import Service, allowed, service_of, unless_gone
from affekt.server.uploads import Form, Upload, read_form

router = APIRouter(prefix="/v1", tags=["predictions"], dependencies=[Depends(allowed("predict"))])


class RecordingQuery(BaseModel):
    """How a recording is to be read and predicted."""

    model_config = ConfigDict(extra="forbid")

    emotions: str | None = Field(
        None, description="Predict only these, as `happy,sad`.", max_length=500, examples=["happy,sad"]
    )
    audio_channel: Literal["mix", "left", "right"] = Field(
        "mix", alias="audio-channel", description="The mean of all channels, or one of them."
    )

    def options(self, service: Service, form: Form) -> Options:
        """Return them as workers take them."""
        words = None if self.emotions is None else tuple(one.strip() for one in self.emotions.split(","))
        return Options(
            emotions=words,
            audio_channel=self.audio_channel,
            voice=form.optional("voice"),
            max_seconds=service.settings.max_seconds,
        )


class PredictionQuery(RecordingQuery):
    """How a prediction is to be answered."""

    top: int | None = Field(None, ge=1, le=100, description="Only this many probabilities, the largest.")


class BatchQuery(RecordingQuery):
    """How many recordings are to be read and predicted."""

    audio_channel: Literal["mix", "left", "right", "each"] = Field(  # type: ignore[assignment]
        "mix",
        alias="audio-channel",
        description="As for one recording; `each`: an answer for each channel.",
    )


@router.post(
    "/predictions",
    response_model=PredictionDocument,
    responses=problems(*WITH_UPLOAD),
    openapi_extra=recordings_body(["voice"]),
    summary="Predict the emotion in a recording",
)
async def predict(request: Request, query: Annotated[PredictionQuery, Query()]) -> JSONResponse:
    """Send the recording as the part `file` of multipart/form-data, or as the body itself."""
    service = service_of(request)
    settings = service.settings
    service.work.check()
    with service.held.account() as account:
        form, upload = await read_recording(request, service, account, settings.max_bytes)
        with service.work.take():
            options = query.options(service, form)
            work = service.pool.run(
                "predict", upload.name, upload.content, options, limit_s=settings.work_s
            )
            found: dict[str, Any] = await unless_gone(request, work)
    service.metrics.audio_seconds.inc(found["duration_s"])
    if query.top is not None:
        largest = sorted(found["probabilities"].items(), key=lambda item: -item[1])
        found["probabilities"] = dict(largest[: query.top])
    return JSONResponse(service.with_notice(found))


@router.post(
    "/predictions:batch",
    response_model=BatchDocument,
    responses=problems(*WITH_UPLOAD),
    openapi_extra=recordings_body(["voice"], several=True, raw=False),
    summary="Predict many recordings",
)
async def predict_batch(request: Request, query: Annotated[BatchQuery, Query()]) -> JSONResponse:
    """Send each recording as a part `file`; one that cannot be used costs its answer alone."""
    service = service_of(request)
    service.work.check()
    with service.held.account() as account:
        form = await _read_several(request, service, account, {"voice": 1})
        uploads = form.files["file"]
        log_names(request, service, uploads)
        options = query.options(service, form)
        with service.work.take():
            turn = asyncio.Semaphore(service.pool.count)

            async def answer(upload: Upload) -> list[dict[str, Any]]:
                async with turn:
                    return await _answer_one(service, upload, options)

            work = asyncio.gather(*(answer(upload) for upload in uploads))
            found = await unless_gone(request, work)
    answers = [one for several in found for one in several]
    service.metrics.audio_seconds.inc(sum(one.get("duration_s", 0) for one in answers))
    return JSONResponse(service.with_notice({"answers": answers}))


@router.post(
    "/voices",
    response_model=VoiceDocument,
    responses=problems(*WITH_UPLOAD),
    openapi_extra=recordings_body([], several=True, raw=False),
    summary="Make a voice of a speaker's recordings",
)
async def make_voice(request: Request) -> JSONResponse:
    """Send recordings of one speaker as parts `file`; the voice is returned, and not kept."""
    service = service_of(request)
    settings = service.settings
    service.work.check()
    with service.held.account() as account:
        form = await _read_several(request, service, account, {})
        uploads = form.files["file"]
        log_names(request, service, uploads)
        with service.work.take():
            clips = [(upload.name, upload.content) for upload in uploads]
            work = service.pool.run("adapt", clips, settings.max_seconds, limit_s=settings.work_s)
            found = await unless_gone(request, work)
    return JSONResponse(service.with_notice(found))


async def read_recording(
    request: Request, service: Service, account: Account, most_bytes: int
) -> tuple[Form, Upload]:
    """Read the body of a request for one recording: the form, and its recording."""
    form = await read_form(request, account, most_bytes, service.settings.upload_s, {"file": 1, "voice": 1})
    upload = form.one("file")
    log_names(request, service, [upload])
    return form, upload


async def _read_several(
    request: Request, service: Service, account: Account, others: dict[str, int]
) -> Form:
    settings = service.settings
    fields = {"file": settings.max_files, **others}
    form = await read_form(request, account, settings.max_bytes, settings.upload_s, fields)
    if not form.files.get("file"):
        raise Problem("bad-request", "send each recording as a part that is called 'file'")
    return form


async def _answer_one(service: Service, upload: Upload, options: Options) -> list[dict[str, Any]]:
    """Return the answers to a file of many; what goes wrong with it is its own answer."""
    try:
        found: list[dict[str, Any]] = await service.pool.run(
            "predict_channels", upload.name, upload.content, options, limit_s=service.settings.work_s
        )
    except Problem as problem:
        if problem.kind.status < 500:  # the parameters, which are those of all
            raise
        asked = {"source": upload.name, "audio_channel": options.audio_channel}
        return [{**asked, "problem": problem.to_dict()}]
    return found


def log_names(request: Request, service: Service, uploads: list[Upload]) -> None:
    """Let the names of files be logged, if this is wanted."""
    if service.settings.log_names:
        request.scope["state"]["files"] = [upload.name for upload in uploads]
