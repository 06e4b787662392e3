"""Mutated recordings and models: each is answered or refused, whatever is in it.

    python benchmarks/fuzz.py [--recordings 5000] [--models 1000] [--seed 0] [--keep FOLDER]

Recordings are made in every format that the libraries here can write, then damaged: flipped bits, cut
ends, extreme numbers in header and length fields, joined and spliced files, inserted chunks. Some are
megabytes of a few bytes repeated. Models are damaged in their graph and in their contract, and sealed again
with a right checksum. Each input is given to ``predict`` in a worker process with a limit of memory and of
time, which for a recording follows its size: one that takes longer is a hang. The table says how many were
answered, refused by an error of affekt, or ended otherwise; the latter are kept in a folder. The exit code
is 1 if there are any.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from fuzz_inputs import RATE, make_inputs, make_sound
from rich.console import Console
from rich.table import Table

import affekt
from affekt.errors import AffektError
from affekt.model.bundle import parse
from affekt.support.progress import progress_bar

MEMORY_BYTES = 8 << 30  # of addresses, of which libraries reserve more than they use
MODEL_SECONDS = 60.0  # a model may be probed for as long as affekt allows
RECORDING_SECONDS, SECONDS_PER_MB = 5.0, 2.0  # a megabyte may hold two minutes of sound
START_SECONDS = 120.0
WORKERS = 2
ENDED = ("answered", "refused", "other", "hang", "crash")
# --- workers ------------------------------------------------------------------------------------------


def serve(pipe: Connection) -> None:
    """Answer inputs until the pipe is closed; runs in a process of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries complain about damaged files
    printed = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
    os.dup2(printed.fileno(), 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    tone = (make_sound(), RATE)
    affekt.predict(tone)
    pipe.send("ready")
    while True:
        kind, content = pipe.recv()
        forget_peak()
        try:
            if kind == "recording":
                affekt.predict(content)
            else:
                affekt.predict(tone, parse(content, "fuzzed.onnx"))
            ended, why = "answered", ""
        except AffektError as error:
            ended, why = "refused", str(error)
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            ended, why = "other", f"{type(error).__name__}: {error}"
        if text := take_printed(printed):
            ended, why = "other", f"printed on standard output: {text!r}"
        pipe.send((ended, why[:300], peak_mb()))


def take_printed(file: IO[bytes]) -> bytes:
    """Return what was written to standard output, which is this file, since the last call."""
    sys.stdout.flush()
    ctypes.CDLL(None).fflush(None)  # what C libraries print is kept in a buffer of theirs
    file.seek(0)
    text = file.read()
    file.seek(0)  # standard output has the same position
    file.truncate()
    return text


def forget_peak() -> None:
    """Start to measure the largest memory anew, where the system can."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The largest memory since ``forget_peak``, or since the start of the process."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def limit_s(kind: str, content: bytes) -> float:
    """How long one input may take."""
    return MODEL_SECONDS if kind == "model" else RECORDING_SECONDS + SECONDS_PER_MB * len(content) / 1e6


class Worker:
    """A process that answers inputs, and is started again when one of them ends it."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start a process."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        if not self.pipe.poll(START_SECONDS):
            raise TimeoutError("a worker does not start")
        self.pipe.recv()

    def ask(self, kind: str, content: bytes) -> tuple[str, str, float]:
        """Return how an input ended, why, and the largest memory in MB."""
        try:
            seconds = limit_s(kind, content)
            self.pipe.send((kind, content))
            if self.pipe.poll(seconds):
                answer: tuple[str, str, float] = self.pipe.recv()
                return answer
            ended = "hang", f"more than {seconds:.1f} s", 0.0
        except (EOFError, OSError):
            self.process.join()
            ended = "crash", f"exit code {self.process.exitcode}", 0.0
        self.process.kill()
        self.process.join()
        self.start()
        return ended


class Tally:
    """What became of all inputs."""

    def __init__(self, keep: Path) -> None:
        self.keep = keep
        self.counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.peaks_mb: dict[tuple[str, str], float] = defaultdict(float)
        self.faults: list[str] = []

    def add(self, name: str, group: str, content: bytes, answer: tuple[str, str, float]) -> None:
        """Count an input, and keep it if it was neither answered nor refused."""
        ended, why, peak = answer
        kind = name.split("-", maxsplit=1)[0]
        self.counts[kind, group][ended] += 1
        self.peaks_mb[kind, group] = max(self.peaks_mb[kind, group], peak)
        if ended in ("answered", "refused"):
            return
        self.keep.mkdir(parents=True, exist_ok=True)
        file = self.keep / f"{name}.{ended}"
        file.write_bytes(content)
        self.faults.append(f"{file}: {group}: {why}")

    def show(self) -> None:
        """Print the table and the faults."""
        table = Table("", "tried", *ENDED, "largest memory", box=None)
        for kind in ("recording", "model"):
            groups = [key for key in self.counts if key[0] == kind]
            for key in groups:
                self._row(table, key[1], [key])
            if groups:
                self._row(table, f"[bold]all {kind}s[/]", groups)
        console = Console(width=130)
        console.print(table)
        for fault in self.faults:
            console.print(fault, markup=False)

    def _row(self, table: Table, name: str, keys: list[tuple[str, str]]) -> None:
        total: Counter[str] = sum((self.counts[key] for key in keys), Counter())
        peak = max(self.peaks_mb[key] for key in keys)
        table.add_row(name, str(total.total()), *(str(total[one]) for one in ENDED), f"{peak:.0f} MB")


def run(inputs: Iterator[tuple[str, str, bytes]], count: int, tally: Tally) -> None:
    """Give all inputs to the workers."""
    numbered, lock = enumerate(inputs), threading.Lock()
    with progress_bar("inputs", count) as advance:

        def work() -> None:
            worker = Worker()
            while True:
                with lock:
                    taken = next(numbered, None)
                if taken is None:
                    worker.process.kill()
                    return
                place, (kind, group, content) = taken
                answer = worker.ask(kind, content)
                with lock:
                    tally.add(f"{kind}-{place}", group, content, answer)
                    advance()

        threads = [threading.Thread(target=work) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main() -> None:
    """Read the arguments, run, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--recordings", type=int, default=5000)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of libraries that train the models to be damaged
    tally = Tally(given.keep)
    run(make_inputs(given.recordings, given.models, given.seed), given.recordings + given.models, tally)
    tally.show()
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
