"""Files, folders, pipes and open files are found, named and read within bounds."""

from __future__ import annotations

import io
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from tests.audio.encoding import encode, voice

from affekt.audio import sources
from affekt.audio.archives import expand_sources
from affekt.audio.loading import AudioSource, load_audio
from affekt.audio.sources import (
    AUDIO_SUFFIXES,
    UnreadableSource,
    expand_folders,
    find_audio,
    read_whole,
    source_name,
)
from affekt.errors import AudioContentError, AudioFormatError, AudioNotFoundError, AudioReadError

RATE = 16_000
WAV = encode(voice(1, RATE), RATE)
posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")


# What is not a file on disk


@posix
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(AudioReadError, match="is a named pipe, not a file"):
        load_audio(tmp_path / "a.wav")


@posix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_a_device_is_refused_at_once(device: str) -> None:
    with pytest.raises(AudioReadError, match=f"'{device}' is a device, not a file"):
        load_audio(device)


@posix
def test_a_socket_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("a.wav")
        with pytest.raises(AudioReadError, match="is a socket, not a file"):
            load_audio("a.wav")


@pytest.fixture
def open_pipe() -> Any:
    """Makes a pipe with content that another thread writes, as ``<(...)`` does; returns its path."""
    if not os.path.isdir("/dev/fd"):  # noqa: PTH112
        pytest.skip("there is no /dev/fd here")
    ends: list[int] = []

    def make(content: bytes) -> str:
        reading, writing = os.pipe()
        ends.append(reading)

        def write() -> None:
            with os.fdopen(writing, "wb") as file:
                file.write(content)

        threading.Thread(target=write, daemon=True).start()
        return f"/dev/fd/{reading}"

    yield make
    for end in ends:
        os.close(end)


def test_a_pipe_that_is_open_is_read_whole(open_pipe: Callable[[bytes], str]) -> None:
    np.testing.assert_array_equal(load_audio(open_pipe(WAV)).samples, load_audio(WAV).samples)


def test_a_pipe_in_a_list_can_be_read_by_another_process(open_pipe: Callable[[bytes], str]) -> None:
    path = open_pipe(WAV)
    (source,) = expand_folders([path])
    assert source_name(source) == path
    assert load_audio(source).duration_s == 1


def test_a_pipe_without_end_is_refused(
    open_pipe: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_STREAM_BYTES", 10_000)
    with pytest.raises(
        AudioContentError, match=r"larger than the limit of 10000 bytes for what is no file"
    ):
        load_audio(open_pipe(WAV))


class Reader:
    """Someone's own file object: reads what it is given, or raises it."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def read(self, size: int = -1) -> Any:
        answer = self.answers.pop(0) if self.answers else b""
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_an_object_that_reads_a_little_at_a_time_is_read_whole() -> None:
    reader = Reader(WAV[:7], WAV[7:5000], bytearray(WAV[5000:]))
    assert load_audio(cast(BinaryIO, reader)).duration_s == 1


def test_an_object_is_not_read_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_STREAM_BYTES", 10_000)
    reader = Reader(*[b"x" * 4000] * 1000)
    with pytest.raises(AudioContentError, match="larger than the limit of 10000 bytes"):
        load_audio(cast(BinaryIO, reader))
    assert len(reader.answers) == 997


@pytest.mark.parametrize(
    ("answer", "expected", "message"),
    [
        (OSError("the disk is gone"), AudioReadError, "cannot be read: the disk is gone"),
        (ValueError("I/O operation on closed file"), AudioFormatError, "I/O operation on closed file"),
        (KeyError("a"), AudioFormatError, "is not audio that can be read"),
        ("text", AudioFormatError, "is not open in binary mode"),
        (5, AudioFormatError, "is not open in binary mode"),
        (None, AudioContentError, "is empty"),
    ],
)
def test_what_an_object_raises_or_returns_is_one_clear_error(
    answer: Any, expected: type[Exception], message: str
) -> None:
    with pytest.raises(expected, match=f"Reader object .*{message}"):
        load_audio(cast(BinaryIO, Reader(answer)))


def test_a_closed_file_and_a_file_of_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(WAV)
    with open(tmp_path / "a.wav", "rb") as closed:
        pass
    with pytest.raises(AudioFormatError, match="closed file"):
        load_audio(closed)
    for text in ("", "dear diary"):
        (tmp_path / "a.txt").write_text(text)
        with (
            open(tmp_path / "a.txt") as opened,
            pytest.raises(AudioFormatError, match="not open in binary mode"),
        ):
            load_audio(cast(BinaryIO, opened))


def test_a_file_that_was_read_to_its_end_is_not_called_empty() -> None:
    file = io.BytesIO(WAV)
    file.read()
    with pytest.raises(AudioContentError, match=r"BytesIO object was read to its end before.*seek\(0\)"):
        load_audio(file)


def test_an_object_that_is_read_asynchronously_is_refused_with_advice() -> None:
    class Upload:
        async def read(self, size: int) -> bytes:
            raise AssertionError(size)

    with pytest.raises(AudioFormatError, match="Upload object is read asynchronously: give what its read"):
        load_audio(cast(BinaryIO, Upload()))


def test_an_object_whose_name_is_no_text_is_called_by_its_type() -> None:
    with tempfile.SpooledTemporaryFile() as upload, tempfile.TemporaryFile() as numbered:
        assert source_name(upload) == "SpooledTemporaryFile object"
        assert source_name(numbered) == f"{type(numbered).__name__} object"


def test_an_address_is_refused_with_advice() -> None:
    with pytest.raises(AudioNotFoundError, match="fetches nothing from the network, download it first"):
        load_audio("https://example.org/a.wav")


def test_a_stream_that_fails_is_a_source_that_fails() -> None:
    source = read_whole(cast(BinaryIO, Reader(OSError("gone"))), "standard input")
    assert source_name(source) == "standard input"
    with pytest.raises(AudioReadError, match="standard input cannot be read: gone"):
        load_audio(source)


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
    sources: list[AudioSource] = ["x.wav", str(tmp_path / "a"), tmp_path / "b", (voice(1, RATE), RATE)]
    one, first, second, empty, pair = expand_folders(sources)
    assert (one, first, second) == ("x.wav", tmp_path / "a" / "1.wav", tmp_path / "a" / "2.flac")
    assert empty == tmp_path / "b"
    assert pair is sources[3]


@pytest.mark.parametrize(
    "source", ["x.wav", Path("x.wav"), b"RIFF", (voice(1, RATE), RATE), load_audio((voice(1, RATE), RATE))]
)
def test_a_single_source_is_a_list_of_one(source: AudioSource) -> None:
    assert expand_folders(source) == [source]


@pytest.fixture
def closed_folder(tmp_path: Path) -> Any:
    """A folder that may not be entered, beside one with a recording."""
    touch(tmp_path, "open/a.wav", "shut/b.wav")
    (tmp_path / "shut").chmod(0)
    if os.access(tmp_path / "shut", os.R_OK):
        (tmp_path / "shut").chmod(0o700)
        pytest.skip("this user may enter every folder")
    yield tmp_path
    (tmp_path / "shut").chmod(0o700)


def test_a_folder_that_may_not_be_entered_costs_one_source(closed_folder: Path) -> None:
    first, second = expand_folders(closed_folder)
    assert first == closed_folder / "open" / "a.wav"
    assert source_name(second) == str(closed_folder / "shut")
    with pytest.raises(AudioReadError, match="shut' cannot be opened: Permission denied"):
        load_audio(second)


def test_a_folder_that_may_not_be_entered_itself_is_one_failed_source(closed_folder: Path) -> None:
    (source,) = expand_folders([closed_folder / "shut"])
    with pytest.raises(AudioReadError, match="Permission denied"):
        load_audio(source)


def test_a_corpus_is_not_read_without_a_folder_that_may_not_be_entered(closed_folder: Path) -> None:
    with pytest.raises(AudioReadError, match="shut' cannot be opened: Permission denied"):
        find_audio(closed_folder)


def test_a_folder_that_cannot_be_listed_is_one_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "open/a.wav", "shut/b.wav")
    scandir = os.scandir

    def refuse(folder: str) -> Any:
        if str(folder).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    first, second = expand_folders(tmp_path)
    assert (first, source_name(second)) == (tmp_path / "open" / "a.wav", str(tmp_path / "shut"))


def test_a_file_in_a_folder_that_only_lists_its_files_is_found_and_costs_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "open/a.wav", "shut/b.wav")
    examine = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("b.wav"):
            raise PermissionError(13, "Permission denied", str(path))
        return examine(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    _, second = expand_folders(tmp_path)
    assert second == tmp_path / "shut" / "b.wav"
    with pytest.raises(AudioReadError, match=r"b\.wav' cannot be opened: .*Permission denied"):
        load_audio(second)


@posix
def test_links_that_form_a_loop_and_pipes_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/c.wav")
    (tmp_path / "a" / "b" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self.wav").symlink_to("self.wav")
    os.mkfifo(tmp_path / "a" / "pipe.wav")
    assert found(tmp_path) == ["a/b/c.wav"]


def test_an_unreadable_source_is_one_source() -> None:
    source = UnreadableSource("a", AudioReadError("a is gone"))
    assert expand_folders(source) == [source]


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
def test_a_path_of_bytes_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encode(voice(), 16000))
    with os.scandir(os.fsencode(tmp_path)) as entries:
        (entry,) = entries
    given = cast(Any, entry)
    assert (source_name(given), expand_folders([given])) == (str(path), [str(path)])
    assert load_audio(given).duration_s == load_audio(path).duration_s


class Odd:
    """A path, or an open file, that fails or gives something else."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        if isinstance(self.path, Exception):
            raise self.path
        return self.path


class Nameless(io.BytesIO):
    """An open file whose name cannot be had."""

    @property
    def name(self) -> str:
        raise RuntimeError("no name")


@pytest.mark.parametrize("path", [5, None, RuntimeError("gone")], ids=str)
def test_a_path_that_is_none_costs_one_answer(path: object, tmp_path: Path) -> None:
    good = tmp_path / "a.wav"
    good.write_bytes(encode(voice(), 16000))
    odd: Any = Odd(path)
    first, second = expand_sources([odd, good])
    assert (source_name(first), second) == ("Odd object", good)
    for source in (odd, first):
        with pytest.raises(AudioFormatError, match="Odd object is not a path"):
            load_audio(source)


def test_a_file_whose_name_raises_is_read_under_that_of_its_type() -> None:
    file = Nameless(encode(voice(), 16000))
    assert source_name(file) == "Nameless object"
    (source,) = expand_sources([file])
    assert load_audio(source).duration_s > 0


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
def test_an_entry_of_a_folder_of_bytes_costs_no_batch(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode(voice(), 16000))
    (tmp_path / "b").write_bytes(b"no archive")  # whose suffix says nothing
    with os.scandir(os.fsencode(tmp_path)) as entries:
        given: list[Any] = sorted(entries, key=lambda entry: entry.name)
    assert expand_sources(given) == [str(tmp_path / "a.wav"), str(tmp_path / "b")]


def test_a_pipe_that_is_written_to_is_not_read() -> None:
    """It would wait for itself for ever."""
    reading, writing = os.pipe()
    try:
        with pytest.raises(AudioReadError, match="a named pipe"):
            load_audio(f"/dev/fd/{writing}")
    finally:
        os.close(reading)
        os.close(writing)
