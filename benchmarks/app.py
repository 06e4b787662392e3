"""Time from an upload to its prediction on the page, and the app's memory before and after many uploads.

    python benchmarks/app.py CLIP [HOW_MANY]

One visitor uploads the same clip again and again under other names; the drawing of the page is included.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import FilePayload, sync_playwright

PORT = 8596
WARM_UP = 10
# The page itself takes the time: from the file's arrival to the frame after its prediction was drawn.
STOPWATCH = """() => {
    document.addEventListener("change", event => {
        if (event.target.type === "file") window.times = {began: performance.now()};
    }, true);
    new MutationObserver(() => {
        const times = window.times;
        if (times?.began && !times.found && document.body.textContent.includes(window.wanted)) {
            times.found = true;
            requestAnimationFrame(() => setTimeout(() => { times.drawn = performance.now(); }));
        }
    }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def memory_mb(process: int) -> float:
    """Of the process that serves the app."""
    status = Path(f"/proc/{process}/status").read_text()
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
            page.get_by_role("tab", name="Upload").click()
            page.evaluate(STOPWATCH)
            spent = []
            for i in range(count + WARM_UP):
                if i == WARM_UP:
                    before = memory_mb(app.pid)
                file: FilePayload = {"name": f"clip{i}.flac", "mimeType": "audio/flac", "buffer": content}
                page.evaluate(f"window.wanted = 'clip{i}.flac:'")
                page.locator("input[type=file]").first.set_input_files(file)
                page.wait_for_function("window.times?.drawn")
                spent.append(page.evaluate("window.times.drawn - window.times.began"))
                page.wait_for_timeout(200)  # what the page does afterwards does not count
            middle, slow = (statistics.quantiles(spent[WARM_UP:], n=20)[i] for i in (9, 18))
            print(f"median {middle:.0f} ms from upload to prediction, 95th percentile {slow:.0f} ms")
            print(f"{before:.0f} MB before, {memory_mb(app.pid):.0f} MB after {count} clips")
    finally:
        app.terminate()


if __name__ == "__main__":
    main()
