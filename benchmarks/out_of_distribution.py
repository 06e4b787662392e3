"""How often the bundled model says that a recording has no voice, or that it is out of distribution.

    python benchmarks/out_of_distribution.py FOLDER...

Recordings of the folders, and sounds that are made here: noise of three colours, tones, chords, clicks, and
melodies of tones that decay.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.table import Table

from affekt.inference.prediction import predict_many
from affekt.notes import NoteKind
from affekt.support.parallel import core_count

RATE, SECONDS, EACH = 16_000, 3, 20
TIME_S = np.arange(RATE * SECONDS) / RATE
Sound = tuple[np.ndarray, int]


def melody(rng: np.random.Generator) -> np.ndarray:
    """Notes of 0.25 s, each with six harmonics that decay."""
    note_s = np.arange(RATE // 4) / RATE
    pitches = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 4 * SECONDS) / 12)
    notes = [sum(np.sin(2 * np.pi * f * k * note_s) / k for k in range(1, 7)) for f in pitches]
    return np.concatenate([note * np.exp(-8 * note_s) for note in notes])


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
            "melody": melody(rng),
        }
        for name, sound in kinds.items():
            yield name, (0.1 * sound / np.abs(sound).max(), RATE)


def add_row(table: Table, name: str, sources: list[Sound] | str) -> None:
    """Count the recordings that could be predicted, and the shares of them with either remark."""
    found = [one.prediction for one in predict_many(sources, jobs=core_count()) if one.prediction]
    silent = np.mean([any(note.kind is NoteKind.NO_VOICE for note in one.notes) for one in found])
    unlike = np.mean([one.out_of_distribution for one in found])
    table.add_row(name, str(len(found)), f"{silent:.1%}", f"{unlike:.1%}")


def main() -> None:
    """Print a row for each folder and each kind of sound."""
    table = Table("", "recordings", "no voice", "out of distribution", box=None)
    for folder in sys.argv[1:]:
        add_row(table, folder.rstrip("/").rsplit("/", 1)[-1], folder)
    made: dict[str, list[Sound]] = defaultdict(list)
    for name, sound in make_sounds():
        made[name].append(sound)
    for name, sounds in made.items():
        add_row(table, name, sounds)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
