"""Every page of the app, light and dark, at a desk's width and a phone's.

python tools/take_screenshots.py FOLDER [CLIP]        needs the extra affekt[dev] and a Chromium
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

EXAMPLE = Path(__file__).parents[1] / "src" / "affekt" / "examples" / "high-slow.flac"
PORT = 8597
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1080, "height": 1250},
    "phone": {"width": 390, "height": 844},
}
PAGES = {
    "listen": "Listen",
    "hears": "What it hears",
    "many": "Many files",
    "voice": "Your voice",
    "models": "Models",
}


def main() -> None:
    """Start the app, walk through it, stop it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    clip = sys.argv[2] if len(sys.argv) > 2 else str(EXAMPLE)
    app = subprocess.Popen([sys.executable, "-m", "affekt", "app", "--port", str(PORT)])
    time.sleep(8)
    try:
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for scheme in ("light", "dark"):
                for size, viewport in SIZES.items():
                    visitor = browser.new_context(color_scheme=scheme, viewport=viewport)
                    walk(visitor.new_page(), folder, f"{scheme}-{size}", clip)
                    visitor.close()
            browser.close()
    finally:
        subprocess.call(["pkill", "-P", str(app.pid)])
        app.terminate()


def walk(page: Page, folder: Path, name: str, clip: str) -> None:
    """Show a clip, then picture each page."""
    page.goto(f"http://127.0.0.1:{PORT}")
    page.get_by_role("tab", name="A file").click()
    page.locator("input[type=file]").first.set_input_files(clip)
    page.get_by_role("table").first.wait_for()
    for slug, title in PAGES.items():
        page.get_by_role("link", name=title).first.click()
        page.wait_for_timeout(2500)
        if slug == "many":
            page.locator("input[type=file]").first.set_input_files([clip, __file__])
            page.wait_for_timeout(2500)
        page.screenshot(path=folder / f"{slug}-{name}.png", full_page=True)


if __name__ == "__main__":
    main()
