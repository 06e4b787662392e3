"""The parts of a file: joined files are read one after the other, and wrong lengths are put right.

libsndfile reads the first of several files that were joined (``cat a.ogg b.ogg``), and believes what the
first header says.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import BinaryIO, Literal, cast

from affekt.audio.byte_ranges import CHUNK_BYTES, Window
from affekt.audio.mp3 import first_frame, split_mp3, tag_length
from affekt.audio.samples import Request
from affekt.errors import AudioFormatError

MAX_PARTS = 10_000
MAX_PAGES = 1 << 20  # of Ogg: two hours with a page for every 10 ms have 720,000
MAX_CHUNKS = 10_000  # of WAV
UNDERSTATED = 20  # a length is wrong if more than this part of it follows, and is nothing known
_FLAC_START = re.compile(rb"fLaC[\0\x80]\0\0\x22")  # with the block that every FLAC begins with
_PAGE_START = re.compile(rb"OggS\0(?=(.))", re.DOTALL)
_PAGE_CONTINUES, _PAGE_BEGINS, _PAGE_ENDS = 1, 2, 4  # flags of an Ogg page (RFC 3533)
_CHUNKS_AFTER_DATA = (
    b"LIST", b"id3 ", b"ID3 ", b"PEAK", b"fact", b"bext", b"cue ", b"smpl", b"JUNK", b"PAD ", b"(c) ",
)  # fmt: skip
_LONG_LENGTH_AT = 28  # of an RF64 file, in its first chunk
_LENGTH_UNKNOWN = b"\xff" * 4
_ZEROS = bytes(8)
_SHORT_STARTS = (b"FLV", b"TTA1", b"caff", b"RF64")
_LONG_STARTS = (
    b"\x30\x26\xb2\x75",
    b"riff\x2e\x91\xcf\x11",
    b"NIST_1A",
    b"Creative Voice",
)  # ASF, W64, ...
_INITIAL = b"[" + b"".join(re.escape(bytes([flags])) for flags in range(256) if flags & 8) + b"]"
# A block of WavPack with sample 0: the first of its channels, and not empty.
_WAVPACK_BEGINS = re.compile(
    rb"wvpk.{4}[\x02-\x10]\x04.{6}\0{4}." + _INITIAL + rb"..(?!\0{4}).{4}", re.DOTALL
)
_TAG_STARTS = (b"TAG", b"ID3", b"APETAGEX", _ZEROS, b"\xff" * 8)


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


@dataclass(frozen=True)
class _Chunks:
    """How a format names its chunk of samples and writes the lengths of chunks, from which position on."""

    samples: bytes
    order: Literal["little", "big"]
    start: int = 12
    width: int = 4


def find_parts(file: BinaryIO, head: bytes, request: Request) -> list[Part]:
    """Return the parts of a file that begins with ``head``; most files have one.

    Raises
    ------
    AudioFormatError, AudioContentError
        There are too many parts, or the frames of an MP3 last too long.
    """
    parts = _find_parts(file, head, request)
    if len(parts) > MAX_PARTS:
        raise AudioFormatError(f"{request.name} is made of more than {MAX_PARTS} joined files")
    return parts


def _find_parts(file: BinaryIO, head: bytes, request: Request) -> list[Part]:
    size = file_size(file)
    if is_mp3(head):
        return _mp3_parts(file, request) or _between(file, [0, size])
    if head.startswith(b"OggS"):
        return _ogg_parts(file, size, request)
    find = {
        b"fLaC": _flac_parts, b"RIFF": _wav_parts, b"FORM": _aiff_parts,
        b".snd": _au_parts, b"caff": _caf_parts, b"RF64": _rf64_parts,
    }.get(head[:4])  # fmt: skip
    return find(file, size) if find else _between(file, [0, size])


def is_mp3(head: bytes) -> bool:
    """Return whether a file begins with a tag of MP3 files, or with a frame of MPEG layer III."""
    return head.startswith((b"ID3", b"APETAGEX")) or (
        len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
    )


def file_size(file: BinaryIO) -> int:
    """Return the number of bytes of an open file."""
    return file.seek(0, os.SEEK_END)


def _between(file: BinaryIO, borders: list[int]) -> list[Part]:
    return [Part(Window(file, span)) for span in pairwise(borders)]


def _with_length(file: BinaryIO, size: int, at: int, length: bytes) -> Part:
    """Return a file with another length in its header."""
    return Part(Window(file, (0, at), length, (at + len(length), size)))


def _find_all(
    file: BinaryIO, wanted: re.Pattern[bytes], width: int
) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Yield position and match wherever ``width`` bytes are as wanted, in order."""
    file.seek(0)
    before, at = b"", 0
    while chunk := file.read(CHUNK_BYTES):
        text = before + chunk
        for match in wanted.finditer(text):
            yield at - len(before) + match.start(), match
        at += len(chunk)
        before = text[1 - width :]


def _mp3_parts(file: BinaryIO, request: Request) -> list[Part]:
    found = split_mp3(file, request.name, request.max_duration_s)
    reason = "its last frame is incomplete"
    return [
        Part(Window(file, *one.pieces), one.skipped, one.expected, reason if one.incomplete else "")
        for one in found
    ]


def _flac_parts(file: BinaryIO, size: int) -> list[Part]:
    starts = [at for at, _ in islice(_find_all(file, _FLAC_START, 8), MAX_PARTS + 1)]
    return _between(file, [0, *(at for at in starts if at), size])


def _aiff_parts(file: BinaryIO, size: int) -> list[Part]:
    borders = _chunk_borders(file, b"FORM", "big")
    if len(borders) > 1:
        return _between(file, [*borders, size])
    return _whole_or_longer(file, size, _Chunks(b"SSND", "big"))


def _caf_parts(file: BinaryIO, size: int) -> list[Part]:
    return _whole_or_longer(file, size, _Chunks(b"data", "big", start=8, width=8))


def _rf64_parts(file: BinaryIO, size: int) -> list[Part]:
    return _whole_or_longer(file, size, _Chunks(b"data", "little"))


def _whole_or_longer(file: BinaryIO, size: int, chunks: _Chunks) -> list[Part]:
    """Return a file as it is, or with the right length of its samples where that is too small."""
    at = _understated_data(file, size, chunks)
    if not at:
        return _between(file, [0, size])
    place, width = at + 4, chunks.width
    file.seek(0)
    if file.read(4) == b"RF64":
        place, width = _LONG_LENGTH_AT, 8
    right = (size - at - 4 - chunks.width).to_bytes(width, chunks.order)
    return [_with_length(file, size, place, right)]


def _ogg_parts(file: BinaryIO, size: int, request: Request) -> list[Part]:
    """Return the chained streams: a page begins one if it does not follow on another such page."""
    borders, flags = [0], _PAGE_BEGINS
    for count, (at, page) in enumerate(_find_all(file, _PAGE_START, 6)):
        if count >= MAX_PAGES and request.max_duration_s < math.inf:
            raise AudioFormatError(f"{request.name} has more than {MAX_PAGES} Ogg pages")
        before, flags = flags, page[1][0]
        if flags & _PAGE_BEGINS and not before & _PAGE_BEGINS:
            borders.append(at)
        if len(borders) > MAX_PARTS:
            break
    *parts, last = _between(file, [*borders, size])
    missing = "" if flags & _PAGE_ENDS else "its last page is missing"
    return [*parts, Part(last.file, incomplete=missing)]


def behind_tags(file: BinaryIO, is_known: Callable[[bytes], bool], name: str) -> BinaryIO:
    """Return a file without the tags and zeros in front of its audio; itself if it has none.

    Where nothing known follows, as where a tag has a wrong length, the first frame of an MP3 is looked for.
    """
    size = file_size(file)
    at, head = _skip_tags(file, size)
    if not at:
        return file
    if not is_known(head):
        frame = first_frame(Window(file, (at, size)), name)
        if frame < 0:
            return file
        at += frame
    return cast(BinaryIO, Window(file, (at, size)))


def _skip_tags(file: BinaryIO, size: int) -> tuple[int, bytes]:
    """Return where the audio may begin, and its first bytes."""
    at = 0
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(32)
        skipped = tag_length(head)
        if at + skipped >= size:  # a wrong length
            skipped = 10
        elif not skipped and head.startswith(_ZEROS):
            skipped = _count_zeros(file, at)
        if not skipped:
            break
        at += skipped
    return at, head


def _count_zeros(file: BinaryIO, at: int) -> int:
    """Return how many zero bytes are here, 0 if there is nothing else to the end."""
    file.seek(at)
    count = 0
    while chunk := file.read(CHUNK_BYTES):
        if others := chunk.lstrip(b"\0"):
            return count + len(chunk) - len(others)
        count += len(chunk)
    return 0


def _chunk_borders(file: BinaryIO, start: bytes, order: Literal["little", "big"]) -> list[int]:
    """Return where joined files begin that are one chunk with its length each."""
    borders = [0]
    while len(borders) <= MAX_PARTS:
        file.seek(borders[-1])
        length = int.from_bytes(file.read(8)[4:], order)
        following = borders[-1] + 8 + length + length % 2
        file.seek(following)
        if file.read(4) != start:
            break
        borders.append(following)
    return borders


def _wav_parts(file: BinaryIO, size: int) -> list[Part]:
    borders = _chunk_borders(file, b"RIFF", "little")
    at = _understated_data(file, size, _Chunks(b"data", "little")) if len(borders) == 1 else 0
    if not at:
        return _between(file, [*borders, size])
    return [_with_length(file, size, at + 4, _LENGTH_UNKNOWN)]


def _understated_data(file: BinaryIO, size: int, chunks: _Chunks) -> int:
    """Return where a chunk of samples begins that is longer than it says; 0 if there is none."""
    at = chunks.start
    for _ in range(MAX_CHUNKS):
        if at + 8 >= size:
            break
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(chunks.width), chunks.order)
        body = at + 4 + chunks.width
        if name == chunks.samples:
            if length == 0xFFFF_FFFF:
                length = _long_length(file)
            return at if _goes_on(file, body + length + length % 2, length, size, chunks) else 0
        at = body + length + (length % 2 if chunks.width == 4 else 0)
    return 0


def _long_length(file: BinaryIO) -> int:
    """Return the length of the samples that an RF64 file keeps apart; without end in any other file."""
    file.seek(0)
    head = file.read(_LONG_LENGTH_AT + 8)
    is_long = head.startswith(b"RF64") and head[12:16] == b"ds64"
    return int.from_bytes(head[_LONG_LENGTH_AT:], "little") if is_long else 1 << 63


def _goes_on(file: BinaryIO, end: int, length: int, size: int, chunks: _Chunks) -> bool:
    """Whether samples follow behind the stated end: much, and neither a chunk nor a tag."""
    if size - end <= length // UNDERSTATED:
        return False
    file.seek(end)
    following = file.read(4 + chunks.width)
    fits = end + len(following) + int.from_bytes(following[4:], chunks.order) <= size + 1
    is_chunk = following[:4] in _CHUNKS_AFTER_DATA or (following[:4].isalnum() and fits)
    return not is_chunk and not following.startswith(_TAG_STARTS)


def _au_parts(file: BinaryIO, size: int) -> list[Part]:
    """Return joined files; one whose length is too small is read to its end."""
    borders = [0]
    while len(borders) <= MAX_PARTS:
        file.seek(borders[-1])
        head = file.read(12)
        start, length = (int.from_bytes(head[at : at + 4], "big") for at in (4, 8))
        end = borders[-1] + start + length
        file.seek(end)
        if file.read(4) != b".snd":
            break
        borders.append(end)
    if (
        len(borders) > 1
        or head[8:12] == _LENGTH_UNKNOWN
        or not _goes_on(file, end, length, size, _Chunks(b"", "big"))
    ):
        return _between(file, [*borders, size])
    return [_with_length(file, size, 8, _LENGTH_UNKNOWN)]


def second_start(file: BinaryIO, head: bytes) -> int:
    """Return where the start of a container stands once more, as where files were joined; 0 if nowhere."""
    if head.startswith(b"wvpk"):
        wanted = _WAVPACK_BEGINS
    elif head.startswith(_LONG_STARTS):
        wanted = re.compile(re.escape(head[:16]))
    elif head.startswith(_SHORT_STARTS) or head[4:8] == b"ftyp":
        wanted = re.compile(re.escape(head[:12]))
    else:
        return 0
    return next((at for at, _ in _find_all(file, wanted, 24) if at), 0)
