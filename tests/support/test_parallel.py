"""Results of several processes have the order of the items."""

from __future__ import annotations

import os
import time

import pytest

from affekt.errors import MissingExtraError, UnknownNameError
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
    import multiprocessing

    results = map_in_order(work_slowly_at_first, ITEMS * 20, jobs=2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


def test_there_is_at_least_one_core() -> None:
    assert core_count() >= 1
