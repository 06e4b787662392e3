"""The HTML page: one file that shows everything, and whose player is led by the list."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from tests.browser import chromium
from tests.inference.writers.synthetic import (
    ALL,
    HAPPY,
    ODD,
    SILENT,
    SIMPLE,
    TWO_CHANNELS,
    TWO_SPEAKERS,
    make_timeline,
)

from affekt.inference.timeline import Timeline
from affekt.inference.writers.html import MOST_SOUND_BYTES, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOADED = {"src", "srcset", "data", "poster", "action", "background", "xlink:href", "href"}
EMPTY = {"meta", "link"}


class Page(HTMLParser):
    """The tags of a page and its visible text; tags that are not closed in order are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def html(*timelines: Timeline, sound: bytes | None = None) -> str:
    stream = io.StringIO()
    write(timelines, stream, {"call.wav": sound} if sound else None)
    return stream.getvalue()


def flac(seconds: float = 12) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(int(8000 * seconds)) * 0.3), 8000, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize("name", ALL)
def test_everything_is_in_the_one_file(name: str) -> None:
    page = Page(html(*ALL[name]))
    for tag, attributes in page.tags:
        for key in attributes.keys() & LOADED:
            assert attributes[key].startswith("data:"), (tag, key)
    assert (
        not {"script", "iframe", "object", "embed", "base", "form", "input", "img"} & dict(page.tags).keys()
    )
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy


def test_the_list_has_every_utterance_with_its_answer() -> None:
    page = Page(html(SIMPLE))
    times = [(one["data-start"], one["data-end"]) for one in page.all("li") if "data-start" in one]
    assert times == [("0.500", "2.250"), ("2.250", "4.000"), ("6.123", "6.500"), ("8.000", "12.000")]
    for words in ("clearly happy", "leans calm, could be neutral or happy", "no answer", "unsure: sad"):
        assert words in page.text
    assert "0:02.2 – 0:04.0" in page.text
    assert page.text.count("unlike the training data") == 1


def test_a_bar_says_what_it_shows() -> None:
    label = Page(html(SIMPLE)).tags
    (first, *_) = [one["aria-label"] for _, one in label if one.get("class") == "mix"]
    assert first.startswith("happy 83 %, neutral 2 %")


def test_shares_are_of_the_time_with_a_voice() -> None:
    text = Page(html(make_timeline((0, 3, HAPPY, ""), (3, 4, None, ""), duration_s=8))).text
    assert "50 %with a voice" in text
    assert "happy 75 %" in text
    assert "no answer 25 %" in text
    assert "50 %with a voice" in Page(html(make_timeline((0, 6, HAPPY, "A"), (2, 4, HAPPY, "B")))).text


def test_channels_and_speakers_are_named() -> None:
    text = Page(html(*TWO_CHANNELS)).text
    assert text.index("Channel: left") < text.index("clearly happy") < text.index("Channel: right")
    assert 'B "the boss" <&>: leans calm' in Page(html(TWO_SPEAKERS)).text


def test_a_page_of_several_recordings_has_a_heading_for_each() -> None:
    text = html(SIMPLE, SILENT, ODD)
    assert text.count("<h2>") == 3
    assert "<h1>Timeline of 3 recordings</h1>" in text
    assert "No voice was found in this recording." in text


def test_texts_of_others_are_no_markup() -> None:
    page = Page(html(ODD))
    assert "злая <v>" in page.text
    assert "v" not in dict(page.tags)
    assert "\x00" not in page.text


def test_what_is_missing_is_said() -> None:
    assert "Reading was stopped after 0:12.0" in Page(html(replace(SIMPLE, complete=False))).text


def test_a_drawing_has_a_bounded_size() -> None:
    ten_hours = make_timeline((1, 35_000, HAPPY, ""), duration_s=36_000)
    page = Page(html(ten_hours))
    assert len([one for one in page.all("div") if one.get("class") == "line"]) == 10
    assert len(html(ten_hours)) < 600_000


def test_the_waveform_has_the_colour_of_the_utterance_and_its_time() -> None:
    drawn = html(make_timeline((3.0, 6.0, HAPPY, ""), duration_s=12))
    (wave,) = re.findall(r'<g class="wave">(.*?)</g>', drawn)
    before, during, after = re.findall(r'<path style="color:(.*?)" d="M(\S+) ', wave)
    assert before == ("var(--none)", "0.0")
    assert during == ("#E69F00", "250.0")
    assert after == ("var(--none)", "500.0")


def test_probabilities_fill_the_height_where_there_is_a_voice() -> None:
    drawn = html(make_timeline((3.0, 6.0, HAPPY, ""), duration_s=12))
    paths = re.findall(r'<path style="color:#\w+" d="M(\S+) (\S+?)V(\S+?)H', drawn.split("</g>")[1])
    assert len(paths) == 8
    assert {(x, bottom) for x, bottom, _ in paths} == {("250.0", "100.0")}
    tops = [float(top) for _, _, top in paths]
    assert tops[0] == 66
    assert tops == sorted(tops)


def test_a_sound_is_embedded_with_a_script_that_the_policy_names() -> None:
    sound = flac()
    text = html(SIMPLE, sound=sound)
    page = Page(text)
    (player,) = page.all("audio")
    assert base64.b64decode(player["src"].removeprefix("data:audio/flac;base64,"), validate=True) == sound
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert len(page.all("button")) == len(SIMPLE.utterances)


def test_a_long_sound_is_left_out() -> None:
    page = Page(html(SIMPLE, sound=b"x" * (MOST_SOUND_BYTES + 1)))
    assert "The sound is not in this page, as it has more than 5 MB." in page.text
    assert not page.all("audio")
    assert not page.all("button")
    assert not page.all("script")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_everyone_can_use_it(
    browser: Browser, scheme: str, tmp_path: Path
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    place = tmp_path / "page.html"
    place.write_text(html(*TWO_CHANNELS, TWO_SPEAKERS, ODD, sound=flac()), "utf-8", "surrogateescape")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844})  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(place.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [fault["id"] for fault in axe.Axe().run(page).response["violations"]] == []
    context.close()


def test_the_list_and_the_waveform_lead_the_player(browser: Browser, tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    place.write_text(html(SIMPLE, sound=flac()), "utf-8")
    page = browser.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(place.as_uri())
    page.locator("li[data-start] button").nth(3).click()
    page.locator("li[aria-current][data-start='8.000']").wait_for()
    assert 8 <= page.evaluate("document.querySelector('audio').currentTime") < 11
    line = page.locator(".line")
    box = line.bounding_box()
    assert box
    line.click(position={"x": box["width"] / 4, "y": 5})
    page.locator("li[aria-current][data-start='2.250']").wait_for()
    assert faults == []
    page.close()
