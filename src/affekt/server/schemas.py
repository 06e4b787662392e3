"""The documents of answers, as the OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from affekt.server.problems import KINDS, MEDIA_TYPE


class NoteDocument(BaseModel):
    """A remark on a recording or its prediction."""

    kind: str
    text: str


class PredictionDocument(BaseModel):
    """What the model predicts for one recording."""

    emotion: str = Field(description="The most probable emotion.")
    confidence: float = Field(ge=0, le=1, description="Its calibrated probability.")
    probabilities: dict[str, float]
    prediction_set: list[str] = Field(description="Emotions that hold the true one in 90 % of cases.")
    unsure: bool
    out_of_distribution: bool
    duration_s: float
    notes: list[NoteDocument]
    model: str
    notice: str | None = None


class ProblemDocument(BaseModel):
    """Problem details, RFC 9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Explained at `/docs/errors`.")
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None


class AnswerDocument(BaseModel):
    """One recording of many, or one channel of it: its prediction, or a problem."""

    model_config = ConfigDict(extra="allow")

    source: str
    audio_channel: str
    emotion: str | None = None
    confidence: float | None = None
    problem: ProblemDocument | None = None


class BatchDocument(BaseModel):
    """An answer for each recording, in their order."""

    answers: list[AnswerDocument]
    model: str
    notice: str | None = None


class SkippedDocument(BaseModel):
    """A recording that could not be used."""

    source: str
    reason: str


class VoiceDocument(BaseModel):
    """A voice, to be sent as the part `voice` of other requests. The server does not keep it."""

    voice: dict[str, Any]
    skipped: list[SkippedDocument]
    model: str
    notice: str | None = None


class ModelDocument(BaseModel):
    """A model that the server has loaded."""

    name: str
    sha256: str
    emotions: list[str]
    recipe: str
    features: str
    trained_on: list[str]
    protocol: str
    accuracy: float
    card: str


class ModelsDocument(BaseModel):
    """All models of the server."""

    models: list[ModelDocument]


class JobDocument(BaseModel):
    """A timeline that is computed in its own time."""

    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    created: str
    finished: str | None = None
    result: str | None = None
    problem: ProblemDocument | None = None


class StatusDocument(BaseModel):
    """Whether the server works."""

    status: str


def problems(*names: str) -> dict[int | str, dict[str, Any]]:
    """Return the problems that a route may answer, by their status, for the OpenAPI document."""
    found: dict[int | str, dict[str, Any]] = {}
    for name in names:
        kind = KINDS[name]
        before = found.get(kind.status, {}).get("description", "")
        found[kind.status] = {
            "description": f"{before}; {name}" if before else name,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
    return found


ALWAYS = ("bad-request", "no-key", "out-of-scope", "wrong-parameters", "wrong-host", "too-many-requests")
WITH_UPLOAD = (
    *ALWAYS, "slow-upload", "too-large", "not-audio", "wrong-media-type", "unusable-audio",
    "unusable-voice", "internal-error", "not-installed", "overloaded", "timeout",
)  # fmt: skip


def recordings_body(fields: Iterable[str], *, several: bool = False, raw: bool = True) -> dict[str, Any]:
    """Return the description of a body with one recording or several, and further parts."""
    file = {"type": "string", "format": "binary", "description": "The content of an audio file."}
    form: dict[str, Any] = {
        "type": "object",
        "properties": {
            "file": {"type": "array", "items": file, "minItems": 1} if several else file,
            **{
                name: {
                    "type": "string",
                    "format": "binary",
                    "description": "The `voice` that `POST /v1/voices` returned, as JSON.",
                }
                for name in fields
            },
        },
        "required": ["file"],
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if raw:
        content |= {
            kind: {"schema": file} for kind in ("application/octet-stream", "audio/wav", "audio/flac")
        }
    return {"requestBody": {"required": True, "content": content}}
