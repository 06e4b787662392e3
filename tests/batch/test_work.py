"""Work on a plan: each file once, whatever happens to workers."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from affekt.batch.leases import scan
from affekt.batch.plan import make_plan, part_key, read_entries
from affekt.batch.status import read_status, retry
from affekt.batch.stores import Entry, FolderSource, ManifestSource, Store, open_source
from affekt.batch.work import GIVE_UP_S, MAX_WAIT_S, prefetch, work
from affekt.errors import StoreError, UnknownNameError

Read = Callable[[Path], Counter[str]]
StartWorker = Callable[[str, int], subprocess.Popen[str]]
POISONED_WORKER = """
import os, signal, sys
from affekt.batch import work
from affekt.batch.rows import Answerer
answer = Answerer.answer
def die(self, name, read):
    if name.endswith("#3.wav"):
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(self, name, read)
Answerer.answer = die
work.work(sys.argv[1])
"""


@pytest.mark.posix
def test_a_worker_is_killed_in_a_shard_and_each_file_is_in_the_result_once(
    clips: Path, tmp_path: Path, read_sources: Read, start_worker: StartWorker
) -> None:
    out = tmp_path / "out"
    make_plan(str(clips), str(out), shard_files=5, lease_s=1.5)
    killed = start_worker(str(out), 3)
    assert killed.stdout
    assert killed.stdout.readline() == "hangs\n"
    other = start_worker(str(out), -1)
    killed.send_signal(signal.SIGKILL)
    other.communicate(timeout=60)
    assert other.returncode == 0
    assert read_sources(out) == Counter(map(str, clips.rglob("*.wav")))


@pytest.mark.posix
def test_a_shard_whose_worker_dies_each_time_is_set_aside_and_the_others_are_done(
    clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plan = make_plan(str(clips), str(out), shard_files=2, lease_s=0.6)
    for _ in range(3):
        died = subprocess.run([sys.executable, "-c", POISONED_WORKER, str(out)], check=False, timeout=60)
        assert died.returncode == -signal.SIGKILL
    work(str(out))
    status = read_status(str(out))
    assert (status.done, len(status.set_aside)) == (4, 1)
    assert status.open == status.running == 0
    (number,) = status.set_aside
    names = [one.name for one in read_entries(Store(str(out)), plan.shard_key(number))]
    assert any(name.endswith("#3.wav") for name in names)


def test_the_second_time_nothing_is_done(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_plan(str(clips), str(out), shard_files=3)
    assert work(str(out)) == {"": 10}
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    make_plan(str(clips), str(out), shard_files=3)
    assert work(str(out)) == {}
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == written


def test_files_that_are_broken_changed_or_gone_are_rows_and_can_be_tried_again(
    clips: Path, tmp_path: Path, read_sources: Read
) -> None:
    out = tmp_path / "out"
    files = sorted(clips.rglob("*.wav"))
    files[0].write_bytes(b"this is not sound")
    make_plan(str(clips), str(out))
    content = files[1].read_bytes()
    files[1].write_bytes(content + bytes(2))
    files[2].unlink()
    assert work(str(out)) == {"": 7, "AudioFormatError": 1, "changed": 1, "missing": 1}
    assert read_status(str(out)).failures == {"AudioFormatError": 1, "changed": 1, "missing": 1}
    files[2].write_bytes(content)
    assert retry(str(out)) == 1
    assert work(str(out)) == {"": 9, "AudioFormatError": 1}
    assert read_sources(out) == Counter(map(str, files))
    assert retry(str(out)) == 0
    with pytest.raises(UnknownNameError, match="There are: AudioFormatError, changed, missing"):
        retry(str(out), ["AudioFormat"])


def test_what_can_be_kept_is_not_computed_again(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = sorted(clips.rglob("*.wav"))
    make_plan(str(clips), str(out))
    files[1].write_bytes(files[1].read_bytes() + bytes(2))
    work(str(out))
    retry(str(out))
    for path in files:
        if path != files[1]:
            path.unlink()
    assert work(str(out)) == {"": 10}


def test_a_part_that_another_worker_wrote_first_is_kept(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = make_plan(str(clips), str(out))
    store = Store(str(out))

    def write_first(state: str, files: int) -> None:
        if state == "claimed":
            store.create(part_key(0), b"first")

    assert work(str(out), write_first) == {}
    assert store.read(part_key(0)) == b"first"
    assert scan(store, plan).finished


class Clock:
    """Stands for the module ``time``: sleeping takes no time, and a wait that never ends is an error."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        assert self.now_s < 10 * GIVE_UP_S


def test_a_worker_ends_where_the_source_cannot_be_reached_for_long(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: FolderSource, entry: Entry) -> bytes:
        raise StoreError("the source cannot be reached")

    out = tmp_path / "out"
    plan = make_plan(str(clips), str(out), shard_files=5)
    monkeypatch.setattr("affekt.batch.work.time", clock := Clock())
    monkeypatch.setattr(FolderSource, "read", fail)
    with pytest.raises(StoreError, match="the source cannot be reached"):
        work(str(out))
    assert GIVE_UP_S < clock.now_s < GIVE_UP_S + 2 * MAX_WAIT_S
    state = scan(Store(str(out)), plan)
    assert not state.set_aside
    assert len(state.running) == 1  # the last attempt, which ended
    assert list(state.open.values()) == [0]


def test_attempts_at_a_source_that_is_reached_again_do_not_count(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, left = FolderSource.read, [StoreError("the source cannot be reached")] * 30

    def fail_at_first(self: FolderSource, entry: Entry) -> bytes:
        if left:
            raise left.pop()
        return usual(self, entry)

    out = tmp_path / "out"
    make_plan(str(clips), str(out))
    monkeypatch.setattr("affekt.batch.work.time", Clock())
    monkeypatch.setattr("affekt.batch.work.PREFETCH_FILES", 2)
    monkeypatch.setattr(FolderSource, "read", fail_at_first)
    assert work(str(out)) == {"": 10}
    assert [one.name for one in (out / "leases").iterdir()] == ["000000-0.json"]


def test_files_whose_size_is_not_planned_are_not_all_held_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Here(Executor):
        def __init__(self, *_: object) -> None:
            pass

        def submit(self, function: Any, /, *given: Any, **named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(function(*given, **named))
            return future

    (tmp_path / "a.wav").write_bytes(bytes(100))
    (tmp_path / "m.csv").write_text("path\n" + "a.wav\n" * 40, encoding="utf-8")
    usual, times = ManifestSource.read, []

    def noted(self: ManifestSource, entry: Entry) -> bytes:
        times.append(entry)
        return usual(self, entry)

    monkeypatch.setattr(ManifestSource, "read", noted)
    monkeypatch.setattr("affekt.batch.work.ThreadPoolExecutor", Here)
    monkeypatch.setattr("affekt.batch.work.PREFETCH_BYTES", 250)
    source = open_source(str(tmp_path / "m.csv"))
    for number, (_, read) in enumerate(prefetch(source, list(source.entries()))):
        assert len(read()) == 100
        assert len(times) - number <= 4
    assert len(times) == 40


def test_a_bucket_is_source_and_destination(clips: Path, s3: str) -> None:
    bucket = Store(s3)
    files = sorted(clips.rglob("*.wav"))
    for path in files:
        bucket.write(f"in/{path.name}", path.read_bytes())
    make_plan(f"{s3}/in", f"{s3}/out", shard_files=4, lease_s=10)
    bucket.write(f"in/{files[0].name}", files[1].read_bytes())
    assert work(f"{s3}/out") == {"": 9, "changed": 1}
    out = Store(f"{s3}/out")
    parts = [parquet.read_table(io.BytesIO(out.read(part_key(number)) or b"")) for number in range(3)]
    sources = [name for part in parts for name in part.column("source").to_pylist()]
    assert sorted(sources) == sorted(f"{s3}/in/{path.name}" for path in files)
    assert read_status(f"{s3}/out").files_done == 10
    assert not out.create(part_key(0), b"again")
