"""An MP3 is read to the last sample: with a header or without, joined with others, in any blocks."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.audio.encoding import decoded_by_av, mp3, voice

from affekt.audio import decoding, parts
from affekt.audio import mp3 as mp3_module
from affekt.audio.byte_ranges import CHUNK_BYTES, Window
from affekt.audio.loading import Waveform, load_audio
from affekt.audio.mp3 import split_mp3
from affekt.audio.samples import Request
from affekt.errors import AffektError, AudioContentError, AudioFormatError
from affekt.notes import NoteKind

Array = np.ndarray

RATE = 24_000
KINDS = {
    "constant": {"header": True, "variable": False},
    "variable": {"header": True, "variable": True},
    "constant without header": {"header": False, "variable": False},
    "variable without header": {"header": False, "variable": True},
}


def as_recorded(waveform: Waveform) -> Array:
    return waveform.samples + np.float32(waveform.offset)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
@pytest.mark.parametrize("kind", KINDS)
def test_all_samples_are_those_of_ffmpeg(kind: str, rate: int) -> None:
    content = mp3(voice(4, rate), rate, **KINDS[kind])
    waveform = load_audio(content)
    np.testing.assert_allclose(as_recorded(waveform), decoded_by_av(content), atol=1e-6)
    assert (waveform.sample_rate, waveform.notes) == (rate, ())


@pytest.mark.parametrize("block_frames", [1000, 1 << 12, 1 << 16])
def test_samples_do_not_depend_on_the_blocks(block_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = mp3(voice(), RATE, variable=True)
    whole = load_audio(content)
    monkeypatch.setattr(decoding, "BLOCK_FRAMES", block_frames)
    np.testing.assert_array_equal(load_audio(content).samples, whole.samples)


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
def test_joined_files_are_read_one_after_the_other(first: str, second: str) -> None:
    files = [mp3(voice(seconds, seed=seed), RATE, **KINDS[kind])
             for seed, (seconds, kind) in enumerate([(2, first), (3, second)])]  # fmt: skip
    waveform = load_audio(b"".join(files))
    expected = np.concatenate([decoded_by_av(file) for file in files])
    assert len(waveform.samples) == len(expected)
    # Two files without headers are one stream: a frame at the border borrows from the file before.
    border, near = len(decoded_by_av(files[0])), 4 * 1152
    difference = np.abs(as_recorded(waveform) - expected)
    difference[border - near : border + near] = 0
    assert difference.max() < 1e-6
    assert waveform.notes == ()


def test_a_file_at_another_rate_is_left_out_with_a_note() -> None:
    first, second = mp3(voice(), RATE), mp3(voice(3, 16_000), 16_000)
    waveform = load_audio(first + second)
    assert len(waveform.samples) == len(decoded_by_av(first))
    (note,) = waveform.notes
    assert note.kind == NoteKind.PARTLY_READ
    assert str(note) == (
        "only the first of 2 joined files is read: the next has another sample rate or number of channels"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_off_has_a_note(kind: str) -> None:
    whole = mp3(voice(4), RATE, **KINDS[kind])
    waveform = load_audio(whole[: len(whole) * 7 // 10 + 5])
    assert [note.kind for note in waveform.notes] == [NoteKind.CUT_OFF]
    assert 2 < waveform.duration_s < 3.5


def test_most_of_a_file_is_not_enough_if_its_header_says_so() -> None:
    whole = mp3(voice(4), RATE)
    with pytest.raises(AudioContentError, match="cut off"):
        load_audio(whole[: len(whole) // 3])


def test_tags_at_both_ends_do_not_matter() -> None:
    content = mp3(voice(), RATE, header=False, variable=True)
    picture = b"ID3\x04\0\0" + bytes([0, 0, 0x4E, 0x10]) + b"\xff\xfb\x90\x00" * 2500
    tagged = picture + content + b"TAG" + b"title".ljust(125, b"\0")
    np.testing.assert_array_equal(load_audio(tagged).samples, load_audio(content).samples)


def test_what_is_no_mp3_has_no_parts() -> None:
    assert split_mp3(io.BytesIO(np.random.default_rng(0).bytes(20_000))) == []
    assert split_mp3(io.BytesIO(b"\xff\xfb")) == []
    assert split_mp3(io.BytesIO(b"ID3\x04\0\0\0\0\0\x05hello")) == []


FRAME = bytes([0xFF, 0xF3, 0x14, 0xC4]).ljust(24, b"\0")  # 8 kbit/s at 24 kHz, mono
INTERRUPTED = {
    "false frames": b"\xff\xfb\x90\x00" * 40_000,
    "tags": b"ID3\x04\0\0\0\0\0\0" * 40_000,
    "joined files": (FRAME + b"\xff\xf3\x18\xc4".ljust(72, b"\0")) * 20_000,
}


@pytest.mark.parametrize("content", INTERRUPTED.values(), ids=INTERRUPTED)
def test_what_is_interrupted_more_often_than_an_mp3_is_given_up(content: bytes) -> None:
    with pytest.raises(AudioFormatError, match="as an MP3, it is interrupted more than 30000 times"):
        split_mp3(io.BytesIO(content))


def test_noise_between_frames_is_passed_over_without_a_look_at_each_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mp3_module, "_MOST_BREAKS", 2)
    file = io.BytesIO(FRAME * 5 + b"\xff" * 100_000 + b"\xff\xe0" * 100_000 + FRAME * 5)
    (part,) = split_mp3(file)
    assert Window(file, *part.pieces).read().endswith(FRAME * 10)
    assert part.expected == 10 * 576


def test_frames_behind_the_limit_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[bytes] = []
    count = mp3_module._counted

    def counted(head: bytes) -> int | None:
        measured.append(head)
        return count(head)

    monkeypatch.setattr(mp3_module, "_counted", counted)
    with pytest.raises(AudioContentError, match=r"the MP3 is longer than the limit of 2 s"):
        split_mp3(io.BytesIO(FRAME * 20_000), max_duration_s=2)
    assert len(measured) < 200


def test_frames_need_little_memory() -> None:
    file = io.BytesIO(FRAME * 250_000)  # 6 MB, 100 min
    tracemalloc.start()
    try:
        split_mp3(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * CHUNK_BYTES


def damage(content: bytes) -> bytes:
    rng = np.random.default_rng(1)
    broken = bytearray(content)
    for at in rng.integers(200, len(broken), 200):
        broken[at] = rng.integers(256)
    return bytes(broken)


def test_libmpg123_writes_nothing_to_standard_error(tmp_path: Path) -> None:
    contents = [mp3(voice(), RATE, **kind) for kind in KINDS.values()]
    contents += [damage(contents[0]), contents[1][:5000], contents[1] + contents[2]]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.mp3").write_bytes(content)
    program = (
        "import sys; from affekt.audio.loading import load_audio; from affekt.errors import AffektError\n"
        "for path in sys.argv[1:]:\n"
        "    try: print(load_audio(path))\n"
        "    except AffektError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(contents)


def test_standard_error_is_discarded_during_calls_of_the_library_only(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find, select = parts.find_parts, Request.select

    def write_and_find(*given: Any) -> Any:
        os.write(2, b"finding ")
        return find(*given)

    def write_and_select(self: Request, frames: Array) -> Array:
        os.write(2, b"a block ")
        return select(self, frames)

    monkeypatch.setattr(decoding, "find_parts", write_and_find)
    monkeypatch.setattr(Request, "select", write_and_select)
    load_audio(mp3(voice(), RATE))
    assert capfd.readouterr().err.startswith("finding a block ")


def test_standard_error_works_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    load_audio(io.BytesIO(mp3(voice(), RATE)))
    with pytest.raises(AffektError):
        load_audio(b"ID3\x04\0\0\0\0\0\x05hello")
    sys.stderr.write("still here")
    sys.stderr.flush()
    assert capfd.readouterr().err == "still here"
