"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose folder is not there, before whatever is to be written is computed."""
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to write {path.name} into")


@contextmanager
def whole_file(
    path: str | os.PathLike[str], mode: str = "w", *, keep_on_interrupt: bool = False
) -> Iterator[IO[Any]]:
    """Open a new file that takes ``path``'s place when the block ends well.

    After an error the old file stays, and what was written remains beside it as ``<name>.part``. With
    ``keep_on_interrupt``, what was written until ``KeyboardInterrupt`` takes its place too: for writers
    of whole rows. Names of files that are no Unicode are written as the bytes that they are.
    """
    path = Path(path)
    check_place(path)
    part = path.with_name(f"{path.name}.part")
    text: dict[str, Any] = (
        {} if "b" in mode else {"encoding": "utf-8", "newline": "", "errors": "surrogateescape"}
    )
    with open(part, mode, **text) as file:
        try:
            yield file
        except KeyboardInterrupt:
            if keep_on_interrupt:
                _move(file, part, path)
            raise
        _move(file, part, path)


def _move(file: IO[Any], part: Path, path: Path) -> None:
    file.close()
    part.replace(path)
