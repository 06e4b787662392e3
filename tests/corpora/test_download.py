"""A download is resumed after an interruption, verified, and unpacked only within its folder."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random
import shutil
import stat
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import NoReturn

import pytest
from tests.download_server import Server

from affekt.corpora.base import Archive, CorpusCard
from affekt.corpora.download import download_corpus
from affekt.corpora.registry import READERS
from affekt.errors import DownloadError
from affekt.support.download import ATTEMPTS, CHUNK_BYTES

CLIP = random.Random(0).randbytes(4 * CHUNK_BYTES)
HALF = 2 * CHUNK_BYTES + 1234


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder to download into; files beside it must not change."""
    return tmp_path / "data"


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, data in members.items():
            packed.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def zip_with_link(name: str, target: str) -> bytes:
    file = io.BytesIO()
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("Actor_01/a.wav", CLIP)
        packed.writestr(link, target)
    return file.getvalue()


PACKED = zip_of({"Actor_01/a.wav": CLIP})


def offer(server: Server, data: bytes = PACKED, name: str = "speech.zip") -> Archive:
    """Put an archive on the server, and return its description."""
    server.files[name] = data
    return Archive(
        url=f"{server.address}/{name}?download=1", size_bytes=len(data), md5=hashlib.md5(data).hexdigest()
    )


def card_of(*archives: Archive) -> CorpusCard:
    return CorpusCard(name="small", title="", licence="", citation="", address="", archives=archives)


def download(folder: Path, *archives: Archive) -> Path:
    return download_corpus(card_of(*archives), folder, pause_s=0)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of every file except hidden ones, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


# Complete downloads


def test_an_archive_is_downloaded_unpacked_and_removed(server: Server, folder: Path) -> None:
    assert download(folder, offer(server)) == folder
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


def test_every_archive_is_downloaded(server: Server, folder: Path) -> None:
    song = zip_of({"Actor_02/b.wav": CLIP})
    download(folder, offer(server), offer(server, song, "song.zip"))
    assert sorted(files_below(folder)) == ["Actor_01/a.wav", "Actor_02/b.wav"]


def test_a_second_call_downloads_nothing(server: Server, folder: Path) -> None:
    archive = offer(server)
    download(folder, archive)
    download(folder, archive)
    assert len(server.asked) == 1


def test_a_new_version_of_an_archive_is_downloaded_again(server: Server, folder: Path) -> None:
    download(folder, offer(server))
    download(folder, offer(server, zip_of({"Actor_01/a.wav": CLIP[::-1]})))
    assert files_below(folder) == {"Actor_01/a.wav": CLIP[::-1]}


def test_an_archive_that_the_user_placed_is_not_downloaded(server: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "speech.zip").write_bytes(PACKED)
    download(folder, offer(server))
    assert server.asked == []
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


def test_a_wrong_archive_that_the_user_placed_is_refused(server: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "speech.zip").write_bytes(PACKED[::-1])
    with pytest.raises(DownloadError, match="checksum"):
        download(folder, offer(server))


# Broken connections


def test_an_interrupted_download_is_resumed(server: Server, folder: Path) -> None:
    server.drops = [HALF]
    download(folder, offer(server))
    assert server.asked == ["bytes=0-", f"bytes={HALF}-"]
    assert server.sent == [HALF, len(PACKED) - HALF]
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


def test_any_number_of_interruptions_is_allowed_while_there_is_progress(
    server: Server, folder: Path
) -> None:
    server.drops = [1000] * 3 * ATTEMPTS
    download(folder, offer(server))
    assert sum(server.sent) == len(PACKED)
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


def test_a_server_without_ranges_starts_over(server: Server, folder: Path) -> None:
    server.knows_ranges = False
    server.drops = [HALF]
    download(folder, offer(server))
    assert server.sent == [HALF, len(PACKED)]
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_tried_again(status: int, server: Server, folder: Path) -> None:
    server.statuses = [status]
    download(folder, offer(server))
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


def test_interruptions_without_progress_end_in_an_error_and_keep_the_part(
    server: Server, folder: Path
) -> None:
    server.drops = [HALF] + [0] * ATTEMPTS
    with pytest.raises(DownloadError, match=rf"stopped after {HALF} of {len(PACKED)} bytes.*run the same"):
        download(folder, offer(server))
    assert len(server.asked) == 1 + ATTEMPTS
    assert files_below(folder) == {"speech.zip.part": PACKED[:HALF]}


def test_the_next_call_continues_the_part(server: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "speech.zip.part").write_bytes(PACKED[:HALF])
    download(folder, offer(server))
    assert server.asked == [f"bytes={HALF}-"]
    assert files_below(folder) == {"Actor_01/a.wav": CLIP}


def test_an_unreachable_server_is_a_download_error(server: Server, folder: Path) -> None:
    archive = offer(server)
    server.socket.close()
    with pytest.raises(DownloadError, match=f"stopped after 0 of {len(PACKED)} bytes"):
        download(folder, archive)


def test_pauses_are_doubled(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("affekt.support.download.time.sleep", pauses.append)
    server.drops = [0, 0, 0]
    download_corpus(card_of(offer(server)), folder, pause_s=2)
    assert pauses == [2, 4, 8]


# Refusals


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_client_error_is_not_tried_again(status: int, server: Server, folder: Path) -> None:
    server.statuses = [status]
    with pytest.raises(DownloadError, match=f"returned {status}"):
        download(folder, offer(server))
    assert len(server.asked) == 1


@pytest.mark.parametrize("more", [1, CHUNK_BYTES, 4 * CHUNK_BYTES])
@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_server_that_sends_too_much_is_cut_off(
    more: int, knows_ranges: bool, server: Server, folder: Path
) -> None:
    archive = offer(server)
    server.files["speech.zip"] += b"x" * more
    server.knows_ranges = knows_ranges
    with pytest.raises(DownloadError, match=f"sends more than {len(PACKED)} bytes"):
        download(folder, archive)
    assert len(server.asked) == 1
    assert all(len(data) <= len(PACKED) for data in files_below(folder).values())


def test_a_server_whose_file_is_shorter_is_refused(server: Server, folder: Path) -> None:
    archive = offer(server)
    server.files["speech.zip"] = PACKED[:HALF]
    with pytest.raises(DownloadError, match="returned 416"):
        download(folder, archive)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed on this system")
def test_nothing_is_written_through_a_link_in_the_place_of_a_part(server: Server, folder: Path) -> None:
    archive = offer(server)
    precious = folder.parent / "precious"
    precious.write_text("old")
    folder.mkdir(exist_ok=True)
    (folder / f"{archive.name}.part").symlink_to(precious)
    with pytest.raises(DownloadError, match=r"speech\.zip\.part cannot be written"):
        download(folder, archive)
    assert precious.read_text() == "old"


def test_two_downloads_of_one_archive_do_not_mix(server: Server, folder: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    archive = offer(server)
    folder.mkdir(exist_ok=True)
    with open(folder / f"{archive.name}.part", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="by another process"):
            download(folder, archive)
        assert file.seek(0, os.SEEK_END) == 0
    download(folder, archive)


def test_a_wrong_checksum_is_refused_and_the_part_removed(server: Server, folder: Path) -> None:
    archive = offer(server)
    server.files["speech.zip"] = PACKED[::-1]
    with pytest.raises(DownloadError, match=rf"has the checksum \w{{32}}, not {archive.md5}"):
        download(folder, archive)
    assert files_below(folder) == {}


def test_after_a_wrong_checksum_the_next_call_starts_over(server: Server, folder: Path) -> None:
    archive = offer(server)
    server.files["speech.zip"] = PACKED[::-1]
    with pytest.raises(DownloadError):
        download(folder, archive)
    server.files["speech.zip"] = PACKED
    download(folder, archive)
    assert server.asked == ["bytes=0-", "bytes=0-"]


def test_too_little_disk_space_is_an_error_before_the_download(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, len(PACKED)))
    with pytest.raises(DownloadError, match=r"has 0\.0 GB free, but up to"):
        download(folder, offer(server))
    assert server.asked == []


def test_a_disk_that_fills_up_while_unpacking_is_a_download_error(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("affekt.corpora.download.unpack", fail)
    with pytest.raises(DownloadError, match="No space left"):
        download(folder, offer(server))


def test_a_file_where_the_folder_should_be_is_a_download_error(server: Server, folder: Path) -> None:
    folder.touch()
    with pytest.raises(DownloadError):
        download(folder, offer(server))


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if not reader.card.archives])
def test_a_corpus_without_archives_cannot_be_downloaded(name: str, folder: Path) -> None:
    with pytest.raises(DownloadError, match=f"{name} cannot be downloaded by affekt; see"):
        download_corpus(READERS[name].card, folder)
    assert not folder.exists()


# Archives that must not be unpacked


@pytest.mark.parametrize(
    "name",
    [
        "../evil.wav",
        "Actor_01/../../evil.wav",
        "..\\evil.wav",
        "/evil.wav",
        "\\evil.wav",
        "C:\\evil.wav",
        "C:/evil.wav",
        "c:evil.wav",
    ],
)
def test_a_path_out_of_the_folder_is_refused(name: str, server: Server, folder: Path) -> None:
    packed = zip_of({"Actor_01/a.wav": CLIP, name: CLIP})
    with pytest.raises(DownloadError, match=r"would write outside its folder: .*evil"):
        download(folder, offer(server, packed))
    assert files_below(folder.parent) == {"data/speech.zip": packed}


@pytest.mark.parametrize("target", ["/etc", "..", "a.wav"])
def test_a_link_is_refused(target: str, server: Server, folder: Path) -> None:
    packed = zip_with_link("Actor_01/link", target)
    with pytest.raises(DownloadError, match=r"holds a link: .*link"):
        download(folder, offer(server, packed))
    assert files_below(folder.parent) == {"data/speech.zip": packed}


@pytest.mark.parametrize("members", [1, 4])
def test_a_zip_bomb_is_refused(members: int, server: Server, folder: Path) -> None:
    size = 10**7 // members
    packed = zip_of({f"{number}.wav": bytes(size) for number in range(members)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DownloadError, match="would unpack to 10000000 bytes"):
        download(folder, offer(server, packed))
    assert files_below(folder.parent) == {"data/speech.zip": packed}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_unpacks_to_more_than_it_declares_is_refused(
    method: int, server: Server, folder: Path
) -> None:
    packed = bytearray(zip_of({"a.wav": bytes(10**7)}, method))
    for place in (22, packed.index(b"PK\x01\x02") + 24):
        packed[place : place + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(DownloadError, match="is not a zip archive that can be read"):
        download(folder, offer(server, bytes(packed)))
    assert all(len(content) <= 1000 for name, content in files_below(folder).items() if name == "a.wav")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_of_another_method_is_unpacked(method: int, server: Server, folder: Path) -> None:
    download(folder, offer(server, zip_of({"Actor_01/": b"", "Actor_01/a.wav": CLIP}, method)))
    assert files_below(folder)["Actor_01/a.wav"] == CLIP


DEFLATED = zip_of({"a.wav": b"voice " * 9999}, zipfile.ZIP_DEFLATED)
LOCAL_HEADER, CENTRAL_HEADER = 0, DEFLATED.index(b"PK\x01\x02")


def patched(position: int, data: bytes) -> bytes:
    return DEFLATED[:position] + data + DEFLATED[position + len(data) :]


@pytest.mark.parametrize(
    "packed",
    [
        b"<html>Please log in</html>" * 99,
        DEFLATED[: len(DEFLATED) // 2],
        PACKED.replace(CLIP[:9], b"\0" * 9),
        patched(LOCAL_HEADER + 35, b"\xff" * 30),
        patched(CENTRAL_HEADER + 8, b"\x01"),
        patched(CENTRAL_HEADER + 10, b"\x63"),
    ],
    ids=["no zip", "cut off", "wrong content", "wrong deflate stream", "encrypted", "unknown method"],
)
def test_a_broken_zip_is_refused(packed: bytes, server: Server, folder: Path) -> None:
    with pytest.raises(DownloadError, match="is not a zip archive that can be read"):
        download(folder, offer(server, packed))


def test_after_a_broken_zip_only_archives_not_yet_unpacked_are_downloaded(
    server: Server, folder: Path
) -> None:
    speech, song = offer(server), offer(server, b"no zip", "song.zip")
    with pytest.raises(DownloadError, match=r"song\.zip is not a zip"):
        download(folder, speech, song)
    download(folder, speech, offer(server, zip_of({"Actor_02/b.wav": CLIP}), "song.zip"))
    assert len(server.asked) == 3
    assert sorted(files_below(folder)) == ["Actor_01/a.wav", "Actor_02/b.wav"]
