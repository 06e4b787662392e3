"""The page *Corpus*, which is there if the app was started with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app.corpus import FIGURES


def test_every_figure_of_the_corpus_is_shown_with_its_description(
    open_page: Callable[..., Page], start_app: Callable[..., str], small_ravdess: Path
) -> None:
    page = open_page("corpus", address=start_app("--corpus", str(small_ravdess)))
    expect(page.get_by_text("120 clips, 3 emotions")).to_be_visible()
    for title in FIGURES:
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    images = page.locator("img[alt]")
    expect(images).to_have_count(sum(map(len, FIGURES.values())))
    assert all(image.get_attribute("alt") for image in images.all())


def test_without_a_corpus_there_is_no_such_page(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect(page.get_by_role("link", name="Models").first).to_be_visible()
    expect(page.get_by_role("link", name="Corpus")).to_have_count(0)
