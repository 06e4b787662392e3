"""MP3 files as streams of frames: how long they are, and where one file was appended to another.

libsndfile trusts the first header of an MP3: without one it guesses the length from the size of the first
frame, and of several joined files it reads the first. Here the frames are found, and each joined file
becomes a part of its own. All frames are looked at before anything is decoded, so what needs more time or
memory than a recording does is refused here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from affekt.audio.byte_ranges import FileBytes, Window
from affekt.audio.waveform import MAX_DURATION_S
from affekt.errors import AudioContentError, AudioFormatError

_RATES = (44_100, 48_000, 32_000)  # of MPEG 1; MPEG 2 has half of these, MPEG 2.5 a quarter
_DIVISORS = {3: 1, 2: 2, 0: 4}  # version in the header -> divisor of the rate
_KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAST_FRAMES = 2  # so many frames more than the header counts are no other file
_FRAMES_UNKNOWN = -1
_HEAD_BYTES = 54  # of a frame, with what a header counts
_MOST_BREAKS = 30_000  # tags, false frames and joined files; 500 MB of noise have so many
# How a frame of layer III may begin.
_FRAME_START = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")


@dataclass(frozen=True)
class Mp3Part:
    """One of the files that were joined, without its tags.

    Attributes
    ----------
    pieces
        Its frames, after its header or a silent frame: pieces of the file, as for ``Window``.
    skipped
        Samples in front that are not in the file.
    expected
        Samples that it should have; 0 where libsndfile knows.
    incomplete
        Whether the last frame ends early, and no header says how many there should be.
    """

    pieces: tuple[tuple[int, int] | bytes, ...]
    skipped: int = 0
    expected: int = 0
    incomplete: bool = False


class _Frame(NamedTuple):
    """One frame: where it is, and what the frames of one file have in common."""

    start: int
    length: int
    kind: tuple[int, int, bool]  # version, rate and whether it is mono
    head: bytes
    counted: int | None = None  # if this is a header: the frames that follow

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def samples(self) -> int:
        return 1152 if self.kind[0] == 3 else 576

    @property
    def seconds(self) -> float:
        return self.samples / self.kind[1]


@dataclass
class _Run:
    """Frames of one file, most of them consecutive: only the first and the last are kept."""

    header: _Frame | None = None
    first: _Frame | None = None
    last: _Frame | None = None
    count: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)  # start and end of consecutive frames

    def add(self, frame: _Frame) -> None:
        start = frame.start
        if self.last and self.last.end == start:
            start, _ = self.spans.pop()
        self.spans.append((start, frame.end))
        self.first, self.last, self.count = self.first or frame, frame, self.count + 1


def split_mp3(
    file: BinaryIO, name: str = "the MP3", max_duration_s: float = MAX_DURATION_S
) -> list[Mp3Part]:
    """Return a part for each file that was joined, in order; none if this is not an MP3.

    Raises
    ------
    AudioFormatError, AudioContentError
        There is too much in it that is no frame, or its frames last longer than ``max_duration_s``;
        ``name`` is for the message.
    """
    runs: list[_Run] = []
    content, seconds = FileBytes(file), 0.0
    for frame in _frames(content, name):
        if _starts_a_file(frame, runs[-1] if runs else None):
            _check_breaks(len(runs), name)
            runs.append(_Run())
        if frame.counted is None:
            runs[-1].add(frame)
        else:
            runs[-1].header = frame
        seconds += frame.seconds
        if seconds > max_duration_s + len(runs):  # a decoder leaves less than a second of each file out
            raise AudioContentError(f"{name} is longer than the limit of {max_duration_s:g} s")
    return list(_parts(runs, len(content)))


def first_frame(file: BinaryIO | Window, name: str) -> int:
    """Return where the first frame begins, -1 if there is none."""
    return next((frame.start for frame in _frames(FileBytes(file), name)), -1)


def _check_breaks(count: int, name: str) -> None:
    if count >= _MOST_BREAKS:
        raise AudioFormatError(
            f"{name} is not audio that can be read (as an MP3, it is interrupted more than {count} times)"
        )


def _starts_a_file(frame: _Frame, run: _Run | None) -> bool:
    if run is None or frame.counted is not None:
        return True
    if run.last and run.last.kind != frame.kind:
        return True
    return run.header is not None and run.count == run.header.counted


def _parts(runs: list[_Run], size: int) -> Iterator[Mp3Part]:
    """Yield parts without runs of a few frames behind a file: some headers count one frame too few."""
    for number, run in enumerate(runs):
        remainder = number and not run.header and run.count <= _LAST_FRAMES
        if run.first and run.last and not remainder:
            yield _part(run, run.first, run.last, size)


def _part(run: _Run, first: _Frame, last: _Frame, size: int) -> Mp3Part:
    header = run.header
    frames: list[tuple[int, int] | bytes] = [(start, min(end, size)) for start, end in run.spans]
    if header and header.counted != _FRAMES_UNKNOWN and not _is_vbri(header.head):
        return Mp3Part(((header.start, header.end), *frames))
    pieces = (_silent_frame(first.head), *frames)
    if header and header.counted and header.counted > 0:
        return Mp3Part(pieces, first.samples, header.counted * first.samples)
    incomplete = last.end > size
    return Mp3Part(pieces, first.samples, (run.count - incomplete) * first.samples, incomplete)


def _silent_frame(head: bytes) -> bytes:
    """Return a frame of the lowest bit rate.

    libsndfile takes all frames for as long as the first, and reads no more than it then expects. With the
    shortest frame in front it expects too many, and reads all.
    """
    start = bytes([head[0], head[1] | 1, 1 << 4 | head[2] & 0x0C, head[3]])
    measured = _measure(start)
    return start.ljust(measured[0], b"\0") if measured else b""


def _frames(content: FileBytes, name: str) -> Iterator[_Frame]:
    """Yield the frames in order; tags and what is damaged between them are passed over."""
    position, synchronised, breaks = 0, False, 0
    while position + 4 <= len(content):
        head = content.read(position, _HEAD_BYTES)
        if len(head) < 4:  # the file has become shorter
            return
        measured = _measure(head[:4])
        if measured and (synchronised or _is_followed(content, position, *measured)):
            length, kind = measured
            yield _Frame(position, length, kind, head, _counted(head))
            position, synchronised = position + length, True
            continue
        _check_breaks(breaks, name)
        breaks += 1
        if skipped := tag_length(head):
            position += skipped
            continue
        position, synchronised = content.find(_FRAME_START, position + 1, width=3), False
        if position < 0:
            return


@functools.lru_cache(maxsize=1024)  # most frames of a file begin in the same way
def _measure(start: bytes) -> tuple[int, tuple[int, int, bool]] | None:
    """Return length and kind of the frame that begins so; None if none of layer III does."""
    first, second, third, fourth = start
    version, rate_index, bits_index = second >> 3 & 3, third >> 2 & 3, third >> 4
    if first != 0xFF or second & 0xE6 != 0xE2 or version == 1 or rate_index == 3 or bits_index in (0, 15):
        return None
    rate = _RATES[rate_index] // _DIVISORS[version]
    kbits = (_KBITS_MPEG1 if version == 3 else _KBITS_MPEG2)[bits_index]
    length = (144_000 if version == 3 else 72_000) * kbits // rate + (third >> 1 & 1)
    return length, (version, rate, fourth >> 6 == 3)


def _is_followed(content: FileBytes, at: int, length: int, kind: tuple[int, int, bool]) -> bool:
    """Return whether a frame of the same kind, a tag or the end follows: four bytes may be chance."""
    after = at + length
    if after + 4 > len(content):
        return at == 0 or after == len(content)
    head = content.read(after, _HEAD_BYTES)
    measured = _measure(head[:4])
    return bool(tag_length(head)) or (measured is not None and measured[1][:2] == kind[:2])


def _header_offset(head: bytes) -> int:
    """Return where in its first frame the header's text begins: behind the side information."""
    mono = head[3] >> 6 == 3
    if head[1] >> 3 & 3 == 3:
        return 4 + (17 if mono else 32)
    return 4 + (9 if mono else 17)


def _counted(head: bytes) -> int | None:
    """Return how many frames a header counts, -1 if it does not; None if this frame is no header."""
    text = head[_header_offset(head) :]
    if text.startswith((b"Xing", b"Info")):
        has_count = text[7:8] and text[7] & 1
        return int.from_bytes(text[8:12], "big") if has_count else _FRAMES_UNKNOWN
    return int.from_bytes(head[50:54], "big") if _is_vbri(head) else None


def _is_vbri(head: bytes) -> bool:
    return head[36:40] == b"VBRI"


def tag_length(head: bytes) -> int:
    """Return the length of the ID3 or APE tag that begins so, 0 if none does."""
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return 10 + size + 10 * (head[5] >> 4 & 1)
    if head[:3] == b"TAG":
        return 128
    if head[:8] == b"APETAGEX":
        size = int.from_bytes(head[12:16], "little")
        return 32 + size if head[23:24] >= b"\x80" else 32
    return 0
