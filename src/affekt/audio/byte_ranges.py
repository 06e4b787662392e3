"""Parts of an open file, as a file of their own or as bytes; little of them is in memory."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from itertools import accumulate
from typing import BinaryIO

CHUNK_BYTES = 1 << 20  # in memory at a time


class Window:
    """Pieces of an open file one after the other, as a file of its own.

    It has no name, because soundfile would take a ``voice.raw`` for headerless data. It does not raise,
    since what a callback raises inside libsndfile is printed and lost: ``error`` keeps it.

    Parameters
    ----------
    file
        Open in binary mode.
    pieces
        Start and end of each in the file; or bytes that stand in its place.
    """

    def __init__(self, file: BinaryIO, *pieces: tuple[int, int] | bytes) -> None:
        self.file, self.pieces = file, pieces
        lengths = [len(one) if isinstance(one, bytes) else one[1] - one[0] for one in pieces]
        self._borders = [0, *accumulate(lengths)]
        self.position = 0
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; none after an error."""
        end = self._borders[-1] if size < 0 else min(self.position + size, self._borders[-1])
        found = []
        while self.position < end and (piece := self._read(end)):
            found.append(piece)
            self.position += len(piece)
        return found[0] if len(found) == 1 else b"".join(found)

    def _read(self, end: int) -> bytes:
        """Read from the piece at the position."""
        number = bisect_right(self._borders, self.position) - 1
        piece, start = self.pieces[number], self.position - self._borders[number]
        length = min(end, self._borders[number + 1]) - self.position
        if isinstance(piece, bytes):
            return piece[start : start + length]
        try:
            self.file.seek(piece[0] + start)
            return self.file.read(length)
        except OSError as error:
            self.error = error
            return b""

    def tell(self) -> int:
        """Return the position."""
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek; stay in place where libsndfile computes an invalid position from a damaged file."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self._borders[-1]}
        if bases[whence] + offset >= 0:
            self.position = bases[whence] + offset
        return self.position


class FileBytes:
    """The bytes of an open file, which are read mostly from beginning to end."""

    def __init__(self, file: BinaryIO | Window) -> None:
        self._file, self._length = file, file.seek(0, os.SEEK_END)
        self._chunk, self._start = b"", 0

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, length: int) -> bytes:
        """Return so many bytes from ``start`` on; fewer at the end of the file."""
        place = start - self._start
        if not 0 <= place <= len(self._chunk) - length:
            self._file.seek(start)
            self._chunk, self._start, place = self._file.read(CHUNK_BYTES), start, 0
        return self._chunk[place : place + length]

    def find(self, wanted: re.Pattern[bytes], start: int, width: int) -> int:
        """Return where ``width`` bytes from ``start`` on are as wanted; -1 if they are nowhere."""
        while start < self._length:
            self.read(start, width)
            if found := wanted.search(self._chunk, start - self._start):
                return self._start + found.start()
            start = max(start + 1, self._start + len(self._chunk) - width + 1)
        return -1
