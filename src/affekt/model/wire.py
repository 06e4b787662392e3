"""The part of protobuf's wire format that is needed to find and to append the fields of a message.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator

Message = bytes | memoryview
LARGEST_TAG = (1 << 32) - 1


def fields(message: Message, most: int = 1_000_000) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Yield number, bytes with the tag, and value of each field at the top of a message; nothing is copied.

    Raises
    ------
    ValueError, IndexError
        The message is truncated, is not protobuf, or has more than ``most`` fields.
    """
    message = memoryview(message)
    at = count = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        wire_type = tag & 7
        count += 1
        if count > most:
            raise ValueError(f"the message has more than {most} fields")
        if not 8 <= tag <= LARGEST_TAG:  # readers differ in what they make of such a tag
            raise ValueError(f"no such field: {tag >> 3}")
        if wire_type == 2:
            length, at = _varint(message, at)
        elif wire_type == 0:
            length = _varint(message, at)[1] - at
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"no such wire type: {wire_type}")
        if at + length > len(message):
            raise ValueError("the message ends within a field")
        yield tag >> 3, message[start : at + length], message[at : at + length]
        at += length


def field(number: int, value: bytes) -> bytes:
    """A field that holds bytes (wire type 2), with its tag and its length."""
    return to_varint(number << 3 | 2) + to_varint(len(value)) + value


def _varint(message: Message, at: int) -> tuple[int, int]:
    """The number of 7 bits a byte that starts at ``at``, and the position after it."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def to_varint(value: int) -> bytes:
    """Encode a number of at most 64 bits, without a sign."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
