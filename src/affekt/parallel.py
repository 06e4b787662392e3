"""One function over many items on several cores, results in the order of the items."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int | None = None
) -> Iterator[Result]:
    """Like ``map``, on ``jobs`` threads (all cores by default).

    Threads are enough: decoding, resampling and numpy's transforms run outside the interpreter
    lock. When the caller stops early, what was not begun is dropped.
    """
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(function, items)
