"""Servers for tests: real ones in processes of their own, and applications that are asked directly."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytest.importorskip("fastapi")

EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"


@dataclass
class Served:
    """A server that runs."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def workers(self) -> list[int]:
        """The processes of its workers, by their parent and their command line."""
        found = []
        for one in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it has just ended
                if "spawn_main" in " ".join(one.cmdline()):
                    found.append(one.pid)
        return sorted(found)

    def client(self, **options: Any) -> httpx.Client:
        """A client of it."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30, **options)


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Runs a server: ``with serve("--workers", "1", queue=3) as served``."""

    if os.name == "nt":
        pytest.skip("servers are stopped by signals here")

    @contextmanager
    def run(*options: str, **settings: Any) -> Iterator[Served]:
        folder = tmp_path_factory.mktemp("server")
        config = folder / "settings.toml"
        values = {"workers": 1, "requests_per_minute": 0, **settings}
        config.write_text(
            "".join(
                f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
                for name, value in values.items()
            )
        )
        log = folder / "log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "affekt", "serve", "--port", "0"),
                    *("--config", str(config), *options),
                ],
                stderr=file,
                stdout=file,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_CONFIG_HOME": str(folder)},
            )
        try:
            yield Served(process, _url(process, log), log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    return run


def _url(process: subprocess.Popen[str], log: Path) -> str:
    for _ in range(1200):
        if found := re.search(r"affekt answers at (\S+):", log.read_text()):
            return found[1].rstrip(":")
        if process.poll() is not None:
            break
        asyncio.run(asyncio.sleep(0.05))
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def served(serve: Serve) -> Iterator[Served]:
    """A server with one worker, for all tests that leave it as it is."""
    with serve(notice="a notice", max_bytes=1_000_000, synchronous_s=5) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as found:
        yield found


@pytest.fixture(scope="session")
def clip() -> bytes:
    return (EXAMPLES / "low-plain.flac").read_bytes()
