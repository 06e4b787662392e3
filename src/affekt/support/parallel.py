"""A parallel ``map`` in several processes that keeps the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MANY = 64  # fewer items are finished before another process has started
BATCH = 8  # items sent at once: sending takes about as long as the features of a short clip
AHEAD = 3  # batches per process that are submitted ahead of the caller

_function: Callable[[Any], Any]  # in a worker process: the function that it applies


def core_count() -> int:
    """Return the number of processes that use all cores."""
    return os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int = 1
) -> Iterator[Result]:
    """Apply a function to all items, in ``jobs`` processes if there are many, and keep their order.

    Processes are used because features consist of many short numpy calls, between which Python's lock is
    held: two threads are not faster than one. ``function`` is sent to each process once. Only a few batches
    are submitted ahead of the caller, so that stopping early does not wait for many items.
    """
    if jobs == 1 or len(items) < MANY:
        yield from map(function, items)
        return
    begun: deque[Future[list[Result]]] = deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _prepare, (function,)) as pool:
        try:
            for start in range(0, len(items), BATCH):
                with _interrupts_held():
                    begun.append(pool.submit(_call, items[start : start + BATCH]))
                if len(begun) >= AHEAD * jobs:
                    yield from begun.popleft().result()
            while begun:
                yield from begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: a process that starts meanwhile never gets it, imports included."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare(function: Callable[[Any], Any]) -> None:
    global _function  # noqa: PLW0603 - a worker applies one function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the main process


def _call(batch: Sequence[Any]) -> list[Any]:
    return [_function(item) for item in batch]
