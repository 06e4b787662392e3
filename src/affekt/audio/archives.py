"""Zip archives from untrusted sources: checked before anything is unpacked."""

from __future__ import annotations

import functools
import io
import lzma
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from affekt.audio.loading import AUDIO_SUFFIXES, AudioSource, expand_folders
from affekt.errors import AudioFormatError, AudioReadError

ZIP_START = b"PK"
MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 2 << 30
MAX_MEMBER_BYTES = 200 << 20  # the limit of one upload
UNPACKED_PER_PACKED = 20  # digital silence in WAV compresses better, but hours of it are no speech


# Raised for a file that is damaged, encrypted, of an unknown compression method, or not a zip.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError
)  # fmt: skip


def find_fault(members: Iterable[zipfile.ZipInfo], most_bytes: int) -> str:
    """Return why an archive must not be unpacked: paths outside its folder, links, its size; else empty."""
    unpacked = 0
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        linked = stat.S_ISLNK(member.external_attr >> 16)
        drive = re.match(r"[A-Za-z]:", member.filename)
        if path.is_absolute() or ".." in path.parts or drive or linked:
            return f"would write outside its folder: {member.filename!r}"
        unpacked += member.file_size
    return f"would unpack to {unpacked} bytes; the limit is {most_bytes}" if unpacked > most_bytes else ""


def read_audio_files(content: bytes, name: str) -> Iterator[tuple[str, bytes | AudioReadError, float]]:
    """Yield the audio files of a zip archive.

    Parameters
    ----------
    content
        The bytes of the archive.
    name
        Its name, for messages.

    Yields
    ------
    name : str
        The path of the file in the archive.
    content : bytes or AudioReadError
        The bytes of the file, or the reason why it cannot be unpacked.
    share : float
        The share of the files yielded so far, this one included.

    Raises
    ------
    AudioFormatError
        The archive cannot be read, has no audio files, too many or too large ones, or paths outside its
        folder.
    """
    archive, found = _open(io.BytesIO(content), len(content), name)
    with archive:
        for count, member in enumerate(found, 1):
            yield member.filename, _unpack(archive, member), count / len(found)


@dataclass(frozen=True)
class ArchivedFile:
    """An audio file in a zip archive on disk, unpacked each time that it is read.

    Attributes
    ----------
    name
        The path of the archive, followed by the path of the file in it.
    archive, number
        The path of the archive, and which of its audio files this is.
    """

    name: str
    archive: str
    number: int = 0

    def read(self, size: int = -1) -> bytes:
        """Return the first ``size`` bytes of the file, all of them by default.

        Raises
        ------
        AudioFormatError, AudioReadError
            The archive cannot be used, or this file in it cannot be unpacked.
        """
        try:
            archive, members = _open_file(self.archive, Path(self.archive).stat().st_mtime_ns)
            member = members[self.number]
        except (OSError, IndexError) as error:  # it was removed or replaced meanwhile
            raise AudioReadError(f"{self.name} cannot be read: {error}") from error
        content = _unpack(archive, member)
        if isinstance(content, AudioReadError):
            raise content
        return content if size < 0 else content[:size]


def expand_sources(sources: AudioSource | Iterable[AudioSource]) -> list[AudioSource]:
    """Replace each folder and each zip archive by the audio files in it.

    An archive that cannot be used stands for itself, and raises its error when it is read.
    """
    expanded: list[AudioSource] = []
    for source in expand_folders(sources):
        if isinstance(source, str | os.PathLike) and _is_archive(source):
            # It is read as a binary file is, by its method read.
            expanded += [cast(BinaryIO, file) for file in _files_in(os.fspath(source))]
        else:
            expanded.append(source)
    return expanded


def _files_in(path: str) -> list[ArchivedFile]:
    try:
        _, members = _open_file(path, Path(path).stat().st_mtime_ns)
    except (AudioFormatError, OSError):
        return [ArchivedFile(path, path)]
    return [ArchivedFile(f"{path}/{one.filename}", path, i) for i, one in enumerate(members)]


def _is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether a file that is not named like audio begins as zip archives do."""
    if Path(path).suffix.lower() in AUDIO_SUFFIXES or not os.path.isfile(path):  # noqa: PTH113 - for odd names
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(ZIP_START)) == ZIP_START
    except OSError:
        return False


@functools.lru_cache(maxsize=2)  # its files are read one after the other
def _open_file(path: str, modified: int) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    return _open(path, Path(path).stat().st_size, path)


def _open(file: str | BinaryIO, size: int, name: str) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Open an archive of ``size`` bytes, check it, and return it with its audio files."""
    try:
        archive = zipfile.ZipFile(file)
    except UNREADABLE as error:
        raise AudioFormatError(f"{name} is not a zip archive that can be read: {error}") from error
    members = archive.infolist()
    found = [one for one in members if _is_audio(one)]
    fault = find_fault(members, min(MAX_UNPACKED_BYTES, UNPACKED_PER_PACKED * max(size, 1 << 20)))
    if not fault and not 0 < len(found) <= MAX_MEMBERS:
        fault = f"holds {len(found)} audio files; 1 to {MAX_MEMBERS} are allowed"
    if fault:
        archive.close()
        raise AudioFormatError(f"{name} {fault}")
    return archive, found


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | AudioReadError:
    if member.file_size > MAX_MEMBER_BYTES:
        return AudioReadError(
            f"{member.filename} is too large: {member.file_size} bytes, of at most {MAX_MEMBER_BYTES}"
        )
    try:
        return archive.read(member)
    except UNREADABLE as error:
        return AudioReadError(f"{member.filename} cannot be unpacked: {error}")


def _is_audio(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not member.is_dir() and not hidden and path.suffix.lower() in AUDIO_SUFFIXES
