"""Pitch equals the known pitch of synthetic signals, and agrees with librosa's on real clips."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest

from affekt.audio.loading import Waveform, find_audio, load_audio
from affekt.features.pitch import HOP_S, track_pitch

RATE = 16_000


def glide(low_hz: float, high_hz: float, noise: float = 0.0) -> tuple[Waveform, np.ndarray]:
    """Two seconds of harmonics, and their pitch in Hz at each sample."""
    hz = np.linspace(low_hz, high_hz, 2 * RATE)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    samples = np.sum([np.sin(k * phase) / k for k in range(1, 9)], axis=0)
    samples = samples + noise * np.random.default_rng(0).standard_normal(len(hz))
    return Waveform((0.1 * samples).astype(np.float32), RATE), hz


@pytest.mark.parametrize(("low_hz", "high_hz"), [(70, 75), (80, 130), (150, 300), (300, 600), (600, 700)])
def test_a_gliding_tone_is_followed(low_hz: float, high_hz: float) -> None:
    waveform, hz = glide(low_hz, high_hz)
    pitch = track_pitch(waveform)
    at = np.minimum(np.round(np.arange(len(pitch.hz)) * HOP_S * RATE).astype(int), len(hz) - 1)
    inner = slice(4, -4)
    assert pitch.voiced[inner].all()
    np.testing.assert_allclose(pitch.hz[inner], hz[at][inner], rtol=0.02)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert track_pitch(Waveform(noise, RATE)).voiced.mean() < 0.05
    quiet = np.concatenate([np.zeros(RATE, np.float32), glide(200, 200)[0].samples])
    assert not track_pitch(Waveform(quiet, RATE)).voiced[: int(0.9 / HOP_S)].any()


def test_quiet_frames_change_nothing_in_loud_ones() -> None:
    voice = glide(150, 300)[0].samples
    silence = np.zeros(10 * round(HOP_S * RATE), np.float32)
    alone = track_pitch(Waveform(voice, RATE))
    padded = track_pitch(Waveform(np.concatenate([silence, voice, silence]), RATE))
    inner = slice(4, len(alone.hz) - 4)
    np.testing.assert_allclose(padded.hz[10:][inner], alone.hz[inner], rtol=1e-5)
    np.testing.assert_allclose(padded.strength[10:][inner], alone.strength[inner], atol=1e-5)
    assert not padded.strength[:5].any()


@pytest.mark.parametrize("hz", [300, 450, 480, 600, 650])
def test_a_frame_at_the_edge_of_digital_silence_has_no_other_pitch(hz: int) -> None:
    pulses = np.maximum(np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE), 0) ** 8
    silence = np.zeros(RATE // 5)
    pitch = track_pitch(Waveform(np.concatenate([silence, pulses, silence]).astype(np.float32), RATE))
    np.testing.assert_allclose(pitch.hz[pitch.voiced], hz, rtol=0.03)


@pytest.mark.parametrize(("noise", "expected_db"), [(0.05, 25), (0.2, 13), (0.5, 5)])
def test_harmonics_to_noise_falls_as_noise_rises(noise: float, expected_db: float) -> None:
    pitch = track_pitch(glide(200, 200, noise)[0])
    tone_energy = sum(1 / (2 * k * k) for k in range(1, 9))
    known_db = 10 * np.log10(tone_energy / noise**2)
    assert np.median(pitch.harmonics_to_noise_db) == pytest.approx(known_db, abs=2)
    assert known_db == pytest.approx(expected_db, abs=4)


@pytest.mark.parametrize("seconds", [0.1, 0.15, 1.0])
def test_a_short_clip_gives_frames(seconds: float) -> None:
    samples = glide(200, 200)[0].samples[: int(seconds * RATE)]
    pitch = track_pitch(Waveform(samples, RATE))
    assert len(pitch.hz) == len(pitch.strength) == 1 + len(samples) // round(HOP_S * RATE)
    assert pitch.voiced.any()


def test_pitch_agrees_with_librosas_on_real_voices(ravdess: Path) -> None:
    """Fewer than 10 % of the frames that both call voiced differ by over 20 %."""
    wrong = compared = 0
    for file in find_audio(ravdess)[100::250]:
        waveform = load_audio(file, RATE)
        pitch = track_pitch(waveform)
        theirs, voiced, _ = librosa.pyin(
            waveform.samples, fmin=65, fmax=750, sr=RATE, frame_length=1024, hop_length=256
        )
        count = min(len(theirs), len(pitch.hz))
        both = voiced[:count] & pitch.voiced[:count]
        compared += both.sum()
        wrong += (np.abs(pitch.hz[:count][both] / theirs[:count][both] - 1) > 0.2).sum()
    assert compared > 500
    assert wrong / compared < 0.1
