"""Stores: a folder, or a bucket at ``s3://``, ``gs://``, ``az://`` or ``http(s)://``, through obstore."""

from __future__ import annotations

import csv
import functools
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, from_url
from pyarrow import parquet

from affekt.audio.sources import AUDIO_SUFFIXES
from affekt.audio.waveform import MAX_STREAM_BYTES
from affekt.errors import BatchError, StoreError

_ADDRESS = re.compile(r"(?:s3|gs|az|https?)://[^/]+")
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_ADDRESS_COLUMNS = ("source", "path", "address", "file")  # of a manifest, the first that it has
_CHUNK = 1000  # objects of a listing that are held at once


class ChangedError(BatchError):
    """A file is not the one that was planned."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a source.

    Attributes
    ----------
    key
        Its name within the source, in bytes, as names of files need not be UTF-8; of a manifest, its
        address.
    size
        In bytes; None if unknown.
    etag
        What changes with its content; None if unknown.
    """

    key: bytes
    size: int | None
    etag: str | None

    @property
    def name(self) -> str:
        """The key as text; bytes that are not UTF-8 are escaped."""
        return self.key.decode("utf-8", "backslashreplace")


class Store:
    """Objects below an address, with the operations that batch work needs."""

    def __init__(self, address: str, *, make: bool = False) -> None:
        self.address = address.rstrip("/") if is_remote(address) else str(Path(address).resolve())
        options: Any = {"allow_http": True} if address.startswith("http://") else None
        try:
            self.client: Any = (
                from_url(self.address, client_options=options)
                if is_remote(address)
                else LocalStore(self.address, mkdir=make)
            )
        except (BaseError, OSError, ValueError) as error:
            raise BatchError(f"{address} cannot be opened: {_first_line(error)}") from error

    def create(self, key: str, content: bytes) -> bool:
        """Write an object that does not exist; return False, and write nothing, if it does."""
        try:
            self._put(key, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def write(self, key: str, content: bytes) -> None:
        """Write or replace an object."""
        self._put(key, content)

    def _put(self, key: str, content: bytes, **options: Any) -> None:
        try:
            with reached(self.address):
                obstore.put(self.client, key, content, use_multipart=False, **options)
        except FileNotFoundError as error:  # what is written cannot be missing itself
            raise BatchError(f"{self.address} does not exist: make the bucket or folder first") from error

    def read(self, key: str) -> bytes | None:
        """Return an object, or None if there is none."""
        try:
            with reached(self.address):
                return bytes(obstore.get(self.client, key).bytes())
        except FileNotFoundError:
            return None

    def read_end(self, key: str, length: int) -> bytes:
        """Return the last bytes of an object."""
        with reached(self.address):
            size = obstore.head(self.client, key)["size"]  # not every store knows ranges from the end
            return bytes(obstore.get_range(self.client, key, start=max(0, size - length), end=size))

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        try:
            with reached(self.address):
                obstore.delete(self.client, key)
        except FileNotFoundError:
            return

    def modified(self, key: str) -> datetime | None:
        """Return when an object was written, by the store's clock; None if there is none."""
        try:
            with reached(self.address):
                return obstore.head(self.client, key)["last_modified"]
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[Any]:
        """Yield path, size, last_modified and e_tag of the objects below a prefix."""
        with reached(self.address):
            for chunk in obstore.list(self.client, prefix or None, chunk_size=_CHUNK):
                yield from chunk


class BucketSource:
    """The audio files of a bucket."""

    def __init__(self, address: str) -> None:
        self.store = Store(address)

    def entries(self) -> Iterator[Entry]:
        """Yield its files as they are listed."""
        for one in self.store.list(""):
            if _is_audio(one["path"]):
                yield Entry(one["path"].encode(), one["size"], one["e_tag"])

    def address_of(self, entry: Entry) -> str:
        """Return the name of a file in results."""
        return f"{self.store.address}/{entry.name}"

    def look_up(self, entry: Entry) -> Entry:
        """Return a file as it is now."""
        with reached(self.store.address):
            found = obstore.head(self.store.client, entry.key.decode())
        return Entry(entry.key, found["size"], found["e_tag"])

    def read(self, entry: Entry) -> bytes:
        """Return the content of a file; ``ChangedError`` if it is another than was planned."""
        options: Any = {"if_match": entry.etag} if entry.etag else {}
        try:
            with reached(self.store.address):
                found = obstore.get(self.store.client, entry.key.decode(), options=options)
                _check_size(found.meta["size"])
                content = bytes(found.bytes())
        except PreconditionError as error:
            raise ChangedError("the file has changed since the plan was made") from error
        return _checked(content, entry)


class FolderSource:
    """The audio files below a folder, read without obstore, which does not know all names of files."""

    def __init__(self, address: str) -> None:
        self.folder = os.fsencode(Path(address).resolve())
        if not os.path.isdir(self.folder):  # noqa: PTH112 - a name in bytes
            raise BatchError(f"{address} is no folder: give a folder, a manifest, or s3://, gs://, az://")

    def entries(self) -> Iterator[Entry]:
        """Yield its files folder by folder, unsorted; hidden ones are left out."""
        folders = [self.folder]
        while folders:
            with os.scandir(folders.pop()) as found:
                for one in found:
                    if one.name.startswith(b"."):
                        continue
                    if one.is_dir(follow_symlinks=False):
                        folders.append(one.path)
                    elif _is_audio(os.fsdecode(one.name)) and one.is_file():
                        yield _local_entry(os.path.relpath(one.path, self.folder), one.stat())

    def address_of(self, entry: Entry) -> str:
        """Return the name of a file in results."""
        return self._place(entry).decode("utf-8", "backslashreplace")

    def look_up(self, entry: Entry) -> Entry:
        """Return a file as it is now."""
        return _local_entry(entry.key, os.stat(self._place(entry)))  # noqa: PTH116 - a name in bytes

    def read(self, entry: Entry) -> bytes:
        """Return the content of a file; ``ChangedError`` if it is another than was planned."""
        with open(self._place(entry), "rb") as file:
            status = os.fstat(file.fileno())
            if entry.etag is not None and _local_entry(entry.key, status).etag != entry.etag:
                raise ChangedError("the file has changed since the plan was made")
            _check_size(status.st_size)
            return _checked(file.read(), entry)

    def _place(self, entry: Entry) -> bytes:
        return os.path.join(self.folder, entry.key)  # noqa: PTH118 - a name in bytes


class ManifestSource:
    """The files whose addresses a CSV or Parquet file has; their sizes are not known to the plan."""

    def __init__(self, address: str) -> None:
        self.file = Path(address).resolve()

    def entries(self) -> Iterator[Entry]:
        """Yield its files in their order."""
        for address in self._addresses():
            full = address if is_remote(address) else os.path.abspath(self.file.parent / address)  # noqa: PTH100
            yield Entry(os.fsencode(full), None, None)

    def address_of(self, entry: Entry) -> str:
        """Return the name of a file in results."""
        return entry.name

    def look_up(self, entry: Entry) -> Entry:
        """Return a file as it is planned: the plan knows its address alone."""
        return entry

    def read(self, entry: Entry) -> bytes:
        """Return the content of a file."""
        address = os.fsdecode(entry.key)
        if not is_remote(address):
            with open(address, "rb") as file:
                _check_size(os.fstat(file.fileno()).st_size)
                return file.read()
        root = _ADDRESS.match(address)
        assert root is not None  # noqa: S101 - it is remote
        try:
            return _bucket(root[0]).read(Entry(address[len(root[0]) + 1 :].encode(), None, None))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"there is no {address}") from error

    def _addresses(self) -> Iterator[str]:
        if self.file.suffix.lower() == ".parquet":
            table = parquet.ParquetFile(self.file)
            column = self._column(table.schema_arrow.names)
            for batch in table.iter_batches(columns=[column]):
                yield from batch.column(0).to_pylist()
            return
        with open(self.file, newline="", encoding="utf-8-sig") as opened:
            rows = csv.DictReader(opened)
            column = self._column(rows.fieldnames or [])
            for row in rows:
                yield row[column]

    def _column(self, names: Any) -> str:
        for name in _ADDRESS_COLUMNS:
            if name in names:
                return name
        raise BatchError(
            f"{self.file} has none of the columns {', '.join(_ADDRESS_COLUMNS)}, but {', '.join(names)}"
        )


Source = BucketSource | FolderSource | ManifestSource


@contextmanager
def reached(address: str) -> Iterator[None]:
    """Turn errors of obstore into ``StoreError`` if another try may succeed, else into an ``OSError``."""
    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise PermissionError(f"{address} refuses access: {_first_line(error)}") from error
    except BaseError as error:
        if not is_remote(address) and (number := _OS_ERROR.search(str(error))):  # such as a full disk
            raise _os_error(int(number[1]), address) from error
        raise StoreError(f"{address} cannot be reached: {_first_line(error)}") from error


def _os_error(number: int, place: str) -> OSError:
    """The error of that number, by which Windows means another one than POSIX."""
    if sys.platform == "win32":
        import ctypes

        return OSError(None, ctypes.FormatError(number), place, number)
    return OSError(number, os.strerror(number), place)


def open_source(address: str) -> Source:
    """Return the source at an address: a folder, a bucket, or a manifest in CSV or Parquet."""
    if is_remote(address):
        return BucketSource(address)
    if Path(address).suffix.lower() in (".csv", ".parquet") and Path(address).is_file():
        return ManifestSource(address)
    return FolderSource(address)


def is_remote(address: str) -> bool:
    """Whether an address is that of a bucket, and not of a folder or file."""
    return bool(_ADDRESS.match(address))


@functools.lru_cache(maxsize=64)
def _bucket(root: str) -> BucketSource:
    return BucketSource(root)


def _local_entry(key: bytes, status: os.stat_result) -> Entry:
    return Entry(key, status.st_size, f"{status.st_mtime_ns:x}-{status.st_size:x}")


def _check_size(size: int) -> None:
    """Raise ``BatchError`` before a file is read that is too large to be held in memory."""
    if size > MAX_STREAM_BYTES:
        raise BatchError(f"the file is too large: {size} bytes; {MAX_STREAM_BYTES} are allowed")


def _checked(content: bytes, entry: Entry) -> bytes:
    if entry.size is not None and len(content) != entry.size:
        raise ChangedError(f"the file has {len(content)} bytes, and had {entry.size} when it was planned")
    return content


def _is_audio(path: str) -> bool:
    *folders, name = path.split("/")
    hidden = any(part.startswith(".") for part in (*folders, name))
    return not hidden and os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", maxsplit=1)[0]
