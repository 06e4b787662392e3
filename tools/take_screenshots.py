"""Take screenshots of every page of the app, light and dark, at the width of a desktop and of a phone.

python tools/take_screenshots.py FOLDER [CLIP]        needs the extra affekt[dev] and a Chromium
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

EXAMPLE = Path(__file__).parents[1] / "src" / "affekt" / "examples" / "happy.flac"
PORT = 8597
START_S = 8
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1080, "height": 1250},
    "phone": {"width": 390, "height": 844},
}
PAGES = {
    "prediction": "Predict",
    "analysis": "Analysis",
    "batch": "Many files",
    "voice": "Your voice",
    "models": "Models",
}


def main() -> None:
    """Start the app, take the screenshots, and stop it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    clip = sys.argv[2] if len(sys.argv) > 2 else str(EXAMPLE)
    with running_app(), sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for size, viewport in SIZES.items():
                visitor = browser.new_context(color_scheme=scheme, viewport=viewport)
                visit(visitor.new_page(), folder, f"{scheme}-{size}", clip)
                visitor.close()
        browser.close()


@contextmanager
def running_app() -> Iterator[None]:
    """Run the app in a process group of its own, and end the whole group afterwards."""
    app = subprocess.Popen(
        [sys.executable, "-m", "affekt", "app", "--port", str(PORT)], start_new_session=True
    )
    time.sleep(START_S)
    try:
        yield
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def visit(page: Page, folder: Path, name: str, clip: str) -> None:
    """Upload a clip, then take a screenshot of each page."""
    page.goto(f"http://127.0.0.1:{PORT}")
    page.get_by_role("tab", name="Upload").click()
    page.locator("input[type=file]").first.set_input_files(clip)
    page.get_by_role("table").first.wait_for()
    for slug, title in PAGES.items():
        page.get_by_role("link", name=title).first.click()
        page.wait_for_timeout(2500)
        if slug == "batch":
            page.locator("input[type=file]").first.set_input_files([clip, __file__])
            page.wait_for_timeout(2500)
        page.screenshot(path=folder / f"{slug}-{name}.png", full_page=True)


if __name__ == "__main__":
    main()
