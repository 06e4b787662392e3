"""Joined and streamed files of FLAC, Ogg and WAV are read whole."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
from tests.audio.encoding import encode, encode_with_av, streamed_flac, voice

from affekt.audio import parts
from affekt.audio.byte_ranges import Window
from affekt.audio.loading import AudioSource, Waveform, load_audio
from affekt.audio.samples import Request, Samples
from affekt.errors import AudioContentError, AudioFormatError
from affekt.notes import NoteKind

Array = np.ndarray

RATE = 24_000
FORMATS = {"FLAC": "PCM_16", "OGG": "VORBIS", "WAV": "PCM_16"}


def as_recorded(source: bytes) -> Array:
    waveform = load_audio(source)
    return waveform.samples + np.float32(waveform.offset)


def kinds(waveform: Waveform) -> list[NoteKind]:
    return [note.kind for note in waveform.notes]


@pytest.mark.parametrize("seconds", [0.15, 1.0, 2.7183, 5.0])
def test_a_streamed_flac_keeps_its_tail(seconds: float) -> None:
    sound = voice(seconds)
    waveform = load_audio(streamed_flac(sound, RATE))
    assert waveform.notes == ()
    np.testing.assert_array_equal(waveform.samples, load_audio(encode(sound, RATE, "FLAC")).samples)


def test_a_streamed_flac_that_is_cut_off_has_a_note() -> None:
    whole = streamed_flac(voice(4), RATE)
    waveform = load_audio(whole[: len(whole) * 6 // 10])
    assert kinds(waveform) == [NoteKind.CUT_OFF]
    assert 2 < waveform.duration_s < 2.7


TAILS = {
    "ID3v1": b"TAG" + b"title".ljust(125, b"\0"),
    "zeros": bytes(4096),
    "junk": np.random.default_rng(0).bytes(3000),
    "ones": b"\xff" * 999,
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("seconds", [0.15, 1.5, 2.7183, 5.0])
def test_what_is_behind_the_end_of_a_flac_costs_no_sound(seconds: float, tail: bytes) -> None:
    whole = encode(voice(seconds), RATE, "FLAC")
    waveform = load_audio(whole + tail)
    assert (waveform.notes, waveform.cut_off) == ((), False)
    np.testing.assert_array_equal(waveform.samples, load_audio(whole).samples)


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("file_format", FORMATS)
def test_joined_files_are_read_whole(file_format: str, count: int) -> None:
    files = [
        encode(voice(1 + i / 3, seed=i), RATE, file_format, FORMATS[file_format]) for i in range(count)
    ]
    joined = b"".join(files)
    expected = np.concatenate([as_recorded(file) for file in files])
    np.testing.assert_allclose(as_recorded(joined), expected, atol=1e-7)
    assert load_audio(joined).notes == ()


def test_joined_opus_is_read_whole() -> None:
    files = [encode(voice(2, seed=seed), RATE, "OGG", "OPUS") for seed in (0, 1)]
    assert load_audio(b"".join(files)).duration_s == pytest.approx(4)


def test_streamed_flac_joined_to_another_is_read_whole() -> None:
    files = [streamed_flac(voice(2), RATE), encode(voice(1), RATE, "FLAC")]
    assert load_audio(b"".join(files)).duration_s == pytest.approx(3)


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_joined_files_are_read_whole_from_any_source(kind: str, tmp_path: Path) -> None:
    joined = encode(voice(2), RATE, "OGG") + encode(voice(1), RATE, "OGG")
    (tmp_path / "a.ogg").write_bytes(joined)
    sources: dict[str, AudioSource] = {
        "path": tmp_path / "a.ogg",
        "bytes": joined,
        "file": io.BytesIO(joined),
    }
    assert load_audio(sources[kind]).duration_s == pytest.approx(3)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_part_at_another_rate_is_left_out_with_a_note(file_format: str) -> None:
    first = encode(voice(2), RATE, file_format)
    waveform = load_audio(first + encode(voice(1, 16_000), 16_000, file_format))
    assert waveform.duration_s == pytest.approx(2)
    assert kinds(waveform) == [NoteKind.PARTLY_READ]


def test_a_part_that_is_no_audio_is_left_out_with_a_note() -> None:
    first, second = encode(voice(2), RATE, "OGG"), bytearray(encode(voice(1), RATE, "OGG"))
    second[29:35] = b"nobody"  # the name of the codec
    waveform = load_audio(first + bytes(second))
    assert waveform.duration_s == pytest.approx(2)
    assert str(waveform.notes[0]) == (
        "only the first of 2 joined files is read: the next has no audio that can be read"
    )


def test_a_joined_file_whose_end_is_missing_is_cut_off() -> None:
    joined = encode(voice(2), RATE, "FLAC") + encode(voice(2), RATE, "FLAC")
    waveform = load_audio(joined[: len(joined) * 8 // 10])
    assert kinds(waveform) == [NoteKind.CUT_OFF]
    assert "of 4.00 s are left" in str(waveform.notes[0])


def with_data_length(wav: bytes, data: int, riff: int) -> bytes:
    at = wav.index(b"data") + 4
    return wav[:4] + riff.to_bytes(4, "little") + wav[8:at] + data.to_bytes(4, "little") + wav[at + 4 :]


@pytest.mark.parametrize("riff", [0, 36, 0xFFFF_FFFF])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_whose_length_is_zero_is_read_to_its_end(subtype: str, riff: int) -> None:
    whole = encode(voice(2), RATE, "WAV", subtype)
    waveform = load_audio(with_data_length(whole, 0, riff))
    np.testing.assert_array_equal(waveform.samples, load_audio(whole).samples)
    assert waveform.notes == ()


def test_a_wav_with_a_wrong_total_length_is_read_whole() -> None:
    whole = encode(voice(2), RATE)
    for riff in (0, 36, 0xFFFF_FFFF):
        waveform = load_audio(with_data_length(whole, 4 * RATE, riff))
        assert (waveform.duration_s, waveform.notes) == (2, ())


@pytest.mark.parametrize("tail", [b"", b"LIST\x04\0\0\0INFO"], ids=["nothing", "another chunk"])
def test_a_wav_without_samples_has_none(tail: bytes) -> None:
    with pytest.raises(AudioContentError, match="has no samples"):
        load_audio(encode(voice()[:0], RATE) + tail)


class Broken(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_window_reads_part_of_a_file_and_keeps_its_error() -> None:
    window = Window(io.BytesIO(b"0123456789"), (2, 6))
    assert (window.read(3), window.tell(), window.read(), window.read()) == (b"234", 3, b"5", b"")
    assert (window.seek(-3, 2), window.read(1), window.seek(-9), window.read()) == (1, b"3", 2, b"45")
    broken = Window(Broken(), (0, 9))
    assert broken.read(4) == b""
    assert str(broken.error) == "[Errno 5] Input/output error"


def test_random_bytes_behind_a_known_beginning_are_refused_or_read() -> None:
    rng = np.random.default_rng(0)
    for start in (
        b"OggS\0\2",
        b"fLaC\0\0\0\x22",
        b"RIFF\0\0\0\0WAVE",
        b"ID3\x04\0\0\0\0\0\0",
        b"\xff\xfb\x90\0",
    ):
        with pytest.raises((AudioFormatError, AudioContentError)):
            load_audio(start + rng.bytes(5000))


def test_more_parts_than_anyone_joins_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_PARTS", 5)
    for file_format in FORMATS:
        with pytest.raises(AudioFormatError, match="is made of more than 5 joined files"):
            load_audio(encode(voice(0.2), RATE, file_format) * 6)


def test_more_pages_than_a_recording_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_PAGES", 1000)
    with pytest.raises(AudioFormatError, match="has more than 1000 Ogg pages"):
        load_audio(b"OggS\0\0" * 1001)


class Counted(io.BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


def test_a_wav_of_empty_chunks_is_not_read_chunk_by_chunk_to_its_end() -> None:
    file = Counted(b"RIFF\xff\xff\xff\0WAVE" + b"junk\0\0\0\0" * 50_000)
    (part,) = parts.find_parts(file, file.read(512), Request("a.wav"))
    assert part.file.pieces == ((0, file.getbuffer().nbytes),)
    assert file.reads < 3 * parts.MAX_CHUNKS


def test_pages_are_found_wherever_blocks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = encode(voice(1), RATE, "OGG") + encode(voice(1), RATE, "OGG")
    whole = load_audio(joined)
    for size in (1, 5, 64):
        monkeypatch.setattr(parts, "CHUNK_BYTES", size)
        np.testing.assert_array_equal(load_audio(joined).samples, whole.samples)


def noise(seconds: float = 1.0) -> Samples:
    return np.random.default_rng(0).uniform(-0.5, 0.5, int(16000 * seconds)).astype(np.float32)


def encoded(file_format: str, samples: Samples, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, subtype, format=file_format)
    return file.getvalue()


@pytest.mark.parametrize("share", [2, 10])
def test_a_wav_that_is_longer_than_it_says_is_read_to_its_end(share: int) -> None:
    content = bytearray(encoded("WAV", noise()))
    at = content.find(b"data")
    content[at + 4 : at + 8] = (32000 // share).to_bytes(4, "little")
    assert load_audio(bytes(content)).duration_s == 1


@pytest.mark.parametrize(
    "after", [b"LIST\4\0\0\0abcd" * 900, b"TAG" + bytes(9000), bytes(9000), b"\xff" * 9000]
)
def test_what_follows_the_samples_of_a_wav_is_no_sound(after: bytes) -> None:
    assert load_audio(encoded("WAV", noise()) + after).duration_s == 1


@pytest.mark.parametrize("stated", [0, 3200, 16000])
def test_an_au_that_is_longer_than_it_says_is_read_to_its_end(stated: int) -> None:
    content = bytearray(encoded("AU", noise()))
    content[8:12] = stated.to_bytes(4, "big")
    assert load_audio(bytes(content)).duration_s == 1


@pytest.mark.parametrize("file_format", ["AIFF", "AU"])
def test_more_formats_are_read_whole_where_files_are_joined(file_format: str) -> None:
    content = encoded(file_format, noise()) + encoded(file_format, noise(0.5))
    assert load_audio(content).duration_s == 1.5


@pytest.mark.parametrize("file_format", ["CAF", "RF64", "W64", "NIST", "VOC"])
def test_where_only_the_first_of_joined_files_is_read_a_note_says_so(file_format: str) -> None:
    one = encoded(file_format, noise())
    assert load_audio(one).notes == ()
    joined = load_audio(one + one)
    assert (joined.duration_s, kinds(joined)) == (1, [NoteKind.PARTLY_READ])


@pytest.mark.parametrize(
    ("container", "codec"),
    [("ipod", "aac"), ("tta", "tta"), ("flv", "aac"), ("wv", "wavpack"), ("asf", "wmav2")],
)
def test_the_first_of_joined_files_that_ffmpeg_reads_is_whole(container: str, codec: str) -> None:
    first, second = (encode_with_av(container, codec, voice(s, 48_000)) for s in (2, 1))
    alone, joined = load_audio(first), load_audio(first + second)
    assert (alone.notes, joined.cut_off, kinds(joined)) == ((), False, [NoteKind.PARTLY_READ])
    np.testing.assert_array_equal(joined.samples, alone.samples)


def test_joined_matroska_is_read_whole() -> None:
    files = [encode_with_av("matroska", "flac", voice(s, 48_000)) for s in (2, 1)]
    joined = load_audio(b"".join(files))
    assert (joined.duration_s, joined.notes) == (3, ())


@pytest.mark.parametrize("share", [2, 10])
@pytest.mark.parametrize(
    ("file_format", "name", "skipped", "width"),
    [("AIFF", b"SSND", 4, 4), ("CAF", b"data", 4, 8), ("RF64", b"ds64", 16, 8)],
)
def test_other_files_that_are_longer_than_they_say_are_read_to_their_end(
    file_format: str, name: bytes, skipped: int, width: int, share: int
) -> None:
    content = bytearray(encoded(file_format, noise()))
    at = content.index(name) + skipped
    order: Literal["little", "big"] = "little" if file_format == "RF64" else "big"
    content[at : at + width] = (32000 // share).to_bytes(width, order)
    found = load_audio(bytes(content))
    assert (found.duration_s, found.notes) == (1, ())


@pytest.mark.parametrize("file_format", ["AIFF", "CAF", "RF64"])
def test_a_chunk_behind_the_samples_is_no_sound(file_format: str) -> None:
    chunk = {"AIFF": b"ANNO\0\0\x20\0", "CAF": b"info" + bytes(6) + b"\x20\0", "RF64": b"id3 \0\x20\0\0"}
    content = encoded(file_format, noise()) + chunk[file_format] + b"text" * 2048
    assert load_audio(content).duration_s == 1


ID3 = b"ID3\3\0\0\0\0\x17\x70" + bytes(0x17 * 128 + 0x70)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 2032, 1, 0xA000_0000) + bytes(8) + b"x" * 2000
FRONTS = {
    "ID3": ID3,
    "ID3 twice": ID3 + ID3,
    "APE": APE + b"APETAGEX" + bytes(24),
    "APE and ID3": APE + b"APETAGEX" + bytes(24) + ID3,
    "zeros": bytes(5000),
}
LONG_FRONTS = {"ID3 alone": ID3[:6] + b"\x7f" * 4, "ID3 with text": ID3[:6] + b"\x7f" * 4 + b"text" * 99}


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("file_format", ["WAV", "AIFF", "FLAC", "CAF", "RF64", "AU", "OGG"])
def test_tags_and_zeros_before_a_file_cost_nothing(file_format: str, front: bytes) -> None:
    subtype = "VORBIS" if file_format == "OGG" else "PCM_16"
    found = load_audio(front + encoded(file_format, noise(), subtype))
    assert (found.duration_s, found.notes) == (1, ())


@pytest.mark.parametrize("front", (FRONTS | LONG_FRONTS).values(), ids=FRONTS | LONG_FRONTS)
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_tags_and_zeros_before_an_mp3_cost_nothing(rate: int, front: bytes) -> None:
    content = encode(voice(2, rate), rate, "MP3", "MPEG_LAYER_III")
    found, alone = load_audio(front + content), load_audio(content)
    assert found.notes == ()
    np.testing.assert_array_equal(found.samples, alone.samples)


def test_zeros_alone_are_no_audio() -> None:
    with pytest.raises(AudioFormatError, match="not audio that can be read"):
        load_audio(bytes(5000))


def test_a_sample_dump_behind_a_tag_is_refused_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AudioFormatError, match="sample dump"):
        load_audio(ID3 + encoded("SDS", noise()))
    assert capfd.readouterr().out == ""


def test_formats_that_no_voice_comes_in_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """libsndfile prints on standard output while it reads a sample dump."""
    for file_format in ("SDS", "XI", "MAT5"):
        subtype = "DPCM_16" if file_format == "XI" else "PCM_16"
        with pytest.raises(AudioFormatError, match="not read"):
            load_audio(encoded(file_format, noise(), subtype))
    assert capfd.readouterr().out == ""
