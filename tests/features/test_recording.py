"""Measurements of synthetic recordings equal their known values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from affekt.audio.loading import Waveform, load_audio
from affekt.features.recording import ClipFacts, Quality, describe_recording, measure_quality
from affekt.notes import NoteKind

RATE = 16_000


def tone(hz: float, seconds: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def describe(samples: np.ndarray) -> ClipFacts:
    return describe_recording(Waveform(samples.astype(np.float32), RATE))


def texts(quality: Quality) -> list[str]:
    return [str(note) for note in quality.notes]


def test_a_sine_has_its_known_level_peak_and_pitch() -> None:
    facts = describe(tone(200, 2.0, 0.5))
    assert facts.peak_db == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert facts.level_db == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)
    assert facts.pitch_hz == pytest.approx(200, rel=0.01)
    assert (facts.duration_s, facts.sample_rate, facts.clipped, facts.silence) == (2.0, RATE, 0.0, 0.0)
    assert facts.notes == ()


def test_a_higher_sound_is_brighter() -> None:
    assert describe(tone(2000, 1.0, 0.5)).brightness_hz > describe(tone(300, 1.0, 0.5)).brightness_hz + 1000


def test_silence_is_the_share_of_frames_far_below_the_loudest() -> None:
    sound = np.concatenate([tone(200, 1.0, 0.5), np.zeros(3 * RATE)])
    assert describe(sound).silence == pytest.approx(0.75, abs=0.01)


def test_clipping_is_the_share_of_samples_at_full_scale() -> None:
    loud = np.clip(tone(200, 1.0, 2.0), -1, 1)
    # |2 sin| >= 1 for two thirds of each period
    assert describe(loud).clipped == pytest.approx(2 / 3, abs=0.01)


def test_noise_has_no_pitch() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)
    facts = describe(noise)
    assert math.isnan(facts.pitch_hz)
    assert texts(facts) == ["no voice found: no part of the recording has a pitch"]


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        (tone(200, 2.0, 0.003), "very quiet: the peak is 50 dB below full scale"),
        (np.clip(tone(200, 2.0, 2.0), -1, 1), "clipped: 67"),
        (tone(200, 0.5, 0.5), "short: the recording lasts 0.5 s"),
        (
            np.concatenate([tone(200, 1.0, 0.5), np.zeros(9 * RATE)]),
            "little speech: 90% of the recording is silence",
        ),
    ],
    ids=["quiet", "clipped", "short", "silent"],
)
def test_what_makes_a_prediction_less_reliable_is_a_note(samples: np.ndarray, note: str) -> None:
    (found,) = texts(describe(samples))
    assert found.startswith(note)


def test_the_shortest_recording_can_be_measured() -> None:
    facts = describe_recording(load_audio((tone(200, 0.1, 0.5), RATE)))
    assert facts.duration_s == pytest.approx(0.1)
    assert math.isfinite(facts.level_db)


def test_a_recording_of_a_telephone_is_narrow_band() -> None:
    quality = measure_quality(load_audio((tone(200, 2.0, 0.5), 8000)))
    assert [(note.kind, note.text) for note in quality.notes] == [
        (NoteKind.NARROW_BAND, "narrow band: a sample rate of 8000 Hz keeps nothing above 4000 Hz")
    ]


def test_clipping_is_found_beside_a_dc_offset() -> None:
    loud = np.clip(tone(200, 1.0, 2.0) + 0.3, -1, 1)
    assert measure_quality(load_audio((loud, RATE))).clipped == pytest.approx(np.mean(np.abs(loud) == 1))


def test_the_quick_measurements_are_those_of_the_whole_description() -> None:
    waveform = load_audio((tone(200, 1.0, 0.5), RATE))
    facts, quality = describe_recording(waveform), measure_quality(waveform)
    assert {**vars(facts), **vars(quality)} == vars(facts)


def test_an_offset_beyond_full_scale_is_no_clipping() -> None:
    samples = 100 + 0.1 * np.sin(np.arange(16000) * 0.1)
    assert measure_quality(load_audio((samples, 16000))).clipped == 0
