"""Results of several processes have the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from affekt.errors import MissingExtraError, UnknownNameError, WorkerError
from affekt.support.parallel import MANY, core_count, map_in_order

ITEMS = list(range(MANY + 10))


def work_slowly_at_first(item: int) -> tuple[int, int]:
    if item == 0:
        time.sleep(0.3)
    return item, os.getpid()


def fail_at_seven(item: int) -> int:
    return item // (item - 7)


def return_an_error_of_affekt(item: int) -> Exception:
    return MissingExtraError("this", "train") if item % 2 else UnknownNameError("recipe", "x", ["y", "z"])


def test_results_are_those_of_map_computed_in_other_processes() -> None:
    results = list(map_in_order(work_slowly_at_first, ITEMS, jobs=2))
    assert [item for item, _ in results] == ITEMS
    assert os.getpid() not in {process for _, process in results}


@pytest.mark.parametrize(("items", "jobs"), [(ITEMS, 1), (ITEMS[:5], 2), ([], 2)])
def test_few_items_or_one_job_stay_in_this_process(items: list[int], jobs: int) -> None:
    results = list(map_in_order(work_slowly_at_first, items, jobs))
    assert results == [(item, os.getpid()) for item in items]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_before_an_error_are_yielded(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.support.parallel.BATCH", 7)
    results = map_in_order(fail_at_seven, ITEMS, jobs)
    assert [next(results) for _ in range(7)] == [fail_at_seven(item) for item in range(7)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_errors_of_affekt_are_sent_between_processes() -> None:
    results = list(map_in_order(return_an_error_of_affekt, ITEMS, jobs=2))
    assert str(results[1]) == str(MissingExtraError("this", "train"))
    assert str(results[0]) == str(UnknownNameError("recipe", "x", ["y", "z"]))


def test_stopping_early_leaves_no_process_running() -> None:
    results = map_in_order(work_slowly_at_first, ITEMS * 20, jobs=2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


def end_at_forty(item: int) -> int:
    if item == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_process_that_is_killed_is_an_error_after_the_results_before_it() -> None:
    results = map_in_order(end_at_forty, ITEMS, jobs=2)
    assert [next(results) for _ in range(40)] == ITEMS[:40]
    with pytest.raises(WorkerError, match=r"exit code -9.*memory is short"):
        next(results)
    assert multiprocessing.active_children() == []


def test_an_error_in_another_process_has_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as found:
        list(map_in_order(fail_at_seven, ITEMS, jobs=2))
    assert "fail_at_seven" in str(found.value.__cause__)


def exists(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def children_of(process: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((place / "stat").read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(place.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to look for processes")
def test_a_killed_process_leaves_none_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import time\n"
        "from affekt.support.parallel import map_in_order\n"
        "if __name__ == '__main__':\n"
        "    for i, _ in enumerate(map_in_order(time.sleep, [0.01] * 100_000, jobs=2)):\n"
        "        print(i, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        children = children_of(process.pid)
        process.kill()
    assert len(children) >= 2
    for _ in range(200):
        if not any(map(exists, children)):
            break
        time.sleep(0.05)
    assert not [child for child in children if exists(child)]


def test_processes_end_with_the_one_that_started_them_in_the_midst_of_results(
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\n"
        "from affekt.support.parallel import map_in_order\n"
        "if __name__ == '__main__':\n"
        "    results = map_in_order(time.sleep, [0.01] * 100_000, jobs=2)\n"
        "    next(results)\n"
        "    sys.exit(3)\n"
    )
    assert subprocess.run([sys.executable, str(script)], timeout=60).returncode == 3


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes on this system")
def test_a_signal_to_the_whole_group_is_handled_by_the_main_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, sys, time\n"
        "from affekt.support.parallel import map_in_order\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        "    for i, _ in enumerate(map_in_order(time.sleep, [0.01] * 100_000, jobs=2)):\n"
        "        print(i, flush=True)\n"
    )
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == 3


def test_there_is_at_least_one_core() -> None:
    assert core_count() >= 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            4,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "10000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "no number\n"}, 8),
        (
            {
                "proc/self/cgroup": "3:memory:/docker/x\n2:cpu,cpuacct:/docker/x\n1:name=systemd:/\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "2:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
    ],
)
def test_no_more_cores_are_used_than_a_container_is_granted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert core_count(tmp_path) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_no_more_cores_are_used_than_the_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert core_count() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_windows_gets_no_more_processes_than_it_can_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 128, raising=False)
    monkeypatch.setattr("affekt.support.parallel.sys.platform", "win32")
    assert core_count(Path("nowhere")) == 61
