"""Bodies of requests: read into memory within limits, and divided into their parts. Nothing is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from affekt.server.limits import Account
from affekt.server.problems import Problem
from affekt.support.terminal import one_line

MULTIPART = "multipart/form-data"
RAW = ("audio/", "video/", "application/octet-stream", "application/ogg")
MAX_HEADERS = 8  # of a part
MAX_HEADER_BYTES = 2048
_MAX_NAME = 200


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Attributes
    ----------
    name
        Its name without folders, which is used in messages alone; empty if it has none.
    content
        Its bytes.
    """

    name: str
    content: bytes


@dataclass
class Form:
    """The files of a body, by the names of their fields."""

    files: dict[str, list[Upload]] = field(default_factory=dict)

    def one(self, name: str) -> Upload:
        """Return the only file of a field.

        Raises
        ------
        Problem
            There is none, or more than one.
        """
        found = self.files.get(name, [])
        if len(found) != 1:
            raise Problem("bad-request", f"send one part that is called {name!r}; there are {len(found)}")
        return found[0]

    def optional(self, name: str) -> bytes | None:
        """Return the content of a field that may be missing."""
        return self.one(name).content if name in self.files else None


async def read_form(
    request: Request, account: Account, most_bytes: int, time_s: float, fields: Mapping[str, int]
) -> Form:
    """Read a body: the parts of multipart/form-data, or the file itself as the field ``file``.

    Parameters
    ----------
    request
        Whose body is read.
    account
        Where its bytes are counted.
    most_bytes, time_s
        Limits of the whole body.
    fields
        The fields that there may be, and how many parts each may have.

    Raises
    ------
    Problem
        The body is too large, too slow, damaged, of another media type, or has other fields.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    media_type = kind.decode("latin-1")
    if media_type == MULTIPART:
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= 70:
            raise Problem("bad-request", "the boundary of multipart/form-data has 1 to 70 characters")
        try:
            parts = _Parts(boundary, fields)
            async for chunk in _chunks(request, account, most_bytes, time_s):
                parts.write(chunk)
            return parts.form()
        except FormParserError as error:
            raise Problem("bad-request", f"the parts of the body cannot be read: {error}") from error
    if media_type and not media_type.startswith(RAW):
        advice = " With curl, add -H 'Content-Type: audio/wav'" if "urlencoded" in media_type else ""
        raise Problem(
            "wrong-media-type",
            f"the body is {one_line(media_type)[:100]}, not {MULTIPART}, audio/* or "
            f"application/octet-stream.{advice}",
        )
    content = await read_body(request, account, most_bytes, time_s)
    if not content:
        raise Problem("bad-request", "the body is empty: send a recording")
    return Form({"file": [Upload("", content)]})


async def read_body(request: Request, account: Account, most_bytes: int, time_s: float) -> bytes:
    """Read a body as it is, within the same limits."""
    content = bytearray()
    async for chunk in _chunks(request, account, most_bytes, time_s):
        content += chunk
    return bytes(content)


async def _chunks(
    request: Request, account: Account, most_bytes: int, time_s: float
) -> AsyncIterator[bytes]:
    too_large = Problem("too-large", f"the body is larger than the limit of {most_bytes} bytes")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > most_bytes:
        raise too_large
    received = 0
    chunks = aiter(request.stream())
    until = asyncio.get_running_loop().time() + time_s
    while True:
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise Problem(
                "slow-upload", f"the body took longer than {time_s:g} s", {"Connection": "close"}
            ) from error
        if chunk is None:
            return
        received += len(chunk)
        if received > most_bytes:
            raise too_large
        account.add(len(chunk))
        yield chunk


class _Parts:
    """Collects the parts of multipart/form-data."""

    def __init__(self, boundary: bytes, fields: Mapping[str, int]) -> None:
        self._fields, self._form = fields, Form()
        self._head: dict[str, bytearray] = {}
        self._header, self._value = bytearray(), bytearray()
        self._content = bytearray()
        self._complete = False
        self._name, self._file = "", ""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_end": self._finish,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def write(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def form(self) -> Form:
        if not self._complete:
            raise Problem("bad-request", "the body ends within a part")
        return self._form

    def _begin(self) -> None:
        self._head, self._content = {}, bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._head[bytes(self._header).decode("latin-1").lower()] = self._value
        self._header, self._value = bytearray(), bytearray()

    def _headers_end(self) -> None:
        kind, options = parse_options_header(bytes(self._head.get("content-disposition", b"")))
        if kind != b"form-data":
            raise Problem("bad-request", "a part of the body has no Content-Disposition: form-data")
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._file = file_name(options.get(b"filename", b"").decode("utf-8", "replace"))
        most = self._fields.get(self._name, 0)
        found = self._form.files.setdefault(self._name, [])
        if len(found) >= most:
            names = ", ".join(f"{name} (at most {count})" for name, count in self._fields.items())
            raise Problem(
                "bad-request",
                f"a part is called {one_line(self._name)[:100]!r}, of which {most} are allowed; there may "
                f"be {names}",
            )

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def _end(self) -> None:
        self._form.files[self._name].append(Upload(self._file, bytes(self._content)))
        self._content = bytearray()

    def _finish(self) -> None:
        self._complete = True


def file_name(text: str) -> str:
    """Return the name of a file without folders, on one line."""
    return one_line(PurePosixPath(text.replace("\\", "/")).name)[:_MAX_NAME]
