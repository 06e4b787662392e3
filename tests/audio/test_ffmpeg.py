"""Containers and codecs of FFmpeg: the length is that of the sound, the track is one that has sound."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from tests.audio.encoding import decoded_by_av, encode_with_av, voice

from affekt.audio.ffmpeg import decode_with_ffmpeg
from affekt.audio.loading import load_audio
from affekt.audio.samples import Request
from affekt.errors import AudioContentError, AudioFormatError, MissingExtraError
from affekt.notes import NoteKind

SECONDS = 3.6
PAIRS = [  # container, codec and sample rate
    ("mp4", "aac", 48_000), ("mov", "aac", 44_100), ("3gp", "aac", 16_000),
    ("matroska", "aac", 48_000), ("webm", "libopus", 48_000), ("adts", "aac", 16_000),
    ("asf", "wmav2", 44_100), ("mp4", "alac", 44_100), ("caf", "alac", 44_100),
    ("ogg", "flac", 16_000), ("avi", "libmp3lame", 44_100), ("avi", "pcm_s16le", 16_000),
    ("flv", "aac", 44_100), ("mpegts", "aac", 48_000), ("wv", "wavpack", 16_000),
    ("tta", "tta", 16_000), ("ac3", "ac3", 48_000), ("wav", "ac3", 48_000),
    ("wav", "g726", 8000), ("mp2", "mp2", 48_000), ("mpeg", "mp2", 48_000),
    ("amr", "libopencore_amrnb", 8000), ("ogg", "libspeex", 16_000),
]  # fmt: skip
PICTURES = [("mp4", "aac"), ("mov", "aac"), ("matroska", "aac"), ("webm", "libopus"), ("avi", "libmp3lame")]
PICTURES += [("mpegts", "aac")]


@pytest.mark.parametrize(("container", "codec", "rate"), PAIRS, ids=str)
def test_every_format_is_read_whole_without_a_false_note(container: str, codec: str, rate: int) -> None:
    content = encode_with_av(container, codec, voice(SECONDS, rate), rate=rate)
    waveform = load_audio(content)
    assert (waveform.sample_rate, waveform.notes) == (rate, ())
    assert len(waveform.samples) == pytest.approx(len(decoded_by_av(content)), abs=rate // 1000)
    assert waveform.duration_s == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize(("container", "codec"), PICTURES)
def test_a_picture_that_outlasts_the_sound_does_not_matter(container: str, codec: str) -> None:
    content = encode_with_av(container, codec, voice(SECONDS, 48_000), picture_s=12)
    waveform = load_audio(content)
    assert waveform.duration_s == pytest.approx(SECONDS, abs=0.15)
    assert waveform.notes == ()


@pytest.mark.parametrize("container", ["mp4", "matroska", "mov"])
def test_the_first_track_that_has_sound_is_read(container: str) -> None:
    sound = voice(SECONDS, 48_000)
    waveform = load_audio(encode_with_av(container, "aac", 0 * sound, sound, 0.5 * sound))
    assert np.abs(waveform.samples).max() == pytest.approx(np.abs(sound).max(), rel=0.1)
    (note,) = waveform.notes
    assert note.kind == NoteKind.ONE_TRACK
    assert str(note) == "the file has 3 audio tracks: track 2 is read, the first that has sound"


def test_tracks_that_are_all_silent_are_silent() -> None:
    silence = np.zeros(48_000, np.float32)
    with pytest.raises(AudioContentError, match="silent throughout"):
        load_audio(encode_with_av("mp4", "aac", silence, silence))


def test_a_container_that_is_cut_off_has_a_note() -> None:
    whole = encode_with_av("matroska", "aac", voice(4, 48_000))
    waveform = load_audio(whole[: len(whole) * 7 // 10])
    assert [note.kind for note in waveform.notes] == [NoteKind.CUT_OFF]
    assert 2 < waveform.duration_s < 3.5


def test_a_codec_that_does_not_exist_is_an_error() -> None:
    content = encode_with_av("mov", "pcm_s16le", voice(1, 48_000)).replace(b"sowt", b"zzzz")
    with pytest.raises(AudioFormatError, match="is not audio that can be read"):
        load_audio(content)


def test_a_track_of_an_unknown_codec_is_passed_over() -> None:
    sound = voice(1, 48_000)
    content = encode_with_av("mov", "pcm_s16le", sound, sound)
    waveform = load_audio(content.replace(b"sowt", b"zzzz", 1))
    assert [note.kind for note in waveform.notes] == [NoteKind.ONE_TRACK]
    assert waveform.duration_s == pytest.approx(1, abs=0.1)


def test_a_playlist_opens_no_other_file() -> None:
    for text in (
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
    ):
        with pytest.raises(AudioFormatError, match="is not audio that can be read"):
            decode_with_ffmpeg(io.BytesIO(text), Request("list"))


@pytest.mark.parametrize(
    ("container", "codec"),
    [("caf", "alac"), ("ogg", "flac"), ("avi", "pcm_s16le"), ("flv", "aac"), ("mpegts", "aac"),
     ("wv", "wavpack"), ("tta", "tta"), ("ac3", "ac3"), ("wav", "g726"), ("mp4", "aac")],
)  # fmt: skip
def test_without_av_the_extra_is_named(container: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = {"g726": 8000, "aac": 44_100}.get(codec, 48_000)
    content = encode_with_av(container, codec, voice(1, rate), rate=rate)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"affekt\[formats\]"):
        load_audio(content)


def test_samples_are_those_of_the_lossless_original() -> None:
    sound = np.round(voice(1, 44_100) * 32_768).astype(np.int16)
    waveform = load_audio(encode_with_av("mp4", "alac", sound / np.float32(32_768), rate=44_100))
    np.testing.assert_array_equal(waveform.samples, load_audio((sound, 44_100)).samples)


def test_a_damaged_packet_costs_its_sound_alone() -> None:
    whole = bytearray(encode_with_av("adts", "aac", voice(4, 48_000)))
    middle = whole.find(b"\xff\xf1", len(whole) // 2)
    whole[middle + 7 : middle + 60] = bytes(53)
    assert load_audio(bytes(whole)).duration_s == pytest.approx(4, abs=0.2)
