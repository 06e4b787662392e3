"""Everything that the guide to the server says runs against a server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import pytest
from tests.documents import ROOT, blocks_of, commands_of, programs_of, unknown_options
from tests.server.conftest import Served

from affekt.server.timelines import MEDIA_TYPES

GUIDE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
REQUESTS = [
    line
    for block in blocks_of(GUIDE)
    if block.language == "sh"
    for line in block.text.splitlines()
    if line.startswith("curl ")
]
ADDRESSES = re.compile(r"(?:https://speech\.example|\blocalhost:8400)")


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are needed")
def test_every_request_of_the_guide_is_answered(served: Served, reader_folder: Path) -> None:
    job = ""
    for line in REQUESTS:
        asked = ADDRESSES.sub(served.url, line).replace("jobs/ID", f"jobs/{job}")
        if asked.endswith("/result"):
            wait_for(served, job)
        command = asked.replace("curl ", "curl --silent --show-error --fail-with-body --noproxy '*' ", 1)
        environment = {**os.environ, "KEY": "none"}
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=reader_folder,
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-500:]}{done.stderr}"
        if found := re.search(r'"id": ?"([\w-]+)"', done.stdout):
            job = found[1]
    assert job
    assert json.loads((reader_folder / "me.voice").read_text())
    assert "<html" in (reader_folder / "talk.html").read_text()


def test_the_guide_lists_the_formats_of_a_timeline() -> None:
    for kind in MEDIA_TYPES:
        assert f"`{kind}`" in GUIDE


def wait_for(served: Served, job: str) -> None:
    with served.client() as client:
        for _ in range(1200):
            if client.get(f"/v1/jobs/{job}").json()["status"] not in ("queued", "running"):
                return
            time.sleep(0.05)


@pytest.mark.parametrize("program", programs_of(GUIDE))
def test_the_program_of_the_guide_runs(
    program: str, served: Served, reader_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader_folder)
    exec(compile(ADDRESSES.sub(served.url, program), "server.md", "exec"), {"__name__": "__main__"})


def test_the_commands_of_the_guide_have_options_that_exist() -> None:
    commands = commands_of(GUIDE)
    assert commands
    for command in commands:
        assert command.startswith("pip ") or unknown_options(command) == "", command


def test_the_other_blocks_of_the_guide_can_be_read() -> None:
    for block in blocks_of(GUIDE):
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "js" and shutil.which("node"):
            subprocess.run(["node", "--check", "-"], input=block.text, text=True, check=True)
        else:
            assert block.language in ("console", "python", "sh", "js", "nginx")
