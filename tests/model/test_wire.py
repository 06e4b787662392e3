"""Fields of protobuf messages, as protobuf itself writes them."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from affekt.model import wire


def make_message() -> onnx.TensorProto:
    tensor = helper.make_tensor("weights", TensorProto.FLOAT, [2, 3], [0.5] * 6)
    tensor.doc_string = "x" * 300  # a length of two bytes
    return tensor


def test_the_fields_of_a_message_are_those_that_protobuf_wrote() -> None:
    content = make_message().SerializeToString()
    found = list(wire.fields(content))
    assert b"".join(whole for _, whole, _ in found) == content
    by_number = {number: bytes(value) for number, _, value in found}
    assert by_number[8] == b"weights"  # TensorProto.name in onnx.proto
    assert by_number[12] == b"x" * 300  # TensorProto.doc_string
    assert by_number[2] == b"\x01"  # TensorProto.data_type, FLOAT


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
@pytest.mark.parametrize("number", [1, 14, 15, 16, 2047, 536_870_911])
def test_a_field_that_is_written_is_found_again(number: int, length: int) -> None:
    value = b"\x80" * length
    ((found, whole, inner),) = wire.fields(wire.field(number, value))
    assert (found, bytes(inner)) == (number, value)
    assert whole == wire.field(number, value)


def test_a_field_may_be_appended_to_a_message() -> None:
    content = make_message().SerializeToString()
    again = onnx.TensorProto()
    again.ParseFromString(content + wire.field(8, b"renamed"))
    assert again.name == "renamed"
    assert again.doc_string == make_message().doc_string


def test_fields_of_fixed_width_are_passed_over() -> None:
    content = b"\x0d" + bytes(4) + b"\x11" + bytes(8) + wire.field(3, b"end")  # fixed32, fixed64, bytes
    assert [(number, len(value)) for number, _, value in wire.fields(content)] == [(1, 4), (2, 8), (3, 3)]


@pytest.mark.parametrize(
    "content",
    [
        b"\x0a",  # no length
        b"\x0a\x05abc",  # shorter than its length
        b"\x0a\x80",  # a length that does not end
        b"\x08\xff",  # a number that does not end
        b"\x08" + b"\xff" * 11 + b"\x01",  # a number of more than 64 bits
        b"\x0d\x00",  # half of a fixed32
        b"\x0b",  # a group, which onnx does not use
        b"\x0f",  # no such wire type
    ],
)
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(wire.fields(content))


def test_every_shortened_message_is_refused_or_ends_between_two_fields() -> None:
    content = make_message().SerializeToString()
    ends = {0}
    for _, whole, _ in wire.fields(content):
        ends.add(max(ends) + len(whole))
    for length in range(len(content)):
        if length in ends:
            list(wire.fields(content[:length]))
        else:
            with pytest.raises((ValueError, IndexError)):
                list(wire.fields(content[:length]))
