"""Audio is loaded from every kind of source, checked and resampled; the rest is refused with a reason."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import librosa
import numpy as np
import pytest
import soundfile

from affekt.audio.loading import (
    AudioSource,
    Waveform,
    fingerprint,
    load_audio,
    load_channels,
    open_audio,
    source_name,
)
from affekt.errors import (
    AudioContentError,
    AudioFormatError,
    AudioNotFoundError,
    AudioReadError,
    UnknownNameError,
)
from affekt.notes import NoteKind

Array = np.ndarray

RATE = 16_000
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
NOISE = 0.1 * np.random.default_rng(0).standard_normal(4 * RATE)


def encode(samples: Array = TONE, file_format: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=file_format)
    return file.getvalue()


# Sources


def test_a_path_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode())
    assert load_audio(str(tmp_path / "a.wav")).duration_s == 1


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_are_read_like_the_file(wrap: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode())
    np.testing.assert_array_equal(
        load_audio(wrap(encode())).samples, load_audio(tmp_path / "a.wav").samples
    )


def test_an_open_file_is_read_and_left_open(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode())
    with open(tmp_path / "a.wav", "rb") as file:
        assert load_audio(file).duration_s == 1
        assert not file.closed


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError, match=r"there is no file .*gone\.wav"):
        load_audio(tmp_path / "gone.wav")


def test_a_folder_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(AudioReadError, match="is a folder without audio files"):
        load_audio(tmp_path)
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioReadError, match="is a folder: name the audio files in it"):
        load_audio(tmp_path)


@pytest.mark.parametrize("name", ["nul\0.wav", "x" * 5000, "file.txt/x.wav"])
def test_a_name_that_cannot_be_opened_is_a_read_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(AudioReadError, match="cannot be opened"):
        load_audio(tmp_path / name)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioContentError, match=r"a\.wav is empty \(0 bytes\)"):
        load_audio(tmp_path / "a.wav")


def test_an_open_text_file_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="binary"):
        load_audio(cast(BinaryIO, io.StringIO("dear diary")))


@pytest.mark.parametrize(
    "source", [None, 16_000, [0.1, 0.2], {"a": 1}, TONE], ids=lambda it: type(it).__name__
)
def test_any_other_type_is_refused(source: AudioSource) -> None:
    with pytest.raises(AudioFormatError, match="give a path, bytes, a binary file object, or"):
        load_audio(source)


# Resampling


@pytest.mark.parametrize("length", [1600, 16_000, 16_001, 12_347])
@pytest.mark.parametrize(
    ("rate", "wanted"), [(16_000, 22_050), (48_000, 16_000), (44_100, 16_000), (8000, 48_000)]
)
def test_resampling_equals_librosa(length: int, rate: int, wanted: int) -> None:
    sound = NOISE[: max(length, rate // 10)].astype(np.float32)
    sound -= sound.mean(dtype=np.float64)  # load_audio takes it off
    ours = load_audio((sound, rate), sample_rate=wanted)
    expected = librosa.resample(sound, orig_sr=rate, target_sr=wanted)
    assert (len(ours.samples), ours.sample_rate) == (math.ceil(len(sound) * wanted / rate), wanted)
    np.testing.assert_allclose(ours.samples, expected, atol=1e-6)


def test_resampling_is_noted_after_mixing() -> None:
    waveform = load_audio((np.stack([TONE, TONE]), RATE), sample_rate=8000)
    assert [note.kind for note in waveform.notes] == [NoteKind.MIXED_TO_MONO, NoteKind.RESAMPLED]
    assert str(waveform.notes[1]) == "resampled from 16000 to 8000 Hz"


def test_the_same_rate_is_no_resampling() -> None:
    assert load_audio((TONE, RATE), sample_rate=RATE).notes == ()


# Content


@pytest.mark.parametrize("source", [(TONE[:1599], RATE), encode(TONE[:1599])], ids=["array", "wav"])
def test_less_than_a_tenth_of_a_second_is_too_short(source: AudioSource) -> None:
    with pytest.raises(AudioContentError, match=r"too short: 0\.100 s; at least 0\.1 s are needed"):
        load_audio(source)


def test_a_tenth_of_a_second_is_enough() -> None:
    assert load_audio((TONE[:1600], RATE)).duration_s == 0.1


@pytest.mark.parametrize(
    "sound",
    [0 * TONE, 0 * TONE + 0.5, 1e-4 * TONE, np.stack([TONE, -TONE])],
    ids=["zeros", "DC only", "far too quiet", "channels that cancel out"],
)
def test_silence_is_refused(sound: Array) -> None:
    with pytest.raises(AudioContentError, match="silent throughout"):
        load_audio((sound, RATE))


def test_quiet_is_not_silent() -> None:
    assert load_audio((1e-3 * TONE, RATE)).duration_s == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, RATE], ids=["one", "all"])
def test_nan_and_infinity_are_refused_in_an_array(bad: float, count: int) -> None:
    sound = TONE.copy()
    sound[:count] = bad
    with pytest.raises(AudioContentError, match="has NaN or infinite"):
        load_audio((sound, RATE))


# Offset


@pytest.mark.parametrize("offset", [0.3, -0.01, 0.001])
def test_a_dc_offset_is_taken_off(offset: float) -> None:
    sound = (0.3 * NOISE + offset).astype(np.float32)
    waveform = load_audio((sound, RATE))
    assert waveform.offset == pytest.approx(sound.mean(), abs=1e-6)
    assert abs(waveform.samples.mean(dtype=np.float64)) < 1e-7
    np.testing.assert_allclose(waveform.samples + np.float32(waveform.offset), sound, atol=1e-7)


@pytest.mark.parametrize("offset", [0, 0.001, -0.2])
def test_digital_silence_near_the_mean_stays_or_becomes_zero(offset: float) -> None:
    sound = np.concatenate([0 * NOISE, TONE + 1e-5, 0 * NOISE]).astype(np.float32)
    waveform = load_audio((sound + np.float32(offset), RATE))
    assert waveform.offset == pytest.approx(offset, abs=1e-7)
    np.testing.assert_allclose(waveform.samples, sound, atol=1e-7)
    assert not waveform.samples[: len(NOISE)].any()


def test_digital_silence_far_from_the_mean_is_not_zero() -> None:
    sound = np.concatenate([0 * NOISE, TONE + 0.05]).astype(np.float32)
    waveform = load_audio((sound, RATE))
    assert waveform.offset == pytest.approx(sound.mean(), abs=1e-6)
    np.testing.assert_allclose(waveform.samples[: len(NOISE)], -sound.mean(), atol=1e-6)


@pytest.mark.parametrize("samples", [0 * TONE, TONE * np.nan, TONE[:9]], ids=["silent", "NaN", "short"])
def test_a_waveform_that_was_made_by_hand_is_checked(samples: Array) -> None:
    with pytest.raises(AudioContentError):
        load_audio(Waveform(samples.astype(np.float32), RATE))


def test_a_resampled_recording_has_no_offset_either() -> None:
    waveform = load_audio((0.1 * TONE + 0.02, RATE), sample_rate=8000)
    assert abs(waveform.samples[100:-100].mean()) < 1e-4


# Channels

LEFT_AND_RIGHT = np.stack([TONE, 0.2 * NOISE[:RATE]], axis=1)


@pytest.mark.parametrize("kind", ["array", "bytes", "file"])
@pytest.mark.parametrize(("channel", "column"), [("left", 0), ("right", 1)])
def test_one_channel_is_read_alone_with_a_note(kind: str, channel: str, column: int) -> None:
    sources: dict[str, AudioSource] = {
        "array": (LEFT_AND_RIGHT, RATE),
        "bytes": encode(LEFT_AND_RIGHT),
        "file": io.BytesIO(encode(LEFT_AND_RIGHT)),
    }
    waveform = load_audio(sources[kind], audio_channel=channel)
    expected = load_audio((LEFT_AND_RIGHT[:, column], RATE)).samples
    np.testing.assert_allclose(waveform.samples, expected, atol=1 / 2**14)
    assert [note.kind for note in waveform.notes] == [NoteKind.ONE_CHANNEL]
    assert str(waveform.notes[0]) == f"only the {channel} one of 2 channels is read"


def test_each_channel_has_its_waveform() -> None:
    channels = load_channels(encode(LEFT_AND_RIGHT), 8000)
    assert list(channels) == ["left", "right"]
    for channel, waveform in channels.items():
        expected = load_audio(encode(LEFT_AND_RIGHT), 8000, audio_channel=channel).samples
        assert isinstance(waveform, Waveform)
        np.testing.assert_array_equal(waveform.samples, expected)


def test_more_channels_are_numbered_and_one_channel_is_mono() -> None:
    four = np.tile(TONE[:, None], (1, 4))
    assert list(load_channels((four, RATE))) == ["left", "right", "3", "4"]
    assert list(load_channels((TONE, RATE))) == ["mono"]
    assert list(load_channels(load_audio((TONE, RATE)))) == ["mono"]
    assert list(load_channels((four, RATE), audio_channel="mix")) == ["mix"]


@pytest.mark.parametrize("channel", ["mix", "left", "right"])
def test_a_recording_of_one_channel_is_that_channel(channel: str) -> None:
    waveform = load_audio((TONE, RATE), audio_channel=channel)
    np.testing.assert_array_equal(waveform.samples, load_audio((TONE, RATE)).samples)
    assert waveform.notes == ()


@pytest.mark.parametrize("channel", ["left", "right", "each"])
def test_the_only_channel_is_called_mono_whichever_was_asked_for(channel: str) -> None:
    for source in ((TONE, RATE), encode(), load_audio((TONE, RATE))):
        assert list(load_channels(source, audio_channel=channel)) == ["mono"]
        assert list(load_channels(source, audio_channel="mix")) == ["mix"]


def test_a_silent_channel_is_an_error_of_its_own() -> None:
    left, right = load_channels((np.stack([0 * TONE, TONE]), RATE)).values()
    assert isinstance(left, AudioContentError)
    assert isinstance(right, Waveform)


def test_an_unknown_channel_is_refused_and_each_is_several() -> None:
    with pytest.raises(UnknownNameError, match="There are: mix, left, right, each"):
        load_audio((TONE, RATE), audio_channel="middle")
    with pytest.raises(ValueError, match="call predict_many with audio_channel='each'"):
        load_audio((TONE, RATE), audio_channel="each")


# Names and fingerprints


def test_a_source_is_named_by_its_path_or_its_type(tmp_path: Path) -> None:
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


def test_the_same_audio_has_one_fingerprint_in_any_lossless_file() -> None:
    sound = np.round(TONE * 32_768).astype(np.int16)
    sources: list[AudioSource] = [
        (sound, RATE),
        *(encode(sound, file_format) for file_format in ("WAV", "FLAC", "AIFF")),
    ]
    assert len({fingerprint(load_audio(source)) for source in sources}) == 1


def test_the_fingerprint_is_that_of_the_samples_in_the_file() -> None:
    sound = np.round((0.3 * TONE + 0.0123) * 32_768).astype(np.int16)
    waveform = load_audio((sound, RATE))
    digest = hashlib.blake2b((sound / np.float32(32_768)).astype(np.float32).tobytes(), digest_size=16)
    digest.update(str(RATE).encode())
    assert waveform.offset != 0
    assert fingerprint(waveform) == digest.hexdigest()


@pytest.mark.parametrize(
    "other",
    [(TONE, RATE + 1), (np.append(TONE, 0), RATE), (TONE * 1.001, RATE)],
    ids=["rate", "length", "level"],
)
def test_other_audio_has_another_fingerprint(other: AudioSource) -> None:
    assert fingerprint(load_audio((TONE, RATE))) != fingerprint(load_audio(other))


@pytest.mark.parametrize("rate", [0, -5, "x", 22050.5, True, 10**9])
def test_a_sample_rate_that_is_none_is_refused_before_the_file_is_read(rate: Any) -> None:
    with pytest.raises(ValueError, match=r"sample_rate is .*, not a whole number of Hz"):
        load_audio("none.wav", rate)


@pytest.mark.parametrize("limit", [None, float("nan"), -1, 0, "1", True])
def test_a_limit_that_is_none_is_refused_before_the_file_is_read(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"max_duration_s is .*, not a positive number"):
        load_audio("none.wav", max_duration_s=limit)


def test_a_limit_may_be_a_number_of_numpy() -> None:
    limit: Any = np.float32(2)
    assert load_audio((TONE, RATE), max_duration_s=limit).duration_s <= 2


@pytest.mark.parametrize("channel", [3, None, ["left"]])
def test_a_channel_of_another_type_is_unknown(channel: Any) -> None:
    with pytest.raises(UnknownNameError, match="no audio channel is called"):
        load_audio("none.wav", audio_channel=channel)


# Blocks


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_blocks_are_the_samples_and_the_stated_length_is_right(file_format: str) -> None:
    content = encode(NOISE, file_format)
    whole = load_audio(content)
    with open_audio(content) as audio:
        assert (audio.sample_rate, audio.channels) == (RATE, ["mix"])
        assert audio.stated_s == pytest.approx(whole.duration_s, abs=0.1)
        samples = np.concatenate(list(audio))[:, 0]
    np.testing.assert_allclose(samples, whole.samples + np.float32(whole.offset), atol=1e-6)
    assert audio.notes() == whole.notes


def test_the_length_of_a_wav_that_was_written_to_a_pipe_is_known() -> None:
    content = encode()
    at = content.index(b"data") + 4
    unknown = b"\xff" * 4
    with open_audio(content[:4] + unknown + content[8:at] + unknown + content[at + 4 :]) as audio:
        assert audio.stated_s == 1
