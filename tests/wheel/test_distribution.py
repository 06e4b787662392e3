"""What is uploaded: complete, described, and the same bytes each time it is built."""

from __future__ import annotations

import email
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.wheel.conftest import ROOT

import affekt


@pytest.fixture(scope="module")
def sources(wheel: Path) -> Path:
    (found,) = wheel.parent.glob("*.tar.gz")
    return found


def test_two_builds_have_the_same_bytes(wheel: Path, sources: Path, tmp_path: Path) -> None:
    """The second is built from files with other times and permissions, as in another checkout."""
    shutil.unpack_archive(sources, tmp_path, filter="data")
    (copy,) = tmp_path.iterdir()
    for path in copy.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700 if path.is_dir() else 0o600)
    built = tmp_path / "built"
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(built)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    for first in (wheel, sources):
        assert (built / first.name).read_bytes() == first.read_bytes()


@pytest.mark.skipif(importlib.util.find_spec("twine") is None, reason="twine is not installed")
def test_twine_finds_no_fault(wheel: Path, sources: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sources)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_metadata_covers_code_weights_and_examples(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        found = email.message_from_bytes(opened.read(name))
        folder = name.rpartition("/")[0]
        assert {f"{folder}/licenses/LICENSE", f"{folder}/licenses/NOTICE"} <= set(opened.namelist())
    assert found["Version"] == affekt.__version__
    assert found["License-Expression"] == "MIT AND CC-BY-NC-SA-4.0 AND CC0-1.0"
    minors = [one for one in found.get_all("Classifier", []) if one.count("::") == 2 and "3." in one]
    assert [one.rpartition(".")[2] for one in minors if "Python" in one] == ["11", "12", "13", "14"]


def test_the_sources_hold_tests_documents_and_no_rubbish(sources: Path) -> None:
    with tarfile.open(sources) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames()}
    assert {"tests/conftest.py", "docs/glossary.md", "tools/try_wheel.py", "CITATION.cff"} <= names
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    not_ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if not_ignored.returncode == 0:  # these are not the unpacked sources
        assert names - set(not_ignored.stdout.splitlines()) <= {"PKG-INFO"}
