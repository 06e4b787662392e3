"""Masks: bands add up to the recording, and what is left out is silent."""

from __future__ import annotations

import numpy as np
import pytest

from affekt.audio.loading import Waveform
from affekt.inference.masks import BANDS, KEPT, MAX_SEGMENTS, MaskedSound

RATE = 16_000


def noise(seconds: float, rate: int = RATE) -> Waveform:
    rng = np.random.default_rng(0)
    return Waveform((0.1 * rng.standard_normal(int(seconds * rate))).astype(np.float32), rate)


@pytest.mark.parametrize(("seconds", "rate"), [(0.1, RATE), (1.237, RATE), (1.0, 8000), (0.5, 44_100)])
def test_a_mask_that_keeps_everything_returns_the_recording(seconds: float, rate: int) -> None:
    waveform = noise(seconds, rate)
    sound = MaskedSound(waveform)
    whole = sound.keep(np.ones(len(sound.segments) + BANDS, bool))
    np.testing.assert_allclose(whole.samples, waveform.samples, atol=1e-5)
    assert whole.sample_rate == rate


def test_segments_and_bands_cover_the_recording() -> None:
    sound = MaskedSound(noise(1.04))
    assert len(sound.segments) == 10
    np.testing.assert_array_equal(sound.segments[1:, 0], sound.segments[:-1, 1])
    assert (sound.segments[0, 0], sound.segments[-1, 1]) == (0, 1.04)
    np.testing.assert_array_equal(sound.bands[1:, 0], sound.bands[:-1, 1])
    assert (sound.bands[0, 0], sound.bands[-1, 1]) == (0, RATE / 2)


def test_bands_are_equally_wide_on_the_mel_scale() -> None:
    librosa = pytest.importorskip("librosa")
    edges = librosa.mel_frequencies(n_mels=BANDS + 1, fmin=0, fmax=RATE / 2)
    np.testing.assert_allclose(MaskedSound(noise(1)).bands[:, 0], edges[:-1], rtol=1e-6, atol=1e-9)


def test_a_long_recording_has_longer_segments() -> None:
    sound = MaskedSound(noise(20))
    assert len(sound.segments) == MAX_SEGMENTS
    np.testing.assert_allclose(np.diff(sound.segments, axis=1), 20 / MAX_SEGMENTS, atol=1e-3)


def test_a_segment_that_is_left_out_is_silent_and_fades_at_its_ends() -> None:
    waveform = Waveform(np.full(RATE, 0.5, np.float32), RATE)
    kept = np.ones(10 + BANDS, bool)
    kept[4] = False
    heard = MaskedSound(waveform).keep(kept).samples
    assert not np.abs(heard[int(0.406 * RATE) : int(0.494 * RATE)]).max() > 1e-6
    np.testing.assert_allclose(heard[: int(0.394 * RATE)], 0.5, atol=1e-4)
    assert np.abs(np.diff(heard)).max() < 0.5 / 60  # a step would be 0.5


def test_a_band_that_is_left_out_has_no_energy_and_the_others_keep_theirs() -> None:
    waveform = noise(1)
    sound = MaskedSound(waveform)
    kept = np.ones(10 + BANDS, bool)
    kept[10 + 6] = False
    low, high = sound.bands[6]
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    before = np.abs(np.fft.rfft(waveform.samples)) ** 2
    after = np.abs(np.fft.rfft(sound.keep(kept).samples)) ** 2
    inside = (hz > low + 60) & (hz < high - 60)
    outside = (hz < low - 60) | (hz > high + 60)
    assert after[inside].sum() < 1e-2 * before[inside].sum()
    assert after[outside].sum() == pytest.approx(before[outside].sum(), rel=1e-2)


def test_masks_follow_from_the_seed() -> None:
    sound = MaskedSound(noise(1))
    first, again, other = sound.draw(500, 1), sound.draw(500, 1), sound.draw(500, 2)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.mean() == pytest.approx(KEPT, abs=0.02)
