"""Limits: requests a minute, requests at a time, and bytes in memory."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from affekt.server.problems import Problem

POLICY = "minute"
WINDOW_S = 60


class Places:
    """A number of places, of which each request takes one; when none is left, it is refused."""

    def __init__(self, limit: int, what: str) -> None:
        self.limit, self._what = limit, what
        self.taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Take a place for the length of the block.

        Raises
        ------
        Problem
            None is left.
        """
        self.check()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    def check(self) -> None:
        """Raise ``Problem`` if no place is left."""
        if self.taken >= self.limit:
            raise Problem("overloaded", f"{self._what}: the limit is {self.limit}", {"Retry-After": "1"})


class HeldBytes:
    """The bytes of all bodies that are in memory, which have a limit."""

    def __init__(self, limit: int) -> None:
        self.limit, self.held = limit, 0

    @contextmanager
    def account(self) -> Iterator[Account]:
        """Yield an account whose bytes are given back at the end of the block."""
        account = Account(self)
        try:
            yield account
        finally:
            account.release()


class Account:
    """The bytes that one request holds."""

    def __init__(self, total: HeldBytes) -> None:
        self._total, self.held = total, 0

    def add(self, count: int) -> None:
        """Hold more bytes.

        Raises
        ------
        Problem
            The server holds as much as it may.
        """
        if self._total.held + count > self._total.limit:
            raise Problem("overloaded", "too many uploads at a time", {"Retry-After": "1"})
        self.held += count
        self._total.held += count

    def take(self) -> Account:
        """Move what is held to another account, which its owner releases."""
        other = Account(self._total)
        other.held, self.held = self.held, 0
        return other

    def release(self) -> None:
        """Give all back."""
        self._total.held -= self.held
        self.held = 0


class RequestRate:
    """Counts the requests of each client in windows of a minute; no limit if it is 0."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, client: str) -> Mapping[str, str]:
        """Count a request, and return the fields that tell the client what is left.

        These are of draft-ietf-httpapi-ratelimit-headers-10, which is not a standard yet.

        Raises
        ------
        Problem
            There were too many in this minute.
        """
        if self._item is None:
            return {}
        allowed = self._limiter.hit(self._item, client)
        reset, remaining = self._limiter.get_window_stats(self._item, client)
        wait_s = max(1, math.ceil(reset - time.time()))
        fields = {
            "RateLimit-Policy": f'"{POLICY}";q={self._item.amount};w={WINDOW_S}',
            "RateLimit": f'"{POLICY}";r={remaining};t={wait_s}',
        }
        if not allowed:
            raise Problem(
                "too-many-requests",
                f"the limit is {self._item.amount} requests a minute",
                {**fields, "Retry-After": str(wait_s)},
            )
        return fields


def client_of(address: str) -> str:
    """Return whom an address is counted for: of IPv6, the network of 64 bits that one customer has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6 and not found.is_loopback:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
