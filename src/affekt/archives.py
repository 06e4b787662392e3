"""Zip archives from elsewhere: what is wrong with one is known before a byte of it is unpacked."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from affekt.audio import AUDIO_SUFFIXES
from affekt.errors import AudioFormatError, AudioReadError

MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 2 << 30
UNPACKED_PER_PACKED = 20  # digital silence in WAV packs better, but nobody sends hours of it


def find_fault(members: Iterable[zipfile.ZipInfo], most_bytes: int) -> str:
    """Why an archive must not be unpacked, empty if it may: paths outside, links, or too much in it."""
    unpacked = 0
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        linked = stat.S_ISLNK(member.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or ":" in member.filename or linked:
            return f"would write outside its folder: {member.filename!r}"
        unpacked += member.file_size
    return f"would unpack to {unpacked} bytes, far more than it may" if unpacked > most_bytes else ""


def read_audio_files(content: bytes, name: str) -> Iterator[BinaryIO]:
    """The audio files in a zip, one after another, each open and with its name.

    Raises
    ------
    AudioFormatError
        It is no zip, holds no audio, or must not be unpacked.
    AudioReadError
        A member is damaged or encrypted.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise AudioFormatError(f"{name} is not a zip archive that can be read: {error}") from error
    with archive:
        members = archive.infolist()
        most = min(MAX_UNPACKED_BYTES, UNPACKED_PER_PACKED * max(len(content), 1 << 20))
        if fault := find_fault(members, most):
            raise AudioFormatError(f"{name} {fault}")
        found = [one for one in members if _is_audio(one)]
        if not found or len(found) > MAX_MEMBERS:
            raise AudioFormatError(
                f"{name} holds {len(found)} audio files: between 1 and {MAX_MEMBERS} will do"
            )
        for member in found:
            try:
                file = io.BytesIO(archive.read(member))
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
                raise AudioReadError(f"{member.filename} in {name} cannot be unpacked: {error}") from error
            file.name = member.filename
            yield file


def _is_audio(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not member.is_dir() and not hidden and path.suffix.lower() in AUDIO_SUFFIXES
