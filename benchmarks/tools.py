"""Compare affekt with openSMILE and nkululeko on RAVDESS, and write the tables of docs/comparison.md.

    python benchmarks/tools.py RAVDESS/ --opensmile ENV --nkululeko ENV [--out tools.json]

ENV is a virtual environment with ``opensmile scikit-learn soundfile``, and one with ``nkululeko``. All are
trained and tested on the same spoken clips and published folds of unseen speakers (``by-actor-5``).
Times are CPU seconds of one thread, so that other programs on the machine matter less.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROTOCOL, TIMED = "by-actor-5", 200
Row = dict[str, str]
Answers = list[tuple[str, str]]  # (true, predicted)
NKULULEKO = """
[EXP]
root = {root}
name = fold{fold}
[DATA]
databases = ['train', 'test']
train = {root}/train{fold}.csv
train.type = csv
train.absolute_path = True
train.split_strategy = train
test = {root}/test{fold}.csv
test.type = csv
test.absolute_path = True
test.split_strategy = test
target = emotion
labels = {labels}
[FEATS]
type = ['{features}']
import_file = ['{root}/features.csv']
scale = standard
[MODEL]
type = svm
"""


def main() -> None:
    """Run each tool in its own environment, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--opensmile", type=Path, metavar="ENV")
    parser.add_argument("--nkululeko", type=Path, metavar="ENV")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)  # what this script starts itself as
    given = parser.parse_args()
    if given.run:
        print(json.dumps(RUNS[given.run](Path(given.corpus))))
        return
    found: dict[str, Any] = {"date": date.today().isoformat(), "machine": platform.machine(), "tools": {}}
    environments = {"affekt": Path(sys.prefix), "opensmile": given.opensmile, "nkululeko": given.nkululeko}
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "clips.csv")
        write_rows(given.corpus, rows)
        for name, environment in environments.items():
            if environment:
                place = Path(given.corpus).resolve() if name == "affekt" else rows
                found["tools"][name] = run_in(environment, name, place)
                print(name, json.dumps(found["tools"][name]), flush=True)
                if given.out:
                    given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


def write_rows(corpus: str, place: Path) -> None:
    """Write path, emotion, speaker and fold of each spoken clip."""
    from affekt.corpora.registry import find_card, load_corpus

    folds = find_card("ravdess").folds[PROTOCOL]
    clips = [clip for clip in load_corpus(corpus).clips if clip.vocal_channel == "speech"]
    with open(place, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "emotion", "speaker", "fold"])
        for clip in clips:
            (fold,) = (number for number, fold in enumerate(folds) if clip.speaker in fold)
            writer.writerow([clip.path.resolve(), clip.emotion, clip.speaker, fold])


def run_in(environment: Path, name: str, place: Path) -> dict[str, Any]:
    """Run one tool in its environment, and return what it measured."""
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" or name == "affekt"}
    words = [environment / "bin" / "python", Path(__file__).resolve(), place, "--run", name]
    done = subprocess.run(words, capture_output=True, text=True, env={**kept, **alone}, check=False)
    if done.returncode:  # what it printed says why
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_affekt(place: Path) -> dict[str, Any]:
    """The features of affekt with its SVM; the bundled model answers. ``place`` is the corpus."""
    from affekt.corpora.registry import load_corpus
    from affekt.experiments.scoring import evaluate
    from affekt.features.feature_sets import extract

    files = [clip.path for clip in load_corpus(place).clips if clip.vocal_channel == "speech"]
    example = Path(__file__).parents[1] / "src" / "affekt" / "examples" / "angry.flac"
    answer = time_program("-m", "affekt", "predict", str(example), "--json")
    per_s = rate(lambda: [extract(file, "voice@1") for file in files[:TIMED]])
    found = evaluate(place, "voice-svm", vocal_channel="speech", protocol=PROTOCOL)
    scores = {name: round(found.headlines[name].value, 4) for name in ("accuracy", "uar")}
    return {**describe("affekt"), "first_answer_s": answer, "clips_per_s": per_s, "n": found.n, **scores}


def run_opensmile(place: Path) -> dict[str, Any]:
    """eGeMAPSv02 and a linear SVM, whose penalty is chosen on the training speakers."""
    import numpy as np
    import opensmile
    from sklearn.model_selection import GridSearchCV, GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    rows = read_rows(place)
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    table: list[Any] = []
    per_s = rate(lambda: [table.append(smile.process_file(row["file"])) for row in rows], len(rows))
    features = np.nan_to_num(np.concatenate([one.to_numpy() for one in table]))
    emotions, speakers, folds = (
        np.array([row[key] for row in rows]) for key in ("emotion", "speaker", "fold")
    )
    answers: Answers = []
    for fold in sorted(set(folds)):
        train, test = folds != fold, folds == fold
        search = GridSearchCV(
            make_pipeline(StandardScaler(), LinearSVC(dual="auto", max_iter=5000, random_state=0)),
            {"linearsvc__C": [0.001, 0.003, 0.01, 0.03, 0.1]},
            cv=GroupKFold(4),
        )
        search.fit(features[train], emotions[train], groups=speakers[train])
        answers += zip(emotions[test].tolist(), search.predict(features[test]).tolist(), strict=True)
    return {**describe("opensmile"), "clips_per_s": per_s, **score(answers)}


def run_nkululeko(place: Path) -> dict[str, Any]:
    """Its openSMILE features and its SVM, as they are set by default, with features scaled.

    The features of all clips are those that it extracted for the first fold.
    """
    import pandas

    rows = read_rows(place)
    answers: Answers = []
    with tempfile.TemporaryDirectory() as root:
        stored = Path(root, "features.csv")
        for fold in sorted({row["fold"] for row in rows}):
            for side in ("train", "test"):
                with open(Path(root, f"{side}{fold}.csv"), "w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    writer.writerow(["file", "speaker", "emotion"])
                    writer.writerows(
                        [row["file"], row["speaker"], row["emotion"]]
                        for row in rows
                        if (row["fold"] == fold) == (side == "test")
                    )
            labels = sorted({row["emotion"] for row in rows})
            settings = Path(root, f"{fold}.ini")
            kind = "import" if stored.exists() else "os"
            text = NKULULEKO.format(root=root, fold=fold, labels=labels, features=kind)
            settings.write_text(text, encoding="utf-8")
            time_program("-m", "nkululeko.nkululeko", "--config", str(settings))
            if not stored.exists():
                parts = Path(root, f"fold{fold}", "store").glob("t*_os_all.pkl")
                pandas.concat([pandas.read_pickle(part) for part in parts]).to_csv(stored)
            (predicted,) = Path(root, f"fold{fold}").rglob("pred_*.csv")
            answers += read_predictions(predicted)
    return {**describe("nkululeko"), **score(answers)}


def read_predictions(place: Path) -> Answers:
    """Read true and predicted emotions as nkululeko wrote them."""
    with open(place, newline="", encoding="utf-8") as file:
        return [(row["truth"], row["predicted"]) for row in csv.DictReader(file)]


RUNS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "affekt": run_affekt,
    "opensmile": run_opensmile,
    "nkululeko": run_nkululeko,
}


def read_rows(place: Path) -> list[Row]:
    """Read what ``write_rows`` wrote."""
    with open(place, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def describe(package: str) -> dict[str, Any]:
    """Version of a tool, and number and MB of the libraries of its environment, without pip."""
    packages = Path(sysconfig.get_path("purelib"))
    size = sum(
        path.stat().st_size
        for path in packages.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and "pip" not in path.relative_to(packages).parts
    )
    return {"version": version(package), "python": platform.python_version(), "mb": round(size / 1e6)}


def time_program(*words: str) -> float:
    """CPU seconds of a Python program in a new process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def rate(work: Callable[[], object], count: int = TIMED) -> float:
    """Clips per CPU second."""
    started = time.process_time()
    work()
    return round(count / (time.process_time() - started), 1)


def score(answers: Answers) -> dict[str, Any]:
    """Accuracy and UAR over all folds."""
    recalls = []
    for emotion in sorted({true for true, _ in answers}):
        own = [predicted == true for true, predicted in answers if true == emotion]
        recalls.append(sum(own) / len(own))
    accuracy = sum(true == predicted for true, predicted in answers) / len(answers)
    return {"n": len(answers), "accuracy": round(accuracy, 4), "uar": round(sum(recalls) / len(recalls), 4)}


if __name__ == "__main__":
    main()
