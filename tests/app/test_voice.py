"""The page *Your voice*."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Page, expect

Open = Callable[..., Page]
Upload = Callable[..., None]
Follow = Callable[[Page, str], None]
ADAPTED = "Adapted to a speaker: 4 clips, 3 s."
NOT_ADAPTED = "No speaker is enrolled: predictions are not adapted to anyone."


@pytest.fixture
def four_clips(tmp_path: Path, write_voice: Callable[..., Path]) -> list[Path]:
    """Four clips of 0.75 s: of so short a clip it is not said that it has no voice."""
    return [
        write_voice(tmp_path / f"{i}.wav", pitch_hz=200 + 10 * i, seed=i, seconds=0.75) for i in range(4)
    ]


def save_voice(page: Page, file: Path) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download this voice").click()
    waiting.value.save_as(file)


def test_predictions_are_adapted_as_predict_adapts_them(
    open_page: Open,
    upload: Upload,
    follow: Follow,
    predict_upload: Callable[[Page, Path], dict[str, str]],
    expected_shares: Callable[..., dict[str, str]],
    four_clips: list[Path],
    voice_file: Path,
    tmp_path: Path,
) -> None:
    page = open_page("voice")
    expect(page.get_by_text(NOT_ADAPTED)).to_be_visible()
    upload(page, *four_clips)
    expect(page.get_by_text(ADAPTED)).to_be_visible()
    save_voice(page, tmp_path / "me.voice")
    follow(page, "Listen")
    adapted = expected_shares(voice_file, voice=tmp_path / "me.voice")
    assert adapted != expected_shares(voice_file)
    assert predict_upload(page, voice_file) == adapted
    expect(page.get_by_text("adapted to the speaker with 4 clips")).to_be_visible()


def test_a_voice_can_be_forgotten_and_uploaded_again(
    open_page: Open, upload: Upload, four_clips: list[Path], tmp_path: Path
) -> None:
    page = open_page("voice")
    upload(page, *four_clips)
    save_voice(page, tmp_path / "me.voice")
    page.get_by_role("button", name="Forget this voice").click()
    expect(page.get_by_text(NOT_ADAPTED)).to_be_visible()
    expect(page.get_by_text("0.wav")).to_have_count(0)
    upload(page, tmp_path / "me.voice")
    expect(page.get_by_text(ADAPTED)).to_be_visible()


def test_a_clip_that_cannot_be_read_is_skipped_with_its_reason(
    open_page: Open, upload: Upload, four_clips: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    page = open_page("voice")
    upload(page, *four_clips, broken)
    expect(page.get_by_text(ADAPTED)).to_be_visible()
    expect(page.get_by_text("Skipped: broken.wav is not audio")).to_be_visible()


def test_clips_of_which_none_can_be_read_enrol_nobody(
    open_page: Open, upload: Upload, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    page = open_page("voice")
    upload(page, empty)
    alert = page.get_by_role("alert").filter(has_text="No speaker was enrolled. Empty.wav is empty")
    expect(alert).to_be_visible()
    expect(page.get_by_text(NOT_ADAPTED)).to_be_visible()


def test_another_model_is_not_adapted_to_the_speaker(
    open_page: Open, upload: Upload, follow: Follow, four_clips: list[Path], own_model: Path
) -> None:
    page = open_page("voice")
    upload(page, *four_clips)
    expect(page.get_by_text(ADAPTED)).to_be_visible()
    follow(page, "Models")
    upload(page, own_model)
    expect(page.get_by_role("heading", name="Your model")).to_be_visible()
    follow(page, "Your voice")
    expect(page.get_by_text(NOT_ADAPTED)).to_be_visible()
