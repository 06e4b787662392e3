"""The page *Analysis*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import load_audio
from affekt.features.feature_sets import LIBROSA_SAMPLE_RATE
from affekt.features.recording import describe_recording
from affekt.model.bundle import load

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app.analysis import AXES, FRAME_STEP_S, MAX_FRAMES, characteristics, draw, thin

PANELS = ["waveform", "mel spectrogram", "MFCCs 1 to 19", "pitch", "level"]


def test_descriptors_are_drawn_over_one_time_axis(
    open_page: Callable[..., Page],
    predict_upload: Callable[[Page, Path], dict[str, str]],
    follow: Callable[[Page, str], None],
    voice_file: Path,
) -> None:
    page = open_page()
    predict_upload(page, voice_file)
    follow(page, "Analysis")
    plot = page.locator(".js-plotly-plot")
    expect(plot).to_be_visible()
    titles = plot.locator(".annotation-text").all_text_contents()
    assert [title.split(",")[0] for title in titles] == PANELS
    assert [plot.locator(f".y{i or ''}title").text_content() for i in (0, 2, 3, 4, 5)] == [*AXES]


def test_without_a_recording_the_page_says_where_to_choose_one(open_page: Callable[..., Page]) -> None:
    page = open_page("analysis")
    expect(page.get_by_text("Choose a recording on the page Listen first.")).to_be_visible()


def test_a_recording_that_cannot_be_predicted_has_the_reason_in_place_of_an_analysis(
    open_page: Callable[..., Page],
    upload: Callable[..., None],
    follow: Callable[[Page, str], None],
    tmp_path: Path,
) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    page = open_page()
    upload(page, tmp_path / "silent.wav")
    page.get_by_text("it is silent").or_(page.get_by_text("silent")).first.wait_for()
    follow(page, "Analysis")
    expect(page.get_by_text("This file cannot be read")).to_be_visible()
    expect(page.get_by_text("Choose a recording on the page")).to_be_hidden()


def test_every_panel_spans_the_length_of_the_recording(voice_file: Path) -> None:
    waveform, level, mel = (draw(load_audio(voice_file)).data[i] for i in (0, 4, 1))
    assert waveform.x[-1] == pytest.approx(4.0)
    assert level.x[-1] == pytest.approx(4.0, abs=0.03)
    columns = np.shape(mel.z)[1]
    assert mel.x0 == 0
    assert mel.x0 + (columns - 1) * mel.dx == pytest.approx(level.x[-1])


def test_the_columns_of_a_long_spectrogram_are_averaged_and_centred_on_their_frames() -> None:
    rate = LIBROSA_SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(60 * rate) / 10
    _, mel, _, pitch, level = draw(load_audio((noise, rate))).data
    columns = np.shape(mel.z)[1]
    assert columns == MAX_FRAMES
    assert mel.x0 - mel.dx / 2 == pytest.approx(-FRAME_STEP_S / 2)
    assert mel.x0 + (columns - 0.5) * mel.dx == pytest.approx(60, abs=FRAME_STEP_S)
    for one in (pitch, level):
        assert len(one.x) == len(one.y) == MAX_FRAMES
        assert one.x[-1] == pytest.approx(60, abs=0.1)


def test_more_frames_than_a_screen_shows_are_averaged() -> None:
    frames = np.repeat(np.arange(MAX_FRAMES, dtype=np.float32), 3)[:, None]
    assert thin(frames).tolist() == [[i] for i in range(MAX_FRAMES)]
    assert thin(frames[:10]).shape == (10, 1)


def test_frames_without_a_pitch_are_not_averaged() -> None:
    hz = np.tile(np.array([np.nan, 100.0, 200.0], np.float32), MAX_FRAMES)
    hz[:3] = np.nan
    shown = thin(hz)
    assert np.isnan(shown[0])
    assert (shown[1:] == 150).all()


def test_the_middle_of_the_scale_of_mfccs_is_the_colour_of_the_page(voice_file: Path) -> None:
    waveform = load_audio(voice_file)
    middles = [draw(waveform, dark=dark).data[2].colorscale[1][1] for dark in (False, True)]
    assert middles == ["#FFFFFF", "#12171D"]


def test_a_characteristic_is_placed_below_inside_or_above_the_typical_range(voice_file: Path) -> None:
    contract = load().contract
    low, middle, high = contract.recordings["pitch_hz"]
    facts = describe_recording(load_audio(voice_file))

    def verdict(pitch_hz: float) -> str:
        rows = characteristics(replace(facts, pitch_hz=pitch_hz), contract)
        (row,) = (one for one in rows if one["characteristic"] == "pitch")
        return row["verdict"]

    found = [verdict(value) for value in (low - 1, middle, high + 1, float("nan"))]
    assert found == ["below", "inside", "above", "none found"]
