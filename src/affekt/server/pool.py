"""A pool of workers: which of them computes what, and that those which end are replaced."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from affekt.errors import WorkerError
from affekt.server.problems import Problem, place_of
from affekt.server.worker import NotBegunError, Worker

CHECK_S = 0.25  # between two looks whether an idle worker lives
LONGEST_WAIT_S = 5.0  # before a worker that did not start is started again
RETRY_S = 5  # what a client is told for whose task no worker was free


@dataclass(eq=False)
class _Task:
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    future: asyncio.Future[Any]
    limit_s: float = math.inf  # for waiting, and again for the rest
    timeout: asyncio.Timeout | None = None  # of whoever waits for the result
    put: float = field(default_factory=time.monotonic)
    begun: float = 0.0
    worker: Worker | None = None  # that computes it

    def begin(self, worker: Worker) -> None:
        """Note who computes it; the first time, the limit starts again."""
        self.worker = worker
        if not self.begun:
            self.begun = time.monotonic()
            if self.timeout:
                self.timeout.reschedule(asyncio.get_running_loop().time() + self.limit_s)


@dataclass(eq=False)
class Slot:
    """A place in a pool: its worker, the streams that this one serves, and their tasks."""

    worker: Worker
    stream_tasks: deque[_Task] = field(default_factory=deque)
    streams: int = 0
    retired: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    busy: bool = False
    served_stream_last: bool = False


class Pool:
    """Workers, and the tasks that wait for one of them.

    Parameters
    ----------
    count
        How many workers there are.
    model
        The file of their model; None for the bundled one.
    report
        Called with the name of what happened, and its facts.
    observe
        Called with the name of a task that was finished, and how long it took in seconds.
    trace
        Called in the context of a request with the name of its task, and how long that waited and took,
        in seconds.
    """

    def __init__(
        self,
        count: int,
        model: str | None,
        report: Callable[..., None] = lambda event, **facts: None,
        observe: Callable[[str, float], None] = lambda task, seconds: None,
        trace: Callable[[str, float, float], None] | None = None,
    ) -> None:
        self.count, self._model = count, model
        self.explaining = asyncio.Semaphore(max(1, count - 1))  # so that predictions find a worker
        self._report, self._observe, self._trace = report, observe, trace
        self._shared: deque[_Task] = deque()
        self._slots: list[Slot] = []
        self._supervisors: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(4 * count + 4, thread_name_prefix="worker")
        self._reloading = asyncio.Lock()
        self._stopping = False
        self._generation = 0
        self.restarts = 0
        self.facts: Any = None  # of the model that new tasks get

    @property
    def ready(self) -> int:
        """How many workers take tasks."""
        return sum(not slot.retired for slot in self._slots)

    @property
    def busy(self) -> int:
        """How many workers compute."""
        return sum(slot.busy for slot in self._slots)

    @property
    def waiting(self) -> int:
        """How many tasks wait."""
        return len(self._shared) + sum(len(slot.stream_tasks) for slot in self._slots)

    @property
    def process_ids(self) -> list[int]:
        """Of all workers."""
        return [slot.worker.process_id for slot in self._slots if slot.worker.process_id]

    async def start(self) -> None:
        """Start all workers, unless they are started, and wait for the first.

        Raises
        ------
        WorkerError, Problem
            It does not start.
        """
        if self.facts is None:
            await self._replace_all()

    async def reload(self) -> None:
        """Start new workers, which read the model anew, and let the old ones finish."""
        async with self._reloading:
            try:
                await self._replace_all()
            except (WorkerError, Problem) as error:
                self._report("reload failed", level="error", reason=_reason(error))
                return
        self._report("reloaded", model=self.facts.name)

    async def _replace_all(self) -> None:
        first = Worker(self._model)
        await self._in_thread(first.start)
        old, self.facts = list(self._slots), first.facts
        self._generation += 1
        self._supervise(first)
        await asyncio.sleep(0)  # until it takes tasks
        for slot in old:
            slot.retired = True
            slot.wake.set()
        for _ in range(self.count - 1):
            self._supervise(None)

    async def run(self, task: str, *arguments: Any, limit_s: float, **keywords: Any) -> Any:
        """Let the next worker that is free compute a task.

        Raises
        ------
        Problem
            What the task raised; or its worker ended, no worker was free for ``limit_s``, or it took longer
            than that since it was begun, and was stopped.
        """
        waiting = _Task(task, arguments, keywords, asyncio.get_running_loop().create_future(), limit_s)
        self._shared.append(waiting)
        for slot in self._slots:
            if not slot.busy:
                slot.wake.set()
        try:
            return await self._finished(waiting)
        finally:
            if self._trace and waiting.begun:
                self._trace(task, waiting.begun - waiting.put, time.monotonic() - waiting.begun)

    async def run_at(self, slot: Slot, task: str, *arguments: Any, limit_s: float, **keywords: Any) -> Any:
        """Let one worker compute a task; as ``run``."""
        if slot not in self._slots:  # nobody would take the task
            raise Problem("worker-ended")
        waiting = _Task(task, arguments, keywords, asyncio.get_running_loop().create_future(), limit_s)
        slot.stream_tasks.append(waiting)
        slot.wake.set()
        return await self._finished(waiting)

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Yield the worker with the fewest streams, which stays for the length of the block."""
        slots = [slot for slot in self._slots if not slot.retired]
        if not slots:
            raise Problem("not-ready", headers={"Retry-After": "2"})
        found = min(slots, key=lambda slot: slot.streams)
        found.streams += 1
        try:
            yield found
        finally:
            found.streams -= 1
            found.wake.set()

    async def run_alone(self, task: str, *arguments: Any, limit_s: float, **keywords: Any) -> Any:
        """Start a worker for one task, and end it afterwards, or when this is cancelled."""
        worker = Worker(self._model)

        def compute() -> Any:
            worker.start()
            return worker.call(task, arguments, keywords)

        try:
            async with asyncio.timeout(limit_s):
                return await self._in_thread(compute)
        except TimeoutError as error:
            raise Problem("timeout", f"it took longer than {limit_s:g} s") from error
        except WorkerError as error:
            raise Problem("worker-ended") from error
        finally:
            worker.kill()

    async def stop(self) -> None:
        """End all workers; tasks that are left fail."""
        self._stopping = True
        for slot in list(self._slots):
            slot.worker.kill()
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        for task in self._shared:
            _fail(task, Problem("stopping"))
        self._threads.shutdown(wait=False)

    async def _finished(self, task: _Task) -> Any:
        try:
            async with asyncio.timeout(task.limit_s) as task.timeout:
                return await task.future
        except asyncio.CancelledError:
            if task.worker and task.name == "explain":  # it would compute on for seconds, for nobody
                task.worker.kill()
            raise
        except TimeoutError as error:
            if task.worker:
                task.worker.kill()
            if not task.begun:
                raise Problem(
                    "overloaded",
                    f"no worker was free for {task.limit_s:g} s",
                    {"Retry-After": str(RETRY_S)},
                ) from error
            raise Problem("timeout", f"the answer took longer than {task.limit_s:g} s") from error
        finally:
            with suppress(ValueError):
                self._shared.remove(task)

    def _supervise(self, worker: Worker | None) -> None:
        supervisor = asyncio.create_task(self._fill_slot(worker))
        self._supervisors.add(supervisor)
        supervisor.add_done_callback(self._supervisors.discard)

    async def _fill_slot(self, worker: Worker | None) -> None:
        """Keep one place of the pool filled, until its worker is retired."""
        failures, generation = 0, self._generation
        while not self._stopping and generation == self._generation:
            if worker is None:
                worker = Worker(self._model)
                try:
                    await self._in_thread(worker.start)
                except Exception as error:  # noqa: BLE001 - whatever it is, the place is filled again
                    worker.kill()
                    failures += 1
                    self._report("worker did not start", level="error", reason=_reason(error))
                    await asyncio.sleep(min(LONGEST_WAIT_S, 0.1 * math.exp2(failures)))
                    worker = None
                    continue
                if generation != self._generation:
                    worker.kill()
                    return
            failures = 0
            slot = Slot(worker)
            self._slots.append(slot)
            try:
                await self._serve(slot)
            finally:
                self._slots.remove(slot)
                worker.kill()
                for task in slot.stream_tasks:
                    _fail(task, Problem("worker-ended"))
                with suppress(RuntimeError):  # the threads are gone when the server stops
                    await self._in_thread(worker.join)
            if slot.retired:
                return
            self.restarts += 1
            self._report("worker ended", level="warning", process=worker.process_id)
            worker = None

    async def _serve(self, slot: Slot) -> None:
        """Give a worker tasks until it ends, or is retired and has no streams."""
        while True:
            task = self._next_task(slot)
            if task is None:
                if slot.retired and not slot.streams:
                    return
                slot.wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(slot.wake.wait(), CHECK_S)
                if not slot.worker.alive:
                    return
                continue
            began, slot.busy = time.monotonic(), True
            task.begin(slot.worker)
            try:
                result = await self._in_thread(slot.worker.call, task.name, task.arguments, task.keywords)
            except NotBegunError:
                (slot.stream_tasks if slot.served_stream_last else self._shared).appendleft(task)
                return
            except WorkerError:
                _fail(task, Problem("worker-ended"))
                return
            except Problem as problem:
                _fail(task, problem)
            except Exception as error:  # noqa: BLE001 - as for want of memory; a message may be half sent
                _fail(task, Problem("internal-error"))
                self._report("task failed", level="error", task=task.name, cause=place_of(error))
                return
            else:
                if not task.future.done():
                    task.future.set_result(result)
            finally:
                task.worker, slot.busy = None, False
                self._observe(task.name, time.monotonic() - began)

    def _next_task(self, slot: Slot) -> _Task | None:
        """Return a task that is still wanted: the worker's own and the others in turn."""
        while slot.stream_tasks or (self._shared and not slot.retired):
            slot.served_stream_last = bool(slot.stream_tasks) and (
                not slot.served_stream_last or not self._shared or slot.retired
            )
            task = (slot.stream_tasks if slot.served_stream_last else self._shared).popleft()
            if not task.future.done():
                return task
        return None

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _fail(task: _Task, problem: Problem) -> None:
    if not task.future.done():
        task.future.set_exception(problem)


def _reason(error: Exception) -> str:
    if isinstance(error, Problem):
        return "; ".join(getattr(error, "__notes__", []))
    return str(error) if isinstance(error, WorkerError) else place_of(error)
