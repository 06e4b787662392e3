"""One result of each kind, and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.ensemble import RandomForestClassifier
from tests.reports.html_page import HtmlPage, write
from tests.reports.synthetic import MALICIOUS_EMOTION, MALICIOUS_NAMES, summarise

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.estimators.recipe import Recipe
from affekt.evaluation.comparison import Comparison, compare
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import TestedClip as Tested
from affekt.experiments.exploration import Exploration, explore
from affekt.experiments.scoring import evaluate
from affekt.reports import figures
from affekt.reports.pages.content import SHOWN_ROWS

FOREST = Recipe(
    name="forest", summary="-", source="-", features="mfcc-mean@1",
    build=lambda seed: RandomForestClassifier(5, max_depth=2, random_state=seed),
)  # fmt: skip
SAMPLE_RATE = 16_000


@pytest.fixture(scope="session")
def scored(small_ravdess: Path) -> Evaluation:
    """An evaluation with everything but the epochs of a network."""
    return evaluate(small_ravdess, recipe=FOREST, for_report=True)


@pytest.fixture(scope="session")
def score_page(scored: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> HtmlPage:
    return write(scored, tmp_path_factory.mktemp("score"))


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A leaky evaluation of unknown speakers with two seeds; clips are tones, and one file is gone.

    Confidence of the wrong predictions: clip 0 90 % and 55 %, clip 1 80 %, clip 2 70 %, clip 3 (the one
    that is gone) 60 %, and many of 51 %.
    """
    folder = tmp_path_factory.mktemp("odd")
    wrong = [(0.9, 0.55), (0.8, None), (None, 0.7), (0.6, 0.6), *[(0.51, None)] * 12]
    tested = []
    for i, confidences in enumerate(wrong):
        path = folder / (MALICIOUS_NAMES[i] if i < len(MALICIOUS_NAMES) else f"{i}.wav")
        if i != 3:
            write_tone(path, i)
        emotion = "happy" if i % 2 else MALICIOUS_EMOTION
        clip = Clip(path=path, emotion=emotion, speaker="", corpus="<u>own</u>")
        tested += [predict(clip, seed, confidence) for seed, confidence in enumerate(confidences)]
    return summarise(
        tested, ("happy", MALICIOUS_EMOTION), corpus="<u>own</u>", recipe="<b>bold</b>", leaky=True,
        excluded=tuple((f"left-{i}<br>.wav", "is silent") for i in range(SHOWN_ROWS + 5)),
    )  # fmt: skip


def write_tone(path: Path, i: int) -> None:
    """300 Hz, 400 Hz, ..., of different lengths; the second exceeds full scale."""
    time_s = np.arange(int((0.5 + 0.1 * (i % 4)) * SAMPLE_RATE)) / SAMPLE_RATE
    samples = (3 if i == 1 else 0.4) * np.sin(2 * np.pi * (300 + 100 * i) * time_s)
    soundfile.write(path, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")


def predict(clip: Clip, seed: int, wrong_confidence: float | None) -> Tested:
    """A wrong prediction of this confidence; None for a correct one."""
    other = MALICIOUS_EMOTION if clip.emotion == "happy" else "happy"
    predicted, confidence = (other, wrong_confidence) if wrong_confidence else (clip.emotion, 0.95)
    row = (confidence, 1 - confidence) if predicted == "happy" else (1 - confidence, confidence)
    return Tested(clip=clip, seed=seed, fold=0, predicted=predicted, probabilities=row)


@pytest.fixture(scope="session")
def odd_page(odd: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> HtmlPage:
    return write(odd, tmp_path_factory.mktemp("odd_page"))


@pytest.fixture(scope="session")
def explored(small_ravdess: Path) -> Exploration:
    corpus = load_corpus(small_ravdess)
    some = replace(corpus, clips=corpus.clips[:36])
    found = explore(some, features="mfcc-mean@1")
    return replace(found, columns=found.columns[:6], features=found.features[:, :6])


@pytest.fixture(scope="session")
def corpus_page(explored: Exploration, tmp_path_factory: pytest.TempPathFactory) -> HtmlPage:
    return write(explored, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def compared(scored: Evaluation, small_ravdess: Path) -> Comparison:
    stump = replace(FOREST, name="stump", build=lambda seed: RandomForestClassifier(1, max_depth=1))
    return compare([scored, evaluate(small_ravdess, recipe=stump)])


@pytest.fixture(scope="session")
def comparison_page(compared: Comparison, tmp_path_factory: pytest.TempPathFactory) -> HtmlPage:
    return write(compared, tmp_path_factory.mktemp("compared"))


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no figures but those of clips, as drawing takes most of the time."""
    for name in figures.__all__:
        if name not in ("feature_batches", "waveform_and_mel"):
            monkeypatch.setattr(figures, name, lambda *_, **__: None)
