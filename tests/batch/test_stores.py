"""Stores: what is listed, what has changed, and the conditional put."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from affekt.batch.stores import ChangedError, Store, open_source
from affekt.errors import BatchError, StoreError


def test_a_folder_lists_visible_audio_files_whatever_their_names(tmp_path: Path) -> None:
    for name in (b"a.wav", b"b#%20.flac", b"\xff.mp3", b"notes.txt", b".hidden.wav"):
        Path(tmp_path, os.fsdecode(name)).write_bytes(b"12")
    source = open_source(str(tmp_path))
    entries = sorted(source.entries(), key=lambda one: one.key)
    assert [one.key for one in entries] == [b"a.wav", b"b#%20.flac", b"\xff.mp3"]
    assert {source.read(one) for one in entries} == {b"12"}


def test_a_file_that_changed_or_is_gone_since_it_was_listed_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"12")
    source = open_source(str(tmp_path))
    (entry,) = source.entries()
    os.utime(file, ns=(1, 1))
    with pytest.raises(ChangedError, match="changed since the plan"):
        source.read(entry)
    assert source.read(source.look_up(entry)) == b"12"
    file.unlink()
    with pytest.raises(FileNotFoundError):
        source.read(entry)


def test_a_manifest_lists_its_addresses_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("emotion,path\nsad,b.wav\nsad,s3://bucket/a.wav\n", encoding="utf-8")
    names = [one.name for one in open_source(str(tmp_path / "m.csv")).entries()]
    assert names == [str(tmp_path / "b.wav"), "s3://bucket/a.wav"]
    (tmp_path / "m.csv").write_text("emotion\nsad\n", encoding="utf-8")
    with pytest.raises(BatchError, match="none of the columns"):
        list(open_source(str(tmp_path / "m.csv")).entries())


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.wav").write_bytes(b"12345")
    Store(s3).write("in/a.wav", b"12345")
    (tmp_path / "m.csv").write_text(f"path\na.wav\n{s3}/in/a.wav\n", encoding="utf-8")
    addresses = [str(tmp_path), f"{s3}/in", str(tmp_path / "m.csv")]
    found = [(source, entry) for source in map(open_source, addresses) for entry in source.entries()]
    assert [source.read(entry) for source, entry in found] == [b"12345"] * 4
    monkeypatch.setattr("affekt.batch.stores.MAX_STREAM_BYTES", 4)
    for source, entry in found:
        with pytest.raises(BatchError, match="too large: 5 bytes; 4 are allowed"):
            source.read(entry)


def test_a_file_of_a_manifest_that_is_gone_is_missing(tmp_path: Path, s3: str) -> None:
    (tmp_path / "m.csv").write_text(f"path\na.wav\n{s3}/a.wav\n", encoding="utf-8")
    source = open_source(str(tmp_path / "m.csv"))
    for entry in source.entries():
        with pytest.raises(FileNotFoundError, match=re.escape(entry.name)) as found:
            source.read(entry)
        assert type(found.value) is FileNotFoundError


def test_of_many_writers_of_a_new_object_one_succeeds(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "new"), make=True)
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: store.create("x/y", bytes([number])), range(8)))
    assert won.count(True) == 1
    assert store.read("x/y") == bytes([won.index(True)])
    assert store.read_end("x/y", 9) == store.read("x/y")


def test_what_is_no_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="cannot be opened"):
        Store(str(tmp_path / "missing"))
    (tmp_path / "file").touch()
    with pytest.raises(BatchError, match=r"file/out cannot be opened: Not a directory"):
        Store(str(tmp_path / "file" / "out"), make=True)
    with pytest.raises(BatchError, match="is no folder"):
        open_source(str(tmp_path / "missing"))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which root may not write either")
def test_a_folder_that_may_not_be_written_is_an_error_at_once() -> None:
    with pytest.raises(PermissionError, match="'/sys'"):
        Store("/sys").create("folder/a", b"12")


def test_a_bucket_that_does_not_exist_or_cannot_be_reached_is_an_error(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BatchError, match="s3://none does not exist"):
        Store("s3://none").write("a", b"12")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=f"{s3} cannot be reached"):
        Store(s3).read("a")
