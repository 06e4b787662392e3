"""Every feature set has the shape that it states, and equals librosa's on real clips."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, find_audio, load_audio
from affekt.errors import EncoderError, UnknownNameError
from affekt.features.feature_sets import FEATURE_SETS, extract, find_feature_set

RATE = 22_050
CLIPS = 45
Array = NDArray[np.float32]


def mean(frames: Array) -> Array:
    return np.asarray(frames.mean(axis=1))


def moments(frames: Array) -> Array:
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


# The feature sets of published systems, computed with librosa as they do.


def mfcc_stats(y: Array, rate: int) -> Array:
    return moments(librosa.feature.mfcc(y=y, sr=rate, n_mfcc=40))


def mfcc_mean(y: Array, rate: int) -> Array:
    return mean(librosa.feature.mfcc(y=y, sr=rate, n_mfcc=40))


def spectral_120(y: Array, rate: int) -> Array:
    chroma = librosa.feature.chroma_stft(y=y, sr=rate)
    return np.concatenate(
        [
            moments(librosa.feature.mfcc(y=y, sr=rate, n_mfcc=13)),
            moments(chroma),
            moments(librosa.feature.melspectrogram(y=y, sr=rate, n_mels=20)),
            moments(librosa.feature.spectral_contrast(y=y, sr=rate)),
            moments(librosa.feature.tonnetz(chroma=chroma, sr=rate)),
            mean(librosa.feature.spectral_centroid(y=y, sr=rate)),
            mean(librosa.feature.spectral_rolloff(y=y, sr=rate)),
            mean(librosa.feature.zero_crossing_rate(y)),
            mean(librosa.feature.rms(y=y)),
        ]
    )


def spectral_full(y: Array, rate: int) -> Array:
    chroma = librosa.feature.chroma_stft(y=y, sr=rate)
    return np.concatenate(
        [
            mfcc_mean(y, rate),
            mean(chroma),
            mean(librosa.feature.melspectrogram(y=y, sr=rate)),
            mean(librosa.feature.spectral_contrast(y=y, sr=rate)),
            mean(librosa.feature.tonnetz(chroma=chroma, sr=rate)),
            mean(librosa.feature.zero_crossing_rate(y)),
            mean(librosa.feature.spectral_centroid(y=y, sr=rate)),
        ]
    )


def mfcc_sequence(y: Array, rate: int) -> Array:
    padded = librosa.util.fix_length(y, size=3 * rate)
    return np.asarray(librosa.feature.mfcc(y=padded, sr=rate, n_mfcc=60).T)


def log_mel(y: Array, rate: int) -> Array:
    mel = librosa.feature.melspectrogram(y=y, sr=rate, n_fft=512, hop_length=160, n_mels=64)
    return np.asarray(librosa.power_to_db(mel).T)


REFERENCES: dict[str, Callable[[Array, int], Array]] = {
    "mfcc-stats@1": mfcc_stats,
    "mfcc-mean@1": mfcc_mean,
    "spectral-120@1": spectral_120,
    "spectral-full@1": spectral_full,
    "mfcc-sequence@1": mfcc_sequence,
    "log-mel@1": log_mel,
}
SHAPES = {
    "mfcc-stats@1": (80,),
    "mfcc-mean@1": (40,),
    "spectral-120@1": (120,),
    "spectral-full@1": (195,),
    "mfcc-sequence@1": (130, 60),
    "log-mel@1": (None, 64),
    "voice@1": (196,),
    "frames-and-utterance@1": (None, 64 + 196 + 1),
    "whisper-tiny@1": (2 * 2 * 384,),
    "whisper-tiny-voice@1": (2 * 2 * 384 + 196,),
    "whisper-tiny-frames-voice@1": (None, 2 * 384 + 196),
    "whisper-base@1": (2 * 3 * 512,),
    "whisper-base-voice@1": (2 * 3 * 512 + 196,),
    "whisper-base-frames-voice@1": (None, 3 * 512 + 196),
}
OPTIONAL = {"whisper-base@1", "whisper-base-voice@1", "whisper-base-frames-voice@1"}
COMPUTED = [name for name in FEATURE_SETS if name not in OPTIONAL]


@pytest.mark.parametrize("name", REFERENCES)
def test_a_set_equals_librosa_on_real_clips(name: str, ravdess: Path) -> None:
    """Each column to 1e-4 of its range over clips; contrast at the spectrum's ends to 1e-2 (see there)."""
    files = find_audio(ravdess)
    feature_set = FEATURE_SETS[name]
    expected, ours = [], []
    for file in files[:: len(files) // CLIPS]:
        samples, rate = soundfile.read(file, dtype="float32")
        wanted = feature_set.sample_rate or rate
        samples = librosa.resample(samples, orig_sr=rate, target_sr=wanted)
        expected.append(REFERENCES[name](samples, wanted).reshape(-1, len(feature_set.columns)))
        waveform = load_audio(file)
        as_recorded = Waveform(waveform.samples + np.float32(waveform.offset), rate)
        features = extract(load_audio(as_recorded, feature_set.sample_rate), name)
        ours.append(features.reshape(-1, len(feature_set.columns)))
    assert len(expected) >= 40
    difference = np.abs(np.concatenate(ours) - np.concatenate(expected)).max(axis=0)
    rounding = ("contrast0", "contrast6")
    allowed = np.array([1e-2 if column.startswith(rounding) else 1e-4 for column in feature_set.columns])
    assert (difference <= allowed * np.ptp(np.concatenate(expected), axis=0)).all()


def sound(seconds: float, rate: int = RATE) -> Array:
    rng = np.random.default_rng(0)
    time_s = np.arange(int(seconds * rate)) / rate
    voice = np.sin(2 * np.pi * 180 * time_s * (1 + 0.1 * time_s))
    return (0.1 * voice + 0.01 * rng.standard_normal(len(time_s))).astype(np.float32)


@pytest.mark.parametrize("name", COMPUTED)
def test_a_set_has_the_shape_that_it_states(name: str) -> None:
    feature_set = FEATURE_SETS[name]
    features = extract(load_audio((sound(1.5), RATE), feature_set.sample_rate), name)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    for got, promised in zip(features.shape, feature_set.shape, strict=True):
        assert promised in (None, got)


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_a_set_names_its_columns(name: str) -> None:
    feature_set = FEATURE_SETS[name]
    assert feature_set.shape == SHAPES[name]
    assert len(set(feature_set.columns)) == len(feature_set.columns)


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_a_set_whose_encoder_is_not_here_says_how_to_get_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFEKT_CACHE", str(tmp_path))
    assert not FEATURE_SETS[name].available
    with pytest.raises(EncoderError, match="affekt encoders download whisper-base"):
        FEATURE_SETS[name].check()
    with pytest.raises(EncoderError, match="affekt encoders add FILE"):
        extract((sound(1), RATE), name)


def test_a_set_that_needs_no_optional_encoder_is_available() -> None:
    assert all(FEATURE_SETS[name].available for name in COMPUTED)


UNUSUAL = {
    "0.1 s": sound(0.1),
    "one impulse": np.eye(1, RATE, RATE // 2, dtype=np.float32)[0],
    "full-scale square": np.sign(np.sin(np.arange(RATE) * 0.05)).astype(np.float32),
    "noise": np.random.default_rng(0).standard_normal(RATE).astype(np.float32),
    "near silence": 2e-4 * np.sin(np.arange(RATE) * 0.2).astype(np.float32),
    "mostly digital silence": np.concatenate([np.zeros(RATE, np.float32), sound(0.2)]),
}


@pytest.mark.parametrize("case", UNUSUAL)
@pytest.mark.parametrize("name", COMPUTED)
def test_a_set_is_finite_on_unusual_signals(name: str, case: str) -> None:
    waveform = load_audio((UNUSUAL[case], RATE), FEATURE_SETS[name].sample_rate)
    assert np.isfinite(extract(waveform, name)).all()


@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("name", COMPUTED)
def test_a_set_accepts_any_sample_rate(name: str, rate: int) -> None:
    waveform = load_audio((sound(0.5, rate), rate), FEATURE_SETS[name].sample_rate)
    assert np.isfinite(extract(waveform, name)).all()


@pytest.mark.parametrize("name", COMPUTED)
def test_a_long_recording_gives_the_same_when_its_spectra_are_not_kept(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waveform = load_audio((sound(4), RATE), FEATURE_SETS[name].sample_rate)
    kept = extract(waveform, name)
    monkeypatch.setattr("affekt.features.spectra.KEPT_FRAMES", 10)
    np.testing.assert_array_equal(extract(waveform, name), kept)


@pytest.mark.parametrize("name", COMPUTED)
def test_features_do_not_depend_on_other_threads(name: str) -> None:
    waveforms = [load_audio((sound(0.3 + i / 10), RATE), FEATURE_SETS[name].sample_rate) for i in range(12)]
    alone = [extract(waveform, name) for waveform in waveforms]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda waveform: extract(waveform, name), waveforms))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_voice_does_not_depend_on_the_level_of_the_recording() -> None:
    waveform = load_audio((sound(2), RATE), 16_000)
    quiet = Waveform(waveform.samples * np.float32(0.1), 16_000)
    one, other = extract(waveform, "voice@1"), extract(quiet, "voice@1")
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2)


def test_silence_around_a_clip_changes_voice_little(ravdess: Path) -> None:
    columns = FEATURE_SETS["voice@1"].columns
    spectral = [i for i, column in enumerate(columns) if column.startswith(("mfcc", "centroid", "f0_semi"))]
    files = find_audio(ravdess)[::300]
    vectors, padded = [], []
    for file in files:
        samples = load_audio(file, 16_000).samples
        silence = np.zeros(16_000, np.float32)
        vectors.append(extract(Waveform(samples, 16_000), "voice@1")[spectral])
        longer = Waveform(np.concatenate([silence, samples, silence]), 16_000)
        padded.append(extract(longer, "voice@1")[spectral])
    change = np.abs(np.array(padded) - np.array(vectors)).mean(axis=0)
    assert np.median(change / np.std(vectors, axis=0)) < 0.1


@pytest.mark.parametrize("name", COMPUTED)
def test_any_source_is_resampled_to_the_rate_of_the_set(name: str, tmp_path: Path) -> None:
    samples, path = sound(1, 32_000), tmp_path / "clip.wav"
    soundfile.write(path, samples, 32_000, subtype="FLOAT")
    expected = extract(load_audio((samples, 32_000), FEATURE_SETS[name].sample_rate), name)
    for source in (path, str(path), path.read_bytes(), (samples, 32_000), load_audio((samples, 32_000))):
        np.testing.assert_array_equal(extract(source, name), expected)


def test_a_former_name_finds_the_renamed_set() -> None:
    assert find_feature_set("two-views@1") is FEATURE_SETS["frames-and-utterance@1"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("voice@1", "<FeatureSet voice@1: 196 columns, 16000 Hz>"),
        ("mfcc-mean@1", "<FeatureSet mfcc-mean@1: 40 columns, any sample rate>"),
        ("mfcc-sequence@1", "<FeatureSet mfcc-sequence@1: 60 columns, 130 frames, 22050 Hz>"),
        ("log-mel@1", "<FeatureSet log-mel@1: 64 columns, a row for each frame, 16000 Hz>"),
    ],
)
def test_a_set_is_shown_in_one_line(name: str, shown: str) -> None:
    assert repr(FEATURE_SETS[name]) == shown


def test_an_unknown_set_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match=r"'mfcc-stats@2'.*Did you mean 'mfcc-stats@1'"):
        find_feature_set("mfcc-stats@2")
