"""Measurements of synthetic recordings equal their known values."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from affekt.audio.activity import voice_activity
from affekt.audio.loading import Waveform, find_audio, load_audio
from affekt.features.recording import (
    ClipFacts,
    Quality,
    describe_recording,
    measure_quality,
    measure_voice,
    voice_notes,
)
from affekt.notes import NoteKind

RATE = 16_000
EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))


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
    assert measure_quality(load_audio((tone(200, 2.0, 0.5), RATE))).notes == ()


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
    assert math.isnan(describe(0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).pitch_hz)


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        (tone(200, 2.0, 0.003), "very quiet: the peak is 50 dB below full scale"),
        (np.clip(tone(200, 2.0, 2.0), -1, 1), "clipped: 67"),
        (tone(200, 0.5, 0.5), "short: the recording lasts 0.5 s"),
    ],
    ids=["quiet", "clipped", "short"],
)
def test_what_makes_a_prediction_less_reliable_is_a_note(samples: np.ndarray, note: str) -> None:
    (found,) = texts(measure_quality(Waveform(samples.astype(np.float32), RATE)))
    assert found.startswith(note)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_spoken_recording_has_no_note(path: Path) -> None:
    facts = describe_recording(load_audio(path))
    assert facts.notes == ()
    assert facts.voice_share > 0.6
    assert facts.longest_voice_s > 0.8


@pytest.mark.parametrize(
    "samples",
    [0.1 * np.random.default_rng(0).standard_normal(2 * RATE), tone(200, 2.0, 0.5), tone(50, 1.0, 0.002)],
    ids=["noise", "tone", "hum"],
)
def test_a_recording_without_a_voice_is_noted(samples: np.ndarray) -> None:
    facts = describe(samples)
    assert NoteKind.NO_VOICE in [note.kind for note in facts.notes]
    assert facts.longest_voice_s < 0.25


def test_a_recording_with_little_speech_is_noted_though_the_rest_is_not_silent() -> None:
    spoken = load_audio(EXAMPLES[0], RATE).samples
    noise = 0.02 * np.random.default_rng(0).standard_normal(8 * RATE)
    noise[: len(spoken)] += spoken
    facts = describe(noise)
    assert texts(facts) == [f"little speech: {facts.voice_share:.0%} of the recording holds a voice"]
    assert facts.voice_share == pytest.approx(len(spoken) / len(noise), abs=0.05)
    assert facts.silence == 0


def test_share_and_longest_stretch_of_a_voice_are_measured() -> None:
    activity = np.array([0.1, 0.9, 0.8, 0.2, 0.6, 0.7, 0.9, 0.5], np.float32)
    assert measure_voice(activity) == pytest.approx((5 / 8, 3 * 0.032))
    assert measure_voice(np.zeros(4, np.float32)) == (0, 0)


@pytest.mark.parametrize(
    ("duration_s", "share", "longest_s", "kinds"),
    [
        (0.9, 0.0, 0.0, []),
        (1.0, 0.2, 0.24, [NoteKind.NO_VOICE]),
        (2.0, 0.19, 0.26, [NoteKind.LITTLE_SPEECH]),
        (1.0, 0.26, 0.26, []),
    ],
)
def test_voice_notes_are_for_a_second_or_more(
    duration_s: float, share: float, longest_s: float, kinds: list[NoteKind]
) -> None:
    assert [note.kind for note in voice_notes(duration_s, share, longest_s)] == kinds


def flagged(paths: list[Path]) -> float:
    chosen = np.random.default_rng(1).choice(len(paths), 60, replace=False)
    waveforms = [load_audio(paths[i]) for i in chosen]
    measured = [(one.duration_s, *measure_voice(voice_activity(one))) for one in waveforms]
    return float(np.mean([any(True for _ in voice_notes(*one)) for one in measured]))


@pytest.mark.parametrize("vocal_channel", ["03-01", "03-02"], ids=["speech", "song"])
def test_clips_of_ravdess_hold_enough_of_a_voice(ravdess: Path, vocal_channel: str) -> None:
    assert flagged([path for path in find_audio(ravdess) if path.name.startswith(vocal_channel)]) < 0.02


def test_clips_of_emodb_hold_enough_of_a_voice(emodb: Path) -> None:
    assert flagged(find_audio(emodb)) < 0.02


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
