"""Leases: which worker has which shard. A lease is an object that its worker writes again and again.

Each attempt at a shard is an object of its own, made by a conditional put, so that one worker gets it. It
has expired if it was not renewed for ``lease_s``. Times are the store's, those of its objects and of one
that is written to learn what time it is there: clocks of workers may be wrong. A worker that was thought
dead and goes on does no harm, as a part is written by a conditional put too.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from affekt.batch.plan import LEASES, PARTS, Plan
from affekt.batch.stores import Store
from affekt.errors import StoreError

MAX_ATTEMPTS = 3
RENEWALS = 4  # within the time of a lease
WORKER = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


@dataclass(frozen=True, slots=True)
class Scan:
    """The shards of a plan by their state, each in one of these sets.

    Attributes
    ----------
    done
        There is a part.
    running
        There is a lease that has not expired.
    set_aside
        All have expired: ``MAX_ATTEMPTS`` attempts ended without a part.
    open
        The other shards, and the number that their next attempt has.
    """

    done: frozenset[int]
    running: frozenset[int]
    set_aside: frozenset[int]
    open: dict[int, int]

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do or to wait for."""
        return not self.open and not self.running


def scan(store: Store, plan: Plan) -> Scan:
    """Return the state of all shards, by a listing of the parts and leases."""
    attempts = list_attempts(store)  # before the parts, so that none of them is missed
    done = frozenset(int(one["path"].rsplit("-", 1)[-1].split(".")[0]) for one in store.list(PARTS))
    waiting = {number: found for number, found in attempts.items() if number not in done}
    now = store_time(store) if waiting else None
    running, set_aside = set(), set()
    opened = {number: 0 for number in range(plan.shards) if number not in done}
    for number, found in waiting.items():
        last = max(found)
        opened.pop(number, None)
        if now and (now - found[last]["last_modified"]).total_seconds() <= plan.lease_s:
            running.add(number)
        elif len(found) >= MAX_ATTEMPTS:
            set_aside.add(number)
        else:
            opened[number] = last + 1
    return Scan(done, frozenset(running), frozenset(set_aside), opened)


def list_attempts(store: Store) -> dict[int, dict[int, Any]]:
    """Return the lease of each attempt at each shard, as it is listed."""
    found: dict[int, dict[int, Any]] = defaultdict(dict)
    for one in store.list(LEASES):
        number, attempt = map(int, one["path"].rsplit("/", 1)[-1].removesuffix(".json").split("-"))
        found[number][attempt] = one
    return found


def store_time(store: Store) -> datetime:
    """Return the time by the store's clock."""
    key = f"clock/{WORKER}"
    store.write(key, b"")
    now = store.modified(key)
    store.delete(key)
    assert now is not None  # noqa: S101 - it was written above
    return now


class Lease:
    """An attempt at a shard by this worker. ``lost`` is set when another worker has taken over."""

    def __init__(self, store: Store, number: int, attempt: int) -> None:
        self._store, self._number, self._attempt = store, number, attempt
        self.lost = threading.Event()

    def key(self, later: int = 0) -> str:
        """Return the key of this attempt, or of a later one."""
        return f"{LEASES}/{self._number:06}-{self._attempt + later}.json"

    def renew(self) -> None:
        """Write the lease again, unless there is a later attempt."""
        if self._store.modified(self.key(later=1)) is not None:
            self.lost.set()
        else:
            self._store.write(self.key(), _content())

    def release(self) -> None:
        """Delete the lease if it is this worker's, so that the attempt does not count."""
        if self._store.read(self.key()) == _content():
            self._store.delete(self.key())


@contextmanager
def claim(store: Store, plan: Plan, number: int, attempt: int) -> Iterator[Lease | None]:
    """Hold the lease of a shard within the block; None if another worker was first.

    After Ctrl-C or an error the lease is deleted, so that the attempt does not count. After an error of the
    store it is not, as that may be the fault of one file, with which the attempts have to end: ``work``
    releases it where it tries again.
    """
    lease = Lease(store, number, attempt)
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(plan.lease_s / RENEWALS) and not lease.lost.is_set():
            try:
                lease.renew()
            except OSError:  # the link is cut: it may be mended before the lease expires
                continue

    keeper = threading.Thread(target=keep, daemon=True)
    try:
        try:
            if store.create(lease.key(), _content()):
                keeper.start()
                yield lease
            else:
                yield None
        finally:
            ended.set()
            if keeper.ident is not None:  # it was started, and might write the lease again
                keeper.join()
    except StoreError:
        raise
    except BaseException:
        with suppress(OSError):  # then the lease expires
            lease.release()  # Ctrl-C may have come before create has returned
        raise


def _content() -> bytes:
    return json.dumps({"worker": WORKER}).encode()
