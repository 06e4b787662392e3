"""How often the bundled model flags a clip as out of distribution.

    python benchmarks/out_of_distribution.py RAVDESS/ FOLDER...

RAVDESS: each fold of by-actor-5, by the distance alone, with the average speaker and the threshold of the
other folds. Then every folder of other sounds, and sounds that are made here (noise of three colours,
tones, chords, clicks), as the bundled model flags them.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from affekt.corpora.registry import load_corpus
from affekt.evaluation.dataset import Extraction, extract_dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.protocols import find_protocol, split
from affekt.inference.prediction import predict_many
from affekt.model.bundle import load
from affekt.model.out_of_distribution import FLAGGED_SHARE, distance
from affekt.model.speaker_normalisation import average_speaker
from affekt.support.parallel import core_count

RATE, SECONDS, EACH = 16_000, 3, 20
TIME_S = np.arange(RATE * SECONDS) / RATE
Sound = tuple[np.ndarray, int]


def held_out(corpus: str) -> dict[str, tuple[int, float]]:
    """Clips and share flagged, by vocal channel, each fold with the threshold of the others."""
    extraction = Extraction(features=load().contract.features)
    dataset = extract_dataset(load_corpus(corpus), extraction, Execution(jobs=core_count(), progress=True))
    folds = split(dataset.corpus, find_protocol("by-actor-5"), dataset.fingerprints, 0)
    distances = np.zeros(len(dataset.labels))
    for fold in folds:
        average = average_speaker(dataset.features[fold.train], dataset.speakers[fold.train])
        for i in fold.test:
            distances[i] = distance(dataset.features[i], average, dataset.relative)
    flags = np.zeros(len(distances), bool)
    for fold in folds:
        flags[fold.test] = distances[fold.test] > np.quantile(distances[fold.train], 1 - FLAGGED_SHARE)
    channels = np.array([clip.vocal_channel for clip in dataset.corpus.clips])
    return {name: (int((channels == name).sum()), flags[channels == name].mean()) for name in set(channels)}


def make_sounds() -> Iterator[tuple[str, Sound]]:
    """Twenty of each kind."""
    rng = np.random.default_rng(0)
    for _ in range(EACH):
        white = rng.standard_normal(len(TIME_S))
        spectrum = np.fft.rfft(white)
        pitch, third = 220 * 2 ** (rng.integers(12) / 12), rng.choice([3, 4])
        clicks = np.where(rng.random(len(TIME_S)) < 5e-4, white, 0)
        kinds = {
            "white noise": white,
            "pink noise": np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1.0)),
            "brown noise": np.cumsum(white) - np.cumsum(white).mean(),
            "tone": np.sin(2 * np.pi * rng.uniform(60, 2000) * TIME_S),
            "chord": sum(
                np.sin(2 * np.pi * pitch * 2 ** (step / 12) * k * TIME_S) / k
                for step in (0, third, 7)
                for k in range(1, 5)
            ),
            "clicks": np.convolve(clicks, np.exp(-np.arange(400) / 60), "same"),
        }
        for name, sound in kinds.items():
            yield name, (0.1 * sound / np.abs(sound).max(), RATE)


def flagged(sources: list[Sound] | str) -> tuple[int, float]:
    """Clips that could be predicted, and the share of them that are flagged."""
    found = [one.prediction for one in predict_many(sources, jobs=core_count()) if one.prediction]
    return len(found), float(np.mean([one.out_of_distribution for one in found]))


def main() -> None:
    """Print a row for each kind of sound."""
    corpus, *folders = sys.argv[1:]
    table = Table("", "clips", "flagged", box=None)
    for vocal_channel, (count, share) in sorted(held_out(corpus).items()):
        table.add_row(f"RAVDESS, held-out actors, {vocal_channel}", str(count), f"{share:.1%}")
    for folder in folders:
        count, share = flagged(folder)
        table.add_row(Path(folder).name, str(count), f"{share:.1%}")
    made: dict[str, list[Sound]] = defaultdict(list)
    for name, sound in make_sounds():
        made[name].append(sound)
    for name, sounds in made.items():
        count, share = flagged(sounds)
        table.add_row(name, str(count), f"{share:.1%}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
