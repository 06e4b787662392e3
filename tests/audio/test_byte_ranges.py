"""Parts of files: what a window reads of several pieces, and bytes that are read or found in order."""

from __future__ import annotations

import io
import os
import re

import numpy as np
import pytest

from affekt.audio import byte_ranges
from affekt.audio.byte_ranges import FileBytes, Window

CONTENT = np.random.default_rng(0).bytes(500)


@pytest.mark.parametrize("size", [1, 7, 100, -1])
def test_pieces_are_read_one_after_the_other(size: int) -> None:
    window = Window(io.BytesIO(CONTENT), (0, 10), b"in between", (30, 31), (40, 500))
    expected = CONTENT[:10] + b"in between" + CONTENT[30:31] + CONTENT[40:]
    found = b""
    while piece := window.read(size):
        found += piece
    assert found == expected
    assert window.seek(0, os.SEEK_END) == len(expected)
    for at in (0, 9, 10, 15, 20, 21, 100):
        window.seek(at)
        assert (window.read(25), window.tell()) == (expected[at : at + 25], at + 25)


def test_a_file_that_has_become_shorter_ends_early() -> None:
    assert Window(io.BytesIO(CONTENT), (0, 900), b"more").read() == CONTENT


def test_bytes_are_those_of_the_file_wherever_chunks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_ranges, "CHUNK_BYTES", 64)
    content = FileBytes(io.BytesIO(CONTENT))
    assert len(content) == len(CONTENT)
    for at in [*range(0, 520, 7), 3, 499, 0]:
        assert content.read(at, 20) == CONTENT[at : at + 20]


@pytest.mark.parametrize("size", [5, 64, 1000])
def test_a_pattern_is_found_wherever_chunks_end(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_ranges, "CHUNK_BYTES", size)
    text = (b"-" * 37 + b"abc") * 5 + b"ab"
    content, found, at = FileBytes(io.BytesIO(text)), [], 0
    while (at := content.find(re.compile(b"abc"), at, width=3)) >= 0:
        found.append(at)
        at += 1
    assert found == [match.start() for match in re.finditer(b"abc", text)]
