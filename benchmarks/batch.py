"""Batch work: its rate and memory with and without Dask, and what it does when machines fail.

    python benchmarks/batch.py rates FOLDER [--files 20000] [--shard-files 500]
    python benchmarks/batch.py faults FOLDER [--files 1200] [--shard-files 40]    # as root, on Linux

``rates`` cuts files of a second from the clips in a folder, and has them answered by ``affekt batch run``
with one and two processes, on this machine and on a Dask cluster that is running already. One file of a
hundred is broken, and must be a row. A rate is that of the whole command, with its start; ``again`` is the
time of the same command when all is done. Memory is the most that a worker held, resident, in each quarter
of the time. ``faults`` is described in ``batch_faults.py``.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise, product
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import psutil
import soundfile
from rich.console import Console
from rich.table import Table

from affekt.audio.loading import load_audio
from affekt.audio.sources import find_audio
from affekt.batch.status import read_status
from affekt.support.progress import track

RATE, SECONDS = 16_000, 1.0
SAMPLE_S = 0.5  # between looks at the memory
STOP_S = 20.0
BROKEN = 0.01  # share of the files
MIB = 1 << 20


def write_files(source: str, folder: Path, count: int) -> list[Path]:
    """Write excerpts of the clips in a folder, each from a random place, and return their files."""
    rng = np.random.default_rng(0)
    clips = find_audio(Path(source))
    rng.shuffle(clips)
    length, files = round(RATE * SECONDS), []
    for number in track(range(count), "writing files", count):
        if number % 20 == 0:  # decoding takes longer than writing
            samples = load_audio(clips[number // 20 % len(clips)], RATE).samples
        start = rng.integers(max(1, len(samples) - length))
        files.append(folder / f"{number:06}.wav")
        soundfile.write(files[-1], samples[start : start + length], RATE, subtype="PCM_16")
    return files


@contextmanager
def dask_cluster(workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and workers with one thread each; yield its address and the workers."""
    import distributed

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    commands += [["dask_worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard"]] * workers
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", *words], stderr=subprocess.DEVNULL
        )
        for name, *words in commands
    ]
    try:
        with distributed.Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address, started[1:]
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(command: list[str], workers: Sequence[subprocess.Popen[bytes]] = ()) -> tuple[float, list[int]]:
    """Run a command; return seconds, and the most memory of a worker in each quarter of the time.

    The workers are those given, or else the processes that the command starts, or itself.
    """
    begun = time.monotonic()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    main = psutil.Process(running.pid)
    memory: list[int] = []
    while running.poll() is None:
        with suppress(psutil.Error):  # a process has just ended
            found = [psutil.Process(one.pid) for one in workers] or main.children(recursive=True) or [main]
            memory.append(max(one.memory_info().rss for one in found))
        time.sleep(SAMPLE_S)
    taken_s = time.monotonic() - begun
    ends = [len(memory) * quarter // 4 for quarter in range(5)]
    return taken_s, [max(memory[start:end], default=0) for start, end in pairwise(ends)]


def measure_rates(clips: str, count: int, shard_files: int, console: Console) -> None:
    """Print the rates of processes and of a cluster, with one and two workers.

    Raises
    ------
    RuntimeError
        A file was not answered, or the broken ones are not rows.
    """
    columns = ("files/s", "to one worker", "to processes", "again, s", "MiB, 1st", "2nd", "3rd", "4th")
    table = Table("", *columns, box=None)
    rates: dict[tuple[str, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.mkdir()
        broken = write_files(clips, source, count)[:: round(1 / BROKEN)]
        for path in broken:
            path.write_bytes(b"this is no sound")
        for workers, name in product((1, 2), ("processes", "Dask")):
            out = Path(folder, f"{name}-{workers}")
            command = [sys.executable, "-m", "affekt", "batch", "run", str(source), "--out", str(out)]
            command += ["--shard-files", str(shard_files)]
            with dask_cluster(workers) if name == "Dask" else nullcontext(("", [])) as (address, started):
                command += ["--scheduler", address] if address else ["--jobs", str(workers)]
                taken_s, memory = run(command, started)
                again_s, _ = run(command, started)
            status = read_status(str(out))
            if (status.files_done, sum(status.failures.values())) != (count, len(broken)):
                raise RuntimeError(f"not all files are answered: {status}")
            rates[name, workers] = rate = count / taken_s
            table.add_row(
                f"{name}, {workers}", f"{rate:.1f}", f"{rate / rates[name, 1]:.2f}",
                f"{rate / rates['processes', workers]:.2f}", f"{again_s:.1f}",
                *(f"{one / MIB:.0f}" for one in memory),
            )  # fmt: skip
    console.print(
        f"{count} files of {SECONDS:.0f} s, {len(broken)} of them broken, in shards of {shard_files}; "
        f"{os.cpu_count()} cores"
    )
    console.print(table)


def main() -> None:
    """Run what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("rates", "faults"))
    parser.add_argument("folder")
    parser.add_argument("--files", type=int)
    parser.add_argument("--shard-files", type=int)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # and clean up
    console = Console(width=110)
    if asked.what == "rates":
        measure_rates(asked.folder, asked.files or 20_000, asked.shard_files or 500, console)
        return
    from batch_faults import work_with_faults

    with tempfile.TemporaryDirectory() as folder:
        files = write_files(asked.folder, Path(folder), asked.files or 1200)
        work_with_faults(files, asked.shard_files or 40, console)


if __name__ == "__main__":
    main()
