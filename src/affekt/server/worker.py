"""A worker: a process that computes, one task at a time.

Processes are used because features consist of many short calls of numpy, between which Python's lock is
held, and because a process can be ended: one that crashes or takes too long costs its request alone.
"""

from __future__ import annotations

import atexit
import multiprocessing
import pickle
import signal
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from affekt.errors import AffektError, WorkerError
from affekt.server.logs import configure_logs
from affekt.server.problems import Problem, place_of, problem_of
from affekt.support.parallel import STOP_SIGNALS, end_with_parent, signals_held


class NotBegunError(WorkerError):
    """A process has ended, and another one can do what it was to do."""


class Worker:
    """A process that computes. Its methods block; ``call`` is for one thread at a time."""

    def __init__(self, model: str | None) -> None:
        self._model = model
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._killed = False
        self.facts: Any = None

    def start(self) -> None:
        """Start the process, and wait until it has loaded its model.

        Raises
        ------
        WorkerError
            The process cannot be started, it ended early, or its model cannot be used.
        """
        context = multiprocessing.get_context("spawn")
        try:
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=_work, args=(theirs, self._model), daemon=True)
            _started.add(self)
            with signals_held(), theirs:  # what stops the server lets workers finish
                self._process.start()
        except OSError as error:  # no more files can be open, or processes run
            raise WorkerError(f"a worker cannot be started: {error.strerror}") from error
        if self._killed:  # meanwhile
            self._process.kill()
        try:
            self.facts = self._receive()
        except (Problem, WorkerError):
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    @property
    def process_id(self) -> int | None:
        """Of the operating system."""
        return self._process.pid if self._process else None

    def call(self, task: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Let it compute a task of ``Tasks``.

        Raises
        ------
        Problem
            What the task raised.
        WorkerError
            The process ended; ``NotBegunError`` if that was before it had taken the task.
        """
        assert self._connection is not None  # noqa: S101 - it was started
        try:
            self._connection.send_bytes(pickle.dumps((task, arguments, keywords), protocol=5))
            self._connection.recv_bytes()  # it has taken the task
        except (EOFError, OSError) as error:
            raise NotBegunError("a worker ended") from error
        return self._receive()

    def _receive(self) -> Any:
        assert self._connection is not None  # noqa: S101 - it was started
        try:
            fine, result = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - of our own process
        except (EOFError, OSError) as error:
            raise WorkerError("a worker ended") from error
        if fine:
            return result
        name, detail, cause = result
        problem = Problem(name, detail)
        problem.add_note(cause)
        raise problem

    def kill(self) -> None:
        """End the process at once; a call that waits for it raises ``WorkerError``."""
        self._killed = True
        if self._process is not None and self._process.pid is not None:
            self._process.kill()

    def join(self) -> None:
        """Wait until a process that was killed has ended."""
        if self._process is not None:
            self._process.join(5)
        if self._connection is not None:
            self._connection.close()


_started: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _kill_all() -> None:
    """End what is left when the server ends by an error: Python would wait for it."""
    for worker in list(_started):
        worker.kill()


def _work(connection: Connection, model: str | None) -> None:
    """Do tasks one after the other: what a process does."""
    for number in STOP_SIGNALS:  # the server ends it
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    configure_logs()
    with suppress(EOFError, OSError):  # the server has closed the connection
        tasks: Any = None

        def load() -> Any:
            nonlocal tasks
            from affekt.server.tasks import Tasks

            tasks = Tasks.of(model)
            return tasks.facts()

        connection.send_bytes(_attempt(load))
        while tasks is not None:
            name, arguments, keywords = pickle.loads(connection.recv_bytes())  # noqa: S301 - of the server
            connection.send_bytes(b"taken")
            connection.send_bytes(_attempt(lambda: getattr(tasks, name)(*arguments, **keywords)))  # noqa: B023 - called here


def _attempt(compute: Callable[[], Any]) -> bytes:
    """Return the result, or the name and detail of a problem and its cause."""
    try:
        return pickle.dumps((True, compute()), protocol=5)
    except Problem as problem:
        found, cause = problem, ""
    except AffektError as error:
        found, cause = problem_of(error), f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - a worker goes on, whatever a recording brings about
        found, cause = Problem("internal-error"), place_of(error)
    return pickle.dumps((False, (found.name, found.detail, cause)), protocol=5)
