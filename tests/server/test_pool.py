"""A pool of workers: they compute in turn and are replaced, and none outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from affekt.errors import WorkerError
from affekt.server.messages import Options
from affekt.server.pool import Pool, Slot, _Task
from affekt.server.problems import Problem
from affekt.server.worker import Worker


class Imitation(Worker):
    """A worker without a process. The task ``hold`` ends when ``let_go`` is set, or by ``kill``."""

    made: list[Imitation]
    alive = True

    def __init__(self, model: str | None) -> None:
        super().__init__(model)
        self.let_go = threading.Event()
        self.made.append(self)

    def start(self) -> None:
        self.facts = "facts"

    def call(self, task: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if task == "hold":
            assert self.let_go.wait(60)
            self.let_go.clear()
        if task == "fail":
            raise MemoryError
        if self._killed:
            raise WorkerError("a worker ended")
        return task

    def kill(self) -> None:
        self._killed = True
        self.let_go.set()


@pytest.fixture
def imitations(monkeypatch: pytest.MonkeyPatch) -> list[Imitation]:
    """The workers that were made, all without processes."""
    made: list[Imitation] = []
    monkeypatch.setattr(Imitation, "made", made, raising=False)
    monkeypatch.setattr("affekt.server.pool.Worker", Imitation)
    return made


def in_pool(pool: Callable[[], Pool], use: Callable[[Pool], Awaitable[None]]) -> None:
    """Use a pool from its start to its end."""

    async def run() -> None:
        found = pool()
        await found.start()
        try:
            await use(found)
        finally:
            await found.stop()

    asyncio.run(run())


async def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.001)


def test_tasks_of_all_and_own_tasks_take_turns() -> None:
    async def order() -> list[str]:
        pool = Pool(1, None)
        slot = Slot(Worker(None))

        def task(name: str) -> _Task:
            return _Task(name, (), {}, asyncio.get_running_loop().create_future())

        pool._shared.extend(task(f"shared {i}") for i in range(3))
        slot.stream_tasks.extend(task(f"own {i}") for i in range(3))
        cancelled = pool._shared[1]
        cancelled.future.cancel()
        names = []
        while found := pool._next_task(slot):
            names.append(found.name)
        return names

    assert asyncio.run(order()) == ["own 0", "shared 0", "own 1", "own 2", "shared 2"]


def test_a_retired_worker_takes_its_own_tasks_alone() -> None:
    async def taken() -> Any:
        pool = Pool(1, None)
        slot = Slot(Worker(None), retired=True)
        pool._shared.append(_Task("shared", (), {}, asyncio.get_running_loop().create_future()))
        return pool._next_task(slot)

    assert asyncio.run(taken()) is None


def test_a_pool_whose_model_cannot_be_used_does_not_start(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")

    async def start() -> None:
        pool = Pool(2, str(model))
        try:
            await pool.start()
        finally:
            await pool.stop()

    with pytest.raises(Problem, match="model-error") as refused:
        asyncio.run(start())
    assert "BundleError" in refused.value.__notes__[0]


@pytest.mark.posix
def test_a_killed_worker_is_replaced_and_waiting_tasks_are_done(clip: bytes) -> None:
    reports: list[str] = []

    async def run() -> tuple[Any, Any, int]:
        pool = Pool(1, None, lambda event, **facts: reports.append(event))
        await pool.start()
        try:
            (worker,) = pool.process_ids
            os.kill(worker, signal.SIGKILL)
            found = await pool.run("predict", "", clip, Options(), limit_s=30)
            alone = await pool.run_alone("predict", "", clip, Options(), limit_s=30)
            return found, alone, pool.restarts
        finally:
            await pool.stop()

    found, alone, restarts = asyncio.run(run())
    assert found == alone
    assert (restarts, reports) == (1, ["worker ended"])


def test_a_task_for_a_worker_that_was_replaced_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        pool = Pool(1, None)
        await pool.start()
        try:
            with pool.slot() as slot:
                slot.worker.kill()
                while pool.restarts == 0:
                    await asyncio.sleep(0.05)
                # A process that another thread has just waited for is said to be alive.
                monkeypatch.setattr(Worker, "alive", True)
                await pool.run_at(slot, "push", "stream", b"", limit_s=5)
        finally:
            await pool.stop()

    with pytest.raises(Problem, match="worker-ended"):
        asyncio.run(run())


def test_a_task_that_fails_in_an_unforeseen_way_costs_its_request_alone(
    imitations: list[Imitation],
) -> None:
    reports: list[tuple[str, Any]] = []

    async def use(pool: Pool) -> None:
        with pytest.raises(Problem, match="internal-error"):
            await pool.run("fail", limit_s=50)
        assert await pool.run("predict", limit_s=50) == "predict"

    in_pool(lambda: Pool(1, None, lambda event, **facts: reports.append((event, facts.get("task")))), use)
    assert reports == [("task failed", "fail"), ("worker ended", None)]
    assert len(imitations) == 2
    assert imitations[0]._killed


def test_a_worker_that_does_not_start_in_an_unforeseen_way_is_started_again(
    imitations: list[Imitation], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[tuple[str, str]] = []

    def start(worker: Imitation) -> None:
        if imitations.index(worker) == 1:
            raise MemoryError
        worker.facts = "facts"

    async def use(pool: Pool) -> None:
        await until(lambda: pool.ready == 2)

    monkeypatch.setattr(Imitation, "start", start)
    in_pool(lambda: Pool(2, None, lambda event, **facts: reports.append((event, facts["reason"]))), use)
    ((event, reason),) = reports
    assert event == "worker did not start"
    assert reason.startswith("MemoryError in ")


def test_a_task_for_which_no_worker_was_free_may_be_sent_again_and_no_worker_ends(
    imitations: list[Imitation],
) -> None:
    async def use(pool: Pool) -> None:
        first = asyncio.create_task(pool.run("hold", limit_s=50))
        await until(lambda: pool.busy)
        with pool.slot() as slot:
            for waiting in (pool.run("predict", limit_s=0.01), pool.run_at(slot, "push", limit_s=0.01)):
                with pytest.raises(Problem, match=r"no worker was free for 0\.01 s") as refused:
                    await waiting
                assert refused.value.name == "overloaded"
                assert refused.value.headers == {"Retry-After": "5"}
        imitations[0].let_go.set()
        assert await first == "hold"
        assert await pool.run("predict", limit_s=50) == "predict"

    in_pool(lambda: Pool(1, None), use)
    assert len(imitations) == 1


def test_the_limit_of_a_task_starts_again_when_it_is_begun(
    imitations: list[Imitation], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(pool: Pool) -> None:
        loop, ahead_s = asyncio.get_running_loop(), 0
        clock = loop.time
        monkeypatch.setattr(loop, "time", lambda: clock() + ahead_s)
        first = asyncio.create_task(pool.run("hold", limit_s=10_000))
        await until(lambda: pool.busy)
        second = asyncio.create_task(pool.run("hold", limit_s=1000))
        await until(lambda: pool.waiting)
        ahead_s += 900
        imitations[0].let_go.set()
        assert await first == "hold"
        await until(lambda: pool.busy and not pool.waiting)
        ahead_s += 900
        await asyncio.sleep(0.01)
        assert not second.done()
        ahead_s += 100
        with pytest.raises(Problem, match="the answer took longer than 1000 s") as stopped:
            await second
        assert stopped.value.name == "timeout"
        assert imitations[0]._killed

    in_pool(lambda: Pool(1, None), use)
