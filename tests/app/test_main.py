"""What holds for all pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Page, ViewportSize, expect

Open = Callable[..., Page]
Follow = Callable[[Page, str], None]
Shares = dict[str, str]
PredictUpload = Callable[[Page, Path], Shares]
HEADINGS = {
    "Listen": "Which emotion does this voice express?",
    "Timeline": "What does the voice express, and when?",
    "Why": "Why this answer?",
    "Analysis": "Analysis of the recording",
    "Many files": "Many files",
    "Your voice": "Adapt to a speaker",
    "Models": "Models",
}
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1400, "height": 900}


@pytest.mark.parametrize("title", HEADINGS)
def test_every_link_leads_to_its_page(open_page: Open, follow: Follow, title: str) -> None:
    page = open_page("models" if title == "Listen" else "")
    follow(page, title)
    expect(page.get_by_role("heading", level=1, name=HEADINGS[title], exact=True)).to_be_visible()
    assert not page.get_by_text("Traceback").count()


def test_no_page_is_wider_than_a_phone(
    open_page: Open, follow: Follow, predict_upload: PredictUpload, voice_file: Path
) -> None:
    page = open_page(viewport=PHONE)
    predict_upload(page, voice_file)
    widths = {}
    for title in HEADINGS:
        follow(page, title)
        page.wait_for_timeout(500)
        widths[title] = page.evaluate("document.scrollingElement.scrollWidth")
    assert {title: width for title, width in widths.items() if width > PHONE["width"]} == {}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault_of_accessibility(
    open_page: Open,
    follow: Follow,
    predict_upload: PredictUpload,
    faults: Callable[[Page], dict[str, Any]],
    scheme: str,
    size: ViewportSize,
    voice_file: Path,
) -> None:
    page = open_page(color_scheme=scheme, viewport=size)
    predict_upload(page, voice_file)
    found = {}
    for title in HEADINGS:
        follow(page, title)
        page.wait_for_timeout(1500)
        found[title] = faults(page)
    assert {title: one for title, one in found.items() if one} == {}


def test_the_name_and_the_way_to_every_page_are_on_every_page(open_page: Open, follow: Follow) -> None:
    page = open_page("timeline")
    expect(page.get_by_text("affekt", exact=True)).to_be_visible()
    assert [
        link.inner_text().splitlines()[-1]
        for link in page.locator(".st-key-pages").get_by_role("link").all()
    ] == [*HEADINGS]


def test_no_other_machine_is_contacted_and_no_request_fails(
    open_page: Open, predict_upload: PredictUpload, follow: Follow, url: str, voice_file: Path
) -> None:
    page = open_page()
    requested: list[str] = []
    failures: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("requestfailed", lambda request: failures.append(f"{request.url} {request.failure}"))
    page.on("response", lambda reply: failures.append(reply.url) if reply.status >= 400 else None)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.reload()
    page.get_by_role("heading", level=1).wait_for()
    predict_upload(page, voice_file)
    for title in HEADINGS:
        follow(page, title)
    page.wait_for_timeout(1000)
    own = (url, url.replace("http", "ws"), "data:", "blob:")
    assert requested
    assert [one for one in requested if not one.startswith(own)] == []
    # an audio player aborts a request for data that it does not need
    assert [one for one in failures if "ERR_ABORTED" not in one] == []


def test_visitors_see_their_own_recordings_only(
    open_page: Open,
    predict_upload: PredictUpload,
    shares: Callable[[Page], Shares],
    expected_shares: Callable[..., Shares],
    tmp_path: Path,
    write_voice: Callable[..., Path],
) -> None:
    pages = [open_page() for _ in range(5)]
    files = [
        write_voice(tmp_path / f"visitor{i}.wav", seed=50 + i, pitch_hz=110.0 + 25 * i) for i in range(5)
    ]
    for page, file in zip(pages, files, strict=True):
        predict_upload(page, file)
    for page, file in zip(pages, files, strict=True):
        assert shares(page) == expected_shares(file)
        assert not any(other.name in page.content() for other in files if other != file)
