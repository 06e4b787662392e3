"""Errors as clients see them: problem details of RFC 9457, with types that the documentation explains."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from affekt import errors
from affekt.errors import AffektError

MEDIA_TYPE = "application/problem+json"
PLACE = "/docs/errors"  # the page that explains the types


@dataclass(frozen=True)
class Kind:
    """A type of problem: its status, its title, and what a client can do about it."""

    status: int
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "bad-request": Kind(400, "The request cannot be read", "Correct what the detail names."),
    "no-key": Kind(
        401,
        "A valid key is needed",
        "Send `Authorization: Bearer KEY`. Keys are made by `affekt keys create`; they may expire or be "
        "revoked.",
    ),
    "out-of-scope": Kind(403, "The key is not for this", "Use a key with the scope that the detail names."),
    "other-origin": Kind(
        403,
        "A page of another site asks",
        "Pages of other sites may not use this server through a visitor's browser. Call it from a program, "
        "or serve the page from the same host.",
    ),
    "not-found": Kind(404, "There is no such thing", "See `/docs` for what there is."),
    "wrong-method": Kind(405, "This method is not allowed here", "See `/docs` for what is."),
    "not-acceptable": Kind(
        406, "No format that is accepted can be written", "Ask for one of the media types in the detail."
    ),
    "slow-upload": Kind(408, "The body took too long", "Send it again, faster or in a smaller file."),
    "not-finished": Kind(409, "The job is not finished", "Ask again later."),
    "too-large": Kind(
        413, "The body is too large", "Send a shorter recording or a compressed one, such as FLAC or Opus."
    ),
    "not-audio": Kind(
        415,
        "This is not audio, or of an unknown format",
        "Send WAV, FLAC, OGG, Opus, MP3, AIFF or another format that affekt reads.",
    ),
    "wrong-media-type": Kind(
        415,
        "A body of this media type is not read",
        "Send `multipart/form-data`, or the file itself as `audio/*` or `application/octet-stream`.",
    ),
    "wrong-host": Kind(
        421,
        "The server does not answer to this name",
        "Without keys, only `localhost`, its own address and the setting `hosts` are answered, so that no "
        "web page can reach it under a name of its own.",
    ),
    "wrong-parameters": Kind(422, "A parameter cannot be used", "Correct the parameters that are named."),
    "unusable-audio": Kind(
        422,
        "The recording cannot be used",
        "It is empty, too short, too long, silent, damaged, or has values that are no sound.",
    ),
    "unusable-voice": Kind(
        422, "The voice cannot be used", "Make it again with `POST /v1/voices` on this server."
    ),
    "too-many-requests": Kind(429, "Too many requests", "Wait as long as `Retry-After` says."),
    "internal-error": Kind(500, "The server failed", "Give its operator the `request_id`."),
    "model-error": Kind(500, "The model failed", "Give the server's operator the `request_id`."),
    "worker-ended": Kind(
        500,
        "The process that computed the answer ended",
        "Try once more. If it happens again, the recording is the reason.",
    ),
    "not-installed": Kind(
        501, "The server lacks a library for this", "Its operator can install what the detail names."
    ),
    "overloaded": Kind(503, "The server is busy", "Wait as long as `Retry-After` says, then try again."),
    "stopping": Kind(503, "The server is stopping", "Try again, as another instance may answer."),
    "not-ready": Kind(503, "The server is not ready", "Try again in a few seconds."),
    "timeout": Kind(504, "The answer took too long", "Send a shorter recording."),
}

# The first class that an error is an instance of counts.
_KIND_OF: tuple[tuple[type[AffektError], str], ...] = (
    (errors.AudioFormatError, "not-audio"),
    (errors.AudioError, "unusable-audio"),
    (errors.VoiceError, "unusable-voice"),
    (errors.DiarisationError, "wrong-parameters"),
    (errors.UnknownNameError, "wrong-parameters"),
    (errors.MissingExtraError, "not-installed"),
    (errors.BundleError, "model-error"),
    (errors.EncoderError, "model-error"),
    (errors.WorkerError, "worker-ended"),
    (AffektError, "internal-error"),
)


class Problem(Exception):  # noqa: N818 - the name of the standard
    """What is answered instead of a result.

    Attributes
    ----------
    name
        The type: one of ``KINDS``.
    detail
        What happened this time.
    headers
        Further fields of the head of the answer.
    more
        Further members of the document.
    """

    def __init__(
        self, name: str, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(name, detail)
        self.name, self.detail, self.headers, self.more = name, detail, dict(headers or {}), more

    @property
    def kind(self) -> Kind:
        """The kind of problem."""
        return KINDS[self.name]

    def to_dict(self, request_id: str = "") -> dict[str, Any]:
        """Return the problem details."""
        found = {"type": f"{PLACE}#{self.name}", "title": self.kind.title, "status": self.kind.status}
        if self.detail:
            found["detail"] = self.detail
        if request_id:
            found["request_id"] = request_id
        return {**found, **self.more}


def problem_of(error: AffektError) -> Problem:
    """Return the problem that an error of affekt is to a client.

    What is wrong with the server itself, as a path of its model, is none of the client's business.
    """
    name = next(name for kind, name in _KIND_OF if isinstance(error, kind))
    own = KINDS[name].status == HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(name, "" if own else str(error))


def problem_of_status(status: int) -> Problem:
    """Return the problem for a status that the framework has chosen."""
    names = {400: "bad-request", 404: "not-found", 405: "wrong-method"}
    return Problem(names.get(status, "bad-request" if status < 500 else "internal-error"))


def place_of(error: Exception) -> str:
    """Return the type of an error and where it was raised; its message may name a file of a client."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
