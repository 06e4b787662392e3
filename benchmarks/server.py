"""Load and faults on a server with two workers, and what it costs: one table, in about 12 minutes.

    python benchmarks/server.py CORPUS/ [--seconds 20] [--requests 20000]

Real clips over loopback. The load comes from this process, on the same cores as the server. Each answer is
compared with that of ``predict``, and each event of a stream with that of ``Stream``. In order:

- load: what two processes do without a server, what two threads do, and one; as many requests at a time as
  are answered; delays at half of that rate, with random distances (Poisson); three times that rate;
- faults, at half of that rate: 500 connections that say nothing, 40 clients that send a byte a second,
  clients that vanish, a worker killed every two seconds for three times as long, a full disk, and SIGTERM
  while 16 clients ask as fast as they can;
- 20 streams at once at the speed of speech;
- cost: time to import and to start, memory, and size of what is installed;
- so many requests, for at most 7 minutes, and the memory of all processes before and after.
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
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from packaging.requirements import Requirement
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from websockets.asyncio.client import connect

import affekt
from affekt.audio.loading import load_audio
from affekt.corpora.registry import load_corpus

WORKERS = 2
PORT = 8497
CLIPS = 200
KILL_S = 2.0
SILENT, SLOW, ASKING = 500, 40, 16  # connections that say nothing, that are slow, that ask until SIGTERM
SLOW_S = 5.0  # time for a head and a body
STREAMS, RATE, PIECE_S, PAUSE_S = 20, 16_000, 0.1, 0.5
FLAT_S = 420.0
NO_ANSWER, REFUSED = 0, -1  # instead of a status: the connection was closed, or was not made
HEAD = (
    "POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    "Content-Length: {}\r\n\r\n"
)


@dataclass
class Load:
    """What came back: how often each status, the delays of what was answered, and what was wrong."""

    wanted: list[dict[str, Any]]
    clips: list[bytes]
    statuses: Counter[int] = field(default_factory=Counter)
    delays_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def ask(self, number: int) -> int:
        """Send a clip, compare the answer, and return its status."""
        began = time.perf_counter()
        status, body = await self._exchange(self.clips[number])
        self.statuses[status] += 1
        if status == 200:
            self.delays_ms.append(1000 * (time.perf_counter() - began))
            found = json.loads(body)
            wanted = self.wanted[number]
            self.wrong += {name: found[name] for name in wanted} != wanted
        return status

    async def _exchange(self, clip: bytes) -> tuple[int, bytes]:
        try:
            # the server closes what is idle for 5 s
            while self._idle and self._idle[-1][0].at_eof():
                self._idle.pop()[1].close()
            reader, writer = self._idle.pop() if self._idle else await connected()
        except OSError:
            return REFUSED, b""
        try:
            writer.write(HEAD.format(len(clip)).encode() + clip)
            answer = await reader.readuntil(b"\r\n\r\n")
            fields = answer.decode("latin-1").lower()
            length = int(fields.partition("content-length: ")[2].split()[0])
            body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            return NO_ANSWER, b""
        self._idle.append((reader, writer))
        return int(answer.split()[1]), body

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    def line(self) -> str:
        """What came back, in one line."""
        named = {NO_ANSWER: "no answer", REFUSED: "not connected"}
        shown = ", ".join(f"{n} x {named.get(one, one)}" for one, n in sorted(self.statuses.items()))
        if len(self.delays_ms) < 2:
            return shown
        cuts = statistics.quantiles(self.delays_ms, n=100)
        return f"{shown}; p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms; {self.wrong} wrong"


async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the server."""
    return await asyncio.open_connection("127.0.0.1", PORT)


async def closed(load: Load, at_a_time: int, seconds: float, requests: int = 0) -> float:
    """Keep so many requests on their way for some seconds, or until so many; return answers in a second."""
    began = time.perf_counter()
    numbers = iter(range(requests or 1 << 40))

    async def client() -> None:
        for number in numbers:
            await load.ask(number % len(load.clips))
            if time.perf_counter() - began > seconds:
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
def serving(**settings: float) -> Iterator[subprocess.Popen[str]]:
    """Run a server with two workers and no limit of requests a minute."""
    settings = {"requests_per_minute": 0, "workers": WORKERS, "port": PORT, **settings}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "settings.toml")
        config.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
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


Fault = AbstractAsyncContextManager[list[str]]  # what it found, once it has ended


@asynccontextmanager
async def in_background(work: Callable[[], Any]) -> AsyncIterator[None]:
    """Do something again and again, as long as the block takes."""

    async def repeat() -> None:
        while True:
            await work()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def killed_workers(server: int) -> AsyncIterator[list[str]]:
    """Kill a worker every two seconds."""
    found: list[str] = []
    count = 0

    async def kill() -> None:
        nonlocal count
        await asyncio.sleep(KILL_S)
        for one in processes(server)[1:]:
            if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes():
                os.kill(one, signal.SIGKILL)
                count += 1
                return

    async with in_background(kill):
        yield found
    found.append(f"{count} killed")


@asynccontextmanager
async def silent_connections() -> AsyncIterator[list[str]]:
    """Open connections, and say nothing."""
    streams = [await connected() for _ in range(SILENT)]
    yield []
    for _, writer in streams:
        writer.close()


@asynccontextmanager
async def slow_clients(clip: bytes) -> AsyncIterator[list[str]]:
    """Let clients send a byte a second, one half of them in the head, the other in the body."""
    found: list[str] = []
    answers: Counter[str] = Counter()

    async def client(head: bytes) -> None:
        reader, writer = await connected()
        began = time.perf_counter()
        writer.write(head)
        for one in b"A" * 1000:
            with suppress(TimeoutError, OSError):
                answer = await asyncio.wait_for(reader.read(100), 1)
                answers[answer.split()[1].decode() if answer else "closed"] += 1
                answers["late"] += time.perf_counter() - began > SLOW_S + 2
                break
            with suppress(OSError):
                writer.write(bytes([one]))
        writer.close()

    heads = [b"POST / HTTP/1.1\r\nX: ", HEAD.format(len(clip)).encode()]
    tasks = [asyncio.create_task(client(heads[number % 2])) for number in range(SLOW)]
    yield found
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    shown = ", ".join(f"{count} {name}" for name, count in sorted(answers.items()) if count)
    found.append(f"of {SLOW}: {shown}")


@asynccontextmanager
async def vanishing_clients(clip: bytes) -> AsyncIterator[list[str]]:
    """Let clients vanish, one half of them within the body, the other before the answer."""
    found: list[str] = []
    count = 0

    async def vanish() -> None:
        nonlocal count
        _, writer = await connected()
        writer.write(HEAD.format(len(clip)).encode() + clip[: len(clip) if count % 2 else len(clip) // 2])
        count += 1
        await asyncio.sleep(0.1)
        writer.transport.abort()

    async with in_background(vanish):
        yield found
    found.append(f"{count} vanished")


@asynccontextmanager
async def full_disk(server: int) -> AsyncIterator[list[str]]:
    """Let no file grow that the server or its workers write, and kill a worker."""
    _, *workers = every = processes(server)
    for one in every:
        resource.prlimit(one, resource.RLIMIT_FSIZE, (0, 0))
    os.kill(workers[-1], signal.SIGKILL)
    yield ["1 worker killed"]


async def under(fault: Fault, load: Load, rate: float, seconds: float) -> str:
    """Send requests while something is wrong, and return what came back."""
    async with fault as found:
        await opened(load, rate, seconds)
    return "; ".join([load.line(), *found])


async def stopped_under_load(load: Load, server: subprocess.Popen[str]) -> str:
    """Send SIGTERM while clients ask, each until it is refused."""

    async def client(number: int) -> None:
        while await load.ask(number % len(load.clips)) == 200:
            number += ASKING

    tasks = [asyncio.create_task(client(number)) for number in range(ASKING)]
    await asyncio.sleep(3)
    began = time.perf_counter()
    server.send_signal(signal.SIGTERM)
    await asyncio.gather(*tasks)
    load.close()
    code = await asyncio.to_thread(server.wait)
    return f"{load.line()}; exit code {code} after {time.perf_counter() - began:.1f} s"


def stream_pieces(clips: Sequence[bytes], seconds: float) -> list[bytes]:
    """Return clips with pauses between them, as messages of samples."""
    parts = []
    for clip in clips:
        parts += [load_audio(clip, RATE).samples, np.zeros(round(PAUSE_S * RATE), np.float32)]
        if sum(map(len, parts)) > seconds * RATE:
            break
    samples = np.round(32_767 * np.clip(np.concatenate(parts), -1, 1)).astype("<i2")
    step = round(PIECE_S * RATE)
    return [samples[at : at + step].tobytes() for at in range(0, round(seconds * RATE), step)]


def stream_events(pieces: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return what ``Stream`` answers."""
    stream = affekt.Stream(RATE)
    events = [event for piece in pieces for event in stream.push(np.frombuffer(piece, "<i2"))]
    found: list[dict[str, Any]] = json.loads(
        json.dumps([event.to_dict() for event in [*events, *stream.close()]])
    )
    return found


async def streams(clips: Sequence[bytes], seconds: float) -> str:
    """Send streams at the speed of speech, and compare their events."""
    kinds = [stream_pieces(clips[number::4], seconds) for number in range(4)]
    wanted = [stream_events(pieces) for pieces in kinds]
    delays_s: list[float] = []

    async def client(number: int) -> bool:
        await asyncio.sleep(PIECE_S * number / STREAMS)
        pieces, events = kinds[number % 4], []
        async with connect(f"ws://127.0.0.1:{PORT}/v1/stream", proxy=None) as socket:

            async def send() -> None:
                for at, piece in enumerate(pieces):
                    await asyncio.sleep(max(0.0, began + (at + 1) * PIECE_S - time.perf_counter()))
                    await socket.send(piece)
                await socket.send('{"event": "end"}')

            await socket.send("{}")
            await socket.recv()
            began = time.perf_counter()
            sending = asyncio.create_task(send())
            async for text in socket:
                event = json.loads(text)
                events.append(event)
                if event["event"] == "utterance_end":
                    delays_s.append(time.perf_counter() - began - event["end_s"])
            await sending
        return [one for one in events if one["event"] != "end"] != wanted[number % 4]

    wrong = sum(await asyncio.gather(*(client(number) for number in range(STREAMS))))
    cuts = statistics.quantiles(delays_s, n=100)
    return (
        f"{len(delays_s)} utterances; from their end to their answer p50 {cuts[49]:.2f} s, "
        f"p99 {cuts[98]:.2f} s; {wrong} streams wrong"
    )


def seconds_of(code: str) -> float:
    """Return the time that Python takes for a program, without its own start: the best of five."""
    times = []
    for program in [code, "pass"] * 5:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        times.append(time.perf_counter() - began)
    return min(times[::2]) - min(times[1::2])


def installed_mb(requirement: str) -> float:
    """Return the size of what a requirement installs, without the compiled files of Python."""
    found: dict[str, int] = {}
    left = [requirement]
    while left:
        asked = Requirement(left.pop())
        one = distribution(asked.name)
        for text in one.requires or ():
            wanted = Requirement(text)
            extras = asked.extras or {""}
            needed = wanted.marker is None or any(
                wanted.marker.evaluate({"extra": extra}) for extra in extras
            )
            if needed and (wanted.name.lower() not in found or wanted.name == asked.name):
                left.append(text)
        files = (Path(str(file.locate())) for file in one.files or () if file.suffix != ".pyc")
        found[asked.name.lower()] = sum(file.stat().st_size for file in files if file.is_file())
    return sum(found.values()) / 1e6


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


def measure(clips: list[bytes], seconds: float, requests: int) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table: what was done, what came of it, and the goal."""
    wanted = [predict_one(clip) for clip in clips]

    def load() -> Load:
        return Load(wanted, clips)

    by_processes, by_threads, by_one = compare_executors(clips[: round(4 * seconds)])
    yield f"predict in {WORKERS} processes", f"{by_processes:.1f} clips/s", ""
    yield f"predict in {WORKERS} threads, in one", f"{by_threads:.1f}, {by_one:.1f} clips/s", ""
    with serving() as server:
        idle = shown_memory(server.pid)
        one = load()
        rate = asyncio.run(closed(one, 2 * WORKERS, seconds))
        share = rate / by_processes
        yield "throughput", f"{rate:.1f} clips/s, {share:.0%} of the processes; {one.line()}", "80 %"
        one = load()
        asyncio.run(opened(one, rate / 2, seconds))
        yield "half of it", one.line(), "p99 60 ms"
        one = load()
        asyncio.run(opened(one, 3 * rate, seconds))
        yield "three times it", one.line(), "200 or 503, 0 wrong"
        line = asyncio.run(under(killed_workers(server.pid), load(), rate / 2, 3 * seconds))
        yield f"half of it, a worker killed every {KILL_S:g} s", line, "a 500 each at most"
    with serving(header_s=SLOW_S, upload_s=SLOW_S) as server:
        line = asyncio.run(under(silent_connections(), load(), rate / 2, seconds))
        yield f"half of it, {SILENT} connections that say nothing", line, "all 200"
        line = asyncio.run(under(slow_clients(clips[0]), load(), rate / 2, max(seconds, 2 * SLOW_S)))
        yield f"half of it, {SLOW} clients that send a byte a second", line, "closed or 408, none late"
        line = asyncio.run(under(vanishing_clients(clips[0]), load(), rate / 4, seconds))
        yield "a quarter of it, clients that vanish", line, "all 200"
        yield "SIGTERM", asyncio.run(stopped_under_load(load(), server)), "200, then 503; exit code 0"
    with serving() as server:
        line = asyncio.run(under(full_disk(server.pid), load(), rate / 2, seconds))
        yield "half of it, a full disk", line, "a 500 at most"
    with serving() as server:
        yield f"{STREAMS} streams at once", asyncio.run(streams(clips, seconds)), "0 wrong"
    yield "import of the server", f"{seconds_of('import affekt.server.running'):.2f} s", ""
    yield "memory of an idle server", idle, "150 MB a worker"
    if "serve" in distribution("affekt").metadata.get_all("Provides-Extra", []):
        yield "size of affekt[serve]", f"{installed_mb('affekt[serve]'):.0f} MB", ""
    if requests:
        with serving() as server:
            asyncio.run(closed(load(), 2 * WORKERS, seconds / 2))
            before = shown_memory(server.pid)
            one = load()
            asyncio.run(closed(one, 2 * WORKERS, FLAT_S, requests))
            after = f"{one.line()}; before: {before}; after: {shown_memory(server.pid)}"
        yield f"{requests} requests in at most {FLAT_S:.0f} s", after, "flat"


def main() -> None:
    """Print each row as it comes, and the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--requests", type=int, default=20_000)
    given = parser.parse_args()
    every = load_corpus(given.corpus).clips
    paths = [clip.path for clip in every[:: max(1, len(every) // CLIPS)]][:CLIPS]
    table = Table("what", "result", "goal")
    for row in measure([path.read_bytes() for path in paths], given.seconds, given.requests):
        print(*row, sep=" | ", file=sys.stderr, flush=True)
        table.add_row(*map(escape, row))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
