"""Resynthesis: pitch, tempo and timbre change by what was asked, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.audio.loading import Waveform
from affekt.features.pitch import track_pitch
from affekt.inference.resynthesis import Change, find_marks, resynthesise

RATE = 16_000


def gliding_voice(seconds: float = 1.5, low_hz: float = 120, high_hz: float = 240) -> Waveform:
    """Harmonics of a rising pitch through a formant at 700 Hz, after noise without a pitch."""
    rng = np.random.default_rng(0)
    hz = np.geomspace(low_hz, high_hz, round(seconds * RATE))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    tones = sum(np.sin(k * phase) / (1 + ((k * hz - 700) / 300) ** 2) for k in range(1, 20))
    samples = np.concatenate([0.02 * rng.standard_normal(RATE // 4), 0.3 * tones])
    return Waveform(samples.astype(np.float32), RATE)


def semitones(waveform: Waveform) -> np.ndarray:
    pitch = track_pitch(waveform)
    return 12 * np.log2(pitch.hz[pitch.voiced])


def span(waveform: Waveform) -> float:
    return float(np.subtract(*np.percentile(semitones(waveform), [90, 10])))


def centroid_hz(waveform: Waveform) -> float:
    power = np.square(np.abs(np.fft.rfft(waveform.samples)))
    return float(power @ np.fft.rfftfreq(len(waveform.samples), 1 / RATE) / power.sum())


@pytest.mark.parametrize("factor", [0.4, 1.8])
def test_the_range_of_the_pitch_is_changed_around_its_median(factor: float) -> None:
    voice = gliding_voice(low_hz=150, high_hz=200)
    changed = resynthesise(voice, Change(pitch_range=factor))
    assert span(changed) == pytest.approx(factor * span(voice), rel=0.1)
    assert np.median(semitones(changed)) == pytest.approx(np.median(semitones(voice)), abs=0.3)


@pytest.mark.parametrize("shift", [-4.0, 4.0])
def test_a_pitch_is_raised_or_lowered_and_the_formant_stays(shift: float) -> None:
    voice = gliding_voice()
    changed = resynthesise(voice, Change(pitch_shift=shift))
    assert np.median(semitones(changed) - np.median(semitones(voice))) == pytest.approx(shift, abs=0.2)
    assert len(changed.samples) == len(voice.samples)
    assert centroid_hz(changed) == pytest.approx(centroid_hz(voice), rel=0.1)


@pytest.mark.parametrize("factor", [0.77, 1.3])
def test_a_recording_is_longer_or_shorter_at_the_same_pitch(factor: float) -> None:
    voice = gliding_voice()
    changed = resynthesise(voice, Change(length=factor))
    assert changed.duration_s == pytest.approx(factor * voice.duration_s, abs=1e-3)
    assert np.median(semitones(changed)) == pytest.approx(np.median(semitones(voice)), abs=0.2)
    assert span(changed) == pytest.approx(span(voice), rel=0.1)


def test_the_spectrum_is_tilted_by_so_many_decibels_for_each_octave() -> None:
    noise = Waveform(np.random.default_rng(1).standard_normal(RATE).astype(np.float32), RATE)
    changed = resynthesise(noise, Change(tilt_db=4))
    ratio = np.abs(np.fft.rfft(changed.samples)) / np.abs(np.fft.rfft(noise.samples))
    np.testing.assert_allclose(20 * np.log10(ratio[[500, 1000, 4000]]), [-4, 0, 8], atol=0.01)


def test_a_change_of_nothing_returns_the_recording() -> None:
    voice = gliding_voice()
    np.testing.assert_array_equal(resynthesise(voice, Change()).samples, voice.samples)
    with_grains = resynthesise(voice, Change(length=1 + 1e-9)).samples
    inside = slice(RATE // 50, -RATE // 50)
    np.testing.assert_allclose(with_grains[inside], voice.samples[inside], atol=1e-5)


def test_the_inverse_undoes_a_change() -> None:
    change = Change(pitch_range=0.5, pitch_shift=3, length=1.25, tilt_db=-4)
    voice = gliding_voice()
    undone = resynthesise(resynthesise(voice, change), change.inverse)
    assert undone.duration_s == pytest.approx(voice.duration_s, abs=1e-3)
    assert np.median(semitones(undone)) == pytest.approx(np.median(semitones(voice)), abs=0.3)
    assert span(undone) == pytest.approx(span(voice), rel=0.15)


def test_a_sound_without_pitch_can_be_changed() -> None:
    noise = Waveform(np.random.default_rng(2).standard_normal(RATE // 5).astype(np.float32), RATE)
    changed = resynthesise(noise, Change(pitch_range=0.4, pitch_shift=4))
    inside = slice(RATE // 50, -RATE // 50)
    np.testing.assert_allclose(changed.samples[inside], noise.samples[inside], atol=1e-5)


def test_marks_are_one_period_apart_and_at_the_same_phase() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[37::100] = 1  # a pulse every 6.25 ms
    marks = find_marks(samples, RATE, np.full(70, 160.0))
    assert (marks[0], marks[-1]) == (0, RATE)
    np.testing.assert_array_equal(np.diff(marks[2:-2]), 100)
    assert (marks[2:-1] % 100 == 37).all()
