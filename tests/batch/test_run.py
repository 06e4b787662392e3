"""Processes of this machine and a Dask cluster: the same result, also when a process is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.batch.plan import make_plan
from affekt.batch.run import run_here
from affekt.errors import WorkerError

Read = Callable[[Path], Counter[str]]
ON_CLUSTER = """
import sys
from distributed import Client, LocalCluster
from affekt.batch.run import run_on_cluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        files = []
        run_on_cluster(sys.argv[1], cluster.scheduler_address, files.append)
        print(sum(files))
"""
LOST_SCHEDULER = """
import socket, subprocess, sys, threading, time
from affekt.batch.run import run_on_cluster
from affekt.errors import WorkerError
def kill_when_connected():
    for line in scheduler.stderr:
        if "Receive client connection" in line:
            time.sleep(1)  # it has no workers: tasks wait
            scheduler.kill()
if __name__ == "__main__":
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    command += ["--port", port, "--no-dashboard"]
    scheduler = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    threading.Thread(target=kill_when_connected, daemon=True).start()
    try:
        run_on_cluster(sys.argv[1], f"tcp://127.0.0.1:{port}")
    except WorkerError as error:
        print(error)
"""


@pytest.mark.posix
def test_processes_answer_each_file_once_and_a_killed_one_is_replaced(
    clips: Path, tmp_path: Path, read_sources: Read
) -> None:
    out = tmp_path / "out"
    make_plan(str(clips), str(out), shard_files=2, lease_s=1.5)
    killed: list[int] = []

    def kill_one(files: int) -> None:
        if not killed:  # the first message is that of a process that has a shard
            killed.extend(one.pid or 0 for one in multiprocessing.active_children())
            for number in killed:
                os.kill(number, signal.SIGKILL)

    run_here(str(out), 1, kill_one)
    assert len(killed) == 1
    assert read_sources(out) == Counter(map(str, clips.rglob("*.wav")))


def test_an_error_of_a_worker_is_raised(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = make_plan(str(clips), str(out))
    (out / plan.shard_key(0)).unlink()
    with pytest.raises(WorkerError, match="the plan is not complete"):
        run_here(str(out), 1)
    assert not multiprocessing.active_children()


def test_a_dask_cluster_answers_each_file_once(clips: Path, tmp_path: Path, read_sources: Read) -> None:
    out, program = tmp_path / "out", tmp_path / "run.py"
    make_plan(str(clips), str(out), shard_files=3, lease_s=5)
    program.write_text(ON_CLUSTER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), str(out)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["10"]
    assert read_sources(out) == Counter(map(str, clips.rglob("*.wav")))


def test_without_its_scheduler_a_run_ends_with_advice(clips: Path, tmp_path: Path) -> None:
    out, program = tmp_path / "out", tmp_path / "run.py"
    make_plan(str(clips), str(out), shard_files=3, lease_s=5)
    program.write_text(LOST_SCHEDULER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), str(out)], capture_output=True, text=True, check=False, timeout=120
    )
    assert "the scheduler at tcp://" in done.stdout, done.stderr
