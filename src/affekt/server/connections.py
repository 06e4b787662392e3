"""Connections: uvicorn's protocol for HTTP/1.1, with time limits and a limit of their number."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LINGER_S = 10.0  # for the rest of a body that was refused


class Connection(H11Protocol):
    """A connection that is closed if the head of a request takes too long.

    uvicorn has no such limit: a client that sends a byte a second would keep its connection for ever. The
    time for bodies is limited where they are read.
    """

    header_s = 10.0
    most = 900

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or close at once if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        self._limit(self.header_s)

    def data_received(self, data: bytes) -> None:
        """Take data; the head of a next request has its own time."""
        idle = self.conn.their_state is h11.IDLE
        if idle and self._deadline is None:
            self._limit(self.header_s)
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE and idle:
            self._limit(None)

    def on_response_complete(self) -> None:
        """Wait only a while for the rest of a body that nobody reads."""
        if self.conn.their_state is h11.SEND_BODY:
            self._limit(LINGER_S)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._limit(None)
        super().connection_lost(exc)

    def _limit(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._close)

    def _close(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()
