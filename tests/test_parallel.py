"""Many items on several threads come back in their order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from affekt.parallel import map_in_order

JOBS = [1, 2, None]
LONG_S = 60  # a thread that waits in vain gives up; no test waits so long unless it fails


@pytest.mark.parametrize("jobs", JOBS)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_results_are_those_of_map(jobs: int | None, count: int) -> None:
    assert list(map_in_order(str, range(count), jobs)) == list(map(str, range(count)))


def test_an_item_that_ends_first_does_not_come_first() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> tuple[int, bool]:
        if item == 0:
            return item, second_is_done.wait(LONG_S)
        second_is_done.set()
        return item, True

    assert list(map_in_order(work, [0, 1], jobs=2)) == [(0, True), (1, True)]


def test_one_job_works_in_the_callers_own_thread() -> None:
    threads = set(map_in_order(lambda _: threading.get_ident(), range(9), jobs=1))
    assert threads == {threading.get_ident()}


def test_no_more_than_jobs_items_are_worked_on_at_once() -> None:
    at_work, most, lock = set(), [0], threading.Lock()

    def work(item: int) -> None:
        with lock:
            at_work.add(item)
            most[0] = max(most[0], len(at_work))
        threading.Event().wait(0.001)
        with lock:
            at_work.remove(item)

    list(map_in_order(work, range(50), jobs=3))
    assert 1 <= most[0] <= 3


@pytest.mark.parametrize("jobs", JOBS)
def test_an_error_comes_in_the_place_of_its_result(jobs: int | None) -> None:
    results = map_in_order(lambda item: 1 // item, [1, 1, 0, 1], jobs)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_was_not_begun_is_dropped_when_the_caller_stops(jobs: int) -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item:
            threading.Event().wait(0.02)
        return item

    results = map_in_order(work, range(1000), jobs)
    assert isinstance(results, Iterator)
    assert next(results) == 0
    results.close()
    assert len(begun) < 1000
