"""Work on a plan: claim a shard, answer its files, write its part, until nothing is left."""

from __future__ import annotations

import io
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from typing import Any

from pyarrow import parquet

from affekt.batch.leases import Lease, claim, scan
from affekt.batch.plan import Plan, kept_key, load_model, part_key, read_entries, read_plan, to_parquet
from affekt.batch.rows import Answerer
from affekt.batch.stores import Entry, Source, Store, open_source
from affekt.errors import StoreError

PREFETCH_FILES = 16  # that are downloaded at once or wait to be answered ...
PREFETCH_BYTES = 64 << 20  # ... and their size together, unless one alone is larger
MAX_MISSES = 50  # shards that others were faster to claim, before the state of all is read again
FIRST_WAIT_S, MAX_WAIT_S = 0.5, 60.0  # between looks at the shards of others; it doubles each time
GIVE_UP_S = 900.0  # a store or source that cannot be reached for so long is an error

Counts = dict[str, int]
"""How many files were answered, by reason of their error; those without one under an empty name."""


def work(dest: str, told: Callable[[str, int], None] = lambda state, files: None) -> Counts:
    """Work on a plan until each of its shards is done or set aside, and return what this worker did.

    It waits for shards that other workers have, as these might die.

    Parameters
    ----------
    dest
        The address of the plan.
    told
        Called with ``claimed``, ``answered``, ``done`` or ``waiting``, and the number of files answered.

    Raises
    ------
    BatchError
        There is no plan, or it needs another model or a file that is not there.
    StoreError
        The store or the source could not be reached for ``GIVE_UP_S``, in which no shard was answered.
    OSError
        The store refuses access, or its disk is full.
    """
    store = Store(dest)
    plan = read_plan(store)
    counts: Counter[str] = Counter()
    wait_s, done = FIRST_WAIT_S, 0
    lost_at = math.inf  # when the store or the source was not reached, and no shard has been answered since
    begun: Lease | None = None  # of a shard that could not be answered
    while True:
        try:
            state = scan(store, plan)
            if state.finished:
                return dict(counts)
            if len(state.done) > done:
                done, lost_at = len(state.done), math.inf
            misses = 0
            for number, attempt in random.sample(sorted(state.open.items()), len(state.open)):
                begun = Lease(store, number, attempt)
                found = _answer(store, plan, number, attempt, told)
                begun = None
                if found is None:
                    misses += 1
                else:
                    counts.update(found)
                    lost_at = math.inf
                if misses == MAX_MISSES:
                    break
            if state.open:
                wait_s = FIRST_WAIT_S
                continue
        except StoreError:
            lost_at = min(lost_at, time.monotonic())
            if time.monotonic() - lost_at > GIVE_UP_S:
                raise  # the lease stays: that attempt has ended
            with suppress(StoreError):
                if begun:
                    begun.release()
                    begun = None
        told("waiting", 0)
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, plan.lease_s / 4, MAX_WAIT_S)


def answer_shard(dest: str, number: int, attempt: int) -> Counts | None:
    """Answer the files of a shard and write its part; None if another worker has it or was faster."""
    store = Store(dest)
    return _answer(store, read_plan(store), number, attempt, lambda state, files: None)


def _answer(
    store: Store, plan: Plan, number: int, attempt: int, told: Callable[[str, int], None]
) -> Counts | None:
    source, answerer = _prepare(store.address, plan)
    with claim(store, plan, number, attempt) as lease:
        if lease is None:
            return None
        told("claimed", 0)
        entries = read_entries(store, plan.shard_key(number))
        rows = _kept_rows(store, number)
        known = {row["source"] for row in rows}
        entries = [one for one in entries if source.address_of(one) not in known]
        told("answered", len(rows))
        for entry, read in prefetch(source, entries):
            if lease.lost.is_set():
                return None
            rows.append(answerer.answer(source.address_of(entry), read))
            told("answered", 1)
        if lease.lost.is_set() or not store.create(part_key(number), to_parquet(answerer.table(rows))):
            return None
    told("done", 0)
    return dict(Counter(row["reason"] for row in rows))


def prefetch(source: Source, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Callable[[], bytes]]]:
    """Yield files in their order, each with a function that returns its content, and download the next."""
    waiting: deque[tuple[Entry, Future[bytes]]] = deque()
    remaining = deque(entries)
    threads = ThreadPoolExecutor(PREFETCH_FILES // 2, "prefetch")
    try:
        while remaining or waiting:
            while remaining and len(waiting) < PREFETCH_FILES:
                held = sum(_known_size(*one) for one in waiting)
                if waiting and held + (remaining[0].size or 0) > PREFETCH_BYTES:
                    break
                entry = remaining.popleft()
                waiting.append((entry, threads.submit(source.read, entry)))
            entry, content = waiting.popleft()
            yield entry, content.result
            del content
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _known_size(entry: Entry, content: Future[bytes]) -> int:
    """Return the size of a file: of one in a manifest, 0 until it is there."""
    if entry.size is not None:
        return entry.size
    return len(content.result()) if content.done() and not content.exception() else 0


def _kept_rows(store: Store, number: int) -> list[dict[str, Any]]:
    """Return the rows of a shard that a retry has kept."""
    content = store.read(kept_key(number))
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(content)).to_pylist() if content else []
    return rows


@lru_cache(maxsize=2)
def _prepare(dest: str, plan: Plan) -> tuple[Source, Answerer]:
    """Open what all shards of a plan need, once a process."""
    bundle = load_model(dest, plan.model, plan.model_sha256) if plan.task != "features" else None
    return open_source(plan.source), Answerer(plan.task, bundle, plan.feature_set)
