"""A FLAC whose header states too small a length is read to its end."""

from __future__ import annotations

import numpy as np
import pytest
from tests.audio.encoding import encode, streamed_flac, voice

from affekt.audio.flac import right_header
from affekt.audio.loading import load_audio


def with_total(content: bytes, total: int) -> bytes:
    field = int.from_bytes(content[18:26], "big") >> 36 << 36 | total
    return content[:18] + field.to_bytes(8, "big") + content[26:]


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), np.random.default_rng(0).bytes(3000)])
@pytest.mark.parametrize("share", [2, 10])
@pytest.mark.parametrize("rate", [16_000, 11_111, 48_000])
def test_a_flac_that_is_longer_than_it_says_is_read_to_its_end(rate: int, share: int, tail: bytes) -> None:
    whole = encode(voice(2.7, rate), rate, "FLAC")
    frames = round(2.7 * rate)
    found = load_audio(with_total(whole, frames // share) + tail)
    assert found.notes == ()
    np.testing.assert_array_equal(found.samples, load_audio(whole).samples)


def test_the_shorter_one_of_joined_files_is_put_right_too() -> None:
    first, second = (encode(voice(seconds, 16_000), 16_000, "FLAC") for seconds in (2, 1))
    assert load_audio(with_total(first, 9000) + with_total(second, 9000)).duration_s == 3


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.3])
def test_a_header_that_is_right_or_unknown_stays(seconds: float) -> None:
    for content in (encode(voice(seconds), 24_000, "FLAC"), streamed_flac(voice(seconds), 24_000)):
        assert right_header(content[:26], content) == b""
