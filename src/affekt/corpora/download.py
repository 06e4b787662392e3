"""Download of corpora: resumed after an interruption, verified by checksum, and unpacked safely."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from affekt.audio.archives import UNREADABLE, find_fault, unpack
from affekt.corpora.base import Archive, CorpusCard
from affekt.errors import DownloadError
from affekt.support.download import CHUNK_BYTES, RemoteFile, download_file
from affekt.support.progress import progress_bar

UNPACKED_PER_PACKED = 4  # speech in WAV compresses to about half: no corpus needs more than this


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
        remote = RemoteFile(
            url=archive.url, size_bytes=archive.size_bytes, digest=archive.md5, algorithm="md5"
        )
        file = download_file(remote, folder, pause_s=pause_s, progress=progress)
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
