"""A zip archive is checked before its audio files are unpacked."""

from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest

from affekt.audio import archives
from affekt.audio.archives import ArchivedFile, expand_sources, find_fault, read_audio_files
from affekt.audio.loading import AudioSource, load_audio, source_name
from affekt.errors import AffektError, AudioFormatError, AudioReadError


@pytest.fixture(autouse=True)
def _close_archives() -> Iterator[None]:
    yield
    archives._open_file.cache_clear()


def pack(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def unpack(content: bytes) -> dict[str, bytes | AudioReadError]:
    return {name: member for name, member, _ in read_audio_files(content, "all.zip")}


def names(content: bytes) -> list[str]:
    return list(unpack(content))


def test_audio_files_are_unpacked_by_name() -> None:
    content = pack({"a.wav": b"one", "deep/er/b.FLAC": b"two"})
    assert unpack(content) == {
        "a.wav": b"one",
        "deep/er/b.FLAC": b"two",
    }


def test_the_share_of_files_is_counted() -> None:
    content = pack({"a.wav": b"1", "notes.txt": b"2", "b.wav": b"3"})
    assert [share for _, _, share in read_audio_files(content, "all.zip")] == [0.5, 1.0]


def test_other_and_hidden_files_are_skipped() -> None:
    files = {
        "a.wav": b"1",
        "notes.txt": b"2",
        "__MACOSX/._a.wav": b"3",
        ".hidden.wav": b"4",
        "folder.wav/": b"",
    }
    assert names(pack(files)) == ["a.wav"]


@pytest.mark.parametrize("name", ["../a.wav", "/etc/a.wav", "x/../../a.wav", "..\\a.wav", "C:a.wav"])
def test_a_path_outside_the_folder_is_refused(name: str) -> None:
    with pytest.raises(AudioFormatError, match="outside its folder"):
        names(pack({"good.wav": b"1", name: b"2"}))


def test_a_link_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("a.wav")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(AudioFormatError, match="holds a link"):
        names(packed.getvalue())


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = pack({"a.wav": bytes(30 << 20)})
    assert len(bomb) < 100_000
    with pytest.raises(AudioFormatError, match=r"would unpack to \d+ bytes; the limit is \d+"):
        names(bomb)


def test_too_many_files_and_none_at_all_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(AudioFormatError, match="holds 3 audio files"):
        names(pack({f"{i}.wav": b"1" for i in range(3)}))
    with pytest.raises(AudioFormatError, match="holds 0 audio files"):
        names(pack({"a.txt": b"1"}))


def test_a_file_that_is_not_a_zip_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="is not a zip archive"):
        names(b"PK, but nothing behind it")


def test_a_damaged_member_does_not_stop_the_others() -> None:
    content = bytearray(pack({"a.wav": bytes(range(256)) * 40, "b.wav": b"whole"}, zipfile.ZIP_STORED))
    content[2000] ^= 0xFF
    found = unpack(bytes(content))
    assert isinstance(found["a.wav"], AudioReadError)
    assert "a.wav cannot be unpacked" in str(found["a.wav"])
    assert found["b.wav"] == b"whole"


def test_a_member_that_is_too_large_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 3)
    found = unpack(pack({"a.wav": b"1234", "b.wav": b"12"}))
    assert "too large" in str(found["a.wav"])
    assert found["b.wav"] == b"12"


METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def declare(content: bytes, size: int) -> bytes:
    """An archive of one member with another size in both of its headers."""
    changed = bytearray(content)
    struct.pack_into("<I", changed, 22, size)
    struct.pack_into("<I", changed, content.index(b"PK\x01\x02") + 24, size)
    return bytes(changed)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 1, 5000, 300_000])
def test_members_of_every_common_method_are_unpacked(method: str, size: int) -> None:
    content = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes() + bytes(size)
    assert unpack(pack({"a.wav": content, "b.wav": b"more"}, METHODS[method])) == {
        "a.wav": content,
        "b.wav": b"more",
    }


@pytest.mark.parametrize("method", ["deflate", "bzip2", "lzma"])
def test_a_member_that_unpacks_to_more_than_it_declares_does_not_fill_memory(method: str) -> None:
    size = 64 << 20
    bomb = declare(pack({"a.wav": bytes(size)}, METHODS[method]), 1000)
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        found = unpack(bomb)["a.wav"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found, AudioReadError)
    assert "a.wav cannot be unpacked" in str(found)
    assert peak < size // 4  # a dictionary of LZMA has 8 MB


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [10, 10_000])
def test_a_member_that_declares_another_size_is_refused(method: str, size: int) -> None:
    found = unpack(declare(pack({"a.wav": bytes(range(200))}, METHODS[method]), size))
    assert isinstance(found["a.wav"], AudioReadError)


def test_an_archive_of_very_many_entries_is_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    with pytest.raises(AudioFormatError, match="has more than 2 entries"):
        names(pack({f"{i}.txt": b"1" for i in range(3)}))


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_archive_is_refused_by_an_error_of_ours(method: str) -> None:
    whole = pack({"a.wav": b"voice " * 500, "ü.wav": bytes(300)}, METHODS[method])
    rng = np.random.default_rng(0)
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 2):
            content[place] = rng.integers(256)
        try:
            found = unpack(bytes(content))
        except AffektError:
            continue
        assert all(isinstance(one, bytes | AudioReadError) for one in found.values())


def test_a_time_of_day_may_be_in_a_name() -> None:
    assert names(pack({"Recording 10:32.wav": b"1"})) == ["Recording 10:32.wav"]


def test_only_an_archive_within_the_limit_has_no_fault() -> None:
    member = zipfile.ZipInfo("a.wav")
    member.file_size = 10
    assert find_fault([member], most_bytes=10) == ""
    assert "20 bytes" in find_fault([member, member], most_bytes=10)


# --- archives on disk --------------------------------------------------------------------------------


def test_an_archive_on_disk_stands_for_the_audio_files_in_it(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(pack({"a.wav": b"one", "notes.txt": b"-", "deep/b.flac": b"two"}))
    before, one, two = expand_sources(["before.wav", str(path)])
    assert before == "before.wav"
    assert [source_name(file) for file in (one, two)] == [f"{path}/a.wav", f"{path}/deep/b.flac"]
    assert isinstance(one, ArchivedFile)
    assert isinstance(two, ArchivedFile)
    assert (one.read(), one.read(), two.read()) == (b"one", b"one", b"two")
    again = pickle.loads(pickle.dumps(two))
    assert again.read() == b"two"


def test_two_files_of_one_name_are_two_files(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.wav", b"one")
        archive.writestr("a.wav", b"two")
    files = cast(list[ArchivedFile], expand_sources([path]))
    assert [file.read() for file in files] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [({"../a.wav": b"1"}, "outside its folder"), ({"a.txt": b"1"}, "holds 0 audio files")],
)
def test_an_archive_that_cannot_be_used_is_one_error(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(pack(files))
    (file,) = expand_sources(str(path))
    assert source_name(file) == str(path)
    with pytest.raises(AudioFormatError, match=reason):
        load_audio(file)


def test_a_damaged_archive_and_one_that_is_gone_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(pack({"a.wav": b"1" * 1000}))
    (file,) = expand_sources(path)
    path.unlink()
    with pytest.raises(AudioReadError, match=r"all\.zip/a\.wav cannot be read"):
        load_audio(file)
    path.write_bytes(b"PK\x03\x04 and no more")
    (broken,) = expand_sources(path)
    with pytest.raises(AudioFormatError, match="not a zip archive that can be read"):
        load_audio(broken)


def test_other_sources_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no zip")
    (tmp_path / "named.wav").write_bytes(pack({"a.wav": b"1"}))
    sources: list[AudioSource] = [
        tmp_path / "text",
        tmp_path / "named.wav",
        tmp_path / "none.zip",
        "nul\0.zip",
        b"no zip",
        io.BytesIO(b"P"),
        "x" * 300,
    ]
    assert expand_sources(sources) == sources


def test_a_file_of_an_archive_that_was_replaced_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(pack({"a.flac": b"one", "b.flac": b"two"}))
    one, two = cast(list[ArchivedFile], expand_sources(path))
    for files in ({"b.flac": b"two", "a.flac": b"one"}, {"c.flac": b"three"}):
        path.write_bytes(pack(files))
        archives._open_file.cache_clear()
        for file in (one, two):
            with pytest.raises(AudioReadError, match=r"all\.zip was replaced meanwhile"):
                file.read()
    path.write_bytes(b"PK\x03\x04 and no more")
    (broken,) = cast(list[ArchivedFile], expand_sources(path))
    path.write_bytes(pack({"a.flac": b"one"}))
    archives._open_file.cache_clear()
    with pytest.raises(AudioReadError, match="was replaced meanwhile"):
        broken.read()


# --- archives in memory ------------------------------------------------------------------------------


def named(content: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (bytes, "bytes"),
        (bytearray, "bytes"),
        (memoryview, "bytes"),
        (io.BytesIO, "BytesIO object"),
        (lambda content: named(content, "standard input"), "standard input"),
    ],
    ids=["bytes", "bytearray", "memoryview", "BytesIO", "standard input"],
)
def test_an_archive_in_memory_stands_for_the_audio_files_in_it(
    wrap: Callable[[bytes], AudioSource], name: str
) -> None:
    content = pack({"a.wav": b"one", "notes.txt": b"-", "deep/b.flac": b"two"})
    found = expand_sources(wrap(content))
    assert [source_name(file) for file in found] == [f"{name}/a.wav", f"{name}/deep/b.flac"]
    again = pickle.loads(pickle.dumps(found))
    assert [file.read() for file in cast(list[BinaryIO], again)] == [b"one", b"two"]


def test_an_archive_in_a_pipe_stands_for_the_audio_files_in_it() -> None:
    reading, writing = os.pipe()
    path = f"/dev/fd/{reading}"
    if not os.path.exists(path):  # noqa: PTH110 - not a file on disk
        pytest.skip("this system has no /dev/fd")
    with open(writing, "wb") as pipe:
        pipe.write(pack({"a.wav": b"one"}))
    try:
        (file,) = expand_sources(path)
    finally:
        os.close(reading)
    assert source_name(file) == f"{path}/a.wav"


def test_a_damaged_file_of_an_archive_in_memory_is_one_error() -> None:
    content = bytearray(pack({"a.wav": bytes(range(256)) * 40, "b.wav": b"whole"}, zipfile.ZIP_STORED))
    content[2000] ^= 0xFF
    broken, whole = expand_sources(bytes(content))
    assert source_name(broken) == "bytes/a.wav"
    with pytest.raises(AudioReadError, match=r"a\.wav cannot be unpacked"):
        load_audio(broken)
    assert cast(BinaryIO, whole).read() == b"whole"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK", "bytes is not a zip archive that can be read"),
        (pack({"../a.wav": b"1"}), "bytes would write outside its folder"),
        (pack({"a.txt": b"1"}), "bytes holds 0 audio files"),
    ],
)
def test_an_archive_in_memory_that_cannot_be_used_is_one_error(content: bytes, reason: str) -> None:
    (file,) = expand_sources([content])
    assert source_name(file) == "bytes"
    with pytest.raises(AudioFormatError, match=reason):
        load_audio(file)


def test_an_archive_is_no_recording() -> None:
    with pytest.raises(AudioFormatError, match=r"bytes is a zip archive: affekt\.predict_many reads the"):
        load_audio(pack({"a.wav": b"1"}))
