"""Memory is bounded before it is allocated, and whatever a source raises becomes an error of affekt."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.encoding import encode, voice

from affekt.audio import decoding, samples
from affekt.audio.loading import load_audio, load_channels
from affekt.audio.samples import Blocks, Request, assemble, check_stream, guarded, join_blocks
from affekt.errors import (
    AudioContentError,
    AudioError,
    AudioFormatError,
    AudioReadError,
    MissingExtraError,
    UnknownNameError,
)

Array = np.ndarray

RATE = 8000


def flac_that_claims(frames: int, rate: int, channels: int = 1) -> bytes:
    """A FLAC of a second whose header promises more."""
    content = bytearray(encode(voice(1, RATE), RATE, "FLAC"))
    claim = rate << 44 | (channels - 1) << 41 | 15 << 36 | frames
    content[18:26] = claim.to_bytes(8, "big")
    return bytes(content)


def memory_of(path: Path) -> tuple[str, int]:
    """What reading a file says, and the megabytes that it needs more than the program itself."""
    pytest.importorskip("resource")
    program = (
        "import resource, sys; from affekt.audio.loading import load_audio\n"
        "from affekt.errors import AudioError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "try: print(load_audio(sys.argv[1]))\n"
        "except AudioError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    said, megabytes = done.stdout.splitlines()
    return said, int(megabytes)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in the units of Linux")
@pytest.mark.parametrize("rate", [8000, 655_350])
def test_a_flac_that_claims_years_asks_for_no_memory(rate: int, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac_that_claims((1 << 36) - 1, rate))
    said, megabytes = memory_of(tmp_path / "a.flac")
    assert "cut off" in said
    assert megabytes < 200


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in the units of Linux")
def test_hours_of_silence_in_a_small_file_are_refused(tmp_path: Path) -> None:
    frames = np.zeros(48_000 * 600, np.int16)
    soundfile.write(tmp_path / "a.flac", frames, 48_000, compression_level=1.0)
    content = (tmp_path / "a.flac").read_bytes()
    assert len(content) < samples.FIRST_SAMPLES / samples.SAMPLES_PER_BYTE * 4
    said, megabytes = memory_of(tmp_path / "a.flac")
    assert "is no recording of speech" in said or "silent" in said
    assert megabytes < 400


class Endless(Blocks):
    """A stream that never ends."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        while True:
            yield np.zeros((1 << 20, self.channels), np.float32)


def test_a_stream_without_end_is_left_at_the_limit() -> None:
    with pytest.raises(AudioContentError, match=r"x is longer than the limit of 600 s"):
        join_blocks(Endless(8000, 1, file_bytes=1 << 30), Request("x", max_duration_s=600))


def test_a_stream_that_is_far_larger_than_its_file_is_refused() -> None:
    with pytest.raises(AudioContentError, match=r"x is no recording of speech: 900 bytes unpack to more"):
        join_blocks(Endless(48_000, 1, file_bytes=900), Request("x"))


def test_a_stream_of_many_channels_is_believed_no_more_than_that_of_one() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(AudioContentError, match="900 bytes unpack to more than 16777216 samples"):
            join_blocks(Endless(48_000, 8, file_bytes=900), Request("x", audio_channel="each"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 4 * samples.FIRST_SAMPLES  # the array, the smaller one before, a block


def test_the_number_of_samples_is_limited_at_high_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_SAMPLES", 1 << 22)
    with pytest.raises(AudioContentError, match=r"longer than the limit of .* s at 768000 Hz"):
        join_blocks(Endless(768_000, 1, file_bytes=1 << 30), Request("x"))


def test_the_samples_of_all_channels_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_SAMPLES", 1 << 23)
    stream, limit = Endless(8000, 8, file_bytes=1 << 30), r"x is longer than the limit of 131\.072 s"
    with pytest.raises(AudioContentError, match=limit + " at 8000 Hz for each of 8 channels"):
        join_blocks(stream, Request("x", audio_channel="each"))
    with pytest.raises(AudioContentError, match=r"limit of 1048\.58 s at 8000 Hz$"):
        join_blocks(stream, Request("x"))
    eight = np.zeros(((1 << 20) + 1, 8), np.float32)
    with pytest.raises(AudioContentError, match=r"the waveform is longer than the limit of 131\.072 s"):
        load_channels((eight, 8000))


@pytest.mark.parametrize("rate", [0, 999, 768_001, 2**31])
def test_a_sample_rate_that_no_recording_has_is_refused(rate: int) -> None:
    with pytest.raises(AudioFormatError, match=rf"x has the sample rate {rate} Hz; 1000 to 768000 Hz"):
        check_stream(rate, 1, "x")


@pytest.mark.parametrize("channels", [0, 65, 1024])
def test_too_many_channels_are_refused_before_they_are_read(channels: int) -> None:
    with pytest.raises(AudioFormatError, match=f"x has {channels} channels; 1 to 64 are allowed"):
        check_stream(16_000, channels, "x")


def test_a_file_of_too_many_channels_is_refused() -> None:
    content = encode(np.tile(voice(1, RATE)[:, None], (1, 100)), RATE)
    with pytest.raises(AudioFormatError, match="has 100 channels"):
        load_audio(content)


def test_an_unknown_channel_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"no audio channel is called 'lft'. Did you mean 'left'"):
        Request("x", audio_channel="lft")


def test_one_missing_second_in_a_hundred_is_no_note() -> None:
    blocks = Blocks(1000, 1, 0, expected=100_000)
    assert assemble(np.zeros((99_000, 1), np.float32), blocks, Request("x")).notes == ()
    assert assemble(np.zeros((98_999, 1), np.float32), blocks, Request("x")).cut_off


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (MemoryError(), AudioContentError("x needs more memory than there is")),
        (
            OSError(5, "Input/output error"),
            AudioReadError("x cannot be read: [Errno 5] Input/output error"),
        ),
        (AttributeError("no rate"), AudioFormatError("x is not audio that can be read (no rate)")),
        (RuntimeError(), AudioFormatError("x is not audio that can be read (RuntimeError)")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_raised_becomes_one_error_of_the_source(
    raised: Exception, expected: AudioError
) -> None:
    with pytest.raises(type(expected)) as caught, guarded("x"):
        raise raised
    assert (str(caught.value), caught.value.__cause__) == (str(expected), raised)


def test_errors_of_affekt_and_interrupts_pass_unchanged() -> None:
    for error in (MissingExtraError("x", "formats"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, guarded("x"):
            raise error
        assert caught.value is error


def test_a_decoder_that_has_no_memory_is_one_failed_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "join_blocks", fail)
    with pytest.raises(AudioContentError, match="bytes needs more memory than there is"):
        load_audio(encode(voice(1, RATE), RATE))
