"""A Chromium for tests: that of the machine, or else the one of playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium(microphone: Path | None = None) -> Iterator[Any]:
    """Start a Chromium whose microphone plays a WAV file, if there is one, again and again.

    Where there is no Chromium the test is skipped, or fails if ``AFFEKT_NEEDS_BROWSER`` is set.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox"]
    if microphone:
        arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
    with playwright.sync_playwright() as player:
        try:
            program = next(filter(None, map(shutil.which, NAMES)), None)
            started = player.chromium.launch(executable_path=program, args=arguments)
        except playwright.Error as error:
            reason = f"no Chromium is installed: {str(error).splitlines()[0]}"
            if os.environ.get("AFFEKT_NEEDS_BROWSER"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield started
        started.close()
