"""Load on a server with two workers: throughput, delays, overload, and killed workers.

    python benchmarks/server.py CORPUS/ [SECONDS] [--requests N]

Real clips over loopback. The load comes from this process, on the same cores as the server. Each answer is
compared with what ``predict`` returns for its clip. In order:

- what two processes do without a server, what two threads do, and one;
- throughput: as many requests at a time as are answered, for SECONDS;
- delays at half of that rate, with random distances (Poisson);
- three times that rate: answered, or refused with 503;
- half of that rate, while a worker is killed every two seconds;
- with ``--requests``, so many requests, and the memory of all processes before and after.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported

import argparse
import asyncio
import json
import multiprocessing
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import affekt
from affekt.corpora.registry import load_corpus

WORKERS = 2
PORT = 8497
CLIPS = 200
KILL_S = 2.0


@dataclass
class Load:
    """What came back: how often each status, the delays of what was answered, and what was wrong."""

    wanted: list[dict[str, Any]]
    clips: list[bytes]
    statuses: Counter[int] = field(default_factory=Counter)
    delays_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def ask(self, number: int) -> None:
        """Send a clip, and compare the answer."""
        began = time.perf_counter()
        status, body = await self._exchange(self.clips[number])
        self.statuses[status] += 1
        if status == 200:
            self.delays_ms.append(1000 * (time.perf_counter() - began))
            found = json.loads(body)
            wanted = self.wanted[number]
            self.wrong += {name: found[name] for name in wanted} != wanted

    async def _exchange(self, clip: bytes) -> tuple[int, bytes]:
        try:
            while self._idle and self._idle[-1][0].at_eof():  # the server closes what is idle for 5 s
                self._idle.pop()[1].close()
            reader, writer = (
                self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", PORT)
            )
            head = (
                "POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/flac\r\n"
                f"Content-Length: {len(clip)}\r\n\r\n"
            )
            writer.write(head.encode() + clip)
            answer = await reader.readuntil(b"\r\n\r\n")
            fields = answer.decode("latin-1").lower()
            length = int(fields.partition("content-length: ")[2].split()[0])
            body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            return 0, b""
        self._idle.append((reader, writer))
        return int(answer.split()[1]), body

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    def line(self) -> str:
        """What came back, in one line."""
        shown = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        if len(self.delays_ms) < 2:
            return shown
        cuts = statistics.quantiles(self.delays_ms, n=100)
        return f"{shown}; p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms; {self.wrong} wrong"


async def closed(load: Load, at_a_time: int, seconds: float = 0, requests: int = 0) -> float:
    """Keep so many requests on their way for some seconds, or so many; return answers in a second."""
    began = time.perf_counter()
    numbers = iter(range(requests or 1 << 40))

    async def client() -> None:
        for number in numbers:
            await load.ask(number % len(load.clips))
            if not requests and time.perf_counter() - began > seconds:
                return

    await asyncio.gather(*(client() for _ in range(at_a_time)))
    load.close()
    return load.statuses[200] / (time.perf_counter() - began)


async def opened(load: Load, rate: float, seconds: float) -> None:
    """Send requests at random times, whether others are answered or not."""
    draw = random.Random(0)
    tasks = []
    loop = asyncio.get_running_loop()
    due = loop.time()
    end = due + seconds
    while due < end:
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(load.ask(draw.randrange(len(load.clips)))))
        due += draw.expovariate(rate)
    await asyncio.gather(*tasks)
    load.close()


@contextmanager
def serving() -> Iterator[subprocess.Popen[str]]:
    """Run a server with two workers and no limit of requests a minute."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "settings.toml")
        config.write_text(f"requests_per_minute = 0\nworkers = {WORKERS}\nport = {PORT}\n")
        log = Path(folder, "log")
        with log.open("w") as file:
            command = [sys.executable, "-m", "affekt", "serve", "--config", str(config)]
            server = subprocess.Popen(command, stderr=file, text=True)
        try:
            while "affekt answers" not in log.read_text():
                if server.poll() is not None:
                    sys.exit(log.read_text())
                time.sleep(0.1)
            time.sleep(3)  # until the second worker has started too
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def processes(server: int) -> list[int]:
    """The server and its workers."""
    found = [server]
    for place in Path("/proc").glob("[0-9]*"):
        try:
            status = (place / "status").read_text()
            if f"PPid:\t{server}\n" in status and "VmRSS" in status:  # one that has ended has no memory
                found.append(int(place.name))
        except OSError:
            continue
    return found


def memory_mb(process: int) -> float:
    """Of one process."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def shown_memory(server: int) -> str:
    """Of the server and its workers."""
    sizes = [memory_mb(one) for one in processes(server)]
    return f"server {sizes[0]:.0f} MB, others {', '.join(f'{size:.0f}' for size in sizes[1:])} MB"


async def killing(server: int, until: asyncio.Event) -> int:
    """Kill a worker every two seconds."""
    count = 0
    while not until.is_set():
        await asyncio.sleep(KILL_S)
        for one in processes(server)[1:]:
            if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes():
                os.kill(one, signal.SIGKILL)
                count += 1
                break
    return count


async def with_kills(load: Load, rate: float, seconds: float, server: int) -> int:
    """Send requests while workers are killed."""
    over = asyncio.Event()
    killer = asyncio.create_task(killing(server, over))
    await opened(load, rate, seconds)
    over.set()
    return await killer


def predict_one(content: bytes) -> dict[str, Any]:
    """What the server is to answer."""
    return affekt.predict(content).to_dict()


def per_second(work: Callable[[], object], count: int) -> float:
    """How many of them in a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def compare_executors(clips: list[bytes]) -> list[float]:
    """Predictions a second in processes, in threads, and in one thread, each in turn: the best of three."""
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(WORKERS, spawn) as processes,
        ThreadPoolExecutor(WORKERS) as threads,
        ThreadPoolExecutor(1) as one,
    ):
        executors: list[Executor] = [processes, threads, one]
        list(processes.map(predict_one, clips[: 4 * WORKERS]))  # until all have loaded the model
        rates = [
            [per_second(lambda: list(each.map(predict_one, clips)), len(clips)) for each in executors]  # noqa: B023
            for _ in range(3)
        ]
    return [max(several) for several in zip(*rates, strict=True)]


def main() -> None:
    """Print a line for each kind of load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("seconds", type=float, nargs="?", default=20)
    parser.add_argument("--requests", type=int, default=0)
    given = parser.parse_args()
    every = load_corpus(given.corpus).clips
    paths = [clip.path for clip in every[:: max(1, len(every) // CLIPS)]][:CLIPS]
    clips = [path.read_bytes() for path in paths]
    wanted = [predict_one(clip) for clip in clips]

    def load() -> Load:
        return Load(wanted, clips)

    by_processes, by_threads, by_one = compare_executors(clips)
    print(
        f"predict: {by_processes:.1f} clips/s in {WORKERS} processes, {by_threads:.1f} in {WORKERS} "
        f"threads, {by_one:.1f} in one"
    )
    with serving() as server:
        print(f"idle: {shown_memory(server.pid)}")
        one = load()
        rate = asyncio.run(closed(one, 2 * WORKERS, given.seconds))
        print(f"throughput: {rate:.1f}/s, {rate / by_processes:.0%} of the processes alone; {one.line()}")
        one = load()
        asyncio.run(opened(one, rate / 2, given.seconds))
        print(f"half of it: {one.line()}")
        one = load()
        asyncio.run(opened(one, 3 * rate, given.seconds))
        print(f"three times it: {one.line()}")
        one = load()
        kills = asyncio.run(with_kills(one, rate / 2, given.seconds, server.pid))
        print(f"half of it, {kills} workers killed: {one.line()}")
        if given.requests:
            before = shown_memory(server.pid)
            one = load()
            asyncio.run(closed(one, 2 * WORKERS, requests=given.requests))
            print(
                f"{given.requests} requests: {one.line()}; before: {before}; "
                f"after: {shown_memory(server.pid)}"
            )


if __name__ == "__main__":
    main()
