"""One function over many items on several cores, results in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MANY = 64  # fewer items than this are done before another process has started
BATCH = 8  # items sent at once: sending costs about as much as describing a short clip
AHEAD = 3  # batches begun for each process before the caller has taken the first

_function: Callable[[Any], Any]  # in a worker: what it was started for


def core_count() -> int:
    """How many processes keep this machine busy."""
    return os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int = 1
) -> Iterator[Result]:
    """Like ``map``, in ``jobs`` processes where there are many items.

    Processes, because features are many small steps of numpy between which Python's lock is held: two
    threads are no faster than one. ``function`` is sent to each process once. Only a few batches are begun
    ahead of the caller, so that whoever stops early waits for next to nothing.
    """
    if jobs == 1 or len(items) < MANY:
        yield from map(function, items)
        return
    begun: deque[Future[list[Result]]] = deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _prepare, (function,)) as pool:
        try:
            for start in range(0, len(items), BATCH):
                begun.append(pool.submit(_call, items[start : start + BATCH]))
                if len(begun) >= AHEAD * jobs:
                    yield from begun.popleft().result()
            while begun:
                yield from begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def _prepare(function: Callable[[Any], Any]) -> None:
    global _function  # noqa: PLW0603 - a worker serves one function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us


def _call(batch: Sequence[Any]) -> list[Any]:
    return [_function(item) for item in batch]
