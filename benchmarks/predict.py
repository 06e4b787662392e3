"""Time of a prediction: the bundled model, a forest, and a script as student projects write it.

    python benchmarks/predict.py RAVDESS/ [CLIPS]

One thread. First from file to prediction, each clip by every contestant in turn; then cold starts: a new
process that predicts one clip, in turn again. The script is librosa, 40 MFCCs with mean and standard
deviation, and a scikit-learn forest that joblib loads. Medians; only ratios can be compared.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported

import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import joblib
import librosa
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestClassifier
from timing import time_in_turn

import affekt
from affekt.audio.loading import load_audio
from affekt.corpora.registry import load_corpus

COLD_STARTS = 9
COLD_SCRIPT = """
import sys, joblib, librosa, numpy as np
y, rate = librosa.load(sys.argv[2], sr=22050)
mfcc = librosa.feature.mfcc(y=y, sr=rate, n_mfcc=40)
print(joblib.load(sys.argv[1]).predict([np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)])])[0])
"""


def script_features(path: Path) -> np.ndarray:
    """Mean and standard deviation of 40 MFCCs."""
    y, rate = librosa.load(path, sr=22_050)
    mfcc = librosa.feature.mfcc(y=y, sr=rate, n_mfcc=40)
    return np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)])


def show(title: str, medians: dict[str, float]) -> None:
    """A table of medians, and how much slower the script is."""
    table = Table(title, "ms", "script is slower by", box=None)
    script = medians["librosa + scikit-learn script"]
    for name, median in medians.items():
        table.add_row(name, f"{median:.1f}", f"{script / median:.1f}")
    Console(width=120).print(table)


def main() -> None:
    """Train both forests on a part of the corpus, then time."""
    warnings.simplefilter("ignore")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    corpus = load_corpus(sys.argv[1])
    clips = corpus.clips[:: max(1, len(corpus.clips) // count)][:count]
    files = [clip.path for clip in clips]
    with tempfile.TemporaryDirectory() as folder:
        pickled = Path(folder, "forest.joblib")
        forest = RandomForestClassifier(200, random_state=0)
        forest.fit([script_features(file) for file in files], [clip.emotion for clip in clips])
        joblib.dump(forest, pickled)
        loaded = joblib.load(pickled)
        ours, _ = affekt.train(
            corpus.select(vocal_channel="speech"), "random-forest-baseline", protocol="random-80-20"
        )
        Path(folder, "cold.py").write_text(COLD_SCRIPT)
        contestants: dict[str, Callable[[Path], object]] = {
            "bundled model": affekt.predict,
            "random-forest-baseline": lambda file: affekt.predict(file, ours),
            "librosa + scikit-learn script": lambda file: loaded.predict([script_features(file)]),
            "decode and resample alone": lambda file: load_audio(file, 16_000),
        }
        length = statistics.mean(load_audio(file).duration_s for file in files)
        show(
            f"{len(files)} clips of {length:.1f} s, from file to prediction",
            time_in_turn(contestants, files),
        )

        def start(*command: str) -> Callable[[Path], object]:
            return lambda file: subprocess.run([*command, str(file)], check=True, capture_output=True)

        needed = "import sys, numpy, soundfile, soxr"
        cold = {
            "affekt predict FILE": start(sys.executable, "-m", "affekt", "predict"),
            "librosa + scikit-learn script": start(
                sys.executable, str(Path(folder, "cold.py")), str(pickled)
            ),
            "python + numpy + soundfile + soxr alone": start(sys.executable, "-c", needed),
        }
        show("cold start", time_in_turn(cold, files[:COLD_STARTS]))


if __name__ == "__main__":
    main()
