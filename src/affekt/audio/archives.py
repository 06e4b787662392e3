"""Zip archives from untrusted sources: checked before anything is unpacked."""

from __future__ import annotations

import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from affekt.audio.loading import AUDIO_SUFFIXES
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
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except UNREADABLE as error:
        raise AudioFormatError(f"{name} is not a zip archive that can be read: {error}") from error
    with archive:
        members = archive.infolist()
        most = min(MAX_UNPACKED_BYTES, UNPACKED_PER_PACKED * max(len(content), 1 << 20))
        if fault := find_fault(members, most):
            raise AudioFormatError(f"{name} {fault}")
        found = [one for one in members if _is_audio(one)]
        if not found or len(found) > MAX_MEMBERS:
            raise AudioFormatError(f"{name} holds {len(found)} audio files; 1 to {MAX_MEMBERS} are allowed")
        for count, member in enumerate(found, 1):
            yield member.filename, _unpack(archive, member), count / len(found)


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
