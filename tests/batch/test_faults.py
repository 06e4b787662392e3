"""Batch work while machines fail: on an S3 server, and on a Dask cluster in a network of its own."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from affekt.batch.leases import scan
from affekt.batch.plan import LEASES, PARTS, make_plan
from affekt.batch.stores import Store

StartWorker = Callable[[str, int], subprocess.Popen[str]]
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "batch.py"


def kill_in_a_shard(*workers: subprocess.Popen[str]) -> None:
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "hangs\n"
    for worker in workers:
        worker.kill()
        worker.wait()


def versions(store: Store) -> dict[str, tuple[str, object]]:
    return {one["path"]: (one["e_tag"], one["last_modified"]) for one in store.list(PARTS)}


def test_workers_on_a_bucket_are_killed_again_and_again_and_each_file_is_in_the_result_once(
    clips: Path, s3: str, start_worker: StartWorker
) -> None:
    source, out = Store(f"{s3}/in"), f"{s3}/out"
    content = next(clips.rglob("*.wav")).read_bytes()
    names = [f"{number}.wav" for number in range(32)]
    for name in names:
        source.write(name, content)
    plan = make_plan(source.address, out, shard_files=4, lease_s=3)
    store = Store(out)

    kill_in_a_shard(start_worker(out, 1), start_worker(out, 6))
    first = versions(store)
    assert len(first) == 1
    kill_in_a_shard(start_worker(out, 6), start_worker(out, 6))
    second = versions(store)
    assert len(second) == 3
    assert second.items() >= first.items()
    begun = {one["path"] for one in store.list(LEASES)}

    last = [start_worker(out, -1), start_worker(out, -1)]
    for worker in last:
        worker.communicate(timeout=120)
        assert worker.returncode == 0
    assert versions(store).items() >= second.items()
    parts = [parquet.read_table(io.BytesIO(store.read(key) or b"")) for key in versions(store)]
    found = Counter(name for part in parts for name in part.column("source").to_pylist())
    assert found == Counter(f"{s3}/in/{name}" for name in names)
    assert scan(store, plan).done == set(range(8))
    dead = {path.split("/")[1][:6] for path in begun} - {key[-14:-8] for key in second}
    again = {one["path"].split("/")[1][:6] for one in store.list(LEASES) if one["path"] not in begun}
    assert len(dead) >= 3
    assert dead <= again


def test_a_cluster_survives_dead_workers_cut_links_and_the_death_of_its_scheduler() -> None:
    name = f"affekt-test-{os.getpid()}"
    if sys.platform != "linux" or not shutil.which("ip"):
        pytest.skip("there is no ip netns")
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        pytest.skip("network namespaces need root")
    subprocess.run(["ip", "netns", "delete", name], check=True)
    words = ["faults", "src/affekt/examples", "--files", "120", "--shard-files", "10"]
    done = subprocess.run([sys.executable, BENCHMARK, *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "120 files are in the result once each; 12 parts, none written again" in done.stdout
