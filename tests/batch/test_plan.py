"""The plan: shards, and one plan in a store."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from affekt.batch import plan as plans
from affekt.batch.plan import make_plan, read_entries, read_plan
from affekt.batch.stores import Entry, Store
from affekt.batch.work import work
from affekt.errors import BatchError


def test_each_file_is_in_one_shard(clips: Path, tmp_path: Path) -> None:
    plan = make_plan(str(clips), str(tmp_path / "out"), shard_files=4)
    store = Store(str(tmp_path / "out"))
    shards = [read_entries(store, plan.shard_key(number)) for number in range(plan.shards)]
    assert [len(entries) for entries in shards] == [4, 4, 2]
    keys = [one.name for entries in shards for one in entries]
    assert sorted(keys) == sorted(str(path.relative_to(clips)) for path in clips.rglob("*.wav"))
    assert read_plan(store) == plan


def test_a_plan_that_exists_is_kept_and_another_is_refused(clips: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert make_plan(str(clips), out) == make_plan(str(clips), out)
    with pytest.raises(BatchError, match="has a plan for predict"):
        make_plan(str(clips), out, task="timeline")


def test_a_plan_for_another_model_is_an_error(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sha256 = make_plan(str(clips), str(out)).model_sha256
    text = (out / "plan.json").read_text()
    (out / "plan.json").write_text(text.replace(sha256, "0" * 64))
    with pytest.raises(BatchError, match=f"for the model 000000000000, and the one here is {sha256[:12]}"):
        work(str(out))
    assert not list(out.glob("leases/*"))
    with pytest.raises(BatchError, match="with the model 000000000000: choose another --out"):
        make_plan(str(clips), str(out))


def test_without_audio_files_or_a_plan_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(BatchError, match="has no audio files"):
        make_plan(str(tmp_path / "in"), str(tmp_path / "out"))
    with pytest.raises(BatchError, match="has no plan"):
        read_plan(Store(str(tmp_path / "out")))


def test_memory_does_not_grow_with_the_number_of_files(
    measure_peak: Callable[[int], int],
) -> None:
    few, many = measure_peak(2_000), measure_peak(20_000)
    assert many < 1.5 * few


@pytest.fixture
def measure_peak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """Makes a plan of so many files, and returns how many bytes Python has held at most."""

    def measure(count: int) -> int:
        class Listing:
            def entries(self) -> Iterator[Entry]:
                for number in range(count):
                    yield Entry(f"{number:09}.wav".encode(), number, f"{number:x}")

        monkeypatch.setattr(plans, "open_source", lambda address: Listing())
        tracemalloc.start()
        try:
            plan = make_plan("s3://b", str(tmp_path / str(count)), shard_files=500)
            assert plan.files == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    measure(600)  # what is imported or loaded once is not counted
    return measure
