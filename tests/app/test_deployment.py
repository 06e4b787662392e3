"""The files of a public demo start it, with its limits."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect
from tests.app.conftest import serve

from affekt.app.limits import DEMO
from affekt.cli.app import DEMO_UPLOAD_MB

DEPLOY = Path(__file__).parents[2] / "deploy"
PORT = "7860"


def streamlit_cloud() -> list[str]:
    return [sys.executable, "-m", "streamlit", "run", "deploy/streamlit/streamlit_app.py"]


def space() -> list[str]:
    """The command of the Dockerfile, without its port."""
    (words,) = re.findall(r"^CMD (.*)$", (DEPLOY / "space" / "Dockerfile").read_text(), re.MULTILINE)
    command, *options = json.loads(words)
    assert (command, options[-2:]) == ("affekt", ["--port", PORT])
    return [sys.executable, "-m", command, *options[:-2]]


@pytest.fixture(scope="module", params=[streamlit_cloud, space], ids=lambda start: start.__name__)
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo, started as the platform does."""
    command = request.param()
    port = "--server.port" if "streamlit" in command else "--port"
    with serve(command, port, tmp_path_factory.mktemp("demo"), DEPLOY.parent) as address:
        yield address


def test_a_demo_predicts_few_short_recordings_and_takes_no_model(
    demo: str, open_page: Callable[..., Page], upload: Callable[..., None], tmp_path: Path,
    write_voice: Callable[..., Path],
) -> None:  # fmt: skip
    page = open_page("models", address=demo)
    expect(page.get_by_text("This demo uses its own model alone.")).to_be_visible()
    expect(page.locator("input[type=file]")).to_have_count(0)
    page = open_page("batch", address=demo)
    expect(page.get_by_text(f"up to {DEMO_UPLOAD_MB} MB each")).to_be_visible()
    files = [write_voice(tmp_path / f"{i:02}.wav", seconds=0.5, seed=i) for i in range(DEMO.files)]
    long = write_voice(tmp_path / "long.wav", seconds=DEMO.answer_s + 1)
    upload(page, long, *files)
    expect(page.get_by_role("alert")).to_have_text(re.compile("long.wav.*longer than"))
    expect(page.get_by_text(f"{DEMO.files - 1} of {DEMO.files} recordings predicted")).to_be_visible()


def test_the_cloud_has_the_limits_of_the_option() -> None:
    config = tomllib.loads((DEPLOY / "streamlit/.streamlit/config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == DEMO_UPLOAD_MB


def test_the_space_has_the_front_matter_that_its_dockerfile_needs() -> None:
    _, front, _ = (DEPLOY / "space" / "README.md").read_text(encoding="utf-8").split("---", maxsplit=2)
    fields = dict(line.split(": ", maxsplit=1) for line in front.strip().splitlines())
    assert (fields["sdk"], fields["app_port"]) == ("docker", PORT)
    assert f"EXPOSE {PORT}" in (DEPLOY / "space" / "Dockerfile").read_text()
    assert len(fields["short_description"]) <= 60
