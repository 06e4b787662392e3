"""Signals held back while C code runs that calls Python back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_STOPS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


@contextmanager
def held_back() -> Iterator[None]:
    """Deliver Ctrl-C and the like at the end of the block.

    A handler runs in the main thread as soon as Python code does, which may be code that a C library has
    called. What it raises there is printed and lost, and the library is told that the call has failed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    handlers = {one: handler for one in _STOPS if callable(handler := signal.getsignal(one))}
    try:
        for one in handlers:
            signal.signal(one, hold)
        yield
    finally:
        try:
            _replace(hold, handlers)
        finally:  # a handler may raise as soon as it is back
            _replace(hold, handlers)
        for one in arrived[:1]:
            signal.raise_signal(one)


def _replace(current: object, handlers: Mapping[int, Any]) -> None:
    for number, handler in handlers.items():
        if signal.getsignal(number) is current:
            signal.signal(number, handler)
