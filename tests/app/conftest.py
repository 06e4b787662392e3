"""The app, started as a user starts it, and visitors in a real browser."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser import chromium

from affekt.inference.prediction import predict

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

Start = Callable[..., str]
Open = Callable[..., "Page"]
Shares = dict[str, str]
TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts ``affekt app`` with these options at a free port, and returns its address."""
    with ExitStack() as running:

        def start(*options: str) -> str:
            return running.enter_context(run_app(tmp_path_factory.mktemp("app"), options))

        yield start


@pytest.fixture(scope="session")
def url(start_app: Start) -> str:
    """The address of the app with its default options."""
    return start_app()


def run_app(folder: Path, options: tuple[str, ...]) -> AbstractContextManager[str]:
    return serve([sys.executable, "-m", "affekt", "app", *options], "--port", folder, folder)


@contextmanager
def serve(command: Sequence[str], port_option: str, folder: Path, inside: Path) -> Iterator[str]:
    """Run a command that serves the app, inside a folder, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*command, port_option, str(port)]
    home = folder / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    environment |= {"HOME": str(home), "USERPROFILE": str(home)}
    address = f"http://127.0.0.1:{port}"
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, cwd=inside, stdout=log, stderr=log, env=environment)
    try:
        for _ in range(600):
            if process.poll() is not None:
                pytest.fail(f"the app ended: {(folder / 'log').read_text()}")
            if is_up(f"{address}/_stcore/health"):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"the app did not start: {(folder / 'log').read_text()}")
        yield address
    finally:
        process.terminate()
        process.wait(60)
    assert list(home.iterdir()) == [], "no page leaves a file in the user's home"


def is_up(address: str) -> bool:
    try:
        with urllib.request.urlopen(address) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def voice_file(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    """A recording of 4 s."""
    return write_voice(tmp_path_factory.mktemp("microphone") / "said.wav", seconds=4.0)


@pytest.fixture(scope="module")
def browser(voice_file: Path) -> Iterator[Browser]:
    """A Chromium whose microphone plays ``voice_file``."""
    pytest.importorskip("playwright.sync_api").expect.set_options(timeout=TIMEOUT_MS)
    with chromium(voice_file) as started:
        yield started


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[Open]:
    """Opens a path of the app as a new visitor: ``open_page("voice")``."""
    with opened_pages(browser, url) as open_:
        yield open_


@pytest.fixture(scope="module")
def open_shared_page(browser: Browser, url: str) -> Iterator[Open]:
    """Does the same for a page that several tests of a module look at."""
    with opened_pages(browser, url) as open_:
        yield open_


@contextmanager
def opened_pages(browser: Browser, url: str) -> Iterator[Open]:
    contexts: list[BrowserContext] = []

    def open_(path: str = "", address: str = url, **options: Any) -> Page:
        context = browser.new_context(permissions=["microphone"], accept_downloads=True, **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.goto(f"{address}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        wait_until_drawn(page)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def faults() -> Callable[[Page], dict[str, Any]]:
    """Returns the serious and critical faults of accessibility of a page: what is at fault, by rule."""
    return find_faults


def find_faults(page: Page) -> dict[str, Any]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    return {
        fault["id"]: [node["target"] for node in fault["nodes"]][:3]
        for fault in axe.Axe().run(page).response["violations"]
        if fault["impact"] in ("serious", "critical")
    }


@pytest.fixture
def wait() -> Callable[[Page], None]:
    """Waits until the page shows nothing of an earlier run, which Streamlit fades and may remove."""
    return wait_until_drawn


def wait_until_drawn(page: Page) -> None:
    from playwright.sync_api import expect

    page.wait_for_timeout(300)
    for running in ("[data-test-script-state=running]", "[data-stale=true]"):
        expect(page.locator(running)).to_have_count(0)


@pytest.fixture
def follow() -> Callable[[Page, str], None]:
    """Goes to another page by its link, which keeps the visitor's session."""

    def follow_(page: Page, title: str) -> None:
        page.get_by_role("link", name=title).first.click()
        page.wait_for_timeout(300)
        wait_until_drawn(page)

    return follow_


@pytest.fixture
def upload() -> Callable[..., None]:
    """Uploads files on the current page."""

    def upload_(page: Page, *files: Path) -> None:
        page.locator("input[type=file]").first.set_input_files([str(file) for file in files])

    return upload_


@pytest.fixture
def shares() -> Callable[[Page], Shares]:
    """Reads the probability of each emotion, as the page *Listen* writes it."""
    return read_shares


def read_shares(page: Page) -> Shares:
    table = page.get_by_role("table", name="probability of each emotion")
    table.wait_for()
    rows = [
        re.fullmatch(r"\S+\s+(\w+)\s+(\d+%)", " ".join(row.split()))
        for row in table.get_by_role("row").all_inner_texts()
    ]
    return {row[1]: row[2] for row in rows if row}


@pytest.fixture
def expected_shares() -> Callable[..., Shares]:
    """Does the same with ``predict``."""

    def expected(file: Path, model: Path | None = None, **options: Any) -> Shares:
        probabilities = predict(file, model, **options).probabilities
        return {name: f"{share:.0%}" for name, share in probabilities.items()}

    return expected


@pytest.fixture
def predict_upload(upload: Callable[..., None]) -> Callable[[Page, Path], Shares]:
    """Uploads a file on the page *Listen* and reads the probabilities."""

    def predict_(page: Page, file: Path) -> Shares:
        upload(page, file)
        page.get_by_text(f"{file.name}:").wait_for()
        wait_until_drawn(page)
        return read_shares(page)

    return predict_


@pytest.fixture(scope="session")
def own_model(tmp_path_factory: pytest.TempPathFactory, small_ravdess: Path) -> Path:
    """A model that is not the bundled one."""
    from affekt.experiments.training import train

    file = tmp_path_factory.mktemp("own") / "own.onnx"
    train(small_ravdess, "svm", out=file)
    return file
