"""What several tests of evaluations need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evaluation.synthetic import QUICK, Counting, Parrot, Pin

from affekt.evaluation.dataset import Dataset
from affekt.evaluation.protocols import PROTOCOLS, Fold, find_protocol, split
from affekt.experiments.training import train
from affekt.model.bundle import Bundle


@pytest.fixture(autouse=True)
def _forget_earlier_fits() -> None:
    Counting.fits = Counting.stop_in = 0
    Parrot.fitted.clear()


@pytest.fixture
def pin(monkeypatch: pytest.MonkeyPatch) -> Pin:
    """Register a protocol ``pinned`` that has one fold, which no label can change.

    ``pin(dataset, protocol)`` takes the first fold of a protocol; ``pin(dataset, protocol, fold)`` another.
    """

    def pin_fold(dataset: Dataset, protocol: str, fold: Fold | None = None) -> Fold:
        whole = find_protocol(protocol)
        chosen = fold or split(dataset.corpus, whole, dataset.fingerprints, 0)[0]
        monkeypatch.setitem(PROTOCOLS, "pinned", replace(whole, name="pinned", split=lambda *_: [chosen]))
        return chosen

    return pin_fold


@pytest.fixture(scope="session")
def bundle(small_ravdess: Path) -> Bundle:
    """A model trained on the small RAVDESS: neutral, happy and angry."""
    return train(small_ravdess, QUICK)[0]


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    """A manifest of fifteen clips of two speakers of another corpus, one clip long enough for windows."""
    folder = tmp_path_factory.mktemp("elsewhere")
    sounds = {"neutral": (88, 0.03), "happy": (165, 0.08), "angry": (121, 0.12)}
    rows = ["path,emotion,speaker,corpus"]
    for seed in range(5):
        for name, (pitch, loudness) in sounds.items():
            path = folder / name / f"{seed}.wav"
            seconds = 3.0 if (seed, name) == (0, "happy") else 0.6
            write_voice(path, pitch_hz=pitch, loudness=loudness, seed=9000 + seed, seconds=seconds)
            rows.append(f"{path},{name},{'ab'[seed % 2]},elsewhere")
    manifest = folder / "clips.csv"
    manifest.write_text("\n".join(rows))
    return manifest
