"""The parts of a file: joined files are read one after the other, and wrong lengths are put right.

libsndfile reads the first of several files that were joined (``cat a.ogg b.ogg``), and believes what the
first header says.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import BinaryIO

from affekt.audio.mp3 import split_mp3
from affekt.audio.samples import Request
from affekt.audio.waveform import MAX_STREAM_BYTES
from affekt.errors import AudioContentError, AudioFormatError

MAX_PARTS = 10_000
MAX_PAGES = 1 << 20  # of Ogg: two hours with a page for every 10 ms have 720,000
MAX_CHUNKS = 10_000  # of WAV
_CHUNK_BYTES = 1 << 20
_FLAC_START = re.compile(rb"fLaC[\0\x80]\0\0\x22")  # with the block that every FLAC begins with
_PAGE_START = re.compile(rb"OggS\0(?=(.))", re.DOTALL)
_PAGE_CONTINUES, _PAGE_BEGINS, _PAGE_ENDS = 1, 2, 4  # flags of an Ogg page (RFC 3533)
_CHUNKS_AFTER_DATA = (
    b"LIST",
    b"id3 ",
    b"ID3 ",
    b"PEAK",
    b"fact",
    b"bext",
    b"cue ",
    b"smpl",
    b"JUNK",
    b"PAD ",
)
_LENGTH_UNKNOWN = b"\xff" * 4


class Window:
    """Part of an open file, as a file of its own.

    It has no name, because soundfile would take a ``voice.raw`` for headerless data. It does not raise,
    since what a callback raises inside libsndfile is printed and lost: ``error`` keeps it.
    """

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self.file, self.start, self.end = file, start, end
        self.position = 0
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; none after an error."""
        left = max(0, self.end - self.start - self.position)
        try:
            self.file.seek(self.start + self.position)
            content = self.file.read(left if size < 0 else min(size, left))
        except OSError as error:
            self.error = error
            return b""
        self.position += len(content)
        return content

    def tell(self) -> int:
        """Return the position."""
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek; stay in place where libsndfile computes an invalid position from a damaged file."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.end - self.start}
        if bases[whence] + offset >= 0:
            self.position = bases[whence] + offset
        return self.position


@dataclass(frozen=True)
class Part:
    """One of the files that were joined.

    Attributes
    ----------
    file
        To be read from its beginning.
    skipped, expected
        As for ``Mp3Part``.
    incomplete
        Why the part may be cut off; empty if it is not.
    """

    file: Window
    skipped: int = 0
    expected: int = 0
    incomplete: str = ""


def find_parts(file: BinaryIO, head: bytes, request: Request) -> list[Part]:
    """Return the parts of a file that begins with ``head``; most files have one.

    Raises
    ------
    AudioFormatError, AudioContentError
        There are too many parts, or an MP3 is too large to be held in memory.
    """
    parts = _find_parts(file, head, request)
    if len(parts) > MAX_PARTS:
        raise AudioFormatError(f"{request.name} is made of more than {MAX_PARTS} joined files")
    return parts


def _find_parts(file: BinaryIO, head: bytes, request: Request) -> list[Part]:
    size, name = file_size(file), request.name
    if head.startswith(b"OggS"):
        return _ogg_parts(file, size, name)
    if head.startswith(b"fLaC"):
        starts = [at for at, _ in islice(_find_all(file, _FLAC_START, 8), MAX_PARTS + 1)]
        return _between(file, [0, *(at for at in starts if at), size])
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return _wav_parts(file, size, name)
    if is_mp3(head):
        parts = [
            Part(
                _whole(one.content),
                one.skipped,
                one.expected,
                "its last frame is incomplete" if one.incomplete else "",
            )
            for one in split_mp3(_read_all(file, size, name), name, request.max_duration_s)
        ]
        return parts or _between(file, [0, size])
    return _between(file, [0, size])


def is_mp3(head: bytes) -> bool:
    """Return whether a file begins with an ID3 tag or a frame of MPEG layer III."""
    return head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2)


def file_size(file: BinaryIO) -> int:
    """Return the number of bytes of an open file."""
    return file.seek(0, os.SEEK_END)


def _read_all(file: BinaryIO, size: int, name: str) -> bytes:
    if size > MAX_STREAM_BYTES:
        raise AudioContentError(
            f"{name} is too large: {size} bytes; {MAX_STREAM_BYTES} are allowed in this format"
        )
    file.seek(0)
    return file.read()


def _whole(content: bytes) -> Window:
    return Window(io.BytesIO(content), 0, len(content))


def _between(file: BinaryIO, borders: list[int]) -> list[Part]:
    return [Part(Window(file, start, end)) for start, end in pairwise(borders)]


def _find_all(
    file: BinaryIO, wanted: re.Pattern[bytes], width: int
) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Yield position and match wherever ``width`` bytes are as wanted, in order."""
    file.seek(0)
    before, at = b"", 0
    while chunk := file.read(_CHUNK_BYTES):
        text = before + chunk
        for match in wanted.finditer(text):
            yield at - len(before) + match.start(), match
        at += len(chunk)
        before = text[1 - width :]


def _ogg_parts(file: BinaryIO, size: int, name: str) -> list[Part]:
    """Return the chained streams: a page begins one if it does not follow on another such page."""
    borders, flags = [0], _PAGE_BEGINS
    for count, (at, page) in enumerate(_find_all(file, _PAGE_START, 6)):
        if count >= MAX_PAGES:
            raise AudioFormatError(f"{name} has more than {MAX_PAGES} Ogg pages")
        before, flags = flags, page[1][0]
        if flags & _PAGE_BEGINS and not before & _PAGE_BEGINS:
            borders.append(at)
        if len(borders) > MAX_PARTS:
            break
    *parts, last = _between(file, [*borders, size])
    missing = "" if flags & _PAGE_ENDS else "its last page is missing"
    return [*parts, Part(last.file, incomplete=missing)]


def _wav_parts(file: BinaryIO, size: int, name: str) -> list[Part]:
    borders = [0]
    while len(borders) <= MAX_PARTS + 2:
        file.seek(borders[-1])
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            break
        length = int.from_bytes(head[4:8], "little")
        borders.append(borders[-1] + 8 + length + length % 2)
    if len(borders) > 2:
        return _between(file, [*borders[:-1], size])
    file.seek(0)
    at = _empty_data(file, size)
    if not at:
        return _between(file, [0, size])
    content = _read_all(file, size, name)
    return [Part(_whole(content[: at + 4] + _LENGTH_UNKNOWN + content[at + 8 :]))]


def _empty_data(file: BinaryIO, size: int) -> int:
    """Return where a data chunk of length 0 begins that has samples all the same; 0 if there is none."""
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 >= size:
            break
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if name == b"data":
            return at if not length and file.read(4) not in _CHUNKS_AFTER_DATA else 0
        at += 8 + length + length % 2
    return 0
