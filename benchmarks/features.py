"""Time of feature extraction: librosa as scripts use it, openSMILE, affekt, and the least possible.

    python benchmarks/features.py RAVDESS/ [CLIPS]        make bench CORPUS=RAVDESS/ does it all

One process, one thread. All times include decoding and resampling. Each clip is taken by every contestant
in turn, so that a machine that slows down slows all of them down: only ratios can be compared.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported

import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile
import soxr
from rich.console import Console
from rich.table import Table
from timing import time_in_turn

from affekt.audio.loading import find_audio, load_audio
from affekt.features.feature_sets import FEATURE_SETS, extract

RATE = 22_050
OPEN_SMILE = importlib.util.find_spec("opensmile")  # left out where it is not installed
FEATURES = librosa.feature
Array = np.ndarray[Any, Any]


def read(path: Path, wanted: int = RATE) -> Array:
    """Decode and resample, with the same libraries for everyone."""
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, wanted))


def floor(path: Path) -> None:
    """Decode, resample, one short-time Fourier transform, and nothing else."""
    padded = np.pad(read(path), 1024)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512]
    np.fft.rfft(frames * HANN, axis=1)


HANN = np.hanning(2049)[:-1].astype(np.float32)


def moments(frames: Array) -> Array:
    """Mean and standard deviation over time."""
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


def librosa_script(path: Path, *, harmonic: bool) -> Array:
    """The 120 features as student projects write them: one call a feature, each with its own transform."""
    y = read(path)
    parts = [
        moments(FEATURES.mfcc(y=y, sr=RATE, n_mfcc=13)),
        moments(FEATURES.chroma_stft(y=y, sr=RATE)),
        moments(FEATURES.melspectrogram(y=y, sr=RATE, n_mels=20)),
        moments(FEATURES.spectral_contrast(y=y, sr=RATE)),
        FEATURES.spectral_centroid(y=y, sr=RATE).mean(axis=1),
        FEATURES.spectral_rolloff(y=y, sr=RATE).mean(axis=1),
        FEATURES.zero_crossing_rate(y).mean(axis=1),
        FEATURES.rms(y=y).mean(axis=1),
    ]
    if harmonic:
        parts.append(moments(FEATURES.tonnetz(y=librosa.effects.harmonic(y), sr=RATE)))
    return np.concatenate(parts)


def librosa_sharing(path: Path) -> Array:
    """The same 120 features by librosa from one transform, with tonnetz from that chroma."""
    y = read(path)
    magnitude = np.abs(librosa.stft(y))
    power = magnitude**2
    chroma = FEATURES.chroma_stft(S=power, sr=RATE)
    mel = FEATURES.melspectrogram(S=power, sr=RATE)
    return np.concatenate(
        [
            moments(FEATURES.mfcc(S=librosa.power_to_db(mel), n_mfcc=13)),
            moments(chroma),
            moments(FEATURES.melspectrogram(S=power, sr=RATE, n_mels=20)),
            moments(FEATURES.spectral_contrast(S=magnitude, sr=RATE)),
            moments(FEATURES.tonnetz(chroma=chroma, sr=RATE)),
            FEATURES.spectral_centroid(S=magnitude, sr=RATE).mean(axis=1),
            FEATURES.spectral_rolloff(S=magnitude, sr=RATE).mean(axis=1),
            FEATURES.zero_crossing_rate(y).mean(axis=1),
            FEATURES.rms(y=y).mean(axis=1),
        ]
    )


def open_smile(feature_set: str) -> Callable[[Path], object]:
    """OpenSMILE on 16 kHz."""
    import opensmile

    smile = opensmile.Smile(
        feature_set=getattr(opensmile.FeatureSet, feature_set),
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    return lambda path: smile.process_signal(read(path, 16_000), 16_000)


def ours(name: str) -> Callable[[Path], object]:
    """One of our feature sets."""
    rate = FEATURE_SETS[name].sample_rate
    return lambda path: extract(load_audio(path, rate), name)


def main() -> None:
    """Time everything and print the table."""
    warnings.simplefilter("ignore")
    files = find_audio(Path(sys.argv[1]))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    files = files[:: max(1, len(files) // count)][:count]
    contestants: dict[str, Callable[[Path], object]] = {
        "floor: decode + resample + one STFT": floor,
        "librosa script, with harmonic part and CQT tonnetz": lambda path: librosa_script(
            path, harmonic=True
        ),
        "librosa script, without tonnetz": lambda path: librosa_script(path, harmonic=False),
        "librosa, sharing one spectrum": librosa_sharing,
        **{f"openSMILE {name}": open_smile(name) for name in ("eGeMAPSv02", "ComParE_2016") if OPEN_SMILE},
        **{f"affekt {name}": ours(name) for name, one in FEATURE_SETS.items() if one.available},
    }
    medians = time_in_turn(contestants, files)
    first, script, plain = list(medians.values())[:3]
    table = Table("", "ms a clip", "x floor", "script is slower by", "without tonnetz by", box=None)
    for name, median in medians.items():
        ratios = [f"{median / first:.2f}", f"{script / median:.1f}", f"{plain / median:.1f}"]
        table.add_row(name, f"{median:.2f}", *ratios)
    Console(width=120).print(f"{len(files)} clips, median of each, one thread")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
