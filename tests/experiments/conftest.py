"""Corpora and a model that several experiments are tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.experiments.recipes import Counting

from affekt.audio.decoding import decode_file
from affekt.audio.samples import Decoded, Request
from affekt.corpora.base import Corpus
from affekt.corpora.registry import load_corpus
from affekt.experiments.training import train
from affekt.model.bundle import Bundle

SOUNDS = {"neutral": (88, 0.03), "happy": (165, 0.08), "angry": (121, 0.12), "sad": (95, 0.05)}


@pytest.fixture(autouse=True)
def _forget_earlier_fits() -> Iterator[None]:
    Counting.fits.clear()
    Counting.stop_in = 0
    yield
    Counting.stop_in = 0


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every file that was decoded."""
    names: list[str] = []

    def note(file: Any, request: Request) -> Decoded:
        names.append(request.name)
        return decode_file(file, request)

    monkeypatch.setattr("affekt.audio.loading.decode_file", note)
    return names


@pytest.fixture(scope="session")
def corpus(small_ravdess: Path) -> Corpus:
    """Ten speakers with twelve clips each: neutral, happy and angry."""
    return load_corpus(small_ravdess)


@pytest.fixture(scope="session")
def bundle(corpus: Corpus) -> Bundle:
    """A model trained on the first five speakers; its windows are as short as windows can be, 1 s."""
    trained = tuple(clip for clip in corpus.clips if clip.speaker <= "05")
    return train(replace(corpus, clips=trained), "svm")[0]


@pytest.fixture(scope="session")
def unseen(corpus: Corpus) -> Corpus:
    """The other five speakers."""
    return replace(corpus, clips=tuple(clip for clip in corpus.clips if clip.speaker > "05"))


@pytest.fixture(scope="session")
def write_corpus(
    tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]
) -> Callable[..., Corpus]:
    """Writes a corpus of speakers a, b, ..., four clips of each emotion and speaker, every third long."""

    def write(name: str, speakers: int = 2, emotions: int = 4, long_s: float = 2.6) -> Corpus:
        folder = tmp_path_factory.mktemp(name)
        rows = ["path,emotion,speaker,corpus"]
        for number in range(speakers):
            for emotion, (pitch_hz, loudness) in list(SOUNDS.items())[:emotions]:
                for take in range(4):
                    place = len(rows)
                    path = write_voice(
                        folder / f"{place}.wav",
                        pitch_hz=pitch_hz * (1 + number / 8),
                        loudness=loudness,
                        seed=sum(name.encode()) + place + take,
                        seconds=long_s if place % 3 == 0 else 0.6,
                    )
                    rows.append(f"{path},{emotion},{'abcdefgh'[number]},{name}")
        (folder / "clips.csv").write_text("\n".join(rows))
        return load_corpus(folder / "clips.csv")

    return write


@pytest.fixture(scope="session")
def elsewhere(write_corpus: Callable[..., Corpus]) -> Corpus:
    """Another corpus of three speakers, with long clips and an emotion, sad, that the small one lacks."""
    return write_corpus("elsewhere", speakers=3)
