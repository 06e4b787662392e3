"""Who works on a plan: processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, cast

from affekt.batch.leases import scan
from affekt.batch.plan import read_plan
from affekt.batch.stores import Store
from affekt.batch.work import MAX_WAIT_S, Counts, answer_shard, work
from affekt.errors import WorkerError, explain_import
from affekt.support.parallel import STOP_SIGNALS, signals_held

STOP_S = 10.0  # in which processes give back their leases


def run_here(dest: str, jobs: int, advance: Callable[[int], None] = lambda files: None) -> None:
    """Work on a plan in processes of this machine until it is finished.

    A process that is killed is replaced: its shard is tried again when its lease has expired.

    Parameters
    ----------
    dest
        The address of the plan.
    jobs
        Number of processes.
    advance
        Called with the number of files that were answered.

    Raises
    ------
    WorkerError
        A process failed by an error, or ended before it had a shard.
    """
    context = multiprocessing.get_context("spawn")
    running: dict[Connection, BaseProcess] = {}
    claimed: set[Connection] = set()

    def start() -> None:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work_in_process, args=(dest, theirs))
        with signals_held():  # until it is among those that are ended
            process.start()
            running[ours] = process
        theirs.close()

    try:
        for _ in range(jobs):
            start()
        while running:
            for connection in cast(list[Connection], wait(list(running))):
                try:
                    state, value = connection.recv()
                except (EOFError, OSError):
                    process = running.pop(connection)
                    process.join()
                    if process.exitcode:
                        if connection not in claimed:
                            raise WorkerError(
                                f"a worker ended at once, exit code {process.exitcode}; a script needs "
                                "if __name__ == '__main__'"
                            ) from None
                        start()
                    continue
                if state == "failed":
                    raise WorkerError(f"a worker failed: {value}")
                if state == "claimed":
                    claimed.add(connection)
                advance(value)
    finally:
        for process in running.values():
            process.terminate()
        end = time.monotonic() + STOP_S
        for process in running.values():
            process.join(max(0.0, end - time.monotonic()))
            process.kill()
            process.join()


def run_on_cluster(dest: str, scheduler: str, advance: Callable[[int], None] = lambda files: None) -> None:
    """Work on a plan by the workers of a Dask cluster, one task a shard, until it is finished.

    A task returns counts alone. Shards that others hold, or whose worker died, are sent again when their
    lease has expired.

    Parameters
    ----------
    dest
        The address of the plan, which all workers must be able to open.
    scheduler
        The address of the scheduler, such as ``tcp://10.0.0.1:8786``.
    advance
        Called with the number of files that were answered.

    Raises
    ------
    MissingExtraError
        It needs ``affekt[cluster]``.
    WorkerError
        The scheduler was lost, or no shard could be answered.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise explain_import(error, "a Dask cluster") from error
    dask: Any = distributed
    client = dask.Client(scheduler, set_as_default=False)
    store = Store(dest)
    plan = read_plan(store)
    try:
        while not (state := scan(store, plan)).finished:
            futures = [
                client.submit(answer_shard, store.address, number, attempt, pure=False)
                for number, attempt in state.open.items()
            ]
            failed: list[BaseException] = []
            answered = 0
            try:
                for future in dask.as_completed(futures, loop=client.loop):
                    if (cause := future.exception()) is not None:
                        failed.append(cause)
                    else:
                        found: Counts | None = future.result()
                        answered += found is not None
                        advance(sum((found or {}).values()))
                    future.release()
            except CancelledError as error:
                raise WorkerError(
                    f"the scheduler at {scheduler} was lost: start it, and run the same again"
                ) from error
            except BaseException:
                client.cancel(futures)
                raise
            if failed and not answered:
                raise WorkerError(f"no shard could be answered: {failed[0]}") from failed[0]
            if not answered:
                time.sleep(min(plan.lease_s / 4, MAX_WAIT_S))
    finally:
        client.close()


def _work_in_process(dest: str, connection: Connection) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one would interrupt the return of the lease
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:  # the main process handles them, and ends this one by SIGTERM
        signal.signal(number, stop if number == signal.SIGTERM else signal.SIG_IGN)
    try:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        try:
            work(dest, lambda state, files: connection.send((state, files)))
        except Exception as error:  # noqa: BLE001 - it is raised in the main process
            connection.send(("failed", str(error) or type(error).__name__))
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # the main process stops, or has failed by the error of another worker
    os._exit(0)  # without waiting for downloads
