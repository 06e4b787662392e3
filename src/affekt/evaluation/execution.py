"""How an experiment is run, whatever it is asked: processes, progress bars, checkpoints."""

from __future__ import annotations

import os
from dataclasses import dataclass

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
        if self.checkpoints is not None:  # found out before anything is computed
            check_folder(self.checkpoints)
