"""The page *Why*."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import load_audio
from affekt.inference.cues import measure_cues
from affekt.inference.neighbours import find_neighbours
from affekt.inference.prediction import predict
from affekt.inference.what_ifs import CHANGES
from affekt.model.bundle import load

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app.listen import EXAMPLES

Open = Callable[..., Page]
CLIP = EXAMPLES / "angry.flac"


@pytest.fixture(scope="module")
def page(open_shared_page: Open) -> Page:
    """The explanation of an example, on a phone; it takes some seconds."""
    page = open_shared_page(viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="angry").click()
    page.get_by_role("link", name="Why this answer?").click()
    expect(page.get_by_text("This takes ten seconds")).to_be_visible()
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("Predicting with parts left out")).to_be_visible()
    page.get_by_role("heading", name="What it rests on").wait_for(timeout=120_000)
    return page


def test_the_answer_is_that_of_predict(page: Page) -> None:
    expect(page.get_by_text(f"The answer to angry.flac is: {predict(CLIP).in_words}.")).to_be_visible()


def test_the_supporting_parts_and_what_if_can_be_heard(page: Page) -> None:
    for name in ("supporting parts only", "everything else", *CHANGES):
        player = page.locator(f'audio[aria-label="{name}"]')
        assert player.evaluate("one => { one.load(); return one.src.startsWith('data:audio/flac') }")
        page.wait_for_function("one => one.readyState > 0", arg=player.element_handle())


def test_cues_are_compared_with_clips_of_the_explained_emotion(page: Page) -> None:
    cues = [cue for cue in measure_cues(load_audio(CLIP)) if 0.5 <= cue.percentiles["angry"] < 99.5]
    assert cues
    for cue in cues:
        item = page.get_by_role("listitem").filter(has_text=cue.text)
        expect(item).to_contain_text(f"higher than {cue.percentiles['angry']:.0f}% of angry clips")


def test_the_nearest_training_clips_are_named(page: Page) -> None:
    found = find_neighbours(load_audio(CLIP, load().contract.sample_rate), load())
    emotion, count = Counter(one.emotion for one in found).most_common()[0]
    expect(page.get_by_text(f"clips that the model was trained on: {count} {emotion}")).to_be_visible()
    for one in found:
        expect(page.get_by_text(one.name).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(page: Page, faults: Callable[[Page], dict[str, Any]], scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(500)
    assert faults(page) == {}
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_it_can_be_downloaded_as_a_page(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this explanation").click()
    assert download.value.suggested_filename == "angry - why angry.html"
    assert "<h1>Why angry?</h1>" in Path(download.value.path()).read_text(encoding="utf-8")


def test_without_a_recording_it_leads_to_the_page_where_one_is_chosen(open_page: Open) -> None:
    page = open_page("why")
    page.get_by_role("link", name="Open Listen").click()
    expect(page.get_by_role("heading", name="Which emotion does this voice express?")).to_be_visible()


def test_a_recording_that_is_too_long_is_not_explained(
    open_page: Open, upload: Callable[..., None], follow: Callable[[Page, str], None], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(8000 * 660), 8000)
    page = open_page()
    upload(page, tmp_path / "long.flac")
    page.get_by_text("This recording has 11 minutes").wait_for()
    follow(page, "Why")
    expect(page.get_by_text("long.flac has 660.0 s")).to_be_visible()
