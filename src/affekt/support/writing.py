"""Atomic writing of files: written under another name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def check_place(path: str | os.PathLike[str]) -> None:
    """Raise ``FileNotFoundError`` if the folder of a file to be written does not exist."""
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to write {path.name} into")


def check_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder if need be; ``OSError`` where no file can be written into it."""
    Path(path).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        pass


@contextmanager
def whole_file(
    path: str | os.PathLike[str], mode: str = "w", *, keep_on_interrupt: bool = False
) -> Iterator[IO[Any]]:
    """Open a new file that replaces ``path`` when the block ends without an error.

    After an error the old file is kept, and what was written remains as ``<name>.part``. With
    ``keep_on_interrupt``, the new file also replaces the old one after ``KeyboardInterrupt``, for writers
    of complete rows. File names in the text that are not valid Unicode are written as their bytes.
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
