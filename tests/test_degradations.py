"""What is done to a voice is what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from affekt import degradations
from affekt.audio import Waveform
from affekt.degradations import DEGRADATIONS, LINES_HZ, NOISES_DB, REVERBERATION_S
from affekt.degradations import spoil as spoil_by_chance
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


def test_by_chance_no_two_copies_are_spoilt_alike() -> None:
    copies = [spoil_by_chance(CLIP, np.random.default_rng(seed)).samples for seed in range(20)]
    for i, copy in enumerate(copies):
        assert copy.dtype == np.float32
        assert len(copy) == len(CLIP.samples)
        assert np.isfinite(copy).all()
        assert np.abs(copy).max() <= 1
        assert not any(np.array_equal(copy, other) for other in (CLIP.samples, *copies[:i]))
        np.testing.assert_array_equal(copy, spoil_by_chance(CLIP, np.random.default_rng(i)).samples)


@pytest.mark.parametrize(("share", "name"), [("ROOM", "room"), ("NOISE", "noise"), ("LINE", "line")])
def test_by_chance_comes_a_room_noise_or_a_line_alone(
    monkeypatch: pytest.MonkeyPatch, share: str, name: str
) -> None:
    for one in ("ROOM", "NOISE", "LINE"):
        monkeypatch.setattr(degradations, f"{one}_SHARE", float(one == share))
    rng = np.random.default_rng(1)
    click = np.zeros(2 * RATE + 1, np.float32)
    click[RATE] = 0.5
    for _ in range(10):
        copy = spoil_by_chance(Waveform(click, RATE), rng).samples
        before, after = power(copy[: RATE - 10]), power(copy[RATE + 10 :])
        if name == "room":
            assert before < 1e-12 < after
        elif name == "noise":
            snr_db = 10 * np.log10(power(click) / power(copy - click))
            assert NOISES_DB[0] - 0.1 <= snr_db <= NOISES_DB[1] + 0.1
        else:
            spectrum = np.abs(np.fft.rfft(copy))
            hz = np.fft.rfftfreq(len(copy), 1 / RATE)
            kept = hz[spectrum > spectrum.max() / 2]
            assert LINES_HZ[0][0] - 20 <= kept[0] <= LINES_HZ[0][1] + 20
            assert LINES_HZ[1][0] - 20 <= kept[-1] <= LINES_HZ[1][1] + 20


def test_a_line_that_would_leave_nothing_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in ("ROOM", "NOISE"):
        monkeypatch.setattr(degradations, f"{one}_SHARE", 0.0)
    constant = Waveform(np.full(RATE, 0.25, np.float32), RATE)  # all of it is at 0 Hz
    np.testing.assert_array_equal(
        spoil_by_chance(constant, np.random.default_rng(0)).samples, constant.samples
    )
