"""From a dropped file to its answer on the page, and what the app's memory does over many of them.

    python benchmarks/app.py CLIP [HOW_MANY]

One visitor drops the same clip again and again under other names; the page's own drawing is included.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

PORT = 8596
WARM_UP = 10


def memory_mb(parent: int) -> float:
    """Of the process that serves the app, a child of ``affekt app``."""
    child = subprocess.check_output(["pgrep", "-P", str(parent)], text=True).split()[0]
    status = Path(f"/proc/{child}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    """Print the median time and the memory at the start and at the end."""
    content = Path(sys.argv[1]).read_bytes()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    app = subprocess.Popen([sys.executable, "-m", "affekt", "app", "--port", str(PORT)])
    time.sleep(8)
    try:
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{PORT}")
            page.get_by_role("tab", name="A file").click()
            spent = []
            for i in range(count + WARM_UP):
                if i == WARM_UP:
                    before = memory_mb(app.pid)
                file = {"name": f"clip{i}.flac", "mimeType": "audio/flac", "buffer": content}
                began = time.monotonic()
                page.locator("input[type=file]").first.set_input_files(file)
                page.get_by_text(f"clip{i}.flac:").wait_for()
                spent.append(time.monotonic() - began)
            print(f"median {1000 * statistics.median(spent[WARM_UP:]):.0f} ms from file to answer")
            print(f"{before:.0f} MB before, {memory_mb(app.pid):.0f} MB after {count} clips")
    finally:
        subprocess.call(["pkill", "-P", str(app.pid)])
        app.terminate()


if __name__ == "__main__":
    main()
