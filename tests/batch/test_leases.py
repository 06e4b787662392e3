"""Leases: one worker a shard, expiry, and shards that are set aside."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from affekt.batch.leases import MAX_ATTEMPTS, Lease, claim, scan
from affekt.batch.plan import Plan, make_plan
from affekt.batch.status import retry
from affekt.batch.stores import Store

LEASE_S = 1.0


@pytest.fixture
def planned(clips: Path, tmp_path: Path) -> tuple[Store, Plan]:
    """A plan of one shard whose leases expire soon."""
    plan = make_plan(str(clips), str(tmp_path / "out"), lease_s=LEASE_S)
    return Store(str(tmp_path / "out")), plan


def test_a_shard_has_one_worker_as_long_as_it_lives(planned: tuple[Store, Plan]) -> None:
    store, plan = planned
    with claim(store, plan, 0, 0) as first, claim(store, plan, 0, 0) as second:
        assert first is not None
        assert second is None
        time.sleep(2 * LEASE_S)
        assert scan(store, plan).running == {0}
        assert not first.lost.is_set()


def test_a_lease_that_is_not_renewed_expires_and_after_three_the_shard_is_set_aside(
    planned: tuple[Store, Plan],
) -> None:
    store, plan = planned
    for attempt in range(MAX_ATTEMPTS):
        assert scan(store, plan).open == {0: attempt}
        store.create(Lease(store, 0, attempt).key(), b"{}")
        assert scan(store, plan).running == {0}
        time.sleep(1.5 * LEASE_S)
    assert scan(store, plan).set_aside == {0}
    assert scan(store, plan).finished
    assert retry(store.address) == 1
    assert scan(store, plan).open == {0: 0}


def test_an_attempt_that_is_interrupted_does_not_count(planned: tuple[Store, Plan]) -> None:
    store, plan = planned
    with pytest.raises(KeyboardInterrupt), claim(store, plan, 0, 0):
        raise KeyboardInterrupt
    assert scan(store, plan).open == {0: 0}


def test_a_worker_that_was_thought_dead_learns_that_another_took_over(planned: tuple[Store, Plan]) -> None:
    store, plan = planned
    with claim(store, plan, 0, 0) as lease, claim(store, plan, 0, 1):
        assert lease is not None
        assert lease.lost.wait(5)
