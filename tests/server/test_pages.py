"""The pages of the server work in a browser, load nothing from elsewhere, and everyone can use them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import soundfile
from tests.browser import chromium
from tests.server.conftest import EXAMPLES, Served

from affekt.server.pages import FILES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, WebSocketRoute

PAGES = ("/docs", "/docs/errors", "/live")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_allows_and_names_files_of_this_server_alone(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in policy
    sources = re.findall(r"""(?:src|href)=["']([^"'#]+)["']""", answer.text)
    assert sources
    assert all(one.startswith(("/", "data:,")) for one in sources)
    for one in sources:
        if one.startswith("/"):
            assert client.get(one).status_code == 200
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", answer.text)


def test_all_routes_are_documented(client: httpx.Client) -> None:
    page = client.get("/docs").text
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page


def test_the_scripts_name_no_other_server() -> None:
    folder = Path(__file__).parents[2] / "src" / "affekt" / "server" / "pages"
    for name in FILES:
        text = (folder / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://[a-z]|@import|url\(", text)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone plays an example, again and again."""
    sound = tmp_path_factory.mktemp("sound") / "microphone.wav"
    samples, rate = soundfile.read(EXAMPLES / "high-slow.flac")
    soundfile.write(sound, np.concatenate([samples, np.zeros(rate)]), rate, subtype="PCM_16")
    with chromium(sound) as started:
        yield started


def test_the_live_page_shows_what_the_microphone_hears(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{served.url}/live")
    page.get_by_role("button", name="Start the microphone").click()
    page.locator("#utterances li").first.wait_for(timeout=20_000)
    shown = page.locator("#utterances li").first.inner_text()
    assert re.match(r"\d\.\d to \d\.\d s", shown)
    assert re.match(r"\w+ \d+ %", page.locator("#now").inner_text())
    drawn: Any = page.evaluate(
        "() => { const canvas = document.getElementById('picture');"
        " return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.some(value => value > 0); }"
    )
    assert drawn
    if folder := os.environ.get("AFFEKT_SCREENSHOTS"):
        page.wait_for_timeout(6000)
        page.screenshot(path=Path(folder, "live.png"), full_page=True)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert said == []
    page.close()


def test_the_live_page_says_what_not_to_rely_on_and_that_the_connection_was_lost(
    browser: Browser, served: Served
) -> None:
    prediction = {"emotion": "sad", "confidence": 0.9, "unsure": False, "out_of_distribution": True}
    events = (
        {"event": "ready", "emotions": ["sad"]},
        {"event": "utterance_end", "start_s": 0, "end_s": 1, "prediction": prediction},
        {"event": "utterance_end", "start_s": 2, "end_s": 3, "prediction": None},
    )

    def serve(socket: WebSocketRoute) -> None:
        def answer(message: str | bytes) -> None:
            if isinstance(message, str):
                for event in events:
                    socket.send(json.dumps(event))
            else:
                socket.close(code=1011)

        socket.on_message(answer)

    page = browser.new_page()
    page.route_web_socket("**/v1/stream", serve)
    page.goto(f"{served.url}/live")
    page.get_by_role("button", name="Start the microphone").click()
    page.get_by_text("The connection to the server was lost or refused.").wait_for()
    shown = page.locator("#utterances li").all_inner_texts()
    assert "too short or silent" in shown[0]
    assert "sad 90 %, unlike the training data: do not rely on it" in shown[1]
    assert page.get_by_role("button", name="Start the microphone").is_visible()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_everyone_can_use_them(browser: Browser, served: Served, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844})  # type: ignore[arg-type]
    page = context.new_page()
    for path in PAGES:
        page.goto(served.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if folder := os.environ.get("AFFEKT_SCREENSHOTS"):
            page.screenshot(path=Path(folder, f"{scheme}{path.replace('/', '-')}.png"))
        found = [
            (one["id"], [node["html"][:80] for node in one["nodes"][:3]])
            for one in axe.Axe().run(page).response["violations"]
        ]
        assert found == []
    context.close()
