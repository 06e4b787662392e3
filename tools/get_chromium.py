"""See to it that there is a browser for the app's tests: one that is there, Debian's, or Playwright's own.

python tools/get_chromium.py         never fails: without one the tests say why they are skipped
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEBIAN = (
    ["apt-get", "update", "-qq"],
    ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
)
PLAYWRIGHT = ([sys.executable, "-m", "playwright", "install", "chromium"],)


def main() -> None:
    """Try one after the other."""
    if any(map(shutil.which, NAMES)):
        return
    debian = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for commands in ([DEBIAN] if debian else []) + [PLAYWRIGHT]:
        done = [subprocess.call(command, env=quiet, stdout=subprocess.DEVNULL) for command in commands]
        if not any(done):
            return
    print("no browser could be installed: the app's tests in a browser will be skipped")


if __name__ == "__main__":
    main()
