"""Commands that are killed at random moments: what becomes of their outputs and processes.

    python benchmarks/kills.py [KILLS]

Each command writes over an older output, and gets SIGINT, SIGTERM or SIGKILL at a random moment of its
run, from its start to a little after its usual end. Then the output must be the older one or a whole new
one; what was finished may be in a file beside it, with as many rows as the message says; nothing else may
be there, and no process of the command may be left. After SIGKILL, a file whose name ends in .part may
remain, as nothing can be cleaned up. The corpus is made of synthetic clips, and the moments are seeded.
Ctrl-C ends the series, and prints what was found until then.
"""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from affekt.model.bundle import load
from affekt.support.progress import track

KILLS = 200
SAMPLE_RATE = 16_000
ACTORS = 6
OLD = b"the older output"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
VOICES = {"01": (0.8, 0.03), "03": (1.5, 0.08), "05": (1.1, 0.12)}  # emotion: relative pitch, loudness
GRACE_S = 3.0  # in which the processes of a killed command must end


def write_corpus(folder: Path) -> int:
    """Write clips of actors with the names of RAVDESS, and return how many."""
    rng = np.random.default_rng(0)
    time_s = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    count = 0
    for actor in range(1, ACTORS + 1):
        place = folder / f"Actor_{actor:02}"
        place.mkdir(parents=True)
        for emotion, (height, loudness) in VOICES.items():
            for take in ("01-01", "01-02", "02-01", "02-02"):
                pitch_hz = height * (110 if actor % 2 else 200) * (1 + 0.1 * rng.standard_normal() * time_s)
                voice = sum(np.sin(2 * np.pi * k * pitch_hz * time_s) / k for k in range(1, 8))
                sound = loudness * (voice + 0.05 * rng.standard_normal(len(time_s)))
                name = f"03-01-{emotion}-01-{take}-{actor:02}.wav"
                soundfile.write(place / name, np.clip(sound, -1, 1), SAMPLE_RATE)
                count += 1
    return count


def csv_rows(file: Path) -> int:
    """Return the number of rows, all of which must be whole."""
    with open(file, newline="", encoding="utf-8") as opened:
        head, *rows = csv.reader(opened)
    if any(len(row) != len(head) for row in rows):
        raise ValueError("a row is torn")
    return len(rows)


def npz_rows(file: Path) -> int:
    """Return the number of files in a table, or of clips in a checkpoint."""
    with np.load(file, allow_pickle=False) as table:
        arrays = dict(table)
    return len(arrays["file" if "file" in arrays else "clips"])


def parquet_rows(file: Path) -> int:
    """Return the number of rows."""
    from pyarrow import parquet

    return int(parquet.read_table(file).num_rows)


def json_clips(file: Path) -> int:
    """Return the number of answers, or of clips that were scored."""
    found = json.loads(file.read_bytes())
    return len(found) if isinstance(found, list) else int(found["n"])


def page(file: Path) -> int:
    """Return 0 for a whole page."""
    if not file.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("the page has no end")
    return 0


def model(file: Path) -> int:
    """Return 0 for a model that can be used."""
    load(file)
    return 0


ROWS: dict[str, Callable[[Path], int]] = {
    ".csv": csv_rows, ".npz": npz_rows, ".parquet": parquet_rows, ".json": json_clips, ".html": page,
    ".onnx": model,
}  # fmt: skip
FEATURES = "features CORPUS CORPUS --set mfcc-stats@1 --jobs 2 --out"
COMMANDS = {
    "predict --csv": "predict CORPUS CORPUS --jobs 2 --csv OUT/a.csv",
    "predict --json-out": "predict CORPUS CORPUS --jobs 2 --json-out OUT/a.json",
    "features .csv": f"{FEATURES} OUT/a.csv",
    "features .npz": f"{FEATURES} OUT/a.npz",
    "features .parquet": f"{FEATURES} OUT/a.parquet",
    "evaluate --json-out": "evaluate CORPUS --recipe svm --json-out OUT/a.json --checkpoints OUT/folds",
    "evaluate --report": "evaluate CORPUS --report OUT/a.html --recipe svm",
    "train --out": "train CORPUS --recipe svm --out OUT/a.onnx",
}


@dataclass
class Command:
    """A command, the files that it writes, and how long it takes."""

    name: str
    words: list[str]
    out: Path
    seconds: float = 0.0

    def prepare(self) -> Path:
        """Put an older output in place, and return its file."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        (file,) = (Path(word) for word in self.words if Path(word).parent == self.out and "." in word)
        file.write_bytes(OLD)
        return file

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, by which its processes are found."""
        words = [sys.executable, "-m", "affekt", *self.words]
        nowhere, pipe = subprocess.DEVNULL, subprocess.PIPE
        return subprocess.Popen(words, stdout=nowhere, stderr=pipe, start_new_session=True)

    def time(self) -> None:
        """Run it to its end, and remember how long it takes."""
        file, began = self.prepare(), time.monotonic()
        process = self.start()
        errors = process.communicate()[1]
        if process.returncode or ROWS[file.suffix](file) < 0:
            raise RuntimeError(f"{self.name} fails without being killed: {errors.decode()}")
        self.seconds = time.monotonic() - began


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, number = (place / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(number) == session and state != "Z":
            found.append(int(place.name))
    return found


def is_whole(file: Path) -> bool:
    """Whether a file can be read as what its name says."""
    try:
        ROWS[file.suffix](file)
    except Exception:  # noqa: BLE001 - whatever a torn file raises
        return False
    return True


def kill(command: Command, number: signal.Signals, moment_s: float, all_rows: int) -> Counter[str]:
    """Kill a command at a moment of its run, and count what is found afterwards."""
    file = command.prepare()
    process = command.start()
    time.sleep(moment_s)
    process.send_signal(number)
    errors = process.communicate()[1].decode(errors="replace")
    found = Counter({"runs": 1})
    until = time.monotonic() + GRACE_S
    while (left := processes_of(process.pid)) and time.monotonic() < until:
        time.sleep(0.05)
    found["workers left"] = len(left)
    if file.read_bytes() == OLD:
        found["old kept"] = 1
    else:
        found["finished"] = int(is_whole(file))
        found["torn"] = int(not is_whole(file))
        if file.suffix in (".csv", ".npz", ".parquet"):
            found["torn"] |= int(ROWS[file.suffix](file) != all_rows)
    for other in set(command.out.rglob("*.*")) - {file}:
        if other.suffix == ".part":
            found[".part left"] += 1
        elif other.parent != command.out:  # a checkpoint
            found["torn"] += not is_whole(other)
        else:
            rows = ROWS[other.suffix](other) if is_whole(other) else -1
            said = re.search(r"(\d+) finished rows? (?:is|are) kept in (\S+)", errors)
            true = said is not None and (int(said[1]), said[2]) == (rows, str(other))
            found["part kept" if true else "torn"] += 1
    usual = {0, -number, 128 + number if number != signal.SIGKILL else 0}
    found["other exit"] = int(process.returncode not in usual)
    found["traceback"] = int("Traceback" in errors or "Exception ignored" in errors)
    return found


COLUMNS = (
    "runs", "finished", "old kept", "part kept", "torn", ".part left", "workers left", "other exit",
    "traceback",
)  # fmt: skip


def main() -> None:
    """Make a corpus, time each command, kill all of them in turn, and print what was found.

    The exit code is 1 if a file is torn or a worker is left.
    """
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    rng = random.Random(0)
    # What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        corpus, out = Path(folder, "corpus"), Path(folder, "out")
        count = write_corpus(corpus)
        commands = []
        for name, line in COMMANDS.items():
            words = line.replace("CORPUS", str(corpus)).replace("OUT", str(out)).split()
            commands.append(Command(name, words, out))
            commands[-1].time()
        found: dict[tuple[str, str], Counter[str]] = {}
        pairs = [(command, number) for command in commands for number in SIGNALS]
        with suppress(KeyboardInterrupt):
            for i in track(range(kills), "killing", kills):
                command, number = pairs[i % len(pairs)]
                moment_s = rng.uniform(0, 1.05 * command.seconds)
                counts = kill(command, number, moment_s, 2 * count)
                found.setdefault((command.name, number.name), Counter()).update(counts)
    table = Table("command", "signal", *COLUMNS, box=None)
    for (name, signal_name), counts in sorted(found.items()):
        table.add_row(name, signal_name, *(str(counts[column]) for column in COLUMNS))
    total = sum(found.values(), Counter())
    table.add_row("all", "", *(str(total[column]) for column in COLUMNS), style="bold")
    Console(width=160).print(table)
    sys.exit(any(total[column] for column in ("torn", "workers left")))


if __name__ == "__main__":
    main()
