"""What several tests of batch work need."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

StartWorker = Callable[[str, int], subprocess.Popen[str]]
WORKER = """
import sys, time
from affekt.batch.work import work
left = int(sys.argv[2])
def told(state, files):
    global left
    left -= files
    if left == 0:
        print("hangs", flush=True)
        time.sleep(600)
work(sys.argv[1], told)
"""


@pytest.fixture
def clips(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    """Ten short clips in two folders."""
    for number in range(10):
        write_voice(tmp_path / "in" / f"speaker {number % 2}" / f"é#{number}.wav", seed=number, seconds=0.2)
    return tmp_path / "in"


@pytest.fixture
def read_sources() -> Callable[[Path], Counter[str]]:
    """Counts how often each source is in the result of a plan."""

    def read(dest: Path) -> Counter[str]:
        return Counter(parquet.read_table(dest / "parts").column("source").to_pylist())

    return read


@pytest.fixture
def start_worker() -> Iterator[StartWorker]:
    """Starts a process that works on the plan at an address and hangs, alive, after so many files.

    It hangs in the middle of a shard, after it has printed a line; with -1 it does not hang.
    """
    started: list[subprocess.Popen[str]] = []

    def start(dest: str, files: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WORKER, dest, str(files)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on an S3 server of this machine: its address."""
    from affekt.batch.stores import _bucket

    _bucket.cache_clear()  # it may have the bucket of another test
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    program = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    nowhere = subprocess.DEVNULL
    server = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ, stdout=nowhere, stderr=nowhere
    )
    try:
        for _ in range(600):
            with suppress(ConnectionError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("PUT", "/calls")
                assert connection.getresponse().status == 200
                connection.close()
                break
            time.sleep(0.1)
        yield "s3://calls"
    finally:
        server.kill()
        server.wait()
