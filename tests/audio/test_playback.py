"""Playback: sounds have one level, no clicks, and are read back as they were written."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import Waveform
from affekt.audio.playback import encode_flac, match_levels, measure_level

RATE = 16_000


def tone(level: float, seconds: float = 1.0) -> Waveform:
    return Waveform((level * np.cos(np.arange(round(seconds * RATE)) * 0.2)).astype(np.float32), RATE)


def test_sounds_have_the_same_level_and_pauses_do_not_count() -> None:
    with_pause = Waveform(np.concatenate([tone(0.5).samples, np.zeros(2 * RATE, np.float32)]), RATE)
    found = match_levels([tone(0.01), tone(0.9), with_pause])
    assert [measure_level(one) for one in found] == pytest.approx([0.1] * 3, rel=0.02)


def test_no_peak_is_cut_off() -> None:
    clicks = np.zeros(RATE, np.float32)
    clicks[::800] = 1
    found = match_levels([tone(0.5), Waveform(clicks, RATE)])
    assert max(np.abs(one.samples).max() for one in found) == pytest.approx(0.95)
    assert measure_level(found[0]) == pytest.approx(measure_level(found[1]), rel=0.02)


def test_a_sound_begins_and_ends_without_a_click() -> None:
    (found,) = match_levels([tone(0.5)])
    largest_step = np.abs(np.diff(found.samples[RATE // 4 : RATE // 2])).max()
    assert abs(found.samples[0]) < 1e-3
    assert abs(found.samples[-1]) < 1e-3
    assert np.abs(np.diff(found.samples)).max() <= 1.01 * largest_step


def test_a_file_is_read_back() -> None:
    samples, rate = soundfile.read(io.BytesIO(encode_flac(tone(0.5))))
    assert rate == RATE
    np.testing.assert_allclose(samples, tone(0.5).samples, atol=1e-4)
