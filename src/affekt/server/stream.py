"""The WebSocket for streams: a configuration, then samples; events come back as ``Stream`` makes them.

The client sends a configuration as text, then binary messages of samples: 16 bits, little-endian, one
channel. The text ``{"event": "end"}`` ends the stream. The server sends texts: ``ready``, the events of
``Stream``, ``error`` and ``end``. An error whose ``fatal`` is true ends the connection; after another one
the message is left out, and the stream goes on.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from affekt.errors import AffektError
from affekt.server.logs import report
from affekt.server.messages import Options
from affekt.server.pool import Slot
from affekt.server.problems import Problem, problem_of
from affekt.server.service import Service, client_address, sent_key, service_of
from affekt.support.plain_values import build_fields, parse_json

CONFIGURATION_S = 10.0
MAX_CONFIGURATION_BYTES = 1 << 20  # a voice is the largest part
POLICY, TOO_BIG, FAILED, GOING_AWAY, NORMAL, TRY_LATER = 1008, 1009, 1011, 1001, 1000, 1013
_CODE_OF = {"overloaded": TRY_LATER, "not-ready": TRY_LATER, "stopping": GOING_AWAY, "too-large": TOO_BIG}

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The first message of a stream: all of it may be left out.

    Attributes
    ----------
    sample_rate
        Of the samples, in Hz.
    emotions
        Predict only these.
    voice
        The document of a voice, as text.
    key
        The key, for pages, which cannot send it in the head of the request.
    """

    sample_rate: int = 16_000
    emotions: tuple[str, ...] | None = None
    voice: str | None = None
    key: str | None = None


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Answer a stream."""
    service = service_of(socket)
    began = time.perf_counter()
    await socket.accept()
    connection = _Connection(socket, service)
    outcome = "ended"
    try:
        await connection.answer()
    except (Problem, AffektError) as error:
        problem = error if isinstance(error, Problem) else problem_of(error)
        outcome = problem.name
        await connection.fail(problem)
    except WebSocketDisconnect:
        outcome = "client gone"
    report(
        "stream",
        outcome=outcome,
        key=connection.key,
        seconds=round(time.perf_counter() - began, 2),
        received=connection.received,
    )


class _Connection:
    """A stream and its client."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service = socket, service
        self._limit_s = service.settings.work_s
        self.key = ""
        self.received = 0  # bytes of samples

    async def answer(self) -> None:
        """Answer the stream to its end.

        Raises
        ------
        Problem
            An error that ends it.
        """
        service = self._service
        if service.stopping.is_set():
            raise Problem("stopping")
        service.streams.check()
        configuration = await self._configure()
        with service.streams.take():
            service.metrics.streams.inc()
            name = secrets.token_hex(8)
            try:
                with service.pool.slot() as slot:
                    await self._serve(slot, name, configuration)
            finally:
                service.metrics.streams.dec()

    async def fail(self, problem: Problem) -> None:
        """Tell an error that ends the stream, and close."""
        try:
            await self._tell(problem, fatal=True)
            await self._socket.close(
                _CODE_OF.get(problem.name, FAILED if problem.kind.status >= 500 else POLICY)
            )
        except (RuntimeError, WebSocketDisconnect):  # the client is gone
            pass

    async def _configure(self) -> Configuration:
        try:
            async with asyncio.timeout(CONFIGURATION_S):
                message = await self._socket.receive()
        except TimeoutError as error:
            raise Problem("slow-upload", "no configuration came") from error
        text = _text_of(message)
        if text is None:
            raise Problem("bad-request", "the first message is the configuration, as text in JSON")
        try:
            if len(text.encode()) > MAX_CONFIGURATION_BYTES:
                raise ValueError(f"it is longer than {MAX_CONFIGURATION_BYTES} bytes")
            given = parse_json(text)
            if isinstance(given, dict) and isinstance(given.get("voice"), dict):
                given["voice"] = json.dumps(given["voice"])
            voice = given.pop("voice", None) if isinstance(given, dict) else None
            configuration: Configuration = build_fields(Configuration, given)
            if voice is not None and not isinstance(voice, str):
                raise ValueError("voice is no document of a voice")
            _check_texts(configuration.key, voice, *(configuration.emotions or ()))
        except ValueError as error:
            raise Problem("bad-request", f"the configuration cannot be read: {error}") from error
        self._authorise(configuration.key)
        return Configuration(**{**vars(configuration), "voice": voice})

    def _authorise(self, key: str | None) -> None:
        service = self._service
        client = f"address {client_address(self._socket)}"
        if service.settings.needs_keys:
            try:
                found = service.find_key(sent_key(self._socket) or key, "stream")
            except (Problem, AffektError):
                service.rate.count(client)
                raise
            self.key = found.name
            client = f"key {found.name}"
        service.rate.count(client)

    async def _serve(self, slot: Slot, name: str, configuration: Configuration) -> None:
        pool = self._service.pool
        voice = None if configuration.voice is None else configuration.voice.encode()
        options = Options(emotions=configuration.emotions, voice=voice)
        emotions = await pool.run_at(
            slot, "open_stream", name, configuration.sample_rate, options, limit_s=self._limit_s
        )
        ended = False
        try:
            await self._say(
                self._service.with_notice(
                    {
                        "event": "ready",
                        "emotions": emotions,
                        "sample_rate": configuration.sample_rate,
                        "max_message_bytes": self._service.settings.max_message_bytes,
                    }
                )
            )
            reason = await self._receive(slot, name)
            ended = True
        finally:
            left: list[dict[str, Any]] = []
            try:
                left = await pool.run_at(slot, "close_stream", name, wanted=ended, limit_s=self._limit_s)
            except Problem:
                if ended:
                    raise
        await self._say_all(left)
        if reason:
            raise reason
        await self._say({"event": "end"})
        await self._socket.close(NORMAL)

    async def _receive(self, slot: Slot, name: str) -> Problem | None:
        """Push what comes until the client ends it, or return why the server does."""
        service, settings = self._service, self._service.settings
        until = time.monotonic() + settings.max_stream_s
        over = Problem("timeout", f"the limit of a stream is {settings.max_stream_s:g} s")
        idle = Problem("timeout", f"nothing came for {settings.stream_idle_s:g} s")
        stopping = asyncio.ensure_future(service.stopping.wait())
        receiving: asyncio.Future[Any] | None = None
        try:
            while True:
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return over
                receiving = asyncio.ensure_future(self._socket.receive())
                await asyncio.wait(
                    {receiving, stopping},
                    timeout=min(settings.stream_idle_s, left_s),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if stopping.done():
                    return Problem("stopping")
                if not receiving.done():
                    return over if left_s <= settings.stream_idle_s else idle
                message = receiving.result()
                text = _text_of(message)
                if text is not None:
                    if _is_end(text):
                        return None
                    await self._tell(
                        Problem("bad-request", 'a text after the configuration is {"event": "end"}')
                    )
                    continue
                await self._push(slot, name, message["bytes"])
        finally:
            stopping.cancel()
            if receiving:
                receiving.cancel()

    async def _push(self, slot: Slot, name: str, content: bytes) -> None:
        most = self._service.settings.max_message_bytes
        if len(content) > most:
            await self._tell(Problem("too-large", f"a message has at most {most} bytes; it was left out"))
            return
        if len(content) % 2:
            await self._tell(
                Problem("bad-request", "a message is of samples of 2 bytes, not of an odd number of bytes")
            )
            return
        self.received += len(content)
        events = await self._service.pool.run_at(slot, "push", name, content, limit_s=self._limit_s)
        await self._say_all(events)

    async def _say_all(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            await self._say(event)

    async def _say(self, event: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(event))

    async def _tell(self, problem: Problem, *, fatal: bool = False) -> None:
        self._service.metrics.problems.labels(problem.name).inc()
        await self._say({"event": "error", "fatal": fatal, "problem": problem.to_dict()})


def _text_of(message: Any) -> str | None:
    """Return the text of a message; None if it is binary."""
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", NORMAL))
    text: str | None = message.get("text")
    return text


def _check_texts(*texts: str | None) -> None:
    for text in texts:
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            raise ValueError("it has half of a surrogate pair, which is no Unicode text") from error


def _is_end(text: str) -> bool:
    try:
        found = parse_json(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("event") == "end"
