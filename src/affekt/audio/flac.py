"""The length of a FLAC file by its frames, where its header states too small a one (RFC 9639)."""

from __future__ import annotations

import re

LAST_BYTES = 1 << 19  # of a file, among which its last frame begins
TOTAL_AT, _TOTAL_BITS = 18, 36  # where the header has the number of samples, the last bits of 8 bytes
_FRAME_START = re.compile(rb"\xff[\xf8\xf9][\x10-\xff]")
_BLOCK_SIZES = (
    {1: 192} | {code: 144 << code for code in range(2, 6)} | {code: 1 << code for code in range(8, 16)}
)


def right_header(head: bytes, end: bytes) -> bytes:
    """Return the first 26 bytes of a file with the number of samples that its last frame ends at.

    Parameters
    ----------
    head, end
        The first bytes of the file, and its last ones.

    Returns
    -------
    bytes
        Empty if the header's number is unknown or no smaller.
    """
    field = int.from_bytes(head[TOTAL_AT : TOTAL_AT + 8], "big")
    total, block = field & (1 << _TOTAL_BITS) - 1, int.from_bytes(head[8:10], "big")
    if not total:
        return b""
    ends = (
        _frame_end(end[match.start() : match.start() + 16], block) for match in _FRAME_START.finditer(end)
    )
    last = max(ends, default=0)
    if not total < last < 1 << _TOTAL_BITS:
        return b""
    return head[:TOTAL_AT] + (field - total + last).to_bytes(8, "big")


def _frame_end(start: bytes, block: int) -> int:
    """Return the sample that a frame ends at, 0 if this is no header of a frame."""
    ones = 8 - (start[4] ^ 0xFF).bit_length() if len(start) > 4 else 1
    width = max(1, ones)
    if ones == 1 or ones > 7 or any(byte >> 6 != 2 for byte in start[5 : 4 + width]):
        return 0
    number = start[4] & (0x7F >> ones)
    for byte in start[5 : 4 + width]:
        number = number << 6 | byte & 0x3F
    at, code, rate = 4 + width, start[2] >> 4, start[2] & 15
    size_bytes = {6: 1, 7: 2}.get(code, 0)
    size = _BLOCK_SIZES.get(code) or int.from_bytes(start[at : at + size_bytes], "big") + 1
    at += size_bytes + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if at >= len(start) or _checksum(start[:at]) != start[at]:
        return 0
    return (number if start[1] & 1 else number * block) + size


def _checksum(content: bytes) -> int:
    """Return the CRC-8 of a header, with the polynomial 7."""
    value = 0
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 7 * (value >> 7)) & 0xFF
    return value
