"""Memory of the web app: 500 clips in one session, ten more sessions at once, a recording of an hour.

    python benchmarks/app_memory.py CLIP [CLIPS]

CLIP is a recording of some seconds. It is uploaded 500 times on the page *Many files*, as a zip archive; an
hour is made of it. Memory is the resident set of the process that serves the app, in MB.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

PORT = 8597
ADDRESS = f"http://127.0.0.1:{PORT}"
SESSIONS = 10
HOUR_S = 3600
PATIENCE_MS = 900_000


def memory_mb(process: int, field: str = "VmRSS") -> float:
    """Of the process that serves the app: now (VmRSS) or at most (VmHWM)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def open_page(browser: Browser, path: str) -> Page:
    """As a new visitor."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{ADDRESS}/{path}")
    page.get_by_role("heading", level=1).wait_for()
    page.locator("input[type=file]").first.wait_for(state="attached")
    return page


def upload(page: Page, name: str, content: bytes) -> None:
    """Upload a file on the page."""
    file: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator("input[type=file]").first.set_input_files(file)


def zip_of(clip: Path, copies: int) -> bytes:
    """Return an archive with so many copies."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(copies):
            archive.writestr(f"clip{i:04}{clip.suffix}", clip.read_bytes())
    return file.getvalue()


def hour_of(clip: Path) -> bytes:
    """Return an hour of the clip, again and again, as MP3."""
    samples, rate = soundfile.read(clip, dtype="float32", always_2d=True)
    once = samples.mean(axis=1)
    file = io.BytesIO()
    soundfile.write(file, np.resize(once, HOUR_S * rate), rate, format="MP3")
    return file.getvalue()


def report(app: subprocess.Popen[bytes], what: str, began: float) -> None:
    """Print memory and time."""
    now, most = (memory_mb(app.pid, field) for field in ("VmRSS", "VmHWM"))
    print(f"{what:<58} {now:6.0f} MB, at most {most:6.0f}   {time.monotonic() - began:5.0f} s", flush=True)


def measure(app: subprocess.Popen[bytes], browser: Browser, clip: Path, clips: int) -> None:
    """Measure one session, ten more, and an hour in the first."""
    began = time.monotonic()
    page = open_page(browser, "batch")
    report(app, "one session, nothing uploaded", began)
    began = time.monotonic()
    upload(page, "all.zip", zip_of(clip, clips))
    page.get_by_text(f"{clips} of {clips} recordings predicted").first.wait_for()
    report(app, f"{clips} clips", began)
    began = time.monotonic()
    pages = [open_page(browser, "batch") for _ in range(SESSIONS)]
    for one in pages:
        upload(one, "some.zip", zip_of(clip, 20))
    for one in pages:
        one.get_by_text("20 of 20 recordings predicted").first.wait_for()
    report(app, f"and {SESSIONS} sessions with 20 clips each at once", began)
    page.get_by_role("link", name="Timeline").first.click()
    page.get_by_role("heading", name="when").wait_for()
    page.wait_for_timeout(2000)  # until the uploader of the last page is gone
    began = time.monotonic()
    upload(page, "hour.mp3", hour_of(clip))
    page.locator("audio").first.wait_for()
    report(app, "and a recording of an hour on the page Timeline", began)


def main() -> None:
    """Start the app and measure."""
    clip, clips = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500
    command = [sys.executable, "-m", "affekt", "app", "--port", str(PORT), "--no-open"]
    with tempfile.TemporaryFile() as log:
        app = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while True:
                try:
                    urllib.request.urlopen(f"{ADDRESS}/_stcore/health")
                    break
                except OSError:
                    time.sleep(0.5)
            with sync_playwright() as player:
                browser = player.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                measure(app, browser, clip, clips)
        finally:
            app.terminate()


if __name__ == "__main__":
    main()
