"""A parallel ``map`` in several processes that keeps the order of the items."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from affekt.errors import WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

MANY = 64  # fewer items are finished before another process has started
BATCH = 8  # items sent at once: sending takes about as long as the features of a short clip
SIGNAL_S = 0.2  # in which a signal reaches this process that has ended another one of its group
AHEAD = 3  # batches per process that are computed ahead of the caller
WINDOWS_PROCESSES = 61  # Windows waits for no more at once
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def core_count(root: Path = Path("/")) -> int:
    """Return the number of processes that use all cores that this process may use.

    These are the cores of its affinity, and no more than the CPU time that its control group is granted, as
    in a container; a part of a core counts as one. ``root`` is where ``proc`` and ``sys`` are.
    """
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        cores = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    limit = WINDOWS_PROCESSES if sys.platform == "win32" else cores
    return max(1, min([cores, limit, *map(math.ceil, _granted_cores(root))]))


def _granted_cores(root: Path) -> Iterator[float]:
    """Yield how many cores' time each control group grants that this process is in."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, place = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        inner = top / place.lstrip("/")
        for folder in (inner, *inner.parents):
            if controllers:  # version 1
                words = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
            else:
                words = _read(folder / "cpu.max").split()
            with suppress(ValueError, ZeroDivisionError):  # "max", or no such file
                quota, period = map(int, words)
                if quota > 0:
                    yield quota / period
            if folder == top:
                break


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""


def map_in_order(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int = 1
) -> Iterator[Result]:
    """Apply a function to all items, in ``jobs`` processes if there are many, and keep their order.

    Processes are used because features consist of many short numpy calls, between which Python's lock is
    held: two threads are not faster than one. ``function`` is sent to each process once. Only a few batches
    are computed ahead of the caller. The processes end with the iterator, and with this process, however it
    ends.

    Raises
    ------
    WorkerError
        A process ended by itself, as when memory is short.
    """
    if jobs == 1 or len(items) < MANY:
        yield from map(function, items)
        return
    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    workers: list[_Worker] = []
    try:
        _start(workers, min(jobs, len(batches)), function)
        yield from _collect(workers, batches)
    finally:
        for worker in workers:
            worker.process.kill()  # it has nothing of its own to finish
            worker.connection.close()
        for worker in workers:
            worker.process.join()


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process, and the connection to it."""

    process: BaseProcess
    connection: Connection

    def send(self, content: bytes) -> None:
        try:
            self.connection.send_bytes(content)
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> tuple[list[Any], Exception | None]:
        """Return the results of a batch, or the error that there is instead."""
        try:
            results, error, trace = self.connection.recv()
        except (EOFError, OSError):
            return [], self._ended()
        if error is not None:
            error.__cause__ = RuntimeError(f"in another process:\n{trace}")
        return results, error

    def _ended(self) -> WorkerError:
        self.process.join(1)
        time.sleep(SIGNAL_S)
        return WorkerError(
            f"one of the processes that compute ended (exit code {self.process.exitcode}), perhaps because "
            "memory is short: use fewer (--jobs 1, or jobs=1). A script that uses several needs "
            "if __name__ == '__main__'"
        )


def _start(workers: list[_Worker], count: int, function: Callable[[Any], Any]) -> None:
    """Start processes, and add each to the list at once."""
    content = pickle.dumps(function)
    context = multiprocessing.get_context("spawn")
    with signals_held():  # until all are in the list
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            workers.append(_Worker(process, ours))
            theirs.close()
    for worker in workers:
        worker.send(content)


def _collect(workers: Sequence[_Worker], batches: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """Have the batches computed by whichever process is idle, and yield the results in their order."""
    idle, begun = list(workers), 0
    busy: dict[Any, tuple[_Worker, int]] = {}
    done: dict[int, tuple[list[Any], Exception | None]] = {}
    for wanted in range(len(batches)):
        while True:
            while idle and begun < min(len(batches), wanted + AHEAD * len(workers)):
                worker = idle.pop()
                worker.send(pickle.dumps(batches[begun]))
                busy[worker.connection] = worker, begun
                begun += 1
            if wanted in done:
                break
            for connection in wait(list(busy)):
                worker, number = busy.pop(connection)
                done[number] = worker.receive()
                if done[number][1] is None:
                    idle.append(worker)
        results, error = done.pop(wanted)
        if error:
            raise error
        yield from results


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold Ctrl-C and the like back for a moment: a process that starts meanwhile never gets them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its start would let them through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection) -> None:
    """Apply the function, which comes first, to all batches: what a process does."""
    for number in STOP_SIGNALS:  # the main process handles them, and ends this one by SIGTERM at the latest
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
        elif hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    threading.Thread(target=end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the main process has closed the connection
        function = connection.recv()
        while True:
            connection.send_bytes(_apply(function, connection.recv()))


def _apply(function: Callable[[Any], Any], batch: Sequence[Any]) -> bytes:
    """Results, and the error of an item with its traceback if there was one."""
    try:
        return pickle.dumps(([function(item) for item in batch], None, ""))
    except Exception as error:  # noqa: BLE001 - it is raised in the main process
        return pickle.dumps(([], error, traceback.format_exc()))


def end_with_parent() -> None:
    """End this process when its parent has ended, by whatever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
