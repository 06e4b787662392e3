"""Take screenshots of every page of the app, light and dark, at the width of a desktop and of a phone.

    python tools/take_screenshots.py FOLDER        needs the extra affekt[dev] and a Chromium

Those of the README are copied from there: listen-light-desktop.png is docs/pictures/app-listen.png, and
timeline-light-desktop.png is docs/pictures/app-timeline.png.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

EXAMPLES = Path(__file__).parents[1] / "src" / "affekt" / "examples"
START_S = 60
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1400, "height": 900},
    "phone": {"width": 390, "height": 844},
}
LARGEST = 4000  # pixels of height
LONGEST_MS = 120_000  # of an explanation
PAGES = ("Listen", "Why", "Timeline", "Analysis", "Many files", "Your voice", "Models")


def main() -> None:
    """Start the app, take the screenshots, and stop it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with running_app() as address, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for size, viewport in SIZES.items():
                visitor = browser.new_context(color_scheme=scheme, viewport=viewport)
                page = visitor.new_page()
                page.goto(address)
                visit(page, folder, f"{scheme}-{size}")
                visitor.close()
        browser.close()


@contextmanager
def running_app() -> Iterator[str]:
    """Run the app in a process group of its own, and yield its address; end the whole group afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, "-m", "affekt", "app", "--port", str(port)], start_new_session=True
    )
    try:
        wait_until_up(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def wait_until_up(port: int) -> None:
    """Return once the app accepts connections."""
    for _ in range(10 * START_S):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the app did not start within {START_S} s")


def visit(page: Page, folder: Path, name: str) -> None:
    """Let the app listen to an example, then take a screenshot of each page."""
    for title in PAGES:
        page.get_by_role("link", name=title).first.click()
        page.wait_for_timeout(500)
        wait_until_drawn(page)
        fill(page, title)
        wait_until_drawn(page)
        take(page, folder / f"{title.lower().replace(' ', '-')}-{name}.png")


def fill(page: Page, title: str) -> None:
    """Do what a page shows the result of."""
    if title == "Listen":
        page.get_by_role("button", name="happy").click()
        page.get_by_role("table").wait_for()
    elif title == "Timeline":
        page.get_by_role("button", name="Try four").click()
        page.get_by_role("button", name="0:02").click()
    elif title == "Why":
        page.get_by_role("button", name="Explain").click()
        page.get_by_role("heading", name="How far to trust this").wait_for(timeout=LONGEST_MS)
    elif title == "Many files":
        clips = [str(path) for path in sorted(EXAMPLES.glob("*.flac"))]
        page.locator("input[type=file]").first.set_input_files([*clips, __file__])
    page.wait_for_timeout(500)


def wait_until_drawn(page: Page) -> None:
    """Return once the page is complete: it may import libraries first."""
    page.locator("[data-test-script-state=running]").wait_for(state="detached", timeout=LONGEST_MS)
    page.wait_for_timeout(2000)


def take(page: Page, file: Path) -> None:
    """Take a screenshot of the whole page, whose content is scrolled within the window."""
    window = page.viewport_size
    assert window is not None
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({**window, "height": min(max(height, window["height"]), LARGEST)})
    page.wait_for_timeout(500)
    page.get_by_test_id("stMainBlockContainer").screenshot(path=file)
    page.set_viewport_size(window)


if __name__ == "__main__":
    main()
