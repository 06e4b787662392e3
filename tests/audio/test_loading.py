"""Audio is loaded from every kind of source, checked and resampled; the rest is refused with a reason."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import librosa
import numpy as np
import pytest
import soundfile

from affekt.audio.loading import (
    AUDIO_SUFFIXES,
    AudioSource,
    expand_folders,
    find_audio,
    fingerprint,
    load_audio,
    source_name,
)
from affekt.errors import AudioContentError, AudioFormatError, AudioNotFoundError, AudioReadError
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


@pytest.mark.parametrize(
    "other",
    [(TONE, RATE + 1), (np.append(TONE, 0), RATE), (TONE * 1.001, RATE)],
    ids=["rate", "length", "level"],
)
def test_other_audio_has_another_fingerprint(other: AudioSource) -> None:
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


def test_a_folder_named_like_audio_is_not_audio(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    assert found(tmp_path) == []


def test_a_hidden_folder_above_the_searched_one_does_not_matter(tmp_path: Path) -> None:
    touch(tmp_path / ".cache", "a.wav")
    assert found(tmp_path / ".cache") == ["a.wav"]


def test_folders_are_replaced_by_the_audio_in_them_and_other_sources_are_kept(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.wav", "a/2.flac", "b/notes.txt")
    sources: list[AudioSource] = ["x.wav", str(tmp_path / "a"), tmp_path / "b", (TONE, RATE)]
    one, first, second, empty, pair = expand_folders(sources)
    assert (one, first, second) == ("x.wav", tmp_path / "a" / "1.wav", tmp_path / "a" / "2.flac")
    assert empty == tmp_path / "b"
    assert pair is sources[3]


@pytest.mark.parametrize(
    "source", ["x.wav", Path("x.wav"), b"RIFF", (TONE, RATE), load_audio((TONE, RATE))]
)
def test_a_single_source_is_a_list_of_one(source: AudioSource) -> None:
    assert expand_folders(source) == [source]
