"""Download of corpora: resumed after an interruption, verified by checksum, and unpacked safely."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from affekt.audio.archives import UNREADABLE, find_fault, unpack
from affekt.corpora.base import Archive, CorpusCard
from affekt.errors import DownloadError
from affekt.support.progress import progress_bar

ATTEMPTS = 5
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 16
UNPACKED_PER_PACKED = 4  # speech in WAV compresses to about half: no corpus needs more than this
_TRY_LATER = {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS}
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO, errno.ELOOP}


def download_corpus(
    card: CorpusCard, folder: str | os.PathLike[str], *, pause_s: float = 2.0, progress: bool = False
) -> Path:
    """Download, verify and unpack every archive of a corpus.

    Parameters
    ----------
    card
        The card of a corpus with archives.
    folder
        The folder to unpack into, created if it does not exist. An incomplete archive is kept in it as
        ``<name>.part`` and continued by the next call; an archive is removed once it is unpacked.
    pause_s
        Seconds to wait before connecting again; doubled after each failure.
    progress
        Show progress bars on a terminal.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DownloadError
        The corpus has no archives, the disk is too full, the connection fails, a checksum is wrong, or an
        archive would write outside the folder.
    """
    if not card.archives:
        raise DownloadError(
            f"{card.name} cannot be downloaded by affekt; see {card.address or 'its owner'}"
        )
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{folder} cannot be created: {error}") from error
    wanted = [archive for archive in card.archives if not _marker(archive, folder).exists()]
    _check_space(wanted, folder)
    for archive in wanted:
        file = _fetch(archive, folder, pause_s, progress)
        _unpack(file, folder, progress)
        _marker(archive, folder).touch()
        file.unlink()
    return folder


def _marker(archive: Archive, folder: Path) -> Path:
    """Return the empty file that marks this version of the archive as unpacked."""
    return folder / f".{archive.name}.{archive.md5[:8]}.unpacked"


def _check_space(archives: Iterable[Archive], folder: Path) -> None:
    needed = sum(archive.size_bytes * (1 + UNPACKED_PER_PACKED) for archive in archives)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{folder} has {free / 1e9:.1f} GB free, but up to {needed / 1e9:.1f} GB are needed"
        )


def _fetch(archive: Archive, folder: Path, pause_s: float, progress: bool) -> Path:
    part, file = folder / f"{archive.name}.part", folder / archive.name
    if _size(file) == archive.size_bytes:
        file.replace(part)  # placed there by the user: verified as any other
    failures, most, reason = 0, _size(part), ""
    while (got := _size(part)) < archive.size_bytes:
        if failures == ATTEMPTS:
            raise DownloadError(
                f"{archive.name} stopped after {got} of {archive.size_bytes} bytes, and {ATTEMPTS} more "
                f"attempts failed ({reason}): run the same command again to continue"
            )
        if failures:
            time.sleep(pause_s * 2 ** (failures - 1))
        reason = _try(archive, part, progress)
        failures = 0 if _size(part) > most else failures + 1
        most = max(most, _size(part))
    _verify(archive, part)
    part.replace(file)
    return file


def _try(archive: Archive, part: Path, progress: bool) -> str:
    """Continue the download, and return why it stopped; ``DownloadError`` if trying again cannot help."""
    try:
        _continue(archive, part, progress)
    except DownloadError:  # is an OSError too
        raise
    except urllib.error.HTTPError as error:
        if error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _TRY_LATER:
            raise DownloadError(
                f"{archive.url}: the server returned {error.code} {error.reason}"
            ) from error
        return str(error)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in _DISK_ERRORS:
            raise DownloadError(f"{part} cannot be written: {error}") from error
        return str(error)
    return "the server closed the connection"


def _continue(archive: Archive, part: Path, progress: bool) -> None:
    """Request the missing bytes and append them; start over if the server sends all bytes."""
    have = _size(part)
    request = urllib.request.Request(  # noqa: S310 - the address is the card's, http or https
        archive.url, headers={"Range": f"bytes={have}-", "User-Agent": "affekt"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        have = have if resumed else 0
        with (
            open(part, "ab" if resumed else "wb", opener=_open_alone) as file,
            progress_bar(
                f"downloading {archive.name}", archive.size_bytes, unit="bytes", shown=progress
            ) as bar,
        ):
            bar(steps=have)
            while chunk := response.read(CHUNK_BYTES):
                have += len(chunk)
                if have > archive.size_bytes:
                    raise DownloadError(
                        f"{archive.url}: the server sends more than {archive.size_bytes} bytes"
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


def _verify(archive: Archive, part: Path) -> None:
    with open(part, "rb") as file:
        # MD5 is what the publisher gives; it detects damage, not forgery.
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != archive.md5:
        part.unlink()
        raise DownloadError(
            f"{archive.name} has the checksum {found}, not {archive.md5}; it was removed: download it again"
        )


def _unpack(file: Path, folder: Path, progress: bool) -> None:
    try:
        with zipfile.ZipFile(file) as packed:
            members = packed.infolist()
            most = UNPACKED_PER_PACKED * max(file.stat().st_size, CHUNK_BYTES)
            if fault := find_fault(members, most):
                raise DownloadError(f"{file.name} {fault}")
            with progress_bar(f"unpacking {file.name}", len(members), shown=progress) as bar:
                for member in members:
                    _extract(packed, member, folder)
                    bar()
    except OSError as error:
        if isinstance(error, DownloadError):
            raise
        raise DownloadError(f"{file} cannot be unpacked: {error}") from error
    except UNREADABLE as error:
        raise DownloadError(f"{file} is not a zip archive that can be read: {error}") from error


def _extract(packed: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    place = folder / member.filename
    inside = place.parent.resolve().is_relative_to(folder.resolve())
    if not inside or place.is_symlink() or place.resolve() == Path(str(packed.filename)).resolve():
        raise DownloadError(f"{member.filename!r} would be written through a link or over the archive")
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place, "wb") as file:
        file.writelines(unpack(packed, member))
