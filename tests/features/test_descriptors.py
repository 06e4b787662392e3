"""Every descriptor equals librosa's, frame by frame, on real clips and on unusual signals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest

from affekt.audio.loading import Waveform, find_audio, load_audio
from affekt.features import descriptors as ours
from affekt.features.filters import chroma_matrix, dct_matrix, mel_matrix
from affekt.features.spectra import Spectra

RATE = 22_050
CLIPS = 42
TOLERANCE = 1e-4  # of the descriptor's range over a sound
Array = np.ndarray
theirs = librosa.feature

PAIRS: dict[str, tuple[Callable[[Array], Array], Callable[[Spectra], Array]]] = {
    "mel": (lambda y: theirs.melspectrogram(y=y, sr=RATE), ours.mel_spectrogram),
    "mel of 20 bands": (
        lambda y: theirs.melspectrogram(y=y, sr=RATE, n_mels=20),
        lambda s: ours.mel_spectrogram(s, 20),
    ),
    "log mel": (lambda y: librosa.power_to_db(theirs.melspectrogram(y=y, sr=RATE)), ours.log_mel),
    "mfcc": (lambda y: theirs.mfcc(y=y, sr=RATE, n_mfcc=40), lambda s: ours.mfcc(s, 40)),
    "deltas": (
        lambda y: theirs.delta(theirs.mfcc(y=y, sr=RATE, n_mfcc=13), mode="nearest"),
        lambda s: ours.deltas(ours.mfcc(s, 13)),
    ),
    "deltas of deltas": (
        lambda y: theirs.delta(theirs.mfcc(y=y, sr=RATE, n_mfcc=13), order=2, mode="nearest"),
        lambda s: ours.deltas(ours.mfcc(s, 13), 2),
    ),
    "chroma": (lambda y: theirs.chroma_stft(y=y, sr=RATE), ours.chroma),
    "tonnetz": (
        lambda y: theirs.tonnetz(chroma=theirs.chroma_stft(y=y, sr=RATE), sr=RATE),
        lambda s: ours.tonnetz(ours.chroma(s)),
    ),
    "contrast": (lambda y: theirs.spectral_contrast(y=y, sr=RATE), ours.spectral_contrast),
    "centroid": (lambda y: theirs.spectral_centroid(y=y, sr=RATE), ours.spectral_centroid),
    "bandwidth": (lambda y: theirs.spectral_bandwidth(y=y, sr=RATE), ours.spectral_bandwidth),
    "rolloff": (lambda y: theirs.spectral_rolloff(y=y, sr=RATE), ours.spectral_rolloff),
    "flatness": (lambda y: theirs.spectral_flatness(y=y), ours.spectral_flatness),
    "zero crossings": (theirs.zero_crossing_rate, ours.zero_crossing_rate),
    "rms": (lambda y: theirs.rms(y=y), ours.rms),
}

time_s = np.arange(RATE) / RATE
UNUSUAL = {
    "impulse": np.eye(1, RATE, RATE // 2)[0],
    "tone": np.sin(2 * np.pi * 440 * time_s),
    "square wave at full scale": np.sign(np.sin(2 * np.pi * 150.5 * time_s)),
    "offset": 0.5 + 0.01 * np.sin(np.arange(RATE)),
    "near silence": 2e-4 * np.sin(np.arange(RATE) * 0.2),
    "0.2 s": np.sin(np.arange(RATE // 5) * 0.2),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(RATE),
}
# Where the values are float32 rounding errors, as the docstrings say.
ROUNDING = {
    ("chroma", "impulse"): 0.05,  # a flat spectrum: its tuning is arbitrary
    ("tonnetz", "impulse"): 0.2,
    ("contrast", "tone"): 0.2,  # valleys beside a pure tone
    ("contrast", "offset"): 0.2,
    ("contrast", "near silence"): 0.2,
    ("contrast", "0.2 s"): 0.2,
    ("contrast", "square wave at full scale"): 0.2,
    ("bandwidth", "tone"): 1e-3,
    ("bandwidth", "offset"): 1e-3,
    ("bandwidth", "near silence"): 1e-3,
    ("bandwidth", "0.2 s"): 1e-3,
}
CONSTANT = {("contrast", "impulse"), ("flatness", "impulse")}  # the range is rounding error


def both(name: str, samples: Array) -> tuple[Array, Array]:
    samples = np.asarray(samples, np.float32)
    their, our = PAIRS[name]
    return their(samples).T, our(Spectra(Waveform(samples, RATE)))


@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty:UserWarning")  # librosa's
@pytest.mark.parametrize("case", UNUSUAL)
@pytest.mark.parametrize("name", PAIRS)
def test_a_descriptor_equals_librosas_on_unusual_signals(name: str, case: str) -> None:
    expected, got = both(name, UNUSUAL[case])
    span = np.ptp(expected)
    if (name, case) in CONSTANT or span == 0:
        np.testing.assert_allclose(got, expected, atol=1e-4)
        return
    tolerance = ROUNDING.get((name, case), TOLERANCE)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * span)


@pytest.mark.parametrize("name", sorted(set(PAIRS) - {"contrast", "rolloff"}))
def test_a_descriptor_equals_librosas_on_real_clips(name: str, ravdess: Path) -> None:
    files = find_audio(ravdess)[:: 2452 // CLIPS]
    assert len(files) >= 40
    for file in files:
        waveform = load_audio(file)
        # With its mean, digital silence is zero. Without, its bandwidth is a quotient of rounding errors.
        samples = waveform.samples + np.float32(waveform.offset)
        expected, got = both(name, load_audio(Waveform(samples, waveform.sample_rate), RATE).samples)
        np.testing.assert_allclose(
            got, expected, rtol=0, atol=TOLERANCE * np.ptp(expected), err_msg=file.name
        )


def test_rolloff_equals_librosas_except_for_neighbouring_bins(ravdess: Path) -> None:
    for file in find_audio(ravdess)[:: 2452 // CLIPS]:
        expected, got = both("rolloff", load_audio(file, RATE).samples)
        assert np.abs(got - expected).max() < 1.01 * RATE / 2048, file.name
        assert (np.abs(got - expected) > 1).mean() < 0.01, file.name


def test_contrast_equals_librosas_on_the_same_magnitudes(ravdess: Path) -> None:
    for file in find_audio(ravdess)[:: 2452 // CLIPS]:
        spectra = Spectra(load_audio(file, RATE))
        magnitude = np.concatenate([block.magnitude for block in spectra.blocks()]).T
        expected = theirs.spectral_contrast(S=magnitude, sr=RATE).T
        np.testing.assert_allclose(ours.spectral_contrast(spectra), expected, atol=2e-4, err_msg=file.name)


def test_contrast_from_the_waveform_equals_librosas_except_in_empty_bands(ravdess: Path) -> None:
    differences = []
    for file in find_audio(ravdess)[:: 2452 // CLIPS]:
        expected, got = both("contrast", load_audio(file, RATE).samples)
        differences.append(np.abs(got - expected))
    differences_db = np.concatenate(differences)
    assert np.quantile(differences_db[:, :6], 0.999) < 1e-2
    assert np.quantile(differences_db[:, 6], 0.999) < 1.0


def test_tuning_equals_librosas(ravdess: Path) -> None:
    for file in find_audio(ravdess)[:: 2452 // CLIPS]:
        samples = load_audio(file, RATE).samples
        expected = librosa.estimate_tuning(S=np.abs(librosa.stft(samples)) ** 2, sr=RATE)
        assert ours.estimate_tuning(Spectra(Waveform(samples, RATE))) == pytest.approx(expected), file.name


@pytest.mark.parametrize("cents", [-40, 0, 30])
def test_tuning_is_the_deviation_of_a_tone(cents: int) -> None:
    hz = 440 * 2 ** (cents / 1200)
    tone = np.sin(2 * np.pi * hz * time_s).astype(np.float32)
    assert ours.estimate_tuning(Spectra(Waveform(tone, RATE))) == pytest.approx(cents / 100, abs=0.05)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_filters_equal_librosas(rate: int) -> None:
    mel = librosa.filters.mel(sr=rate, n_fft=2048, n_mels=40).T
    np.testing.assert_allclose(mel_matrix(rate, 2048, 40), mel, atol=1e-7)
    chroma = librosa.filters.chroma(sr=rate, n_fft=2048, tuning=0.12).T
    np.testing.assert_allclose(chroma_matrix(rate, 2048, 0.12), chroma, atol=1e-6)


def test_the_dct_is_orthonormal() -> None:
    matrix = dct_matrix(128)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(128), atol=1e-5)


def test_contrast_is_refused_where_its_bands_do_not_fit() -> None:
    with pytest.raises(ValueError, match="over 12800 Hz"):
        ours.spectral_contrast(Spectra(Waveform(np.ones(8000, np.float32), 8_000)))


@pytest.mark.parametrize("length", [1, 511, 512, 513, 1023, 1024, 1025, 2048, 9999])
def test_frames_are_librosas_for_any_length(length: int) -> None:
    samples = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    spectra = Spectra(Waveform(samples, RATE))
    got = np.concatenate([block.magnitude for block in spectra.blocks()])
    padded = np.pad(samples, 1024)  # librosa warns of short signals when it pads by itself
    np.testing.assert_allclose(got, np.abs(librosa.stft(padded, center=False)).T, atol=1e-4)
