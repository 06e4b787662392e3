"""The wheel, installed in an environment of its own, and programs in it whose traces are recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDER = Path(__file__).with_name("recorder.c")
# Records what Python looks up, where native code cannot be watched too.
AUDIT_HOOK = """
import os, sys
def record(event, arguments, names=os.environ.get("RECORDED_NAMES")):
    if names and event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
        host = host.decode() if isinstance(host, bytes) else host
        if host and host.strip("0123456789.:"):
            with open(names, "a") as file:
                file.write(f"{event} {host}\\n")
sys.addaudithook(record)
"""


@dataclass(frozen=True)
class Place:
    """Where a program runs: a home, a working folder and a temporary folder, all empty before."""

    folder: Path
    environment: dict[str, str]

    def written(self, name: str) -> set[str]:
        """The files and folders in ``home``, ``work`` or ``tmp``."""
        root = self.folder / name
        return {str(path.relative_to(root)) for path in root.rglob("*")}

    def names(self) -> list[str]:
        """What was looked up or contacted, a line for each."""
        file = self.folder / "names"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(shutil.which(words[0], path=self.environment["PATH"])), *words[1:]],
            cwd=self.folder / "work",
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as for a release."""
    pytest.importorskip("hatchling", reason="the wheel is built by hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t", "sdist"]
    succeed(build)
    (sources,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sources, folder, filter="data")
    unpacked = folder / sources.name.removesuffix(".tar.gz")
    succeed([*build[:-1], "wheel"], unpacked)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with nothing but the wheel.

    The libraries come from the environment of the tests, behind the wheel in the search path.
    """
    pytest.importorskip("pip", reason="the wheel is installed by pip")
    root = tmp_path_factory.mktemp("environment")
    succeed([sys.executable, "-m", "venv", "--without-pip", str(root)])
    of_root = {"base": str(root), "platbase": str(root)}
    packages = Path(sysconfig.get_path("purelib", "venv", of_root))
    found = Path(sysconfig.get_path("scripts", "venv", of_root))
    install = [sys.executable, "-m", "pip", "--python", str(root), "install", "--no-deps", "--no-index"]
    succeed([*install, str(wheel)])
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "libraries.pth").write_text("\n".join(sorted(libraries)), encoding="utf-8")
    (packages / "audit_hook.py").write_text(AUDIT_HOOK, encoding="utf-8")
    (packages / "audit_hook.pth").write_text("import audit_hook", encoding="utf-8")
    return found


def succeed(command: list[str], folder: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def native_recorder(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The library that records what native code looks up; None where it cannot be made."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if sys.platform != "linux" or compiler is None:
        return None
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    succeed([compiler, "-shared", "-fPIC", "-o", str(library), str(RECORDER), "-ldl"])
    return library


@pytest.fixture(scope="session")
def make_place(
    scripts: Path, native_recorder: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Place]:
    """Makes a new place where programs of the wheel's environment are run and recorded."""

    def make() -> Place:
        folder = tmp_path_factory.mktemp("place")
        for name in ("home", "work", "tmp"):
            (folder / name).mkdir()
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LANG") if name in os.environ}
        environment = {
            **kept,
            "PATH": os.pathsep.join([str(scripts), os.defpath]),
            **dict.fromkeys(("HOME", "USERPROFILE"), str(folder / "home")),
            **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder / "tmp")),
            "RECORDED_NAMES": str(folder / "names"),
            "PYTHONUTF8": "1",
            # what others have set must not turn on what the app turns off
            "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
            "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        }
        if native_recorder is not None:
            environment["LD_PRELOAD"] = str(native_recorder)
        return Place(folder, environment)

    return make
