"""How an experiment is run is checked before it starts, and does not change what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.synthetic import QUICK, assert_same

from affekt.evaluation.execution import Execution
from affekt.experiments.scoring import evaluate


def test_the_folder_for_checkpoints_is_made_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "if need be"
    Execution(checkpoints=folder)
    assert folder.is_dir()
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Execution(checkpoints=tmp_path / "file")


def test_an_empty_name_is_not_taken_for_the_current_folder() -> None:
    with pytest.raises(ValueError, match=r"checkpoints is an empty name: give a folder, or '.'"):
        Execution(checkpoints="")


@pytest.mark.parametrize("jobs", [True, "2", 1.5, None])
def test_jobs_of_a_wrong_type_are_refused(jobs: Any) -> None:
    with pytest.raises(TypeError, match="jobs is a number of processes"):
        Execution(jobs=jobs)


@pytest.mark.parametrize("jobs", [0, -1])
def test_there_is_at_least_one_process(jobs: int) -> None:
    with pytest.raises(ValueError, match=f"1 or more, not {jobs}"):
        Execution(jobs=jobs)


def test_by_default_nothing_is_kept_or_shown() -> None:
    assert Execution() == Execution(jobs=1, progress=False, checkpoints=None)


def test_results_depend_neither_on_processes_nor_on_progress_bars_nor_on_checkpoints(
    small_ravdess: Path, tmp_path: Path
) -> None:
    plain = evaluate(small_ravdess, QUICK)
    assert_same(plain, evaluate(small_ravdess, QUICK, jobs=2, progress=True, checkpoints=tmp_path))
