"""``train``: a corpus in, a scored model out that ``predict`` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.recipes import BAYES, LINEAR

from affekt.audio.loading import fingerprint, load_audio
from affekt.corpora.base import Corpus
from affekt.corpora.readers.ravdess import CARD
from affekt.corpora.registry import load_corpus
from affekt.evaluation import folds
from affekt.evaluation.fitting import fit_recipe
from affekt.experiments.scoring import evaluate
from affekt.experiments.training import train
from affekt.features.feature_sets import extract
from affekt.features.recording import describe_recording
from affekt.inference.adaptation import adapt
from affekt.inference.prediction import predict
from affekt.model.bundle import Bundle, load
from affekt.model.out_of_distribution import UNCERTAINTY_WEIGHT
from affekt.model.speaker_normalisation import average_speaker


@pytest.fixture(scope="module")
def model_file(small_ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "m.onnx"
    train(small_ravdess, "svm", out=file, seeds=[3])
    return file


def test_a_trained_model_predicts_the_clips_it_was_trained_on(model_file: Path, corpus: Corpus) -> None:
    clips = corpus.clips[::7]
    hits = [predict(clip.path, model_file).emotion == clip.emotion for clip in clips]
    assert sum(hits) / len(hits) > 0.9


def test_the_contract_says_what_the_model_is(model_file: Path) -> None:
    contract = load(model_file).contract
    assert contract.emotions == ("neutral", "happy", "angry")
    assert (contract.features, contract.sample_rate) == ("mfcc-stats@1", 22050)
    assert (contract.recipe, contract.seed) == ("svm", 3)
    (trained,) = contract.corpora
    assert (trained.name, trained.licence, trained.clips) == ("ravdess", CARD.licence, 120)
    assert trained.speakers == tuple(f"{actor:02}" for actor in range(1, 11))
    assert not trained.unknown_speakers
    assert contract.parity <= 1e-5
    assert set(contract.versions) >= {"python", "affekt", "scikit-learn", "onnxruntime"}
    assert len(contract.sha256) == 64
    assert len(contract.fingerprints) == 120


def test_the_contract_says_how_the_training_clips_were_recorded(model_file: Path, corpus: Corpus) -> None:
    contract = load(model_file).contract
    facts = [describe_recording(load_audio(clip.path)) for clip in corpus.clips]
    for name in ("duration_s", "sample_rate", "level_db"):
        expected = np.percentile([getattr(one, name) for one in facts], (5, 50, 95))
        assert contract.recordings[name] == pytest.approx(tuple(expected))
    for clip in corpus.clips[:3]:
        assert contract.was_trained_on(fingerprint(load_audio(clip.path), contract.sample_rate))


def test_the_average_speaker_is_that_of_all_training_clips(model_file: Path, corpus: Corpus) -> None:
    features = np.stack([extract(clip.path, "mfcc-stats@1") for clip in corpus.clips])
    expected = average_speaker(features, np.array([clip.speaker for clip in corpus.clips]))
    assert load(model_file).contract.average_speaker == expected


def test_the_score_in_the_contract_is_that_of_the_cross_validation(small_ravdess: Path) -> None:
    bundle, evaluation = train(small_ravdess, "svm", protocol="random-80-20")
    scores = bundle.contract.scores
    assert scores.leaky is True
    assert "LEAKY" in scores.protocol_label
    assert repr(scores.headlines) == repr(evaluation.headlines)
    assert scores.n == evaluation.n == 24


def test_calibration_and_threshold_in_the_contract_are_those_of_the_cross_validation(
    corpus: Corpus,
) -> None:
    bundle, evaluation = train(corpus, "svm")
    contract = bundle.contract
    assert contract.calibration == evaluation.calibration
    assert contract.distance_threshold == evaluation.distance_threshold
    assert contract.uncertainty_weight == UNCERTAINTY_WEIGHT
    assert evaluation.prediction_sets is not None
    assert contract.scores.coverage == evaluation.prediction_sets.coverage
    assert contract.scores.set_size == evaluation.prediction_sets.size
    assert contract.scores.recall == {name: one.recall for name, one in evaluation.per_emotion.items()}
    assert evaluation.tested == evaluate(corpus, "svm").tested


def test_each_clip_is_decoded_once(corpus: Corpus, decoded: list[str]) -> None:
    train(corpus, "svm")
    assert sorted(decoded) == sorted(str(clip.path) for clip in corpus.clips)


def test_what_is_written_is_the_model_that_is_returned(corpus: Corpus, tmp_path: Path) -> None:
    bundle, _ = train(corpus, "svm", out=tmp_path / "m.onnx")
    written = load(tmp_path / "m.onnx")
    assert written.contract == bundle.contract
    assert bundle.name == written.name == str(tmp_path / "m.onnx")
    assert predict(corpus.clips[0].path, bundle) == predict(corpus.clips[0].path, written)


def test_nothing_is_written_without_a_place(
    small_ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle, _ = train(small_ravdess, "svm")
    assert list(tmp_path.iterdir()) == []
    assert bundle.name == "svm on ravdess"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"out": "nowhere/m.onnx"}, "no folder"),
        ({"seeds": 2}, r"trained with one seed: seeds=\[0\]"),
        ({"seeds": [4, 5]}, r"trained with one seed: seeds=\[4\]"),
        ({"model": "m.onnx"}, "does not take model: use evaluate"),
        (
            {"test_on": "ravdess", "tested_vocal_channel": "song"},
            "does not take test_on, tested_vocal_channel",
        ),
        ({"protocol": "training-side"}, "cannot calibrate a model: use by-actor-5"),
        ({"protocol": "augment-before-split"}, "cannot calibrate a model"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_audio_is_read(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "affekt.experiments.training.extract_for", lambda *_, **__: pytest.fail("audio was read")
    )
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        train(corpus, "svm", **options)


def test_a_corpus_of_ones_own_is_named_in_the_contract(tmp_path: Path, corpus: Corpus) -> None:
    rows = [f"{clip.path},{clip.emotion},{clip.speaker}" for clip in corpus.clips]
    (tmp_path / "mine.csv").write_text("\n".join(["path,emotion,speaker", *rows]))
    bundle, evaluation = train(tmp_path / "mine.csv", "svm")
    assert bundle.contract.corpora[0].name == "mine"
    assert bundle.contract.corpora[0].licence == "your own"
    assert not evaluation.leaky


def test_every_joined_corpus_is_named_in_the_contract(
    small_ravdess: Path, write_corpus: Callable[..., Corpus]
) -> None:
    other = write_corpus("other", speakers=3, emotions=3)
    bundle, _ = train([small_ravdess, other.clips[0].path.parent / "clips.csv"], "svm")
    found = {one.name: (one.clips, one.speakers, one.licence) for one in bundle.contract.corpora}
    assert found["other"] == (36, ("a", "b", "c"), "your own")
    assert found["ravdess"][0] == 120
    assert bundle.contract.knows_speaker("other", "a")
    assert not bundle.contract.knows_speaker("other", "d")


def test_the_final_model_is_tuned_as_those_that_were_scored(corpus: Corpus) -> None:
    one_speaker = replace(corpus, clips=tuple(replace(clip, speaker="01") for clip in corpus.clips))
    bundle, _ = train(one_speaker, "svm", protocol="random-80-20")
    assert bundle.contract.scores.leaky


def test_unknown_speakers_are_in_the_contract(corpus: Corpus) -> None:
    nobody = replace(corpus, clips=tuple(replace(clip, speaker="") for clip in corpus.clips))
    bundle, _ = train(nobody, BAYES, protocol="random-80-20")
    (trained,) = bundle.contract.corpora
    assert (trained.speakers, trained.unknown_speakers) == ((), True)
    assert bundle.contract.knows_speaker("ravdess", "anyone")


def test_a_model_has_a_calibration_for_enrolled_speakers_and_predicts_with_a_voice_by_it(
    corpus: Corpus, tmp_path: Path
) -> None:
    _, evaluation = train(corpus, LINEAR, out=tmp_path / "m.onnx")
    bundle = load(tmp_path / "m.onnx")
    own = bundle.contract.enrolled_calibration
    assert own is not None
    assert own == evaluation.enrolled_calibration
    assert own.fitted_on == ("unseen speakers",)
    assert own.temperature != evaluation.calibration.temperature  # type: ignore[union-attr]
    clip, voice = corpus.clips[0].path, adapt([one.path for one in corpus.clips[1:6]], bundle)
    features = [extract(clip, "mfcc-mean@1")]
    row = bundle.predict_proba(features, voice.statistics)
    expected = own.calibrate(row, bundle.distance(features))
    adapted = list(predict(clip, bundle, voice=voice).probabilities.values())
    assert adapted == pytest.approx(expected, rel=1e-3, abs=0)
    by_first = bundle.contract.calibration.calibrate(row, bundle.distance(features))
    assert adapted != pytest.approx(by_first, rel=0.1, abs=0)
    without, _ = train(corpus, BAYES)
    assert without.contract.enrolled_calibration is None


def test_emotions_limit_what_a_model_is_trained_on(corpus: Corpus) -> None:
    bundle, evaluation = train(corpus, "svm", emotions=["anger", "happy"])
    assert bundle.contract.emotions == evaluation.emotions == ("happy", "angry")
    assert bundle.contract.corpora[0].clips == 80


def test_training_continues_from_the_checkpoints_of_an_evaluation(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []

    def noted(*given: Any) -> Any:
        fits.append(1)
        return fit_recipe(*given)

    monkeypatch.setattr(folds, "fit_recipe", noted)
    evaluation = evaluate(corpus, "svm", checkpoints=tmp_path)
    assert len(fits) == 5
    bundle, again = train(corpus, "svm", checkpoints=tmp_path)
    assert len(fits) == 5
    assert again.tested == evaluation.tested
    assert bundle.contract == train(corpus, "svm")[0].contract


def test_the_same_call_builds_the_same_model(corpus: Corpus) -> None:
    def build() -> Bundle:
        return train(load_corpus(corpus.clips[0].path.parents[1]), "svm")[0]

    assert build().contract == build().contract


def test_a_model_of_few_speakers_says_in_its_contract_why_its_scores_have_no_interval(
    corpus: Corpus, tmp_path: Path
) -> None:
    few = replace(corpus, clips=tuple(clip for clip in corpus.clips if clip.speaker in ("01", "02", "03")))
    bundle, evaluation = train(few, BAYES, protocol="leave-one-speaker-out", out=tmp_path / "m.onnx")
    for headlines in (evaluation.headlines, bundle.contract.scores.headlines):
        assert headlines["uar"].interval == "none: 3 speakers"
    assert load(tmp_path / "m.onnx").contract.scores.headlines["uar"].interval == "none: 3 speakers"
