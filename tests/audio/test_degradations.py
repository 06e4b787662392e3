"""Every degradation does what its name says."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
import pytest
import soundfile

from affekt.audio.degradations import (
    BABBLE_SNR_RANGE_DB,
    DEGRADATIONS,
    LOWER_EDGE_RANGE_HZ,
    MP3_RANGE_BITS_PER_S,
    OPUS_RANGE_BITS_PER_S,
    REVERBERATION_S,
    SNR_RANGE_DB,
    TRAINING_DEGRADATIONS,
    UPPER_EDGE_RANGE_HZ,
    VOICE_SPEED_RANGE,
    VOICES_RANGE,
    TrainingDegradation,
    add_noise,
    add_own_babble,
    add_room,
    code_g711,
    code_mp3,
    code_opus,
    degrade,
    find_training_degradation,
    limit_band,
    overload,
)
from affekt.audio.loading import Waveform, load_audio
from affekt.errors import CorpusError, UnknownNameError

RATE = 16_000
TIME_S = np.arange(2 * RATE) / RATE


def make(hz: float, loudness: float = 0.1) -> Waveform:
    return Waveform((loudness * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32), RATE)


CLIP = make(440)
EVERY = list(TRAINING_DEGRADATIONS["everyday@2"])
OTHERS = [make(hz) for hz in range(500, 1500, 70)]


def make_speech() -> Waveform:
    """A voice of changing pitch and loudness, whose delay can be measured."""
    phase = np.cumsum(140 + 40 * np.sin(5 * TIME_S)) / RATE
    voice = sum(np.sin(2 * np.pi * k * phase + k) / k for k in range(1, 20))
    level = 0.1 * np.sin(2 * np.pi * 1.7 * TIME_S) ** 2 * (1 + 0.3 * np.sin(23 * TIME_S))
    return Waveform((voice * level).astype(np.float32), RATE)


SPEECH = make_speech()


def delay_s(later: Waveform, clip: Waveform) -> float:
    """Seconds by which a waveform lies behind a clip: the maximum of their cross-correlation."""
    size = 2 * max(len(later.samples), len(clip.samples))
    product = np.fft.rfft(later.samples, size) * np.conj(np.fft.rfft(clip.samples, size))
    at = int(np.argmax(np.fft.irfft(product, size)))
    return (at if at < size // 2 else at - size) / clip.sample_rate


def likeness(one: Waveform, other: Waveform) -> float:
    count = min(len(one.samples), len(other.samples))
    return float(np.corrcoef(one.samples[:count], other.samples[:count])[0, 1])


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


@pytest.mark.parametrize("name", ["MP3, 32 kbit/s", "Opus, 12 kbit/s"])
def test_codecs_change_a_clip_a_little(name: str) -> None:
    coded = apply(name)
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


@pytest.mark.parametrize("name", ["MP3, 32 kbit/s", "Opus, 12 kbit/s"])
def test_codecs_keep_the_time_of_a_clip(name: str) -> None:
    coded = apply(name, SPEECH)
    assert delay_s(coded, SPEECH) == pytest.approx(0, abs=0.007)  # Opus is read with its pre-skip
    assert not np.array_equal(coded.samples, SPEECH.samples)


@pytest.mark.parametrize("name", TRAINING_DEGRADATIONS)
def test_no_two_copies_are_degraded_alike(name: str) -> None:
    shares = find_training_degradation(name)
    copies = [degrade(SPEECH, np.random.default_rng(seed), shares).samples for seed in range(20)]
    for i, copy in enumerate(copies):
        assert not any(np.array_equal(copy, other) for other in (SPEECH.samples, *copies[:i]))
        again = degrade(SPEECH, np.random.default_rng(i), shares)
        np.testing.assert_array_equal(copy, again.samples)


def test_a_training_degradation_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'everyday@2'\? There are: noise-room-band@1"):
        find_training_degradation("everyday@1")


@pytest.mark.parametrize("name", TRAINING_DEGRADATIONS)
def test_each_training_degradation_applies_as_often_as_its_share_says(name: str) -> None:
    shares, times = find_training_degradation(name), 4000
    applied: Counter[str] = Counter()

    def counting(change: TrainingDegradation) -> TrainingDegradation:
        def count(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
            applied[change.__name__] += 1
            return samples

        return count

    rng, spied = np.random.default_rng(0), {counting(change): share for change, share in shares.items()}
    for _ in range(times):
        before = applied.total()
        degrade(Waveform(CLIP.samples[:1600], RATE), rng, spied)
        assert applied.total() > before
    any_applies = 1 - np.prod([1 - share for share in shares.values()])
    for change, share in shares.items():
        assert applied[change.__name__] / times == pytest.approx(share / any_applies, abs=0.03)
    assert 1 < applied.total() / times < 2


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.__name__)
def test_every_training_degradation_alone_keeps_length_rate_and_time(
    change: TrainingDegradation, rate: int
) -> None:
    clip = load_audio(SPEECH, rate)
    for seed in range(6):
        copy = degrade(clip, np.random.default_rng(seed), {change: 1.0})
        assert copy.sample_rate == rate
        assert copy.samples.dtype == np.float32
        assert copy.samples.shape == clip.samples.shape
        assert np.isfinite(copy.samples).all()
        assert np.abs(copy.samples).max() <= 1
        assert not np.array_equal(copy.samples, clip.samples)
        assert delay_s(copy, clip) == pytest.approx(0, abs=0.003)
        assert likeness(copy, clip) > 0.35


@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.__name__)
@pytest.mark.parametrize(("peak", "length"), [(0.5, 1600), (1e-4, 1600), (1e-4, RATE), (1.0, 1601)])
def test_very_short_and_very_quiet_clips_can_be_degraded(
    change: TrainingDegradation, peak: float, length: int
) -> None:
    samples = SPEECH.samples[-length:] / np.abs(SPEECH.samples[-length:]).max()
    copy = degrade(
        Waveform((peak * samples).astype(np.float32), RATE), np.random.default_rng(0), {change: 1.0}
    )
    assert copy.samples.shape == samples.shape
    assert np.isfinite(copy.samples).all()
    assert 0 < np.abs(copy.samples).max() <= 1


@pytest.mark.parametrize(
    ("change", "lowest", "highest"), [(add_noise, *SNR_RANGE_DB), (add_own_babble, *BABBLE_SNR_RANGE_DB)]
)
def test_noise_and_babble_of_copies_have_ratios_in_their_range(
    change: TrainingDegradation, lowest: float, highest: float
) -> None:
    clip = Waveform(np.float32(0.1) * SPEECH.samples, RATE)  # so that the sum is below full scale
    added = [
        degrade(clip, np.random.default_rng(seed), {change: 1.0}).samples - clip.samples
        for seed in range(40)
    ]
    found = [10 * np.log10(power(clip.samples) / power(noise)) for noise in added]
    assert lowest - 0.1 <= min(found) < lowest + 5
    assert highest - 5 < max(found) <= highest + 0.1


def test_babble_of_copies_is_the_clip_itself_at_other_pitches() -> None:
    for seed in range(10):
        copy = add_own_babble(CLIP.samples, RATE, np.random.default_rng(seed))
        babble = copy - CLIP.samples
        spectrum = np.abs(np.fft.rfft(babble * np.hanning(len(babble)))) ** 2
        hz = np.fft.rfftfreq(len(babble), 1 / RATE)
        low, high = (440 * speed for speed in VOICE_SPEED_RANGE)
        assert spectrum[(hz > low - 20) & (hz < high + 20)].sum() > 0.99 * spectrum.sum()
        voices = spectrum[1:-1][(spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:])]
        assert 2 <= (voices > 0.1 * spectrum.max()).sum() <= VOICES_RANGE[1]


def test_reverberation_of_copies_follows_a_click_and_does_not_precede_it() -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[RATE] = 0.5
    for seed in range(10):
        wet = degrade(Waveform(click, RATE), np.random.default_rng(seed), {add_room: 1.0}).samples
        assert power(wet[: RATE - 10]) < 1e-12 < power(wet[RATE + 10 :])


def test_band_limits_of_copies_are_within_their_ranges() -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[RATE] = 0.5
    hz = np.fft.rfftfreq(len(click), 1 / RATE)
    for seed in range(10):
        copy = degrade(Waveform(click, RATE), np.random.default_rng(seed), {limit_band: 1.0}).samples
        spectrum = np.abs(np.fft.rfft(copy))
        kept = hz[spectrum > spectrum.max() / 2]
        assert LOWER_EDGE_RANGE_HZ[0] - 20 <= kept[0] <= LOWER_EDGE_RANGE_HZ[1] + 20
        assert UPPER_EDGE_RANGE_HZ[0] - 20 <= kept[-1] <= UPPER_EDGE_RANGE_HZ[1] + 20


@pytest.mark.parametrize("change", [limit_band, code_g711])
def test_a_clip_without_power_in_the_band_is_not_band_limited(change: TrainingDegradation) -> None:
    constant = Waveform(np.full(RATE, 0.25, np.float32), RATE)  # all of it is at 0 Hz
    copy = degrade(constant, np.random.default_rng(0), {change: 1.0})
    np.testing.assert_array_equal(copy.samples, constant.samples)


def test_an_overloaded_copy_is_cut_off_at_full_scale() -> None:
    for seed in range(10):
        copy = degrade(SPEECH, np.random.default_rng(seed), {overload: 1.0}).samples
        assert 1e-4 < (np.abs(copy) == 1).mean() < 0.7


def test_telephone_copies_have_eight_bits_at_8_khz() -> None:
    clip = load_audio(SPEECH, 8_000)
    for seed in range(10):
        copy = degrade(clip, np.random.default_rng(seed), {code_g711: 1.0}).samples
        assert len(np.unique(copy)) <= 256
        spectrum = np.abs(
            np.fft.rfft(degrade(SPEECH, np.random.default_rng(seed), {code_g711: 1.0}).samples)
        )
        assert power(spectrum[4100 * 2 :]) < 1e-4 * power(spectrum)


@pytest.mark.parametrize(
    ("change", "limits"), [(code_mp3, MP3_RANGE_BITS_PER_S), (code_opus, OPUS_RANGE_BITS_PER_S)]
)
def test_codecs_of_copies_have_the_bit_rate_that_was_drawn(
    change: TrainingDegradation, limits: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    read = soundfile.read

    def measure(file: io.BytesIO, dtype: str) -> Any:
        sizes.append(len(file.getvalue()))
        return read(file, dtype=dtype)

    monkeypatch.setattr(soundfile, "read", measure)
    noise = np.random.default_rng(0).standard_normal(2 * RATE) / 10  # digital silence needs fewer bits
    for seed in range(12):
        change(noise, RATE, np.random.default_rng(seed))
        drawn = np.exp(np.random.default_rng(seed).uniform(*np.log(limits)))
        assert sizes[-1] * 8 / 2 == pytest.approx(drawn, rel=0.3)  # headers are part of it
