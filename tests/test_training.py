"""A corpus in, a scored model out that answers through predict."""

from __future__ import annotations

from pathlib import Path

import pytest

from affekt.bundle import load
from affekt.corpora import load as load_corpus
from affekt.corpora.ravdess import CARD
from affekt.prediction import predict
from affekt.training import train


@pytest.fixture(scope="module")
def model_file(small_ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "m.onnx"
    train(small_ravdess, "svm", out=file, seed=3)
    return file


def test_a_trained_model_knows_the_clips_it_was_trained_on(model_file: Path, small_ravdess: Path) -> None:
    clips = load_corpus(small_ravdess).clips[::7]
    hits = [predict(clip.path, model_file).emotion == clip.emotion for clip in clips]
    assert sum(hits) / len(hits) > 0.9


def test_the_contract_tells_everything(model_file: Path) -> None:
    contract = load(model_file).contract
    assert contract.emotions == ("neutral", "happy", "angry")
    assert (contract.features, contract.sample_rate) == ("mfcc-stats@1", 22050)
    assert (contract.recipe, contract.seed) == ("svm", 3)
    (corpus,) = contract.corpora
    assert (corpus.name, corpus.licence, corpus.clips) == ("ravdess", CARD.licence, 120)
    assert corpus.speakers == tuple(f"{actor:02}" for actor in range(1, 11))
    assert contract.parity <= 1e-5
    assert set(contract.versions) >= {"python", "affekt", "scikit-learn", "onnxruntime"}
    assert len(contract.sha256) == 64
    assert len(contract.fingerprints) == 120


def test_the_score_in_the_contract_is_the_cross_validations(small_ravdess: Path) -> None:
    bundle, evaluation = train(small_ravdess, "svm", protocol="random-80-20")
    scores = bundle.contract.scores
    assert scores.leaky is True
    assert "LEAKY" in scores.protocol_label
    assert scores.headlines == evaluation.headlines
    assert scores.n == evaluation.n == 24


def test_nothing_is_written_without_a_place(small_ravdess: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    train(small_ravdess, "svm")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_training(
    small_ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.training.listen_for", lambda *_, **__: pytest.fail("it listened"))
    with pytest.raises(FileNotFoundError, match="no folder"):
        train(small_ravdess, "svm", out=tmp_path / "nowhere" / "m.onnx")


def test_a_corpus_of_ones_own_is_named_in_the_contract(tmp_path: Path, small_ravdess: Path) -> None:
    rows = [f"{clip.path},{clip.emotion},{clip.speaker}" for clip in load_corpus(small_ravdess).clips]
    (tmp_path / "mine.csv").write_text("\n".join(["path,emotion,speaker", *rows]))
    bundle, evaluation = train(tmp_path / "mine.csv", "svm")
    assert bundle.contract.corpora[0].name == "mine"
    assert bundle.contract.corpora[0].licence == "your own"
    assert not evaluation.leaky
