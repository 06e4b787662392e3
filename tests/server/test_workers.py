"""Workers start with a model, compute in turn, and are replaced; none outlives its pool."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from affekt.errors import AffektError, WorkerError
from affekt.server.messages import Options
from affekt.server.problems import Problem
from affekt.server.workers import Desk, Pool, Worker, _Task, place_of


def test_tasks_of_all_and_own_tasks_take_turns() -> None:
    async def order() -> list[str]:
        pool = Pool(1, None)
        desk = Desk(Worker(None))

        def task(name: str) -> _Task:
            return _Task(name, (), {}, asyncio.get_running_loop().create_future())

        pool._shared.extend(task(f"shared {i}") for i in range(3))
        desk.own.extend(task(f"own {i}") for i in range(3))
        cancelled = pool._shared[1]
        cancelled.future.cancel()
        names = []
        while found := pool._next_task(desk):
            names.append(found.name)
        return names

    assert asyncio.run(order()) == ["own 0", "shared 0", "own 1", "own 2", "shared 2"]


def test_a_retired_worker_takes_its_own_tasks_alone() -> None:
    async def taken() -> Any:
        pool = Pool(1, None)
        desk = Desk(Worker(None), retired=True)
        pool._shared.append(_Task("shared", (), {}, asyncio.get_running_loop().create_future()))
        return pool._next_task(desk)

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
            with pool.desk() as desk:
                desk.worker.kill()
                while pool.restarts == 0:
                    await asyncio.sleep(0.05)
                # A process that another thread has just waited for is said to be alive.
                monkeypatch.setattr(Worker, "alive", True)
                await pool.run_at(desk, "push", "stream", b"", limit_s=5)
        finally:
            await pool.stop()

    with pytest.raises(Problem, match="worker-ended"):
        asyncio.run(run())


def test_a_call_to_a_process_that_has_ended_is_an_error() -> None:
    worker = Worker(None)
    worker.start()
    worker.kill()
    with pytest.raises(WorkerError):
        worker.call("facts", (), {})
    worker.join()
    assert not worker.alive


def test_the_place_of_an_error_has_nothing_of_its_message() -> None:
    try:
        raise AffektError("secret.wav")
    except AffektError as error:
        assert "test_workers.py" in place_of(error)
        assert "secret" not in place_of(error)
