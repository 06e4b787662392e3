"""The page *Timeline*."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import timeline
from affekt.inference.writers import FORMATS, encode_timelines

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Locator, Page, expect

from affekt.app.timeline import FORMAT_LABELS, join_examples

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def page(open_shared_page: Open) -> Page:
    """The timeline of the four examples, on a phone."""
    page = open_shared_page("timeline", viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Try four sentences").click()
    utterances(page).first.wait_for()
    return page


@pytest.fixture(scope="module")
def expected() -> Timeline:
    file = io.BytesIO(join_examples())
    file.name = "four examples.flac"
    return timeline(file)


def utterances(page: Page) -> Locator:
    return page.locator("li[data-start]")


def test_every_utterance_has_the_answer_of_timeline(page: Page, expected: Timeline) -> None:
    expect(utterances(page)).to_have_count(len(expected.utterances))
    for shown, one in zip(utterances(page).all(), expected.utterances, strict=True):
        assert one.prediction is not None
        expect(shown).to_contain_text(one.prediction.in_words)
        expect(shown).to_contain_text(f"{100 * one.prediction.confidence:.0f} %")


def test_an_utterance_that_is_clicked_is_heard_and_marked(page: Page, expected: Timeline) -> None:
    second = utterances(page).nth(1)
    second.get_by_role("button").click()
    expect(second).to_have_attribute("aria-current", "true")
    player = page.locator("audio")
    assert not player.evaluate("one => one.paused")
    assert player.evaluate("one => one.currentTime") >= expected.utterances[1].start_s
    player.evaluate("one => one.pause()")
    expect(player).to_be_in_viewport()


@pytest.mark.parametrize("kind", FORMATS.values(), ids=FORMATS)
def test_every_format_can_be_downloaded(page: Page, expected: Timeline, kind: Any) -> None:
    page.wait_for_timeout(200)  # what the click before changed is drawn
    with page.expect_download() as download:
        page.get_by_role("button", name=FORMAT_LABELS[kind.name], exact=True).click()
    assert download.value.suggested_filename == f"four examples{kind.suffixes[0]}"
    content = Path(download.value.path()).read_bytes()
    if kind.name == "HTML":
        assert b"<audio" in content, "the page has the sound"
    else:
        assert content == encode_timelines([expected], kind)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(page: Page, faults: Callable[[Page], dict[str, Any]], scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(500)
    assert faults(page) == {}
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_a_dropped_recording_replaces_the_other(
    page: Page, upload: Callable[..., None], voice_file: Path
) -> None:
    upload(page, voice_file)
    expect(page.get_by_text(f"{voice_file.name}: click an utterance")).to_be_visible()
    expect(utterances(page)).to_have_count(len(timeline(voice_file).utterances))


def test_a_file_that_cannot_be_read_gets_a_sentence_that_says_why(
    page: Page, upload: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "list.wav").write_bytes(b"this is a shopping list")
    upload(page, tmp_path / "list.wav")
    expect(page.get_by_role("alert")).to_contain_text("This file cannot be read: it is not audio")


def test_a_long_list_is_shown_in_pages(
    open_page: Open, upload: Callable[..., None], tmp_path: Path
) -> None:
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(join_examples()), dtype="float32")
    soundfile.write(tmp_path / "long.flac", np.tile(samples, 11), rate)
    page = open_page("timeline")
    upload(page, tmp_path / "long.flac")
    expect(utterances(page)).to_have_count(50)
    page.get_by_label("Page, of 2").fill("2")
    page.get_by_label("Page, of 2").press("Enter")
    expect(utterances(page)).to_have_count(5)
