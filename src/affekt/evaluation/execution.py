"""How an experiment is run, whatever it is asked: processes, progress bars, checkpoints."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from affekt.support.writing import check_folder


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How an experiment is run; results do not depend on it.

    Attributes
    ----------
    jobs
        Number of processes that read clips.
    progress
        Whether progress bars are shown on a terminal.
    checkpoints
        A folder that keeps what is finished, made if need be: a later run on the same terms, clips and
        versions continues from there. None to keep nothing.
    """

    jobs: int = 1
    progress: bool = False
    checkpoints: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.jobs, bool) or not isinstance(self.jobs, int | np.integer):
            raise TypeError(f"jobs is a number of processes, such as 2, not {self.jobs!r}")
        if int(self.jobs) < 1:
            raise ValueError(f"jobs is a number of processes, 1 or more, not {self.jobs}")
        if self.checkpoints is not None:  # found out before anything is computed
            if not os.fspath(self.checkpoints):
                raise ValueError("checkpoints is an empty name: give a folder, or '.' for the current one")
            check_folder(self.checkpoints)
