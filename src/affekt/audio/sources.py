"""Where audio comes from: files, folders, pipes, open files and bytes, and their names."""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
import inspect
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import ArrayLike

from affekt.audio.waveform import MAX_STREAM_BYTES, Waveform
from affekt.errors import (
    AudioContentError,
    AudioError,
    AudioFormatError,
    AudioNotFoundError,
    AudioReadError,
)

# The suffixes by which audio is found in a folder. A file that is named explicitly may have any suffix.
_LIBSNDFILE_SUFFIXES = {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aiff", ".aif"}
_LIBSNDFILE_SUFFIXES |= {".aifc", ".au", ".caf", ".w64", ".rf64"}
_FFMPEG_SUFFIXES = {".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".aac", ".webm", ".mka", ".mkv"}
_FFMPEG_SUFFIXES |= {".wma", ".amr", ".avi", ".flv", ".wv", ".tta", ".ac3", ".spx"}
AUDIO_SUFFIXES = frozenset(_LIBSNDFILE_SUFFIXES | _FFMPEG_SUFFIXES)

_CHUNK_BYTES = 1 << 20
_OPEN_FILE = re.compile(r"/dev/(fd/\d+|stdin)|/proc/(self|\d+)/fd/\d+")
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True)
class UnreadableSource:
    """A source that cannot be read, in a list of sources: it costs one answer.

    Attributes
    ----------
    name
        Its name.
    error
        What ``load_audio`` raises for it.
    """

    name: str
    error: AudioError


AudioSource = (
    str | os.PathLike[str] | bytes | BinaryIO | tuple[ArrayLike, int] | Waveform | UnreadableSource
)
"""Audio: a path, bytes of a file, an open binary file, ``(waveform, sample_rate)``, or a ``Waveform``."""


def source_name(source: object) -> str:
    """Return the name of a source for tables and messages: its path, or a word for its type."""
    if isinstance(source, tuple | Waveform):
        return "waveform"
    if isinstance(source, bytes | bytearray | memoryview):
        return "bytes"
    try:
        if isinstance(source, str | os.PathLike):
            return os.fsdecode(source)
        name = cast(Any, source).name
    except Exception:  # noqa: BLE001 - a class of the user's may raise anything
        name = None
    return name if name and isinstance(name, str) else f"{type(source).__name__} object"


def as_path(source: Any) -> str | os.PathLike[str]:
    """Return a path as it was given, or as text if it is one of bytes.

    Raises
    ------
    AudioFormatError
        An object that says that it is a path gives none.
    """
    try:
        path = os.fspath(source)
    except Exception as error:
        raise AudioFormatError(f"{source_name(source)} is not a path: {error}") from error
    return os.fsdecode(path) if isinstance(path, bytes) else source


def find_audio(folder: Path) -> list[Path]:
    """Return all files below a folder with a suffix of audio, sorted, without hidden ones.

    Links to folders are not followed.

    Raises
    ------
    AudioReadError
        A folder may not be entered.
    """
    found, errors = _search(folder)
    if errors:
        raise errors[0].error
    return found


def expand_folders(sources: AudioSource | Iterable[AudioSource]) -> list[AudioSource]:
    """Replace each folder by the audio files below it; a folder without any is kept.

    A folder below that may not be entered is replaced by an ``UnreadableSource``. Pipes that are open
    already, such as ``/dev/fd/63``, are read here, because no other process can.
    """
    several: Iterable[Any] = [sources] if _is_one(sources) else cast(Iterable[Any], sources)
    expanded: list[AudioSource] = []
    for given in several:
        source = given
        if isinstance(given, str | os.PathLike):
            try:
                source = as_path(given)
            except AudioFormatError as error:
                expanded.append(UnreadableSource(source_name(given), error.with_traceback(None)))
                continue
        if isinstance(source, str | os.PathLike) and os.path.isdir(source):  # noqa: PTH112 - is_dir() raises on odd names
            found, errors = _search(Path(source))
            expanded.extend([*found, *errors] or [source])
        elif _is_open_pipe(source):
            with open(source, "rb") as file:
                expanded.append(read_whole(file, os.fsdecode(source)))
        else:
            expanded.append(source)
    return expanded


def read_whole(file: BinaryIO, name: str) -> AudioSource:
    """Return what can be read from a stream as a source, which another process can read too."""
    try:
        content = io.BytesIO(read_stream(file, name))
    except AudioError as error:
        return UnreadableSource(name, error.with_traceback(None))
    except OSError as error:
        return UnreadableSource(name, AudioReadError(f"{name} cannot be read: {error}"))
    content.name = name
    return content


def read_stream(file: Any, name: str) -> bytes:
    """Read an open file from its position to its end.

    Raises
    ------
    AudioFormatError, AudioContentError
        It is not open in binary mode, was read to its end before, or is larger than ``MAX_STREAM_BYTES``.
    """
    chunks, size = [], 0
    while chunk := file.read(_CHUNK_BYTES):
        if inspect.iscoroutine(chunk):
            chunk.close()
            raise AudioFormatError(
                f"{name} is read asynchronously: give what its read() returns once awaited"
            )
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise AudioFormatError(f"{name} is not open in binary mode")
        chunks.append(bytes(chunk))
        size += len(chunk)
        if size > MAX_STREAM_BYTES:
            raise AudioContentError(
                f"{name} is larger than the limit of {MAX_STREAM_BYTES} bytes for what is no file on disk"
            )
    if chunk == "":
        raise AudioFormatError(f"{name} is not open in binary mode")
    if not chunks and _is_behind_content(file):
        raise AudioContentError(f"{name} was read to its end before: call its seek(0) first")
    return b"".join(chunks)


def _is_behind_content(file: Any) -> bool:
    try:
        return bool(file.tell())
    except Exception:  # noqa: BLE001 - a pipe has no position
        return False


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file, or read a pipe that is open already.

    Raises
    ------
    AudioNotFoundError, AudioReadError, AudioFormatError
        There is no such file, it is a folder, a named pipe or a device, it may not be read, or is no path.
    """
    path = as_path(path)
    name = os.fsdecode(path)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path raises on odd names
        if not _is_open_pipe(path):
            _refuse_what_is_no_file(name, mode)
        file = open(path, "rb")  # noqa: SIM115 - what is raised while it is read is not about opening
    except FileNotFoundError as error:
        advice = ": affekt fetches nothing from the network, download it first" if "://" in name else ""
        raise AudioNotFoundError(f"there is no file or folder {name!r}{advice}") from error
    except AudioReadError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        raise AudioReadError(f"{name!r} cannot be opened: {error}") from error
    with file:
        yield io.BytesIO(read_stream(file, name)) if not stat.S_ISREG(mode) else file


def _refuse_what_is_no_file(name: str, mode: int) -> None:
    """Refuse what would block, or never end, when it is opened and read."""
    if stat.S_ISDIR(mode):
        found, _ = _search(Path(name))
        empty = f" without audio files, whose names end in one of {', '.join(sorted(AUDIO_SUFFIXES))}"
        advice = ": name the audio files in it" if found else empty
        raise AudioReadError(f"{name!r} is a folder{advice}")
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise AudioReadError(
                f"{name!r} is {kind}, not a file: give a file, or its content to 'affekt predict -'"
            )


def _is_open_pipe(source: object) -> bool:
    """Return whether this is the path of a pipe that this process has open, as of a shell's ``<(...)``."""
    name = os.fsdecode(source) if isinstance(source, str | os.PathLike) else ""
    opened_as = _OPEN_FILE.fullmatch(name)
    if not opened_as:
        return False
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode) and not _is_for_writing(name)  # noqa: PTH116 - as above
    except OSError:
        return False


def _is_for_writing(name: str) -> bool:
    """Whether a pipe is what this process writes to, such as ``/dev/fd/1``: reading it would never end."""
    number = name.rpartition("/")[2]
    if fcntl is None or not number.isdigit():
        return False
    return fcntl.fcntl(int(number), fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


def _search(folder: Path) -> tuple[list[Path], list[UnreadableSource]]:
    """Return the audio files below a folder, and the folders that may not be entered."""
    found: list[Path] = []
    errors: list[UnreadableSource] = []

    def refuse(error: OSError) -> None:
        name = str(error.filename)
        errors.append(
            UnreadableSource(name, AudioReadError(f"{name!r} cannot be opened: {error.strerror}"))
        )

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in files if not name.startswith("."))
        found += (path for path in paths if path.suffix.lower() in AUDIO_SUFFIXES and _is_file(path))
    return sorted(found), sorted(errors, key=lambda error: error.name)


def _is_file(path: Path) -> bool:
    """Return whether this is a file, or may be one in a folder that lists its files and shows none."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        return True  # it costs an answer that says why it cannot be opened
    except OSError:
        return False


def _is_one(sources: object) -> bool:
    """Return whether this is one source: a tuple is one if it ends in a sample rate."""
    if isinstance(sources, tuple):
        return len(sources) == 2 and isinstance(sources[1], int | np.integer)
    in_memory = isinstance(sources, bytes | bytearray | memoryview | Waveform | UnreadableSource)
    return in_memory or isinstance(sources, str | os.PathLike) or hasattr(sources, "read")
