"""The page *Predict*."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.inference.prediction import Prediction, predict
from affekt.model.bundle import load

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app.prediction import EXAMPLES, prediction_card

Open = Callable[..., Page]
Shares = dict[str, str]


def test_an_uploaded_file_gets_the_probabilities_of_predict(
    open_page: Open,
    predict_upload: Callable[[Page, Path], Shares],
    expected_shares: Callable[..., Shares],
    voice_file: Path,
) -> None:
    page = open_page()
    assert predict_upload(page, voice_file) == expected_shares(voice_file)
    assert page.locator("audio").count() >= 1


def test_a_real_clip_gets_the_probabilities_of_predict(
    open_page: Open,
    predict_upload: Callable[[Page, Path], Shares],
    expected_shares: Callable[..., Shares],
    ravdess: Path,
) -> None:
    clip = sorted(ravdess.rglob("*.flac"))[100]
    page = open_page()
    assert predict_upload(page, clip) == expected_shares(clip)
    prediction = predict(clip)
    expect(page.get_by_text(prediction.in_words)).to_be_visible()
    expect(page.get_by_text(f"90 % prediction set: {', '.join(prediction.prediction_set)}")).to_be_visible()


def test_a_recording_from_the_microphone_is_predicted(
    open_page: Open, shares: Callable[[Page], Shares]
) -> None:
    page = open_page()
    page.get_by_role("button", name="Record").first.click()
    page.wait_for_timeout(3000)
    page.get_by_role("button", name=re.compile("Stop")).first.click()
    assert list(shares(page)) == list(load().contract.emotions)


def test_an_example_is_predicted_when_it_is_selected(
    open_page: Open,
    wait: Callable[[Page], None],
    shares: Callable[[Page], Shares],
    expected_shares: Callable[..., Shares],
) -> None:
    page = open_page()
    page.get_by_role("tab", name="Example").click()
    wait(page)
    page.get_by_role("radio", name="angry").click()
    assert shares(page) == expected_shares(EXAMPLES / "angry.flac")


def test_removing_the_upload_removes_its_prediction(
    open_page: Open, predict_upload: Callable[[Page, Path], Shares], voice_file: Path
) -> None:
    page = open_page()
    predict_upload(page, voice_file)
    page.get_by_role("button", name=re.compile("^Remove")).first.click()
    expect(page.get_by_text("There is no recording yet.")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "it is empty (0 bytes)."), (b"this is a shopping list", "it is not audio that can be read")],
)
def test_a_file_that_cannot_be_read_gets_a_sentence_that_says_why(
    open_page: Open, upload: Callable[..., None], tmp_path: Path, content: bytes, reason: str
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(content)
    page = open_page()
    page.get_by_role("tab", name="Upload").click()
    upload(page, broken)
    alert = page.get_by_role("alert").filter(has_text=f"This file cannot be read: {reason}")
    expect(alert).to_be_visible()
    assert "Traceback" not in page.content()


def test_a_zip_archive_is_referred_to_the_page_for_many_files(
    open_page: Open, upload: Callable[..., None], tmp_path: Path, voice_file: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(voice_file, voice_file.name)
    page = open_page()
    page.get_by_role("tab", name="Upload").click()
    upload(page, tmp_path / "all.zip")
    referral = page.get_by_role("status").filter(has_text="upload it on the page Many files")
    expect(referral).to_be_visible()


def test_a_quiet_short_clip_is_predicted_with_warnings(
    open_page: Open, predict_upload: Callable[[Page, Path], Shares], tmp_path: Path
) -> None:
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, 0.001 * np.sin(np.arange(8000) * 0.05), 16000)
    page = open_page()
    predict_upload(page, quiet)
    for warning in ("quiet", "Short"):
        expect(page.get_by_role("alert").filter(has_text=warning)).to_be_visible()


def test_a_long_recording_is_predicted_as_a_whole_with_a_warning(
    open_page: Open,
    predict_upload: Callable[[Page, Path], Shares],
    expected_shares: Callable[..., Shares],
    tmp_path: Path,
    write_voice: Callable[..., Path],
) -> None:
    file = write_voice(tmp_path / "long.wav", seconds=31)
    page = open_page()
    assert predict_upload(page, file) == expected_shares(file)
    expect(page.get_by_text("gets one prediction for its whole length")).to_be_visible()
    expect(page.get_by_text("pooled over")).to_be_visible()


def test_a_card_has_the_words_the_prediction_set_and_a_bar_for_each_emotion() -> None:
    probabilities = {"calm": 0.62, "<bliss>": 0.38}
    card = prediction_card(Prediction("calm", 0.62, probabilities, ("calm", "<bliss>"), 1.0))
    assert "probably calm" in card
    assert "90 % prediction set: calm, &lt;bliss&gt;" in card
    assert card.count('role="row"') == 2
    assert "width:38.0%" in card
    assert "<bliss>" not in card
