"""What is done to a voice is what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.audio import Waveform
from affekt.degradations import DEGRADATIONS, REVERBERATION_S
from affekt.errors import CorpusError

RATE = 16_000
TIME_S = np.arange(2 * RATE) / RATE


def make(hz: float, loudness: float = 0.1) -> Waveform:
    return Waveform((loudness * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32), RATE)


CLIP = make(440)
OTHERS = [make(hz) for hz in range(500, 1500, 70)]


def spoil(name: str, clip: Waveform = CLIP) -> Waveform:
    return DEGRADATIONS[name](clip, OTHERS, np.random.default_rng(0))


def power(samples: np.ndarray) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def power_around(waveform: Waveform, hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(waveform.samples)) ** 2
    at = np.fft.rfftfreq(len(waveform.samples), 1 / waveform.sample_rate)
    return float(spectrum[np.abs(at - hz) < 20].sum() / spectrum.sum())


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_what_comes_out_is_sound_as_long_as_before(name: str) -> None:
    spoilt = spoil(name)
    assert spoilt.samples.dtype == np.float32
    assert np.isfinite(spoilt.samples).all()
    assert np.abs(spoilt.samples).max() <= 1
    assert spoilt.duration_s == pytest.approx(CLIP.duration_s, abs=0.1)
    np.testing.assert_array_equal(spoilt.samples, spoil(name).samples)


@pytest.mark.parametrize("kind", ["white noise", "babble"])
@pytest.mark.parametrize("snr_db", [20, 10, 5, 0])
def test_noise_is_as_strong_as_promised(kind: str, snr_db: int) -> None:
    noise = spoil(f"{kind}, {snr_db} dB").samples - CLIP.samples
    assert 10 * np.log10(power(CLIP.samples) / power(noise)) == pytest.approx(snr_db, abs=0.1)


def test_babble_is_other_voices() -> None:
    noise = spoil("babble, 0 dB").samples - CLIP.samples
    babble = Waveform(noise, RATE)
    assert sum(power_around(babble, hz) for hz in range(500, 1500, 70)) > 0.9


def test_babble_needs_another_voice() -> None:
    with pytest.raises(CorpusError, match="no other voice"):
        DEGRADATIONS["babble, 0 dB"](CLIP, [], np.random.default_rng(0))
    few = DEGRADATIONS["babble, 0 dB"](CLIP, OTHERS[:2], np.random.default_rng(0))
    assert np.isfinite(few.samples).all()


def test_a_telephone_has_a_narrow_band_at_8_khz() -> None:
    low, high = make(100), make(3900)
    line = spoil("telephone", Waveform(low.samples + CLIP.samples + high.samples, RATE))
    assert line.sample_rate == 8000
    assert power_around(line, 440) > 0.95


def test_mp3_changes_a_voice_a_little() -> None:
    coded = spoil("MP3, 32 kbit/s")
    assert power_around(coded, 440) > 0.95
    assert not np.array_equal(coded.samples[: len(CLIP.samples)], CLIP.samples)


def test_a_click_in_a_room_has_echoes_that_die_away() -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[0] = 0.5
    room = spoil("reverberation, 0.6 s", Waveform(click, RATE)).samples
    assert room[0] == pytest.approx(0.5)
    length = int(REVERBERATION_S * RATE)
    assert power(room[1:length]) * length == pytest.approx(0.25, rel=0.01)  # as strong as the click
    start, end = room[1 : length // 10], room[-length // 10 + length : length]
    assert 10 * np.log10(power(start) / power(end)) == pytest.approx(54, abs=3)  # 60 dB over all of it


def test_louder_is_cut_off_and_quieter_is_not() -> None:
    assert (np.abs(spoil("20 dB louder, cut off", make(440, 0.5)).samples) == 1).mean() > 0.5
    np.testing.assert_allclose(spoil("20 dB quieter").samples, CLIP.samples / 10, rtol=1e-5)
