"""The commands for very many files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow.parquet as parquet
import pytest

Run = Callable[..., tuple[int, str, str]]


def processes_of(session: int) -> list[str]:
    found = []
    for one in psutil.process_iter():
        with suppress(OSError, psutil.Error):  # it has just ended
            if os.getsid(one.pid) == session and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one.name())
    return found


def test_a_batch_is_planned_worked_on_shown_and_tried_again(
    run: Run, mixed_folder: Path, unusable: set[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, _, err = run("batch", "plan", mixed_folder, "--out", out, "--shard-files", "10")
    assert (code, "planned before" in err) == (0, False)
    code, shown, err = run("batch", "work", out, "--jobs", "1")
    assert code == 0
    assert "26 of 26 files answered; 3 of 3 shards done" in shown
    assert f"the rows are in {out}/parts" in err
    code, _, err = run("batch", "plan", mixed_folder, "--out", out, "--shard-files", "10")
    assert (code, "planned before" in err) == (0, True)
    rows = parquet.read_table(out / "parts").to_pylist()
    assert {Path(row["source"]).name for row in rows if row["reason"]} == unusable
    code, shown, _ = run("batch", "status", out, "--json")
    assert code == 0
    assert sum(json.loads(shown)["failures"].values()) == len(unusable)
    assert "0 shards opened" in run("batch", "retry", out)[2]
    code, _, err = run("batch", "retry", out, "--reason", "AudioContentErorr")
    assert (code, "Did you mean 'AudioContentError'?" in err) == (2, True)
    assert "opened again" in run("batch", "retry", out, "--reason", "AudioContentError")[2]
    assert "open" in run("batch", "status", out)[1]


def test_a_source_that_is_not_there_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    code, _, err = run("batch", "run", tmp_path / "nothing", "--out", tmp_path / "out")
    assert (code, "nothing" in err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_stopped_frees_its_shard_and_goes_on(
    run: Run, mixed_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ["batch", "run", str(mixed_folder), "--out", str(out), "--jobs", "1", "--shard-files", "20"]
    slow = (
        "import sys, time; from affekt.batch.rows import Answerer; answer = Answerer.answer\n"
        "Answerer.answer = lambda *given: (time.sleep(0.1), answer(*given))[1]\n"
        f"from affekt import cli; sys.argv = ['affekt', *{command!r}]; cli.main()"
    )
    started = subprocess.Popen([sys.executable, "-c", slow], stderr=subprocess.PIPE, text=True)
    while not list(out.glob("leases/*.json")):
        assert started.poll() is None
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "To continue: affekt batch work" in err
    assert not list(out.glob("leases/*.json")) or list(out.glob("parts/*.parquet"))
    assert run(*command)[0] == 1
    assert len(parquet.read_table(out / "parts")) == 26


def test_a_shard_in_which_three_workers_ended_is_named_by_status_until_it_is_tried_again(
    run: Run, mixed_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("batch", "plan", mixed_folder, "--out", out, "--shard-files", "10")[0] == 0
    (out / "leases").mkdir()
    for attempt in range(3):
        lease = out / "leases" / f"000001-{attempt}.json"
        lease.write_text("{}")
        os.utime(lease, (0, 0))
    said = "set aside, as a worker ended in each three times: shards 1"
    for command in (("work", out, "--jobs", "1"), ("status", out)):
        assert said in run("batch", *command)[1]
    assert not (out / "parts" / "part-000001.parquet").exists()
    assert "1 shard opened again" in run("batch", "retry", out)[2]
    assert "26 of 26 files answered" in run("batch", "work", out, "--jobs", "1")[1]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_disk_that_is_full_ends_the_work_with_advice_and_frees_the_shard(
    run: Run, mixed_folder: Path, tmp_path: Path, jobs: str
) -> None:
    resource = pytest.importorskip("resource")  # a limit of files stands for a full disk
    out = tmp_path / "out"
    assert run("batch", "plan", mixed_folder, "--out", out)[0] == 0
    command = [sys.executable, "-m", "affekt", "batch", "work", str(out), "--jobs", jobs]
    limit = (1000, 1000)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"File too large: '{out}'" in done.stderr.replace("\n", "")
    assert "To continue: affekt batch work" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(out.glob("leases/*"))
    assert not list(out.glob("parts/*"))


@pytest.mark.posix
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_stopped_says_how_to_continue_and_leaves_no_process(
    run: Run, mixed_folder: Path, tmp_path: Path, number: signal.Signals, jobs: str
) -> None:
    out = tmp_path / "out"
    assert run("batch", "plan", mixed_folder, "--out", out, "--shard-files", "13")[0] == 0
    command = [sys.executable, "-m", "affekt", "batch", "work", str(out), "--jobs", jobs]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not list(out.glob("leases/*.json")):
        assert started.poll() is None
        time.sleep(0.01)
    os.killpg(started.pid, number)  # as a terminal does
    _, err = started.communicate(timeout=60)
    assert started.returncode == 128 + number
    assert "To continue: affekt batch work" in err
    assert "Traceback" not in err
    end = time.monotonic() + 30
    while others := processes_of(started.pid):
        assert time.monotonic() < end, others
    assert len(list(out.glob("leases/*"))) == len(list(out.glob("parts/*")))


def test_features_need_a_set_and_other_tasks_none(run: Run, mixed_folder: Path, tmp_path: Path) -> None:
    for words in (["--task", "features"], ["--set", "spectral-120@1"]):
        code, _, err = run("batch", "plan", mixed_folder, "--out", tmp_path / "out", *words)
        assert code == 2
        assert "--task features needs --set NAME" in err


def test_a_place_without_a_plan_is_an_error(run: Run, tmp_path: Path) -> None:
    code, _, err = run("batch", "status", tmp_path)
    assert code == 1
    assert "has no plan" in err
