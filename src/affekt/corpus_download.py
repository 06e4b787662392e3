"""Fetch a corpus: resumed where it broke off, verified, and unpacked without surprises."""

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
import zlib
from collections.abc import Iterable
from pathlib import Path

from affekt.archives import find_fault
from affekt.corpus import Archive, CorpusCard
from affekt.errors import DownloadError
from affekt.progress import progress_bar

ATTEMPTS = 5
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 16
UNPACKED_PER_PACKED = 4  # speech in WAV packs to half; a zip that claims more than this is no corpus
_TRY_LATER = {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS}
_DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO}


def download_corpus(
    card: CorpusCard, folder: str | os.PathLike[str], *, pause_s: float = 2.0, progress: bool = False
) -> Path:
    """Fetch, verify and unpack every archive of a corpus.

    Parameters
    ----------
    card
        Of a corpus that can be downloaded.
    folder
        Where to put it; made if it is not there. An archive that broke off lies in it as
        ``<name>.part`` and is continued by the next call; one that is unpacked is removed.
    pause_s
        Seconds before a broken connection is tried again; doubled each time.
    progress
        Show bars on a terminal.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DownloadError
        Nothing to download, too little disk space, no connection, a wrong checksum, or an archive
        that would write outside the folder.
    """
    if not card.archives:
        raise DownloadError(
            f"{card.name} cannot be downloaded from here; see {card.address or 'its owner'}"
        )
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{folder} cannot be made: {error}") from error
    wanted = [archive for archive in card.archives if not _marker(archive, folder).exists()]
    _ask_for_space(wanted, folder)
    for archive in wanted:
        file = _fetch(archive, folder, pause_s, progress)
        _unpack(file, folder, progress)
        _marker(archive, folder).touch()
        file.unlink()
    return folder


def _marker(archive: Archive, folder: Path) -> Path:
    """Says that this very archive is unpacked, so that a second call has nothing to do."""
    return folder / f".{archive.name}.{archive.md5[:8]}.unpacked"


def _ask_for_space(archives: Iterable[Archive], folder: Path) -> None:
    needed = sum(archive.size_bytes * (1 + UNPACKED_PER_PACKED) for archive in archives)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{folder} has {free / 1e9:.1f} GB free, and this may need {needed / 1e9:.1f} GB"
        )


def _fetch(archive: Archive, folder: Path, pause_s: float, progress: bool) -> Path:
    part, file = folder / f"{archive.name}.part", folder / archive.name
    if _size(file) == archive.size_bytes:
        file.replace(part)  # put there by hand: verified like any other
    failures, most, reason = 0, _size(part), ""
    while (got := _size(part)) < archive.size_bytes:
        if failures == ATTEMPTS:
            raise DownloadError(
                f"{archive.name} broke off after {got} of {archive.size_bytes} bytes, and {ATTEMPTS} more "
                f"attempts brought nothing ({reason}): run the same command again to continue"
            )
        if failures:
            time.sleep(pause_s * 2 ** (failures - 1))
        try:
            _continue(archive, part, progress)
            reason = "the server closed the connection"
        except DownloadError:  # an OSError too, and final
            raise
        except urllib.error.HTTPError as error:
            if error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _TRY_LATER:
                raise DownloadError(f"{archive.url} answers {error.code} {error.reason}") from error
            reason = str(error)
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in _DISK_TROUBLE:
                raise DownloadError(f"{part} cannot be written: {error}") from error
            reason = str(error)
        failures = 0 if _size(part) > most else failures + 1
        most = max(most, _size(part))
    _verify(archive, part)
    part.replace(file)
    return file


def _continue(archive: Archive, part: Path, progress: bool) -> None:
    """Ask for what is missing and append it; a server that sends all of it starts us over."""
    have = _size(part)
    request = urllib.request.Request(  # noqa: S310 - the address is the card's, http or https
        archive.url, headers={"Range": f"bytes={have}-", "User-Agent": "affekt"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        have = have if resumed else 0
        with (
            open(part, "ab" if resumed else "wb") as file,
            progress_bar(
                f"fetching {archive.name}", archive.size_bytes, unit="bytes", shown=progress
            ) as bar,
        ):
            bar(steps=have)
            while chunk := answer.read(CHUNK_BYTES):
                have += len(chunk)
                if have > archive.size_bytes:
                    raise DownloadError(f"{archive.url} sends more than {archive.size_bytes} bytes")
                file.write(chunk)
                bar(steps=len(chunk))


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _verify(archive: Archive, part: Path) -> None:
    with open(part, "rb") as file:
        # MD5 is what the publisher gives; it guards against accidents, not against forgers.
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != archive.md5:
        part.unlink()
        raise DownloadError(
            f"{archive.name} has the checksum {found}, not {archive.md5}; it was removed, fetch it again"
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
                    packed.extract(member, folder)
                    bar()
    except OSError as error:
        if isinstance(error, DownloadError):
            raise
        raise DownloadError(f"{file} cannot be unpacked: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DownloadError(f"{file} is not a zip archive that can be read: {error}") from error
