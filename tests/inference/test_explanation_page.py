"""The page of an explanation: one file with players, a picture and answers, for anyone to read."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile
from tests.browser import chromium
from tests.inference.explained import FOUND, tone

from affekt.audio.playback import measure_level
from affekt.audio.waveform import Waveform
from affekt.inference.cues import Cue
from affekt.inference.explanation import BandEffect
from affekt.inference.explanation_page import explanation_page, explanation_sections, spectrogram
from affekt.inference.masks import MaskedSound

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def sounds(page: str) -> list[Waveform]:
    found = re.findall(r'src="data:audio/flac;base64,([^"]+)"', page)
    read = [soundfile.read(io.BytesIO(base64.b64decode(one)), dtype="float32") for one in found]
    return [Waveform(samples, rate) for samples, rate in read]


def test_every_sound_has_a_player_and_all_are_equally_loud() -> None:
    found = sounds(explanation_page(FOUND))
    assert [round(one.duration_s) for one in found] == [3, 3, 3, 4, 2]
    levels = [measure_level(one) for one in found]
    assert levels == pytest.approx([levels[0]] * 5, rel=0.02)


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_a_script() -> None:
    page = explanation_page(FOUND)
    assert "<script" not in page
    assert all(one.startswith("data:") for one in re.findall(r'(?:src|href)="([^"]*)"', page))


def test_the_answers_are_in_words() -> None:
    page = explanation_page(FOUND)
    assert "<h1>Why sad?</h1>" in page
    assert "<b>probably angry</b>, 70% confident. This page explains its 30% for sad." in page
    assert "at 0.0–1.0 s and in 0–500 Hz" in page
    assert re.search("The largest change: slower, sad 90%", page)
    assert re.search("<b>faster</b>.*sad 20%; now .*angry 80%.*unreliable", page)
    assert "higher than 80% of sad clips" in page
    assert "Of the 3 nearest clips that the model was trained on: 2 angry, 1 sad." in page


@pytest.mark.parametrize(
    ("high", "bright", "said"),
    [
        (95, 10, "this voice is <b>higher and duller</b> than most neutral clips"),
        (60, 90, "this voice is <b>brighter</b> than most neutral clips"),
        (50, 50, "this voice is like most neutral clips"),
    ],
)
def test_a_sentence_says_how_the_voice_differs_from_neutral_clips(
    high: float, bright: float, said: str
) -> None:
    cues = (
        Cue("pitch height", 9.0, "9 semitones", {"neutral": high}),
        Cue("brightness", 900.0, "900 Hz", {"neutral": bright}),
    )
    assert said in explanation_page(replace(FOUND, cues=cues))
    assert "In short" not in explanation_page(replace(FOUND, cues=()))


def test_parts_that_speak_against_the_picture_are_told() -> None:
    assert FOUND.convincing is not None
    assert FOUND.rest is not None
    weak = replace(FOUND.convincing, probabilities={"angry": 0.9, "sad": 0.1})
    strong = replace(FOUND.rest, probabilities={"angry": 0.2, "sad": 0.8})
    told = "do not rely on the picture"
    assert told in explanation_page(replace(FOUND, convincing=weak, rest=strong))
    assert told not in explanation_page(replace(FOUND, convincing=strong, rest=weak))


def test_it_says_how_much_the_effects_account_for() -> None:
    page = explanation_page(replace(FOUND, fidelity=0.6))
    assert "added up, account for 60% of the variance of these answers (of their log-odds)" in page


def test_another_page_can_show_the_same_sections() -> None:
    sections = explanation_sections(FOUND).partition(">")[2].removesuffix("</div>")
    assert "compares with" in sections
    assert sections in explanation_page(FOUND)


def test_what_there_is_none_of_is_left_out() -> None:
    page = explanation_page(
        replace(FOUND, cues=(), neighbours=(), what_ifs=(), convincing=None, rest=None, fidelity=0.1)
    )
    assert len(sounds(page)) == 1
    for title in ("What if", "compares", "Which clips"):
        assert title not in page
    assert "the parts act together" in page


def test_texts_of_others_are_no_markup() -> None:
    page = explanation_page(replace(FOUND, source="<b>&.wav"))
    assert "&lt;b&gt;&amp;.wav" in page
    assert "<b>&" not in page


def test_the_picture_has_a_column_for_each_frame_and_is_dark_where_it_sounds() -> None:
    picture = spectrogram(tone(220, seconds=2.0))
    assert picture.shape[0] == 64
    assert picture.shape[1] == pytest.approx(200, abs=2)
    row = picture.mean(axis=1)
    assert row.argmax() > 55, "a low tone is at the bottom"
    assert row[:30].max() < 30


@pytest.mark.parametrize(("rate", "top_hz"), [(8000, 4000), (16_000, 8000), (48_000, 8000)])
def test_the_axis_of_the_picture_says_which_frequencies_it_shows(rate: int, top_hz: int) -> None:
    sound = tone(0.9 * top_hz, rate=rate)
    rows = spectrogram(sound).mean(axis=1)
    assert rows.argmax() < 6, "a tone near the highest frequency is at the top"
    bands = tuple(BandEffect(low, high, 0.1, 0.1) for low, high in MaskedSound(sound).bands.tolist())
    page = explanation_page(replace(FOUND, recording=sound, bands=bands))
    assert re.findall(r'bottom:100.0%">(\d+) Hz', page) == [str(top_hz)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_fits_its_window_and_everyone_can_use_it(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    place = tmp_path / "why.html"
    place.write_text(explanation_page(FOUND), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.goto(place.as_uri())
    page.wait_for_function("document.querySelector('audio').duration > 2.9")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (
        page.evaluate("document.querySelector('img').naturalWidth") == spectrogram(FOUND.recording).shape[1]
    )
    assert not axe.Axe().run(page).response["violations"]
    assert not errors
    page.close()
