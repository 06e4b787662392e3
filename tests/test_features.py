"""The table of feature sets, and each set against librosa on real and strange sounds."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from affekt.audio import find_audio, load_audio
from affekt.errors import UnknownNameError
from affekt.features import FEATURE_SETS, extract, find_feature_set

RATE = 22_050
TOLERANCE = 1e-4
CLIPS = 60


def mfcc_stats(samples: np.ndarray) -> np.ndarray:
    """What the student project computed, with the library that it used."""
    mfcc = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=40)
    return np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)])


def impulse(length: int) -> np.ndarray:
    sound = np.zeros(length, np.float32)
    sound[length // 2] = 1.0
    return sound


STRANGE = {
    "impulse": impulse(RATE),
    "tone": np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE),
    "full-scale square": np.sign(np.sin(2 * np.pi * 150.5 * np.arange(RATE) / RATE)),
    "offset": 0.5 + 0.01 * np.sin(np.arange(RATE)),
    "near silence": 2e-4 * np.sin(np.arange(RATE) * 0.2),
    "0.2 s": np.sin(np.arange(RATE // 5) * 0.2),
    "0.1 s": np.sin(np.arange(RATE // 10) * 0.2),
}


@pytest.mark.parametrize("name", STRANGE)
def test_mfcc_stats_equal_librosa_on_strange_sounds(name: str) -> None:
    sound = STRANGE[name].astype(np.float32)
    expected = mfcc_stats(sound)
    ours = extract(load_audio((sound, RATE)), "mfcc-stats@1")
    np.testing.assert_allclose(ours, expected, atol=TOLERANCE * np.ptp(expected))


def test_mfcc_stats_equal_librosa_on_real_clips(ravdess: Path) -> None:
    files = find_audio(ravdess)
    for file in files[:: len(files) // CLIPS]:
        samples, rate = soundfile.read(file, dtype="float32")
        expected = mfcc_stats(librosa.resample(samples, orig_sr=rate, target_sr=RATE))
        ours = extract(load_audio(file, RATE), "mfcc-stats@1")
        np.testing.assert_allclose(
            ours, expected, atol=TOLERANCE * np.ptp(expected), err_msg=f"on {file.name}"
        )


def test_a_long_recording_is_described_by_blocks_as_if_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = load_audio((np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32), RATE))
    at_once = extract(sound, "mfcc-stats@1")
    monkeypatch.setattr("affekt.features.spectra.BLOCK_FRAMES", 32)
    np.testing.assert_allclose(extract(sound, "mfcc-stats@1"), at_once, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_every_set_gives_one_finite_float32_value_for_each_distinct_column(name: str) -> None:
    feature_set = FEATURE_SETS[name]
    vector = extract(load_audio((STRANGE["tone"], RATE), feature_set.sample_rate), name)
    assert vector.shape == (len(feature_set.columns),)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    assert len(set(feature_set.columns)) == len(feature_set.columns)


def test_the_wrong_sample_rate_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match=r"needs 22050 Hz.*load_audio\(source, 22050\)"):
        extract(load_audio((STRANGE["tone"], 16_000)), "mfcc-stats@1")


def test_an_unknown_set_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match=r"'mfcc-stats@2'.*Did you mean 'mfcc-stats@1'"):
        find_feature_set("mfcc-stats@2")
