"""``evaluate``: which question is asked, what is refused before hours of work, and what a report needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.recipes import BAYES, COUNTED, FOREST, SHY, Counting

from affekt.corpora.base import Corpus
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, LeakError, MissingExtraError
from affekt.evaluation.dataset import extract_for
from affekt.evaluation.execution import Execution
from affekt.evaluation.folds import fit_part
from affekt.evaluation.parts import split_parts
from affekt.evaluation.results import Evaluation
from affekt.evaluation.terms import read_terms
from affekt.experiments.scoring import evaluate, predict_enrolled
from affekt.experiments.training import train
from affekt.inference.prediction import predict
from affekt.model.bundle import Bundle
from affekt.notes import NoteKind


@pytest.fixture
def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("scoring", "training"):
        monkeypatch.setattr(
            f"affekt.experiments.{module}.extract_for",
            lambda *_, **__: pytest.fail("audio was read before it was found out"),
        )


@pytest.mark.usefixtures("nothing_is_read")
def test_a_folder_for_checkpoints_that_cannot_be_made_is_found_out_at_once(
    corpus: Corpus, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    calls: list[Callable[[], object]] = [
        lambda: evaluate(corpus, "svm", checkpoints=file),
        lambda: train(corpus, "svm", checkpoints=file),
    ]
    for call in calls:
        with pytest.raises(OSError, match="file"):
            call()


def test_an_evaluation_is_plain_values_for_json(corpus: Corpus) -> None:
    found = evaluate(corpus, BAYES)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["accuracy"] == found.headlines["accuracy"].value
    assert repr(Evaluation.from_json(values).to_json()) == repr(found.to_json())


def test_the_seeds_may_be_a_number_or_a_list(corpus: Corpus) -> None:
    first, both, second = (evaluate(corpus, FOREST, seeds=seeds) for seeds in ([0], 2, [1]))
    assert (list(first.by_seed), list(both.by_seed), list(second.by_seed)) == ([0], [0, 1], [1])
    assert {**first.by_seed, **second.by_seed} == both.by_seed
    assert both.n == first.n == 120
    assert first.tested != second.tested


# --- enrolled speakers -------------------------------------------------------------------------------


def test_each_clip_is_also_predicted_with_1_to_16_others_of_its_speaker_and_channel_enrolled(
    corpus: Corpus,
) -> None:
    clips = tuple(
        replace(clip, vocal_channel="song" if i % 4 == 0 else "speech")
        for i, clip in enumerate(corpus.clips)
    )
    terms = read_terms(replace(corpus, clips=clips), SHY)
    dataset = extract_for(terms, Execution())
    part = split_parts(terms, dataset)[1]
    enrolled: list[Any] = []
    fitted = fit_part(terms, part)

    class Noting:
        def enrol(self, features: Any) -> Any:
            enrolled.append(features)
            return fitted.enrol(features)

        predict_proba, distances = fitted.predict_proba, fitted.distances

    found = predict_enrolled(part, Noting(), [3, 5])
    once = len(part.fold.test)
    assert len(enrolled) == once > 0
    for clip, probabilities, features in zip(
        found["enrolled_clips"], found["enrolled_probabilities"], enrolled, strict=False
    ):
        session = dataset.sessions == dataset.sessions[clip]
        others = dataset.features[session & (np.arange(len(session)) != clip)]
        assert all((others == row).all(axis=1).any() for row in features)
        assert 1 <= len(features) <= min(16, len(others))
        expected = fitted.predict_proba(dataset.features[[clip]], fitted.enrol(features))
        np.testing.assert_array_equal(probabilities, expected[0])
    assert sorted(found["enrolled_clips"][:once]) == sorted(part.fold.test)
    assert found["enrolled_repeats"].tolist() == [3] * once + [5] * once
    for name in ("clips", "probabilities", "distances"):
        both = found[f"enrolled_{name}"]
        np.testing.assert_array_equal(both[:once], both[once:])
    expected = fitted.distances(dataset.features[found["enrolled_clips"]])
    np.testing.assert_array_equal(found["enrolled_distances"], expected)
    again = predict_enrolled(part, fitted)
    np.testing.assert_array_equal(again["enrolled_probabilities"], found["enrolled_probabilities"][:once])
    assert set(again["enrolled_repeats"]) == {0}


# --- a finished model --------------------------------------------------------------------------------


def assert_as_predicted(evaluation: Evaluation, bundle: Bundle, emotions: Any) -> None:
    """Every clip is predicted as ``predict`` predicts it."""
    for one in evaluation.tested:
        expected = predict(one.clip.path, bundle, emotions=emotions)
        assert (one.predicted, one.prediction_set) == (expected.emotion, expected.prediction_set)
        np.testing.assert_allclose(one.probabilities, list(expected.probabilities.values()), atol=1e-6)
        assert one.out_of_distribution == expected.out_of_distribution


@pytest.mark.parametrize(
    ("emotions", "expected"),
    [
        (None, ("neutral", "happy", "angry")),
        (["angry", "neutral"], ("neutral", "angry")),
        (["joy", "angry"], ("happy", "angry")),
    ],
)
def test_a_finished_model_is_scored_on_what_it_predicts(
    elsewhere: Corpus, bundle: Bundle, emotions: list[str] | None, expected: tuple[str, ...]
) -> None:
    found = evaluate(elsewhere, model=bundle, emotions=emotions)
    assert found.emotions == expected
    assert found.n == 12 * len(found.emotions)
    assert {one.clip.emotion for one in found.tested} == set(found.emotions)
    long = [
        one.clip
        for one in found.tested
        if any(note.kind == NoteKind.WINDOWS for note in predict(one.clip.path, bundle).notes)
    ]
    assert 0 < len(long) < found.n
    assert_as_predicted(found, bundle, emotions)


def test_a_clip_whose_emotion_the_model_does_not_know_is_excluded_with_the_reason(
    elsewhere: Corpus, bundle: Bundle
) -> None:
    found = evaluate(elsewhere, model=bundle)
    assert len(found.excluded) == 12
    assert {reason.split(": ")[1] for _, reason in found.excluded} == {"the model does not know 'sad'"}


def test_a_finished_model_may_be_asked_for_all_emotions(elsewhere: Corpus, bundle: Bundle) -> None:
    assert (
        evaluate(elsewhere, model=bundle, emotions="all").tested == evaluate(elsewhere, model=bundle).tested
    )


def test_a_finished_model_may_be_given_as_a_file(corpus: Corpus, elsewhere: Corpus, tmp_path: Path) -> None:
    bundle, _ = train(corpus, "svm", out=tmp_path / "m.onnx")
    found = evaluate(elsewhere, model=tmp_path / "m.onnx")
    assert found.tested == evaluate(elsewhere, model=bundle).tested


def test_a_finished_model_is_not_scored_on_what_it_was_trained_on(corpus: Corpus, bundle: Bundle) -> None:
    with pytest.raises(LeakError, match="was trained on 5 of these speakers"):
        evaluate(corpus, model=bundle)
    renamed = tuple(replace(clip, speaker=f"new {clip.speaker}") for clip in corpus.clips)
    with pytest.raises(LeakError, match="trained on this very recording"):
        evaluate(replace(corpus, clips=renamed), model=bundle)


def test_with_checkpoints_a_finished_model_predicts_each_clip_once(
    unseen: Corpus, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(unseen, model=bundle, checkpoints=tmp_path)
    monkeypatch.setattr(Bundle, "run", lambda *_, **__: pytest.fail("it predicted again"))
    again = evaluate(unseen, model=bundle, checkpoints=tmp_path)
    assert repr(again.to_json()) == repr(first.to_json())
    with pytest.raises(pytest.fail.Exception):
        evaluate(replace(unseen, clips=unseen.clips[1:]), model=bundle, checkpoints=tmp_path)


# --- several corpora ---------------------------------------------------------------------------------


def test_each_tested_corpus_is_reported(
    corpus: Corpus, elsewhere: Corpus, write_corpus: Callable[..., Corpus]
) -> None:
    third = write_corpus("third", speakers=2, emotions=3)
    places = [one.clips[0].path.parent / "clips.csv" for one in (elsewhere, third)]
    found = evaluate(corpus, BAYES, test_on=places)
    assert list(found.by_corpus) == ["elsewhere", "third"]
    assert found.corpus == "elsewhere+third"
    assert (found.by_corpus["elsewhere"].n, found.by_corpus["third"].n, found.n) == (36, 24, 60)
    assert (found.by_corpus["elsewhere"].speakers, found.by_corpus["third"].speakers) == (3, 2)
    assert len(found.excluded) == 12  # sad, which was not trained on
    for name, score in found.by_corpus.items():
        own = [one for one in found.tested if one.clip.corpus == name]
        assert score.n == len(own)
        hits = np.mean([one.predicted == one.clip.emotion for one in own])
        assert score.accuracy.value == pytest.approx(hits)
        assert score.set_size == pytest.approx(np.mean([len(one.prediction_set) for one in own]))
        assert score.out_of_distribution == pytest.approx(np.mean([one.out_of_distribution for one in own]))
    alone = [evaluate(corpus, BAYES, test_on=place) for place in places]
    assert [one.predicted for one in found.tested] == [
        one.predicted for part in alone for one in part.tested
    ]
    assert [part.headlines["accuracy"] for part in alone] == [
        score.accuracy for score in found.by_corpus.values()
    ]


def test_to_train_here_and_test_there_is_to_score_the_trained_model_there(
    corpus: Corpus, write_corpus: Callable[..., Corpus]
) -> None:
    short = write_corpus("short", speakers=3, emotions=3, long_s=0.7)
    there = evaluate(corpus, "svm", test_on=short)
    model = evaluate(short, model=train(corpus, "svm")[0])
    assert (there.protocol, model.protocol) == ("unseen-corpus", "unseen-corpus")
    assert there.headlines == model.headlines
    for one, other in zip(there.tested, model.tested, strict=True):
        assert (one.clip, one.predicted, one.prediction_set) == (
            other.clip,
            other.predicted,
            other.prediction_set,
        )
        assert one.out_of_distribution == other.out_of_distribution
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


def test_to_test_on_a_training_clip_is_refused(corpus: Corpus, unseen: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="60 files are in two of these corpora"):
        evaluate(corpus, BAYES, test_on=unseen)
    twin = tmp_path / "twin.wav"
    twin.write_bytes(corpus.clips[0].path.read_bytes())
    copied = replace(corpus.clips[0], path=twin, speaker="another", corpus="other")
    with pytest.raises(LeakError, match="the same recording"):
        evaluate(corpus, BAYES, test_on=replace(corpus, clips=(copied,)))


# --- what a report needs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "other"),
    [("by-actor-5", "random-80-20"), ("random-80-20", "by-actor-5"), ("random-70-15-15", "by-actor-5")],
)
def test_for_a_report_the_other_kind_of_protocol_is_scored_too(
    corpus: Corpus, protocol: str, other: str
) -> None:
    scored = evaluate(corpus, BAYES, protocol=protocol, for_report=True)
    assert scored.counterpart is not None
    assert (scored.protocol, scored.counterpart.protocol) == (protocol, other)
    assert scored.leaky != scored.counterpart.leaky
    alone = evaluate(corpus, BAYES, protocol=other)
    assert scored.counterpart.tested == alone.tested
    assert scored.counterpart.counterpart is None


def test_for_a_report_each_feature_is_permuted(corpus: Corpus) -> None:
    scored = evaluate(corpus, FOREST, for_report=True)
    assert len(scored.importances) == 40
    own, permuted = (
        np.array([getattr(one, name) for one in scored.importances.values()])
        for name in ("own", "permuted")
    )
    assert own.sum() == pytest.approx(1)
    assert np.isfinite(permuted).all()
    assert permuted[0] == permuted.max() > 0.05


def test_without_a_report_there_is_no_counterpart_and_nothing_is_permuted(corpus: Corpus) -> None:
    scored = evaluate(corpus, FOREST)
    assert scored.counterpart is None
    assert np.isnan([one.permuted for one in scored.importances.values()]).all()
    assert evaluate(corpus, BAYES).importances == {}


def test_a_report_changes_no_prediction(corpus: Corpus) -> None:
    assert evaluate(corpus, BAYES, for_report=True).tested == evaluate(corpus, BAYES).tested


def test_for_a_report_each_clip_is_decoded_once(corpus: Corpus, decoded: list[str]) -> None:
    evaluate(corpus, BAYES, for_report=True)
    assert sorted(decoded) == sorted(str(clip.path) for clip in corpus.clips)


def test_a_finished_model_and_another_corpus_have_no_counterpart(
    corpus: Corpus, elsewhere: Corpus, bundle: Bundle
) -> None:
    assert evaluate(elsewhere, model=bundle, for_report=True).counterpart is None
    scored = evaluate(corpus, BAYES, test_on=elsewhere, for_report=True)
    assert scored.counterpart is None
    assert np.isfinite([one.permuted for one in scored.importances.values()]).all()


def without_speakers(corpus: Corpus) -> Corpus:
    return replace(corpus, clips=tuple(replace(clip, speaker="") for clip in corpus.clips))


def of_few_clips(corpus: Corpus) -> Corpus:
    """So few of one emotion that they cannot be drawn at random, of each speaker."""
    clips = [clip for clip in corpus.clips if clip.emotion != "angry"]
    return replace(corpus, clips=(*clips, next(clip for clip in corpus.clips if clip.emotion == "angry")))


@pytest.mark.parametrize(
    ("change", "protocol"), [(without_speakers, "random-80-20"), (of_few_clips, "by-actor-5")]
)
def test_where_the_other_kind_cannot_be_scored_there_is_a_report_without_it(
    corpus: Corpus, change: Callable[[Corpus], Corpus], protocol: str
) -> None:
    scored = evaluate(change(corpus), BAYES, protocol=protocol, for_report=True)
    assert scored.counterpart is None
    assert np.isfinite([one.permuted for one in scored.importances.values()]).all()


def test_a_stopped_report_continues_where_it_was_stopped(corpus: Corpus, tmp_path: Path) -> None:
    expected = evaluate(corpus, COUNTED, for_report=True)
    assert len(Counting.fits) == 5 + 1  # the folds by speaker, and the leaky split
    Counting.fits.clear()
    Counting.stop_in = 4
    with pytest.raises(KeyboardInterrupt):
        evaluate(corpus, COUNTED, for_report=True, checkpoints=tmp_path)
    Counting.fits.clear()
    Counting.stop_in = 0
    resumed = evaluate(corpus, COUNTED, for_report=True, checkpoints=tmp_path)
    assert len(Counting.fits) == 2 + 1
    assert repr(resumed.to_json()) == repr(expected.to_json())
    assert resumed.counterpart is not None
    assert expected.counterpart is not None
    assert resumed.counterpart.tested == expected.counterpart.tested


def test_a_corpus_may_be_a_path_several_paths_or_loaded(small_ravdess: Path, elsewhere: Corpus) -> None:
    loaded = evaluate(load_corpus(small_ravdess), BAYES)
    assert (
        evaluate(small_ravdess, BAYES).tested == evaluate(str(small_ravdess), BAYES).tested == loaded.tested
    )
    place = elsewhere.clips[0].path.parent / "clips.csv"
    both = evaluate([small_ravdess, place], BAYES, emotions=["neutral", "happy", "angry"])
    assert {name: score.n for name, score in both.by_corpus.items()} == {"elsewhere": 36, "ravdess": 120}


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_what_a_report_needs_is_missed_before_any_audio_is_read(
    missing: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(
        "affekt.experiments.scoring.extract_for", lambda *_, **__: pytest.fail("audio was read")
    )
    with pytest.raises(MissingExtraError, match=r"a report needs an extra: pip install 'affekt\[train\]'"):
        evaluate(corpus, BAYES, for_report=True)
