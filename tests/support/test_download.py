"""One file is downloaded, verified by a checksum of any kind, and returned.

What happens when connections break is tested with the download of corpora.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from tests.download_server import Server

from affekt.errors import DownloadError
from affekt.support.download import RemoteFile, download_file

CONTENT = bytes(range(256)) * 400


def offer(server: Server, algorithm: str) -> RemoteFile:
    server.files["a.pt"] = CONTENT
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    url = f"{server.address}/a.pt?download=1"
    return RemoteFile(url=url, size_bytes=len(CONTENT), digest=digest, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_downloaded_and_verified(algorithm: str, server: Server, tmp_path: Path) -> None:
    file = download_file(offer(server, algorithm), tmp_path, pause_s=0)
    assert file == tmp_path / "a.pt"
    assert file.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_wrong_checksum_is_refused(algorithm: str, server: Server, tmp_path: Path) -> None:
    remote = offer(server, algorithm)
    server.files["a.pt"] = CONTENT[::-1]
    with pytest.raises(DownloadError, match=f"not {remote.digest}; it was removed"):
        download_file(remote, tmp_path, pause_s=0)
    assert list(tmp_path.iterdir()) == []


def test_a_whole_file_that_is_there_is_verified_and_not_downloaded(server: Server, tmp_path: Path) -> None:
    remote = offer(server, "sha256")
    (tmp_path / "a.pt").write_bytes(CONTENT)
    assert download_file(remote, tmp_path).read_bytes() == CONTENT
    (tmp_path / "a.pt").write_bytes(CONTENT[::-1])
    with pytest.raises(DownloadError, match="checksum"):
        download_file(remote, tmp_path)
    assert server.asked == []


def test_the_libraries_for_connections_are_imported_with_the_first_one() -> None:
    program = "import sys, affekt.support.download; print('urllib.request' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
