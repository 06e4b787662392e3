"""Zip archives from untrusted sources: checked before anything is unpacked."""

from __future__ import annotations

import bz2
import copy
import functools
import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from affekt.audio.samples import guarded
from affekt.audio.sources import (
    AUDIO_SUFFIXES,
    AudioSource,
    UnreadableSource,
    expand_folders,
    read_stream,
    source_name,
)
from affekt.errors import AudioError, AudioFormatError, AudioReadError

ZIP_START = b"PK"
MAX_MEMBERS = 10_000
MAX_ENTRIES = 100_000  # of any kind: each needs memory before anything is unpacked
MAX_UNPACKED_BYTES = 2 << 30
MAX_MEMBER_BYTES = 200 << 20  # the limit of one upload
BLOCK_BYTES = 1 << 16
SCANNED_BYTES = 1 << 24
MAX_DICTIONARY_BYTES = 256 << 20  # of LZMA
_ENTRY_START = b"PK\x01\x02"
UNPACKED_PER_PACKED = 20  # digital silence in WAV compresses better, but hours of it are no speech


# Raised for a file that is damaged, encrypted, of an unknown compression method, or not a zip.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError,
    NotImplementedError, ValueError, OverflowError,
)  # fmt: skip


def find_fault(members: Iterable[zipfile.ZipInfo], most_bytes: int) -> str:
    """Return why an archive must not be unpacked: paths outside its folder, links, its size; else empty."""
    unpacked = 0
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        linked = stat.S_ISLNK(member.external_attr >> 16)
        drive = re.match(r"[A-Za-z]:", member.filename)
        if linked:
            return f"holds a link: {member.filename!r}"
        if path.is_absolute() or ".." in path.parts or drive:
            return f"would write outside its folder: {member.filename!r}"
        unpacked += member.file_size
    return f"would unpack to {unpacked} bytes; the limit is {most_bytes}" if unpacked > most_bytes else ""


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a member in blocks, at most as many as it declares.

    Reading a member at once, as ``ZipFile.read`` does, unpacks whatever is there before it looks at the
    declared size: a kilobyte may become gigabytes.

    Raises
    ------
    One of UNREADABLE
        The member is damaged, or holds more or less than it declares.
    """
    left, checksum = member.file_size, 0
    limited = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    for block in (_read if limited else _decompress)(archive, member):
        left -= len(block)
        if left < 0:
            raise zipfile.BadZipFile(f"it holds more than the {member.file_size} bytes that it declares")
        checksum = zlib.crc32(block, checksum)
        yield block
    if left or checksum != member.CRC:
        raise zipfile.BadZipFile("it is damaged: its size or its checksum does not fit")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the blocks of a member for which zipfile keeps to the size of a block."""
    with archive.open(member) as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _decompress(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the blocks of a member that is packed by bzip2 or LZMA, for which zipfile knows no limit."""
    packed = copy.copy(member)  # as if it were stored, without a checksum: the packed bytes
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    del packed.CRC
    decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor
    with archive.open(packed) as file:
        start = b""
        if member.compress_type == zipfile.ZIP_BZIP2:
            decompressor = bz2.BZ2Decompressor()
        elif member.compress_type == zipfile.ZIP_LZMA:
            decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, MAX_DICTIONARY_BYTES)
            start = _lzma_header(file.read(9), member)
        else:
            raise NotImplementedError(f"the compression method {member.compress_type} is not known")
        while not decompressor.eof:
            given = start or (file.read(BLOCK_BYTES) if decompressor.needs_input else b"")
            if decompressor.needs_input and not given:
                raise EOFError("it is cut off")
            yield decompressor.decompress(given, BLOCK_BYTES)
            start = b""


def _lzma_header(head: bytes, member: zipfile.ZipInfo) -> bytes:
    """Turn the 9 bytes before LZMA data in a zip into the 13 bytes before it in a file of its own."""
    if len(head) < 9 or head[2:4] != b"\x05\x00":
        raise zipfile.BadZipFile("it has no header of LZMA")
    ends_with_marker = bool(member.flag_bits & 2)
    return head[4:] + struct.pack("<q", -1 if ends_with_marker else member.file_size)


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
    archive, found = _open(io.BytesIO(content), name)
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
    archive, member, number
        The path of the archive, the path of the file in it, and which of its audio files this is: several
        may have one path.
    """

    name: str
    archive: str
    member: str = ""
    number: int = 0

    def read(self) -> bytes:
        """Return the whole content of the file.

        Raises
        ------
        AudioFormatError, AudioReadError
            The archive cannot be used, or this file in it cannot be unpacked.
        """
        try:
            archive, members = _open_file(self.archive, Path(self.archive).stat().st_mtime_ns)
        except OSError as error:  # it was removed meanwhile
            raise AudioReadError(f"{self.name} cannot be read: {error}") from error
        member = members[self.number] if self.number < len(members) else None
        if member is None or member.filename != self.member:
            raise AudioReadError(f"{self.name} cannot be read: {self.archive} was replaced meanwhile")
        content = _unpack(archive, member)
        if isinstance(content, AudioReadError):
            raise content
        return content


def expand_sources(sources: AudioSource | Iterable[AudioSource]) -> list[AudioSource]:
    """Replace each folder and each zip archive by the audio files in it.

    An archive may be a file on disk, whose files are unpacked when they are read, or the content of one
    (bytes, an open file, standard input), which is unpacked here. An archive that cannot be used stands for
    itself, and raises its error when it is read.
    """
    expanded: list[AudioSource] = []
    for source in expand_folders(sources):
        if isinstance(source, str | os.PathLike) and _is_archive(source):
            expanded += cast(list[AudioSource], _files_in(os.fspath(source)))
        elif _has_archive(source):
            expanded += _unpacked(source)
        else:
            expanded.append(source)
    return expanded


def _has_archive(source: Any) -> bool:
    """Whether bytes, or an open file that can seek, begin as zip archives do."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source[: len(ZIP_START)]) == ZIP_START
    try:
        if not source.seekable():
            return False
        position = source.tell()
        start = source.read(len(ZIP_START))
        source.seek(position)
    except (AttributeError, OSError, ValueError):  # it is no file, or closed
        return False
    return bool(start == ZIP_START)


def _unpacked(source: Any) -> list[AudioSource]:
    """Return the audio files of an archive in memory as open files with names."""
    name = source_name(source)
    try:
        with guarded(name):
            content = read_stream(source, name) if hasattr(source, "read") else bytes(source)
            return [_named(member, f"{name}/{path}") for path, member, _ in read_audio_files(content, name)]
    except AudioError as error:
        return [UnreadableSource(name, error.with_traceback(None))]


def _named(content: bytes | AudioReadError, name: str) -> AudioSource:
    if isinstance(content, AudioReadError):
        return UnreadableSource(name, content)
    file = io.BytesIO(content)
    file.name = name
    return file


def _files_in(path: str) -> list[ArchivedFile]:
    try:
        _, members = _open_file(path, Path(path).stat().st_mtime_ns)
    except (AudioFormatError, OSError):
        return [ArchivedFile(path, path)]
    return [ArchivedFile(f"{path}/{one.filename}", path, one.filename, i) for i, one in enumerate(members)]


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
    return _open(path, path)


def _open(file: str | BinaryIO, name: str) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Open an archive, check it, and return it with its audio files."""
    size, entries = _measure(file)
    if entries > MAX_ENTRIES:
        raise AudioFormatError(f"{name} has more than {MAX_ENTRIES} entries")
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


def _measure(file: str | BinaryIO) -> tuple[int, int]:
    """Return the size of an archive in bytes, and how many entries its list may have."""
    if isinstance(file, str):
        with open(file, "rb") as opened:
            return _measure(opened)
    size = entries = 0
    before = b""
    while block := file.read(SCANNED_BYTES):
        entries += (before + block).count(_ENTRY_START)
        size, before = size + len(block), block[1 - len(_ENTRY_START) :]
    file.seek(0)
    return size, entries


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | AudioReadError:
    if member.file_size > MAX_MEMBER_BYTES:
        return AudioReadError(
            f"{member.filename} is too large: {member.file_size} bytes, of at most {MAX_MEMBER_BYTES}"
        )
    try:
        return b"".join(unpack(archive, member))
    except UNREADABLE as error:
        return AudioReadError(f"{member.filename} cannot be unpacked: {error}")


def _is_audio(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not member.is_dir() and not hidden and path.suffix.lower() in AUDIO_SUFFIXES
