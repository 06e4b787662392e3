"""Every degradation does what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.audio import degradations
from affekt.audio.degradations import (
    DEGRADATIONS,
    LOWER_EDGE_RANGE_HZ,
    REVERBERATION_S,
    SNR_RANGE_DB,
    UPPER_EDGE_RANGE_HZ,
    degrade,
)
from affekt.audio.loading import Waveform
from affekt.errors import CorpusError

RATE = 16_000
TIME_S = np.arange(2 * RATE) / RATE


def make(hz: float, loudness: float = 0.1) -> Waveform:
    return Waveform((loudness * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32), RATE)


CLIP = make(440)
OTHERS = [make(hz) for hz in range(500, 1500, 70)]


def apply(name: str, clip: Waveform = CLIP) -> Waveform:
    return DEGRADATIONS[name](clip, OTHERS, np.random.default_rng(0))


def power(samples: np.ndarray) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def power_around(waveform: Waveform, hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(waveform.samples)) ** 2
    at = np.fft.rfftfreq(len(waveform.samples), 1 / waveform.sample_rate)
    return float(spectrum[np.abs(at - hz) < 20].sum() / spectrum.sum())


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degraded_clip_is_as_long_as_before_and_repeatable(name: str) -> None:
    degraded = apply(name)
    assert degraded.samples.dtype == np.float32
    assert np.isfinite(degraded.samples).all()
    assert np.abs(degraded.samples).max() <= 1
    assert degraded.duration_s == pytest.approx(CLIP.duration_s, abs=0.1)
    np.testing.assert_array_equal(degraded.samples, apply(name).samples)


@pytest.mark.parametrize("kind", ["white noise", "babble"])
@pytest.mark.parametrize("snr_db", [20, 10, 5, 0])
def test_noise_has_the_given_ratio_to_the_signal(kind: str, snr_db: int) -> None:
    noise = apply(f"{kind}, {snr_db} dB").samples - CLIP.samples
    assert 10 * np.log10(power(CLIP.samples) / power(noise)) == pytest.approx(snr_db, abs=0.1)


def test_babble_consists_of_other_speakers() -> None:
    noise = apply("babble, 0 dB").samples - CLIP.samples
    babble = Waveform(noise, RATE)
    assert sum(power_around(babble, hz) for hz in range(500, 1500, 70)) > 0.9


def test_babble_needs_another_speaker() -> None:
    with pytest.raises(CorpusError, match="at least one other speaker"):
        DEGRADATIONS["babble, 0 dB"](CLIP, [], np.random.default_rng(0))
    few = DEGRADATIONS["babble, 0 dB"](CLIP, OTHERS[:2], np.random.default_rng(0))
    assert np.isfinite(few.samples).all()


def test_a_telephone_is_band_limited_at_8_khz() -> None:
    low, high = make(100), make(3900)
    transmitted = apply("telephone", Waveform(low.samples + CLIP.samples + high.samples, RATE))
    assert transmitted.sample_rate == 8000
    assert power_around(transmitted, 440) > 0.95


def test_mp3_changes_a_clip_a_little() -> None:
    coded = apply("MP3, 32 kbit/s")
    assert power_around(coded, 440) > 0.95
    assert not np.array_equal(coded.samples[: len(CLIP.samples)], CLIP.samples)


def test_reverberation_of_a_click_decays() -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[0] = 0.5
    wet = apply("reverberation, 0.6 s", Waveform(click, RATE)).samples
    assert wet[0] == pytest.approx(0.5)
    length = int(REVERBERATION_S * RATE)
    assert power(wet[1:length]) * length == pytest.approx(0.25, rel=0.01)  # as strong as the click
    start, end = wet[1 : length // 10], wet[-length // 10 + length : length]
    assert 10 * np.log10(power(start) / power(end)) == pytest.approx(54, abs=3)  # 60 dB over all of it


def test_a_louder_clip_is_cut_off_and_a_quieter_one_is_not() -> None:
    assert (np.abs(apply("20 dB louder, cut off", make(440, 0.5)).samples) == 1).mean() > 0.5
    np.testing.assert_allclose(apply("20 dB quieter").samples, CLIP.samples / 10, rtol=1e-5)


def test_no_two_copies_are_degraded_alike() -> None:
    copies = [degrade(CLIP, np.random.default_rng(seed)).samples for seed in range(20)]
    for i, copy in enumerate(copies):
        assert copy.dtype == np.float32
        assert len(copy) == len(CLIP.samples)
        assert np.isfinite(copy).all()
        assert np.abs(copy).max() <= 1
        assert not any(np.array_equal(copy, other) for other in (CLIP.samples, *copies[:i]))
        np.testing.assert_array_equal(copy, degrade(CLIP, np.random.default_rng(i)).samples)


@pytest.mark.parametrize(
    ("share", "name"), [("REVERBERATION", "reverberation"), ("NOISE", "noise"), ("BAND_LIMIT", "band")]
)
def test_each_of_three_random_degradations_applies_alone(
    monkeypatch: pytest.MonkeyPatch, share: str, name: str
) -> None:
    for one in ("REVERBERATION", "NOISE", "BAND_LIMIT"):
        monkeypatch.setattr(degradations, f"{one}_SHARE", float(one == share))
    rng = np.random.default_rng(1)
    click = np.zeros(2 * RATE + 1, np.float32)
    click[RATE] = 0.5
    for _ in range(10):
        copy = degrade(Waveform(click, RATE), rng).samples
        before, after = power(copy[: RATE - 10]), power(copy[RATE + 10 :])
        if name == "reverberation":
            assert before < 1e-12 < after
        elif name == "noise":
            snr_db = 10 * np.log10(power(click) / power(copy - click))
            assert SNR_RANGE_DB[0] - 0.1 <= snr_db <= SNR_RANGE_DB[1] + 0.1
        else:
            spectrum = np.abs(np.fft.rfft(copy))
            hz = np.fft.rfftfreq(len(copy), 1 / RATE)
            kept = hz[spectrum > spectrum.max() / 2]
            assert LOWER_EDGE_RANGE_HZ[0] - 20 <= kept[0] <= LOWER_EDGE_RANGE_HZ[1] + 20
            assert UPPER_EDGE_RANGE_HZ[0] - 20 <= kept[-1] <= UPPER_EDGE_RANGE_HZ[1] + 20


def test_a_clip_without_power_in_the_band_is_not_band_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in ("REVERBERATION", "NOISE"):
        monkeypatch.setattr(degradations, f"{one}_SHARE", 0.0)
    constant = Waveform(np.full(RATE, 0.25, np.float32), RATE)  # all of it is at 0 Hz
    np.testing.assert_array_equal(degrade(constant, np.random.default_rng(0)).samples, constant.samples)
