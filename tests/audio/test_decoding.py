"""Files of every format and arrays of every type are decoded; what cannot be decoded is refused."""

from __future__ import annotations

import io
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import soundfile
from av.audio.stream import AudioStream

from affekt.audio.byte_ranges import Window
from affekt.audio.loading import AudioSource, Waveform, load_audio
from affekt.errors import AffektError, AudioContentError, AudioFormatError, MissingExtraError
from affekt.notes import NoteKind

Array = np.ndarray

RATE = 16_000
PITCH_HZ = 440
TONE = 0.3 * np.sin(2 * np.pi * PITCH_HZ * np.arange(RATE) / RATE)
NOISE = 0.1 * np.random.default_rng(0).standard_normal(4 * RATE)

LIBSNDFILE_FORMATS = {  # name in these tests -> libsndfile's format and subtype
    "wav": ("WAV", "PCM_16"),
    "float wav": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}
FFMPEG_FORMATS = {"m4a": ("mp4", "aac"), "webm": ("webm", "libopus"), "aac": ("adts", "aac")}
HEADER_BYTES = 128
DAMAGES = 60


def encode(kind: str, samples: Array = TONE, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    file_format, subtype = LIBSNDFILE_FORMATS[kind]
    soundfile.write(file, samples, rate, format=file_format, subtype=subtype)
    return file.getvalue()


def encode_with_av(kind: str, channels: int = 1, rate: int = 48_000) -> bytes:
    file = io.BytesIO()
    container_format, codec = FFMPEG_FORMATS[kind]
    layout = "mono" if channels == 1 else "stereo"
    tone = 0.3 * np.sin(2 * np.pi * PITCH_HZ * np.arange(rate) / rate)
    frame = av.AudioFrame.from_ndarray(
        np.tile(tone.astype(np.float32), (channels, 1)), format="fltp", layout=layout
    )
    frame.sample_rate, frame.pts = rate, 0
    with av.open(file, "w", format=container_format) as container:
        stream = cast(AudioStream, container.add_stream(codec, rate=rate, layout=layout))
        size = stream.codec_context.frame_size or 1024
        fitting = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
        for part in [*fitting.resample(frame), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


def encode_video_without_audio() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for part in (picture, None):
            container.mux(stream.encode(part))
    return file.getvalue()


def pitch_hz(waveform: Waveform) -> float:
    return float(np.abs(np.fft.rfft(waveform.samples)).argmax() / waveform.duration_s)


def with_length_unknown(wav: bytes) -> bytes:
    data_size = wav.index(b"data") + 4
    return wav[:4] + b"\xff" * 4 + wav[8:data_size] + b"\xff" * 4 + wav[data_size + 4 :]


# Files


@pytest.mark.parametrize("kind", LIBSNDFILE_FORMATS)
@pytest.mark.parametrize("name", ["voice.raw", "voice.txt", "voice.mp3", "voice.m4a", "voice"])
def test_content_decides_whatever_the_file_is_called(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(encode(kind))
    waveform = load_audio(tmp_path / name)
    assert waveform.sample_rate == RATE
    assert waveform.duration_s == pytest.approx(1, abs=0.1)
    assert pitch_hz(waveform) == pytest.approx(PITCH_HZ, abs=2)


@pytest.mark.parametrize("kind", FFMPEG_FORMATS)
@pytest.mark.parametrize("name", ["voice.raw", "voice.wav"])
def test_formats_of_ffmpeg_are_decoded_with_the_extra(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(encode_with_av(kind))
    waveform = load_audio(tmp_path / name)
    assert waveform.sample_rate == 48_000
    assert waveform.duration_s == pytest.approx(1, abs=0.1)
    assert pitch_hz(waveform) == pytest.approx(PITCH_HZ, abs=2)


@pytest.mark.parametrize("kind", FFMPEG_FORMATS)
def test_without_av_the_extra_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = encode_with_av(kind)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"affekt\[formats\]"):
        load_audio(file)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_without_av_the_common_formats_are_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert load_audio(encode(kind)).sample_rate == RATE


def test_a_tag_that_is_not_utf8_does_not_matter() -> None:
    tagged = encode_with_av("m4a").replace(b"SoundHandler", b"S\xf6undHandler")
    assert b"S\xf6und" in tagged
    assert load_audio(tagged).duration_s == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kind", LIBSNDFILE_FORMATS)
def test_a_plain_file_needs_no_note(kind: str) -> None:
    assert load_audio(encode(kind)).notes == ()


@pytest.mark.parametrize(
    "stereo",
    [
        (np.stack([TONE, TONE]), RATE),
        encode("flac", np.stack([TONE, TONE], axis=1)),
        encode_with_av("m4a", 2),
    ],
    ids=["array", "flac", "m4a"],
)
def test_mixing_is_noted(stereo: AudioSource) -> None:
    (note,) = load_audio(stereo).notes
    assert (note.kind, note.text) == (NoteKind.MIXED_TO_MONO, "mixed 2 channels to mono")


@pytest.mark.parametrize(
    "data",
    [b"a", b"\xff", b"dear diary, " * 99, b"\0" * 999, b"RIFF\x99\0\0\0WAVE", b"\0\0\0\x1cftypM4A rubbish"],
    ids=["one byte", "one byte of AAC", "text", "zeros", "cut header", "MP4 in name only"],
)
def test_a_file_that_is_not_audio_is_a_format_error(data: bytes) -> None:
    with pytest.raises(AudioFormatError, match="is not audio that can be read"):
        load_audio(data)


@pytest.mark.parametrize("kind", ["wav", "float wav", "aiff"])
def test_a_file_without_samples_is_refused(kind: str) -> None:
    with pytest.raises(AudioContentError, match="has no samples"):
        load_audio(encode(kind, TONE[:0]))


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff"])
def test_a_file_at_an_impossible_sample_rate_is_refused(kind: str) -> None:
    with pytest.raises(AudioFormatError, match="sample rate"):
        load_audio(encode(kind, rate=100))


def test_a_float_file_of_integer_values_is_refused_like_an_array() -> None:
    with pytest.raises(AudioFormatError, match="full scale is 1"):
        load_audio(encode("float wav", TONE * 32_768))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_in_a_file(bad: float) -> None:
    sound = TONE.copy()
    sound[99] = bad
    with pytest.raises(AudioContentError, match="has NaN or infinite"):
        load_audio(encode("float wav", sound))


def test_a_video_without_audio_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="has no audio track"):
        load_audio(encode_video_without_audio())


@pytest.mark.parametrize(
    "source",
    [(TONE, RATE), encode("wav"), encode("mp3"), encode_with_av("webm")],
    ids=["array", "wav", "mp3", "webm"],
)
def test_longer_than_the_limit_is_refused(source: AudioSource) -> None:
    with pytest.raises(AudioContentError, match=r"longer than the limit of 0\.5 s"):
        load_audio(source, max_duration_s=0.5)


def test_exactly_the_limit_is_accepted() -> None:
    assert load_audio(encode("wav"), max_duration_s=1).duration_s == 1


# Files that are cut off or damaged


def test_a_wav_cut_off_after_its_header_is_refused() -> None:
    with pytest.raises(AudioContentError, match="has no samples"):
        load_audio(encode("wav")[:44])


@pytest.mark.parametrize("kind", ["wav", "float wav", "flac", "mp3", "aiff"])
def test_a_file_of_which_most_is_left_is_decoded_with_a_note(kind: str) -> None:
    whole = encode(kind, NOISE)
    waveform = load_audio(whole[: len(whole) * 8 // 10])
    assert len(NOISE) * 0.7 < len(waveform.samples) < len(NOISE) * 0.85
    (note,) = waveform.notes
    assert (waveform.cut_off, note.kind) == (True, NoteKind.CUT_OFF)
    assert re.fullmatch(r"the file is cut off: [23]\.\d\d s of 4\.\d\d s are left", note.text)


@pytest.mark.parametrize("kind", ["wav", "float wav", "flac", "mp3", "aiff"])
def test_a_file_of_which_most_is_gone_is_refused(kind: str) -> None:
    whole = encode(kind, NOISE)
    with pytest.raises(AudioContentError, match=r"cut off: 1\.\d\d s of 4\.\d\d s are left"):
        load_audio(whole[: len(whole) * 4 // 10])


def test_a_wav_written_to_a_pipe_without_its_length_is_complete() -> None:
    waveform = load_audio(with_length_unknown(encode("wav")))
    assert (waveform.duration_s, waveform.notes) == (1, ())


def damaged(whole: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    for number in range(DAMAGES):
        if number % 3 == 0:
            yield whole[: rng.integers(1, len(whole))]
            continue
        file = bytearray(whole)
        end = len(file) if number % 3 == 1 else HEADER_BYTES
        for position in rng.integers(end, size=rng.integers(1, 6)):
            file[position] = rng.integers(256)
        yield bytes(file)


@pytest.mark.parametrize("kind", [*LIBSNDFILE_FORMATS, *FFMPEG_FORMATS])
def test_a_damaged_file_is_decoded_or_refused(kind: str) -> None:
    whole = encode_with_av(kind) if kind in FFMPEG_FORMATS else encode(kind, TONE[: RATE // 4])
    for number, file in enumerate(damaged(whole, np.random.default_rng(3))):
        try:
            waveform = load_audio(file, sample_rate=8000)
        except AffektError:
            continue
        assert np.isfinite(waveform.samples).all(), f"damage {number}"


def test_values_too_large_to_resample_are_refused() -> None:
    with pytest.raises(AffektError):
        load_audio(encode("float wav", 1e39 * TONE), sample_rate=22_050)


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
def test_ctrl_c_while_a_library_decodes_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    """The library calls back to read the file, and the handler of a signal runs there."""
    path, read, calls = tmp_path / "a", Window.read, []

    def interrupted(window: Window, size: int = -1) -> bytes:
        calls.append(size)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return read(window, size)

    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 300_000), 16000, format=file_format)
    monkeypatch.setattr(Window, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_audio(path)
    assert len(calls) >= 5
