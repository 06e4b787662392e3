"""Writing of files: a file is replaced by a whole new one, or stays as it is."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

PathLike = str | os.PathLike[str]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NAME_LENGTH = 40  # characters of a name that another name is made of: a name has at most 255 bytes


def check_place(path: PathLike) -> None:
    """Raise ``OSError`` if a file cannot be written; called before the work whose result it is.

    Its folder must exist and take new files, and what has its name, if anything, must be a file that may be
    replaced.
    """
    target = find_target(path)
    probe = _temporary_name(target)
    try:
        with _naming(path):
            os.close(_create(probe))
    finally:
        _remove(probe)


def check_folder(path: PathLike) -> None:
    """Make a folder if need be; ``OSError`` where no file can be written into it."""
    Path(path).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        pass


def find_target(path: PathLike) -> Path:
    """Return the file that is replaced: of a link, the file that it points to; the link stays.

    Raises
    ------
    OSError
        There is no such folder, or the name is that of a folder, of a device or pipe, or of a file that may
        not be written to.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    with _naming(path):
        if not target.parent.is_dir():
            folder = str(path.parent)
            raise FileNotFoundError(f"there is no folder {folder!r} to write {path.name} into")
        try:
            mode = target.stat().st_mode
        except FileNotFoundError:
            return target
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "a folder has the name of the file to be written")
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "a device or pipe has the name of the file to be written")
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "the file may not be overwritten")
    return target


@contextmanager
def whole_file(
    path: PathLike, mode: str = "w", *, keep_on_interrupt: bool = False, end: str = ""
) -> Iterator[IO[Any]]:
    """Open a new file that replaces ``path`` when the block ends without an error.

    After an error, Ctrl-C included, the old file is as it was. Until then the new file is beside it under a
    name of its own that ends in ``.part``. File names in the text that are not valid Unicode are written as
    their bytes.

    Parameters
    ----------
    path
        The file; if it is a link, the file that it points to is replaced.
    mode
        ``w`` for text in UTF-8, ``wb`` for bytes.
    keep_on_interrupt
        For text of which each row is followed by ``flush()``: after an error, the rows up to the last
        ``flush()`` are kept in another file beside ``path``, and a note of the error says in which.
    end
        Text that follows the last row, of a kept part too.

    Raises
    ------
    OSError
        The file cannot be written; ``filename`` is ``path``.
    """
    target = find_target(path)
    temporary = _temporary_name(target)
    rows: _Rows | None = None
    try:
        with _open(temporary, mode, target, path) as file:
            rows = _Rows(file) if keep_on_interrupt else None
            yield cast(IO[Any], rows or file)
            if end:
                file.write(end)
            file.flush()
            with _naming(path):
                os.fsync(file.fileno())
        with _naming(path):
            temporary.replace(target)
    except BaseException as error:
        if rows and rows.count and temporary.exists():
            with kept_beside(path, finished_rows(rows.count), error) as place:
                rows.cut(temporary, end)
                temporary.replace(place)
        raise
    finally:
        _remove(temporary)


@contextmanager
def kept_beside(path: PathLike, what: str, error: BaseException) -> Iterator[Path]:
    """Yield a new file beside ``path`` for what was finished before an error, and say so in a note.

    Its name is that of ``path`` with ``partial``: ``all.partial.csv``, or, where there is one already,
    ``all.partial-2.csv``. The block writes or replaces it; if it fails, nothing is kept.
    """
    place = _claim(find_target(path))
    try:
        yield place
    except BaseException:
        _remove(place)
        raise
    error.add_note(f"{what} kept in {place}")


def finished_rows(count: int) -> str:
    """Return what ``kept_beside`` says of rows."""
    return f"{count} finished {'row is' if count == 1 else 'rows are'}"


def harmless_cell(text: str) -> str:
    """Return the text of a CSV cell with ``'`` before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


class _Rows(io.TextIOBase):
    """A text file whose rows are in the file as soon as ``flush`` has returned, and are counted then."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._finished = 0, 0  # rows, and the bytes that they take; changed at once

    @property
    def count(self) -> int:
        """How many rows are in the file."""
        return self._finished[0]

    def write(self, text: str) -> int:
        return self._file.write(text)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()
            self._finished = self._finished[0] + 1, self._file.buffer.tell()  # type: ignore[attr-defined]

    def cut(self, place: Path, end: str) -> None:
        """Cut what was written to ``place`` after the last row."""
        with suppress(OSError):
            self._file.close()
        os.truncate(place, self._finished[1])
        with open(place, "a", encoding="utf-8", newline="") as file:
            file.write(end)


class _NamedFile(io.FileIO):
    """A file whose errors name the file that it is written for."""

    def __init__(self, place: Path, opener: Callable[[str, int], int], shown: PathLike) -> None:
        super().__init__(place, "w", opener=opener)
        self._shown = shown

    def write(self, content: Any) -> int:
        with _naming(self._shown):
            return super().write(content)


def _open(temporary: Path, mode: str, target: Path, shown: PathLike) -> IO[Any]:
    """Create a file, with the permissions of the one that it will replace."""
    with _naming(shown):
        raw = _NamedFile(temporary, lambda name, _: _create(Path(name)), shown)
        if target.exists() and hasattr(os, "fchmod"):
            os.fchmod(raw.fileno(), stat.S_IMODE(target.stat().st_mode))
    buffered = io.BufferedWriter(raw)
    if "b" in mode:
        return buffered
    return io.TextIOWrapper(buffered, encoding="utf-8", newline="", errors="surrogateescape")


def _create(place: Path) -> int:
    """Create a file that was not there, never through a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(place, flags, 0o666)


def _temporary_name(target: Path) -> Path:
    name = target.name
    # The whole name, or its start if it is very long.
    short = name if len(os.fsencode(name)) < 200 else name[:_NAME_LENGTH]
    while os.path.lexists(place := target.with_name(f"{short}.{secrets.token_hex(6)}.part")):
        continue
    return place


def _claim(target: Path) -> Path:
    """Create an empty file beside another, with ``partial`` in its name."""
    stem = target.stem if len(os.fsencode(target.name)) < 200 else target.stem[:_NAME_LENGTH]
    number = 1
    while True:
        place = target.with_name(f"{stem}.partial{f'-{number}' * (number > 1)}{target.suffix}")
        try:
            os.close(_create(place))
        except FileExistsError:
            number += 1
        else:
            return place


def _remove(place: Path) -> None:
    with suppress(OSError):
        place.unlink()


@contextmanager
def _naming(path: PathLike) -> Iterator[None]:
    """Let errors of the operating system name the file that the user knows."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename == path:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
