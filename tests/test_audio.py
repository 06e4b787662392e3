"""Audio in: every kind of source is heard alike, and what cannot be used is refused with a reason."""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import librosa
import numpy as np
import pytest
import soundfile

from affekt.audio import AUDIO_SUFFIXES, Waveform, find_audio, fingerprint, load_audio, source_name
from affekt.errors import (
    AffektError,
    AudioContentError,
    AudioFormatError,
    AudioNotFoundError,
    AudioReadError,
    MissingExtraError,
)

RATE = 16_000
PITCH_HZ = 440
TONE = 0.3 * np.sin(2 * np.pi * PITCH_HZ * np.arange(RATE) / RATE)
NOISE = 0.1 * np.random.default_rng(0).standard_normal(4 * RATE)

LIBSNDFILE_FORMATS = {  # what a test calls it -> libsndfile's format and subtype
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


def encode(kind: str, samples: np.ndarray = TONE, rate: int = RATE) -> bytes:
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
        stream = container.add_stream(codec, rate=rate, layout=layout)
        size = stream.codec_context.frame_size or 1024
        fitting = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
        for part in [*fitting.resample(frame), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


def encode_silent_film() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for part in (picture, None):
            container.mux(stream.encode(part))
    return file.getvalue()


def pitch_hz(heard: Waveform) -> float:
    return float(np.abs(np.fft.rfft(heard.samples)).argmax() / heard.duration_s)


def with_length_unknown(wav: bytes) -> bytes:
    data_size = wav.index(b"data") + 4
    return wav[:4] + b"\xff" * 4 + wav[8:data_size] + b"\xff" * 4 + wav[data_size + 4 :]


# What is heard


@pytest.mark.parametrize("kind", LIBSNDFILE_FORMATS)
@pytest.mark.parametrize("name", ["voice.raw", "voice.txt", "voice.mp3", "voice.m4a", "voice"])
def test_content_decides_whatever_the_file_is_called(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(encode(kind))
    heard = load_audio(tmp_path / name)
    assert heard.sample_rate == RATE
    assert heard.duration_s == pytest.approx(1, abs=0.1)
    assert pitch_hz(heard) == pytest.approx(PITCH_HZ, abs=2)


@pytest.mark.parametrize("kind", FFMPEG_FORMATS)
@pytest.mark.parametrize("name", ["voice.raw", "voice.wav"])
def test_what_ffmpeg_knows_is_heard_with_the_extra(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(encode_with_av(kind))
    heard = load_audio(tmp_path / name)
    assert heard.sample_rate == 48_000
    assert heard.duration_s == pytest.approx(1, abs=0.1)
    assert pitch_hz(heard) == pytest.approx(PITCH_HZ, abs=2)


@pytest.mark.parametrize("kind", FFMPEG_FORMATS)
def test_without_av_the_extra_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = encode_with_av(kind)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"affekt\[formats\]"):
        load_audio(file)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_without_av_the_common_formats_are_heard(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert load_audio(encode(kind)).sample_rate == RATE


def test_a_tag_that_is_not_utf8_does_not_matter() -> None:
    tagged = encode_with_av("m4a").replace(b"SoundHandler", b"S\xf6undHandler")
    assert b"S\xf6und" in tagged
    assert load_audio(tagged).duration_s == pytest.approx(1, abs=0.1)


def test_a_path_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode("wav"))
    assert load_audio(str(tmp_path / "a.wav")).duration_s == 1


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_are_heard_like_the_file(wrap: type, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode("wav"))
    np.testing.assert_array_equal(
        load_audio(wrap(encode("wav"))).samples, load_audio(tmp_path / "a.wav").samples
    )


def test_an_open_file_is_heard_and_left_open(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode("wav"))
    with open(tmp_path / "a.wav", "rb") as file:
        assert load_audio(file).duration_s == 1
        assert not file.closed


def test_an_array_is_heard_as_it_is() -> None:
    heard = load_audio((TONE, RATE))
    np.testing.assert_allclose(heard.samples, TONE, atol=1e-7)
    assert (heard.sample_rate, heard.samples.dtype, heard.notes) == (RATE, np.float32, ())


def test_a_list_and_a_numpy_rate_are_an_array_too() -> None:
    assert load_audio((TONE.tolist(), np.int32(RATE))).duration_s == 1


@pytest.mark.parametrize(
    "frames",
    [TONE[:, None], np.stack([TONE, TONE], axis=1), np.stack([TONE, TONE]), TONE[None]],
    ids=["(n,1)", "(n,2)", "(2,n)", "(1,n)"],
)
def test_channels_may_be_rows_or_columns(frames: np.ndarray) -> None:
    np.testing.assert_allclose(load_audio((frames, RATE)).samples, TONE, atol=1e-7)


@pytest.mark.parametrize(
    ("dtype", "full_scale", "middle"),
    [("int8", 2**7, 0), ("int16", 2**15, 0), ("int32", 2**31, 0), ("uint8", 2**7, 2**7)],
)
def test_integers_count_as_full_scale_of_their_type(dtype: str, full_scale: int, middle: int) -> None:
    integers = np.round(TONE * full_scale + middle).astype(dtype)
    np.testing.assert_allclose(load_audio((integers, RATE)).samples, TONE, atol=1 / full_scale)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8"])
def test_the_lowest_integer_is_minus_one(dtype: str) -> None:
    info = np.iinfo(dtype)
    square = np.tile(np.array([info.min, info.max], dtype), RATE // 2)
    assert load_audio((square, RATE)).samples.min() == -1


def test_the_callers_array_stays_as_it_was() -> None:
    mine = TONE.astype(np.float32)
    load_audio((mine, RATE)).samples[:] = 0
    np.testing.assert_array_equal(mine, TONE.astype(np.float32))


def test_channels_are_averaged() -> None:
    heard = load_audio((np.stack([TONE, 0 * TONE]), RATE))
    np.testing.assert_allclose(heard.samples, TONE / 2, atol=1e-7)


# Notes


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
def test_mixing_is_noted(stereo: Any) -> None:
    assert load_audio(stereo).notes == ("mixed 2 channels to mono",)


def test_resampling_is_noted_after_mixing() -> None:
    heard = load_audio((np.stack([TONE, TONE]), RATE), sample_rate=8000)
    assert heard.notes == ("mixed 2 channels to mono", "resampled from 16000 to 8000 Hz")


def test_the_same_rate_is_no_resampling() -> None:
    assert load_audio((TONE, RATE), sample_rate=RATE).notes == ()


# Resampling


@pytest.mark.parametrize("length", [1600, 16_000, 16_001, 12_347])
@pytest.mark.parametrize(
    ("rate", "wanted"), [(16_000, 22_050), (48_000, 16_000), (44_100, 16_000), (8000, 48_000)]
)
def test_resampling_equals_librosa(length: int, rate: int, wanted: int) -> None:
    sound = NOISE[: max(length, rate // 10)].astype(np.float32)
    ours = load_audio((sound, rate), sample_rate=wanted)
    expected = librosa.resample(sound, orig_sr=rate, target_sr=wanted)
    assert (len(ours.samples), ours.sample_rate) == (math.ceil(len(sound) * wanted / rate), wanted)
    np.testing.assert_allclose(ours.samples, expected, atol=1e-6)


# Files that are refused


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError, match=r"there is no file .*gone\.wav"):
        load_audio(tmp_path / "gone.wav")


def test_a_folder_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(AudioReadError, match="is a folder: name the audio files in it"):
        load_audio(tmp_path)


@pytest.mark.parametrize("name", ["nul\0.wav", "x" * 5000, "file.txt/x.wav"])
def test_a_name_that_cannot_be_opened_is_a_read_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(AudioReadError, match="cannot be opened"):
        load_audio(tmp_path / name)


@pytest.mark.parametrize(
    "data",
    [b"a", b"\xff", b"dear diary, " * 99, b"\0" * 999, b"RIFF\x99\0\0\0WAVE", b"\0\0\0\x1cftypM4A rubbish"],
    ids=["one byte", "one byte of AAC", "text", "zeros", "cut header", "MP4 in name only"],
)
def test_what_is_no_audio_is_a_format_error(data: bytes) -> None:
    with pytest.raises(AudioFormatError, match="is not audio that can be read"):
        load_audio(data)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioContentError, match=r"a\.wav is empty \(0 bytes\)"):
        load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["wav", "float wav", "aiff"])
def test_a_file_with_no_sound_in_it_is_refused(kind: str) -> None:
    with pytest.raises(AudioContentError, match="holds not one sample"):
        load_audio(encode(kind, TONE[:0]))


def test_a_wav_cut_off_behind_its_header_is_refused() -> None:
    with pytest.raises(AudioContentError, match="holds not one sample"):
        load_audio(encode("wav")[:44])


@pytest.mark.parametrize("kind", ["wav", "float wav", "flac", "mp3", "aiff"])
def test_a_file_of_which_most_is_left_is_heard_with_a_note(kind: str) -> None:
    whole = encode(kind, NOISE)
    heard = load_audio(whole[: len(whole) * 8 // 10])
    assert len(NOISE) * 0.7 < len(heard.samples) < len(NOISE) * 0.85
    (note,) = heard.notes
    assert re.fullmatch(r"the file is cut off: [23]\.\d\d s of 4\.\d\d s are there", note)


@pytest.mark.parametrize("kind", ["wav", "float wav", "flac", "mp3", "aiff"])
def test_a_file_of_which_most_is_gone_is_refused(kind: str) -> None:
    whole = encode(kind, NOISE)
    with pytest.raises(AudioContentError, match=r"cut off: 1\.\d\d s of 4\.\d\d s are there"):
        load_audio(whole[: len(whole) * 4 // 10])


def test_a_wav_from_a_pipe_that_never_knew_its_length_is_whole() -> None:
    heard = load_audio(with_length_unknown(encode("wav")))
    assert (heard.duration_s, heard.notes) == (1, ())


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff"])
def test_a_file_at_a_rate_that_no_recording_has_is_refused(kind: str) -> None:
    with pytest.raises(AudioFormatError, match="sample rate"):
        load_audio(encode(kind, rate=100))


def test_a_float_file_of_integer_values_is_refused_like_an_array() -> None:
    with pytest.raises(AudioFormatError, match="full scale is 1"):
        load_audio(encode("float wav", TONE * 32_768))


def test_a_film_without_sound_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="holds no sound"):
        load_audio(encode_silent_film())


def test_an_open_text_file_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="binary"):
        load_audio(io.StringIO("dear diary"))


# Sound that is refused


@pytest.mark.parametrize("source", [(TONE[:1599], RATE), encode("wav", TONE[:1599])], ids=["array", "wav"])
def test_less_than_a_tenth_of_a_second_is_too_short(source: Any) -> None:
    with pytest.raises(AudioContentError, match=r"too short: 0\.100 s, where 0\.1 s are needed"):
        load_audio(source)


def test_a_tenth_of_a_second_is_enough() -> None:
    assert load_audio((TONE[:1600], RATE)).duration_s == 0.1


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_an_empty_array_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioContentError, match="holds not one sample"):
        load_audio((np.zeros(shape), RATE))


@pytest.mark.parametrize(
    "sound",
    [0 * TONE, 0 * TONE + 0.5, 1e-4 * TONE, np.stack([TONE, -TONE])],
    ids=["zeros", "DC only", "far too quiet", "channels that cancel out"],
)
def test_silence_is_refused(sound: np.ndarray) -> None:
    with pytest.raises(AudioContentError, match="silent throughout"):
        load_audio((sound, RATE))


def test_quiet_is_not_silent() -> None:
    assert load_audio((1e-3 * TONE, RATE)).duration_s == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, RATE], ids=["one", "all"])
def test_nan_and_infinity_are_refused_in_an_array(bad: float, count: int) -> None:
    sound = TONE.copy()
    sound[:count] = bad
    with pytest.raises(AudioContentError, match="NaN or infinite"):
        load_audio((sound, RATE))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_in_a_file(bad: float) -> None:
    sound = TONE.copy()
    sound[99] = bad
    with pytest.raises(AudioContentError, match="NaN or infinite"):
        load_audio(encode("float wav", sound))


@pytest.mark.parametrize(
    "source",
    [(TONE, RATE), encode("wav"), encode("mp3"), encode_with_av("webm")],
    ids=["array", "wav", "mp3", "webm"],
)
def test_longer_than_the_limit_is_refused(source: Any) -> None:
    with pytest.raises(AudioContentError, match=r"longer than the limit of 0\.5 s"):
        load_audio(source, max_duration_s=0.5)


def test_exactly_the_limit_is_heard() -> None:
    assert load_audio(encode("wav"), max_duration_s=1).duration_s == 1


# Arrays that cannot be sound


def test_floats_of_integer_size_are_refused_with_advice() -> None:
    with pytest.raises(AudioFormatError, match="Divide them by 32768"):
        load_audio((np.round(TONE * 32_768), RATE))


def test_rate_and_waveform_swapped_are_refused_with_advice() -> None:
    with pytest.raises(AudioFormatError, match="swap the two"):
        load_audio((RATE, TONE))


@pytest.mark.parametrize("rate", [0, -RATE, 999, 768_001, 16_000.0, "16000", None, True])
def test_a_bad_rate_is_refused(rate: Any) -> None:
    with pytest.raises(
        AudioFormatError, match=r"sample rate .* is not a whole number of Hz from 1000 to 768000"
    ):
        load_audio((TONE, rate))


@pytest.mark.parametrize(
    "array",
    [0.5, TONE.reshape(2, 2, -1), TONE > 0, TONE + 0j, np.array(["a"] * RATE), [[0.1, 0.2], [0.3]]],
    ids=["scalar", "3-D", "booleans", "complex", "text", "ragged"],
)
def test_an_array_that_is_no_sound_is_refused(array: Any) -> None:
    with pytest.raises(AudioFormatError, match="is not sound"):
        load_audio((array, RATE))


def test_too_many_channels_are_refused() -> None:
    with pytest.raises(AudioFormatError, match=r"\(100, 160\) has too many channels"):
        load_audio((TONE.reshape(100, 160), RATE))


@pytest.mark.parametrize("source", [(TONE,), (TONE, RATE, "mono")], ids=["one", "three"])
def test_a_tuple_that_is_no_pair_is_refused(source: Any) -> None:
    with pytest.raises(AudioFormatError, match=r"is not \(waveform, sample_rate\)"):
        load_audio(source)


@pytest.mark.parametrize(
    "source", [None, 16_000, [0.1, 0.2], {"a": 1}, TONE], ids=lambda it: type(it).__name__
)
def test_any_other_type_is_refused(source: Any) -> None:
    with pytest.raises(AudioFormatError, match="give a path, bytes, a binary file object, or"):
        load_audio(source)


# Damage


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
def test_a_damaged_file_is_heard_whole_or_refused(kind: str) -> None:
    whole = encode_with_av(kind) if kind in FFMPEG_FORMATS else encode(kind, TONE[: RATE // 4])
    for number, file in enumerate(damaged(whole, np.random.default_rng(3))):
        try:
            heard = load_audio(file, sample_rate=8000)
        except AffektError:
            continue
        assert np.isfinite(heard.samples).all(), f"damage {number}"


def test_a_sound_too_loud_to_resample_is_never_passed_on_as_nan() -> None:
    with pytest.raises(AffektError):
        load_audio(encode("float wav", 1e39 * TONE), sample_rate=22_050)


# Names and fingerprints


def test_a_source_is_called_by_its_path_or_by_what_it_is(tmp_path: Path) -> None:
    with open(tmp_path / "a.wav", "wb") as file:
        sources = [tmp_path / "b.wav", "c.wav", (TONE, RATE), b"RIFF", file, io.BytesIO()]
        assert [source_name(source) for source in sources] == [
            str(tmp_path / "b.wav"),
            "c.wav",
            "waveform",
            "bytes",
            str(tmp_path / "a.wav"),
            "BytesIO object",
        ]


def test_the_same_sound_has_one_fingerprint_in_any_lossless_file() -> None:
    sound = np.round(TONE * 32_768).astype(np.int16)
    sources = [(sound, RATE), encode("wav", sound), encode("flac", sound), encode("aiff", sound)]
    assert len({fingerprint(load_audio(source)) for source in sources}) == 1


@pytest.mark.parametrize(
    "other",
    [(TONE, RATE + 1), (np.append(TONE, 0), RATE), (TONE * 1.001, RATE)],
    ids=["rate", "length", "level"],
)
def test_another_sound_has_another_fingerprint(other: Any) -> None:
    assert fingerprint(load_audio((TONE, RATE))) != fingerprint(load_audio(other))


# Search


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_audio(folder)]


def test_audio_is_found_in_all_folders_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "a/c.FLAC", "a/b/d.m4a", "a.mp3")
    assert found(tmp_path) == ["a/b/d.m4a", "a/c.FLAC", "a.mp3", "b.wav"]


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
def test_every_audio_suffix_is_found(suffix: str, tmp_path: Path) -> None:
    touch(tmp_path, f"a{suffix}")
    assert found(tmp_path) == [f"a{suffix}"]


@pytest.mark.parametrize(
    "name", [".a.wav", "._a.wav", ".cache/a.wav", "a/.b/c.wav", "notes.txt", "a", "wav"]
)
def test_hidden_files_and_other_names_are_passed_over(name: str, tmp_path: Path) -> None:
    touch(tmp_path, name)
    assert found(tmp_path) == []


def test_a_folder_named_like_audio_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    assert found(tmp_path) == []


def test_a_hidden_folder_above_the_searched_one_does_not_matter(tmp_path: Path) -> None:
    touch(tmp_path / ".cache", "a.wav")
    assert found(tmp_path / ".cache") == ["a.wav"]
