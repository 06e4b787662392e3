"""Download of one file: resumed after an interruption, limited in size, and verified by its checksum."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from affekt.errors import DownloadError
from affekt.support.progress import progress_bar

ATTEMPTS = 5
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 16
_TRY_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO, errno.ELOOP}


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file to download.

    Attributes
    ----------
    url, size_bytes
        Its address, and its exact size.
    digest, algorithm
        Its checksum in hex, and the name of the algorithm in ``hashlib``.
    """

    url: str
    size_bytes: int
    digest: str
    algorithm: str

    @property
    def name(self) -> str:
        """The file name at the end of the address."""
        return self.url.split("?")[0].rsplit("/", 1)[-1]


def download_file(
    remote: RemoteFile, folder: Path, *, pause_s: float = 2.0, progress: bool = False
) -> Path:
    """Download a file into a folder that exists, verify it, and return its path.

    An incomplete file is kept as ``<name>.part`` and continued by the next call. A file of the right size
    that has the name already is verified and not downloaded.

    Parameters
    ----------
    pause_s
        Seconds to wait before connecting again; doubled after each failure.
    progress
        Show a progress bar on a terminal.

    Raises
    ------
    DownloadError
        The connection fails, the file cannot be written, the server sends more than ``size_bytes``, or the
        checksum is wrong.
    """
    part, file = folder / f"{remote.name}.part", folder / remote.name
    if _size(file) == remote.size_bytes:
        file.replace(part)  # placed there by the user: verified as any other
    failures, most, reason = 0, _size(part), ""
    while (got := _size(part)) < remote.size_bytes:
        if failures == ATTEMPTS:
            raise DownloadError(
                f"{remote.name} stopped after {got} of {remote.size_bytes} bytes, and {ATTEMPTS} more "
                f"attempts failed ({reason}): run the same command again to continue"
            )
        if failures:
            time.sleep(pause_s * 2 ** (failures - 1))
        reason = _try(remote, part, progress)
        failures = 0 if _size(part) > most else failures + 1
        most = max(most, _size(part))
    _verify(remote, part)
    part.replace(file)
    return file


def _try(remote: RemoteFile, part: Path, progress: bool) -> str:
    """Continue the download, and return why it stopped; ``DownloadError`` if trying again cannot help."""
    import http.client
    import urllib.error

    try:
        _continue(remote, part, progress)
    except DownloadError:  # is an OSError too
        raise
    except urllib.error.HTTPError as error:
        if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _TRY_LATER:
            raise DownloadError(f"{remote.url}: the server returned {error.code} {error.reason}") from error
        return str(error)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in _DISK_ERRORS:
            raise DownloadError(f"{part} cannot be written: {error}") from error
        return str(error)
    return "the server closed the connection"


def _continue(remote: RemoteFile, part: Path, progress: bool) -> None:
    """Request the missing bytes and append them; start over if the server sends all bytes."""
    import urllib.request  # it takes long to import, and predictions import this module

    have = _size(part)
    request = urllib.request.Request(  # noqa: S310 - the addresses are our own, http or https
        remote.url, headers={"Range": f"bytes={have}-", "User-Agent": "affekt"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        resumed = response.status == HTTPStatus.PARTIAL_CONTENT
        have = have if resumed else 0
        with (
            open(part, "ab" if resumed else "wb", opener=_open_alone) as file,
            progress_bar(
                f"downloading {remote.name}", remote.size_bytes, unit="bytes", shown=progress
            ) as bar,
        ):
            bar(steps=have)
            while chunk := response.read(CHUNK_BYTES):
                have += len(chunk)
                if have > remote.size_bytes:
                    raise DownloadError(
                        f"{remote.url}: the server sends more than {remote.size_bytes} bytes"
                    )
                file.write(chunk)
                bar(steps=len(chunk))


def _open_alone(name: str, flags: int) -> int:
    """Open a file that no other process downloads to, never through a link."""
    number = os.open(name, flags & ~os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o666)
    if fcntl:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(number)
            raise DownloadError(f"{name} is being downloaded by another process") from error
        except OSError:  # a file system without locks
            pass
    if flags & os.O_TRUNC:
        os.ftruncate(number, 0)
    return number


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _verify(remote: RemoteFile, part: Path) -> None:
    with open(part, "rb") as file:
        # Some publishers give an MD5, which detects damage, not forgery.
        found = hashlib.file_digest(
            file, lambda: hashlib.new(remote.algorithm, usedforsecurity=False)
        ).hexdigest()
    if found != remote.digest:
        part.unlink()
        raise DownloadError(
            f"{remote.name} has the checksum {found}, not {remote.digest}; it was removed: "
            "download it again"
        )
