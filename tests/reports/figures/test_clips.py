"""Waveform and mel spectrogram of one clip."""

from __future__ import annotations

import numpy as np
import pytest
from tests.reports.synthetic import caption, image, tick_labels

from affekt.audio.waveform import Waveform
from affekt.reports import figures
from affekt.reports.figures.clips import envelope


def test_the_envelope_has_the_lowest_and_highest_sample_of_each_stretch() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    low, high = envelope(Waveform(samples, 1000), 10)
    np.testing.assert_array_equal(low, samples.reshape(10, 100).min(axis=1))
    np.testing.assert_array_equal(high, samples.reshape(10, 100).max(axis=1))
    short = envelope(Waveform(samples[:7], 1000), 10)
    np.testing.assert_array_equal(short, [samples[:7]] * 2)


def test_a_tone_is_drawn_at_its_time_and_in_its_band() -> None:
    rate = 22_050
    time_s = np.arange(2 * rate) / rate
    samples = (0.5 * np.sin(2 * np.pi * 1000 * time_s) * (time_s >= 1)).astype(np.float32)
    figure = figures.waveform_and_mel(Waveform(samples, rate), "#009E73")
    above, below = figure.axes
    outline = np.asarray(above.collections[0].get_paths()[0].vertices)
    assert (outline[:, 1].min(), outline[:, 1].max()) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert outline[np.abs(outline[:, 1]) > 0.1][:, 0].min() == pytest.approx(1, abs=0.01)
    decibels = image(below)
    assert decibels.max() == 0
    frame = decibels[:, round(1.5 / 2 * decibels.shape[1])]
    mel = 15 + 27 * np.log(1) / np.log(6.4)  # 1 kHz on Slaney's scale, which ends at 11 kHz
    top = 15 + 27 * np.log(11_025 / 1000) / np.log(6.4)
    assert frame.argmax() == pytest.approx(96 * mel / top, abs=1.5)
    assert decibels[:, : round(0.4 * decibels.shape[1])].max() < -60
    assert below.images[0].get_extent()[1] == pytest.approx(2, abs=0.05)
    assert above.get_xlim() == below.get_xlim() == (0, 2)
    assert "2.0 s" in caption(figure)


def test_the_axes_have_names_and_units_and_a_kilohertz_is_where_it_is_drawn() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 22_050).astype(np.float32)
    above, below = figures.waveform_and_mel(Waveform(noise, 22_050)).axes
    labels = above.get_ylabel(), below.get_ylabel(), below.get_xlabel()
    assert labels == ("amplitude", "frequency, kHz", "time, s")
    assert tick_labels(below, "y") == ["0.25", "1", "4"]
    top = 15 + 27 * np.log(11_025 / 1000) / np.log(6.4)  # of Slaney's scale, on which 1 kHz is 15
    assert below.get_yticks()[1] == pytest.approx(97 * 15 / top - 0.5, abs=0.02)
