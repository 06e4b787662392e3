"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def whole_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a new file that takes ``path``'s place when the block ends well.

    After ``KeyboardInterrupt`` it takes its place too, with what was written so far: whoever
    writes must write whole rows. After any other error the old file stays, and what was written
    remains beside it as ``<name>.part``.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.part")
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    with open(part, mode, **text) as file:
        try:
            yield file
        except KeyboardInterrupt:
            _move(file, part, path)
            raise
        _move(file, part, path)


def _move(file: IO[Any], part: Path, path: Path) -> None:
    file.close()
    part.replace(path)
