"""A report is one self-contained file, whatever it is about."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import soundfile
from tests.inference.explained import FOUND
from tests.reports.html_page import HtmlPage, embedded
from tests.reports.synthetic import make_clips, make_evaluation, make_exploration

from affekt.evaluation.comparison import compare
from affekt.evaluation.results import Evaluation
from affekt.inference.explanation_page import explanation_page
from affekt.reports import figures
from affekt.reports import html as report
from affekt.reports.figures.style import DARK, INK
from affekt.reports.figures.svg import variables
from affekt.reports.html import write_report

ROOT = Path(__file__).parents[2]
LOADED = {"src", "srcset", "data", "poster", "action", "background", "xlink:href"}


@pytest.fixture(params=["score_page", "odd_page", "corpus_page", "comparison_page"])
def page(request: pytest.FixtureRequest) -> HtmlPage:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, HtmlPage)
    return found


def test_everything_is_in_the_one_file(page: HtmlPage) -> None:
    for tag, attributes in page.tags:
        for name in attributes.keys() & LOADED:
            assert attributes[name].startswith(("data:", "#") if tag == "use" else "data:"), (tag, name)
        if "href" in attributes:
            assert attributes["href"].startswith(("data:", "#")), tag
        assert not re.search(r"url\(|@import", attributes.get("style", ""))
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}


def test_the_styles_load_nothing() -> None:
    template = (report.TEMPLATES / "page.html").read_text(encoding="utf-8")
    (styles,) = re.findall(r"<style>(.*?)</style>", template, re.DOTALL)
    assert not re.search(r"url\(|@import|https?:", styles)


def test_the_security_policy_forbids_all_requests(page: HtmlPage) -> None:
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert set(re.findall(r"-src ([^;]+)", policy)) == {"'none'", "data:", "'unsafe-inline'"}


def test_every_figure_is_an_image_for_screen_readers_with_its_caption_as_text(page: HtmlPage) -> None:
    assert len(page.all("svg")) > 1
    for figure in page.all("svg"):
        assert figure["role"] == "img"
        assert len(figure["aria-label"]) > 20
    assert page.all("figure")
    assert len(page.all("svg")) == len(page.all("figure")) == len(page.all("figcaption"))
    for picture in page.all("image"):
        assert embedded(picture["xlink:href"].replace("\n", ""), "image/png").startswith(b"\x89PNG")


def test_figures_have_no_colour_of_one_theme_alone(page: HtmlPage) -> None:
    styles = [attributes.get("style", "") for _, attributes in page.tags]
    assert any("var(--figure-1f2933)" in style for style in styles)
    assert not [style for style in styles if any(light.lower() in style for light in DARK)]


def test_a_dark_page_has_other_colours_than_paper() -> None:
    template = (report.TEMPLATES / "page.html").read_text(encoding="utf-8")
    assert "@media screen and (prefers-color-scheme: dark)" in template
    assert "--figure-1f2933: #1f2933;" in variables(dark=False)
    assert f"--figure-1f2933: {DARK[INK]};" in variables(dark=True)


def test_all_audio_can_be_played(page: HtmlPage) -> None:
    for one in page.all("audio"):
        info = soundfile.info(io.BytesIO(embedded(one["src"], "audio/mpeg")))
        assert info.format == "MP3"
        assert 0.4 < info.duration < 1.1
        assert one["aria-label"]
        assert "controls" in one


def test_pages_about_clips_have_audio(
    score_page: HtmlPage, odd_page: HtmlPage, corpus_page: HtmlPage
) -> None:
    assert score_page.all("audio")
    assert odd_page.all("audio")
    assert corpus_page.all("audio")


def test_links_lead_to_the_sections(page: HtmlPage) -> None:
    targets = [link["href"].removeprefix("#") for link in page.all("a")]
    assert targets == [heading["id"] for heading in page.all("h2")]
    assert len(targets) == len(page.sections) == len(set(targets))


def test_a_page_is_small(page: HtmlPage) -> None:
    assert page.size < 3_000_000


def test_a_page_has_its_language_one_title_and_the_version_of_affekt(page: HtmlPage) -> None:
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("h1")) == 1
    assert f"Made by affekt {version('affekt')}" in page.text


def test_if_a_figure_cannot_be_drawn_the_old_page_stays_and_no_file_is_left_behind(
    odd: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(figures, "headlines", fail)
    (tmp_path / "page.html").write_text("the old one")
    for name in ("page.html", "another.html"):
        with pytest.raises(RuntimeError, match="no ink"):
            write_report(odd, tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text() == "the old one"


@pytest.mark.usefixtures("few_figures")
def test_an_explanation_has_its_own_page(tmp_path: Path) -> None:
    write_report(FOUND, tmp_path / "why.html")
    assert (tmp_path / "why.html").read_text(encoding="utf-8") == explanation_page(FOUND)


def test_a_missing_folder_is_not_created(odd: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        write_report(replace(odd, tested=()), tmp_path / "none" / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("few_figures")
def test_a_file_name_that_is_not_unicode_is_written_as_its_bytes(odd: Evaluation, tmp_path: Path) -> None:
    name = b"m\xfcde.wav".decode("utf-8", "surrogateescape")
    one = replace(odd.tested[0], clip=replace(odd.tested[0].clip, path=tmp_path / name))
    write_report(replace(odd, tested=(one,)), tmp_path / "page.html")
    assert b"m\xfcde.wav" in (tmp_path / "page.html").read_bytes()


def write_each_kind(folder: Path) -> None:
    """A page about a score and a comparison, and a figure as pixels."""
    scored = [make_evaluation(recipe=name, skill=skill) for name, skill in (("a", 1), ("b", 2))]
    write_report(scored[0], folder / "score.html")
    write_report(compare(scored), folder / "comparison.html")
    (folder / "figure.png").write_bytes(figures.headlines(scored[0]).to_png())


def test_the_same_result_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    write_each_kind(here)
    code = f"import pathlib, {__name__} as t; t.write_each_kind(pathlib.Path({str(there)!r}))"
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
    for name in ("score.html", "comparison.html", "figure.png"):
        assert (here / name).read_bytes() == (there / name).read_bytes(), name


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.html", "2.html"):
        write_report(make_exploration(make_clips(("happy", "sad"), ("1", "2"))), tmp_path / name)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()
