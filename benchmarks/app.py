"""Time of the app's first page to be usable and to answer, its layout shifts, and memory of the server.

    python benchmarks/app.py CLIP [HOW_MANY] [LONG]

One visitor opens the page again and again, clicks examples, and uploads the same clip under other names;
the drawing of the page is included. LONG is a recording whose timeline is read at the end.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from affekt import predict

PORT = 8596
ADDRESS = f"http://127.0.0.1:{PORT}"
EXAMPLE = Path(__file__).parents[1] / "src" / "affekt" / "examples" / "sad.flac"  # of 3.5 s
VISITS = 10
WARM_UP = 10
# The page itself takes the time: from the click or the file's arrival to the frame after the answer.
STOPWATCH = """() => {
    const begin = () => { window.times = {began: performance.now()}; };
    document.addEventListener("click", event => { if (event.target.closest("button")) begin(); }, true);
    document.addEventListener("change", event => { if (event.target.type === "file") begin(); }, true);
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


# The time at which an example can be clicked, since the start of the visit, and how far things were moved.
USABLE = """() => {
    const shown = () => {
        if (document.querySelector(".st-key-examples button")) window.usable ??= performance.now();
    };
    new MutationObserver(shown).observe(document, {subtree: true, childList: true});
    window.shifted = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({type: "layout-shift", buffered: true});
}"""


def main() -> None:
    """Print what was measured."""
    clip = Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    app = subprocess.Popen([sys.executable, "-m", "affekt", "app", "--port", str(PORT)])
    time.sleep(8)
    try:
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            measure_visits(browser)
            page = browser.new_page()
            page.goto(ADDRESS)
            page.locator(".st-key-examples button").first.wait_for()
            page.evaluate(STOPWATCH)
            measure_examples(page)
            measure_uploads(page, clip.read_bytes(), count, app.pid)
            if len(sys.argv) > 3:
                measure_timeline(page, Path(sys.argv[3]), app.pid)
    finally:
        app.terminate()


def measure_visits(browser: Browser) -> None:
    """Print how long the first page takes, its files in the browser's cache from the second visit on."""
    visitor = browser.new_context()
    visitor.add_init_script(f"({USABLE})()")
    usable, shifted = [], []
    for _ in range(VISITS + 1):
        page = visitor.new_page()
        page.goto(ADDRESS)
        page.wait_for_function("window.usable")
        page.wait_for_timeout(1500)
        usable.append(page.evaluate("window.usable"))
        shifted.append(page.evaluate("window.shifted"))
        page.close()
    warm = statistics.median(usable[1:])
    print(f"usable after {usable[0]:.0f} ms at the first visit, {warm:.0f} ms later (median of {VISITS})")
    print(f"cumulative layout shift {max(shifted):.3f} at most")
    visitor.close()


def measure_examples(page: Page) -> None:
    """Print how long an example takes from its click to its answer, and what of it is the prediction."""
    spent = []
    for _ in range(VISITS):
        for name in ("happy", EXAMPLE.stem):
            page.evaluate(f"window.wanted = '{name}.flac:'")
            page.locator(f".st-key-example-{name} button").click()
            page.wait_for_function("window.times?.drawn")
            took = page.evaluate("window.times.drawn - window.times.began")
            page.wait_for_timeout(300)
        spent.append(took)
    began = time.perf_counter()
    for _ in range(VISITS):
        predict(EXAMPLE)
    alone = (time.perf_counter() - began) / VISITS * 1000
    print(f"median {statistics.median(spent):.0f} ms from click to answer; predict alone {alone:.0f} ms")


def measure_uploads(page: Page, content: bytes, count: int, process: int) -> None:
    """Print how long uploads take, and the memory before and after them."""
    spent = []
    for i in range(count + WARM_UP):
        if i == WARM_UP:
            before = memory_mb(process)
        file: FilePayload = {"name": f"clip{i}.flac", "mimeType": "audio/flac", "buffer": content}
        page.evaluate(f"window.wanted = 'clip{i}.flac:'")
        page.locator("input[type=file]").first.set_input_files(file)
        page.wait_for_function("window.times?.drawn")
        spent.append(page.evaluate("window.times.drawn - window.times.began"))
        page.wait_for_timeout(200)  # what the page does afterwards does not count
    middle, slow = (statistics.quantiles(spent[WARM_UP:], n=20)[i] for i in (9, 18))
    print(f"median {middle:.0f} ms from upload to prediction, 95th percentile {slow:.0f} ms")
    print(f"{before:.0f} MB before, {memory_mb(process):.0f} MB after {count} clips")


def measure_timeline(page: Page, recording: Path, process: int) -> None:
    """Print how long a timeline takes, the most memory, and the size of the page."""
    before, most = memory_mb(process), 0.0
    page.get_by_role("link", name="Timeline").first.click()
    page.get_by_role("heading", name="What does the voice express").wait_for()
    began = time.perf_counter()
    page.locator("input[type=file]").first.set_input_files(recording)
    while not page.get_by_text("Page, of").count():
        most = max(most, memory_mb(process))
        page.wait_for_timeout(200)
    spent = time.perf_counter() - began
    page.wait_for_timeout(3000)
    elements = page.evaluate("""() => {
        const count = root => [...root.querySelectorAll("*")].reduce(
            (sum, one) => sum + 1 + (one.shadowRoot ? count(one.shadowRoot) : 0), 0);
        return count(document);
    }""")
    print(f"{spent:.0f} s for the timeline; {elements} elements on the page")
    print(f"{before:.0f} MB before, {most:.0f} MB at most, {memory_mb(process):.0f} MB after the timeline")


if __name__ == "__main__":
    main()
