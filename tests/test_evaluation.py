"""Scores name their terms, equal scikit-learn's, and are refused where they would be a lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from affekt.bundle import Bundle
from affekt.corpora import load
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.evaluation import Evaluation
from affekt.prediction import predict
from affekt.recipe import Recipe
from affekt.scoring import evaluate
from affekt.training import train

QUICK = Recipe(
    name="quick", summary="-", source="-", features="mfcc-stats@1", build=lambda seed: GaussianNB()
)
JSON_KEYS = {
    *("corpus", "recipe", "protocol", "speakers_overlap", "n", "emotions", "chance"),
    *("accuracy", "uar", "macro_f1", "weighted_f1", "weighted_f2", "intervals"),
    *("per_emotion", "confusion_matrix", "slices", "seeds", "folds"),
    *(
        "protocol_label",
        "leaky",
        "majority",
        "spread",
        "excluded",
        "by_speaker",
        "importances",
        "histories",
    ),
}


@pytest.fixture(scope="module")
def evaluation(small_ravdess: Path) -> Evaluation:
    return evaluate(small_ravdess, recipe=QUICK, seeds=2)


@pytest.fixture(scope="module")
def bundle(small_ravdess: Path) -> Bundle:
    return train(small_ravdess, QUICK)[0]


def test_headlines_are_scikit_learns_on_the_single_answers(evaluation: Evaluation) -> None:
    truth = [one.clip.emotion for one in evaluation.tested]
    answers = [one.answer for one in evaluation.tested]
    assert evaluation.headlines["accuracy"].value == pytest.approx(accuracy_score(truth, answers))
    assert evaluation.headlines["uar"].value == pytest.approx(balanced_accuracy_score(truth, answers))
    expected = confusion_matrix(truth, answers, labels=list(evaluation.emotions))
    np.testing.assert_array_equal(evaluation.confusion_matrix, expected)


def test_matrices_by_speaker_add_up_to_the_confusion_matrix(small_ravdess: Path) -> None:
    poor = replace(QUICK, build=lambda seed: DummyClassifier(strategy="stratified", random_state=seed))
    evaluation = evaluate(small_ravdess, recipe=poor, seeds=2)
    assert len(evaluation.by_speaker) == 10
    assert len({one.accuracy for one in evaluation.slices["speaker"].values()}) > 2
    total = sum(evaluation.by_speaker.values())
    assert total.shape == (2, 3, 3)
    np.testing.assert_array_equal(total.sum(axis=0), evaluation.confusion_matrix)
    for speaker, (first, second) in evaluation.by_speaker.items():
        for seed, matrix in ((0, first), (1, second)):
            own = [one for one in evaluation.tested if (one.clip.speaker_id, one.seed) == (speaker, seed)]
            expected = confusion_matrix(
                [one.clip.emotion for one in own],
                [one.answer for one in own],
                labels=list(evaluation.emotions),
            )
            np.testing.assert_array_equal(matrix, expected)


def test_every_clip_is_tested_once_for_each_seed(evaluation: Evaluation, small_ravdess: Path) -> None:
    clips = load(small_ravdess).clips
    assert evaluation.n == len(clips)
    assert len(evaluation.tested) == 2 * len(clips)
    assert {one.clip.path for one in evaluation.tested} == {clip.path for clip in clips}


def test_a_score_names_its_terms(evaluation: Evaluation) -> None:
    assert evaluation.protocol == "by-actor-5"
    assert evaluation.chance == pytest.approx(1 / 3)
    assert evaluation.majority == pytest.approx(1 / 3)
    assert not evaluation.leaky
    assert not evaluation.speakers_overlap
    assert len(evaluation.by_fold) == 10
    assert list(evaluation.by_seed) == [0, 1]


def test_slices_cover_all_clips_worst_first(evaluation: Evaluation) -> None:
    for field in ("speaker", "sex", "intensity", "channel", "statement"):
        scores = list(evaluation.slices[field].values())
        assert sum(score.n for score in scores) == evaluation.n, field
        assert [score.accuracy for score in scores] == sorted(score.accuracy for score in scores)


def test_the_json_has_all_figures_and_is_strict(evaluation: Evaluation) -> None:
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    assert set(json.loads(text)) >= JSON_KEYS


def test_a_leaky_score_says_so(small_ravdess: Path) -> None:
    leaky = evaluate(small_ravdess, recipe=QUICK, protocol="random-80-20")
    assert leaky.leaky
    assert leaky.speakers_overlap
    assert "LEAKY" in leaky.protocol_label
    assert leaky.to_json()["speakers_overlap"] is True


def test_only_the_asked_for_emotions_are_scored(small_ravdess: Path) -> None:
    assert evaluate(small_ravdess, recipe=QUICK, emotions=["angry", "happy"]).emotions == ("happy", "angry")


def test_an_emotion_that_is_not_there_is_refused(small_ravdess: Path) -> None:
    with pytest.raises(UnknownNameError, match="emotion in ravdess is called 'bliss'"):
        evaluate(small_ravdess, recipe=QUICK, emotions=["bliss"])


def test_a_channel_that_is_not_there_is_refused(small_ravdess: Path) -> None:
    with pytest.raises(CorpusError, match="channel 'song'"):
        evaluate(small_ravdess, recipe=QUICK, channel="song")


def test_a_wrong_protocol_is_refused_before_any_audio_is_read(
    small_ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.dataset.listen", lambda *_, **__: pytest.fail("it listened"))
    with pytest.raises(UnknownNameError, match="protocol"):
        evaluate(small_ravdess, recipe=QUICK, protocol="by-moon")


def test_a_model_is_not_scored_on_the_voices_it_was_trained_on(bundle: Bundle, small_ravdess: Path) -> None:
    with pytest.raises(LeakError, match="trained on 10 of these speakers"):
        evaluate(small_ravdess, model=bundle)


def write_manifest(file: Path, clips: Iterable[Path], speaker: str, corpus: str) -> Path:
    """A manifest of synthetic clips whose folder tells their emotion."""
    rows = [f"{clip},{clip.parent.name},{speaker},{corpus}" for clip in clips]
    file.write_text("\n".join(["path,emotion,speaker,corpus", *rows]))
    return file


@pytest.fixture
def strangers(tmp_path: Path, write_voice: Callable[..., Path]) -> list[Path]:
    """Clips that nobody has trained on."""
    sounds = {"neutral": (88, 0.03), "happy": (165, 0.08), "angry": (121, 0.12)}
    return [
        write_voice(tmp_path / name / f"{seed}.wav", pitch_hz=pitch, loudness=loudness, seed=9000 + seed)
        for seed in range(5)
        for name, (pitch, loudness) in sounds.items()
    ]


def test_a_finished_model_is_scored_through_predict(
    bundle: Bundle, strangers: list[Path], tmp_path: Path
) -> None:
    scored = evaluate(write_manifest(tmp_path / "m.csv", strangers, "me", "elsewhere"), model=bundle)
    for one in scored.tested:
        heard = predict(one.clip.path, bundle)
        assert one.answer == heard.emotion
        assert one.probabilities == pytest.approx(tuple(heard.probabilities.values()))
    assert scored.protocol == "unseen-corpus"
    assert "trained on none of these speakers" in scored.protocol_label
    assert scored.speakers_overlap is False
    assert scored.n == 15


def test_where_nobody_knows_who_speaks_nothing_is_promised(
    bundle: Bundle, strangers: list[Path], tmp_path: Path
) -> None:
    scored = evaluate(write_manifest(tmp_path / "m.csv", strangers, "", "elsewhere"), model=bundle)
    assert scored.speakers_overlap is None
    assert "nobody knows" in scored.protocol_label


@pytest.mark.parametrize("speaker", ["", "somebody else"])
def test_a_recording_that_was_trained_on_is_found_under_any_name(
    bundle: Bundle, small_ravdess: Path, tmp_path: Path, speaker: str
) -> None:
    source = load(small_ravdess).clips[5]
    copy = tmp_path / source.emotion / "new name.wav"
    copy.parent.mkdir()
    copy.write_bytes(source.path.read_bytes())
    with pytest.raises(LeakError, match=r"trained on this very recording.*new name"):
        evaluate(write_manifest(tmp_path / "m.csv", [copy], speaker, "elsewhere"), model=bundle)


def test_a_model_is_not_scored_on_its_own_corpus_with_the_speakers_left_out(
    bundle: Bundle, strangers: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(LeakError, match="unknown speaker"):
        evaluate(write_manifest(tmp_path / "m.csv", strangers, "", "ravdess"), model=bundle)


def test_one_answer_alone_is_no_test(bundle: Bundle, strangers: list[Path], tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", strangers, "me", "elsewhere")
    with pytest.raises(CorpusError, match="any model is right"):
        evaluate(manifest, model=bundle, emotions=["happiness"])


@pytest.mark.parametrize("more", [{"protocol": "random-80-20"}, {"seeds": 3}])
def test_a_protocol_or_seeds_for_a_finished_model_are_refused(
    bundle: Bundle, small_ravdess: Path, more: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="for a recipe"):
        evaluate(small_ravdess, model=bundle, **more)


def nearest(seed: int) -> KNeighborsClassifier:
    """Remembers every clip that it was trained on: the first to profit from a leak."""
    return KNeighborsClassifier(1)


@pytest.mark.parametrize("protocol", ["by-actor-5", "random-80-20", "leave-one-statement-out"])
def test_meaningless_labels_are_scored_at_chance(small_ravdess: Path, protocol: str) -> None:
    corpus = load(small_ravdess)
    emotions = np.random.default_rng(0).permutation([clip.emotion for clip in corpus.clips])
    clips = tuple(replace(c, emotion=str(e)) for c, e in zip(corpus.clips, emotions, strict=True))
    recipe = replace(QUICK, build=nearest)
    score = evaluate(replace(corpus, clips=clips), recipe=recipe, protocol=protocol, seeds=3).headlines
    assert score["uar"].value < 0.5


class Listing(GaussianNB):
    """Notes the speakers that it is given."""

    given: ClassVar[list[set[str]]] = []

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Listing:
        Listing.given.append(set(groups))
        return super().fit(X, y)


def test_an_estimator_that_asks_for_groups_is_given_the_speakers_of_the_training_side(
    small_ravdess: Path,
) -> None:
    Listing.given.clear()
    result = evaluate(small_ravdess, recipe=replace(QUICK, build=lambda seed: Listing()))
    for given, fold in zip(Listing.given, result.by_fold, strict=True):
        assert given | set(fold["speakers"]) == {f"ravdess/{actor:02}" for actor in range(1, 11)}
        assert not given & set(fold["speakers"])


def test_clips_of_an_emotion_that_the_model_does_not_know_are_left_out_and_named(
    bundle: Bundle, tmp_path: Path, write_voice
) -> None:  # type: ignore[no-untyped-def]
    write_voice(tmp_path / "happy" / "a.wav", pitch_hz=170)
    write_voice(tmp_path / "bored" / "b.wav")
    scored = evaluate(tmp_path, model=bundle)
    assert scored.n == 1
    assert "does not know 'bored'" in scored.excluded[0][1]


def test_a_recipe_and_a_model_together_are_refused(bundle: Bundle, small_ravdess: Path) -> None:
    with pytest.raises(ValueError, match="not both"):
        evaluate(small_ravdess, recipe=QUICK, model=bundle)


def test_an_honest_score_is_far_below_a_leaky_one_on_real_voices(ravdess: Path) -> None:
    honest = evaluate(ravdess, recipe="svm", channel="speech").headlines["accuracy"]
    leaky = evaluate(ravdess, recipe="svm", channel="speech", protocol="random-80-20").headlines["accuracy"]
    assert 0.40 < honest.value < 0.55
    assert leaky.value > honest.value + 0.15


def test_two_corpora_are_tested_on_each_other(ravdess: Path, emodb: Path) -> None:
    result = evaluate([ravdess, emodb], recipe=QUICK, protocol="cross-corpus")
    assert result.emotions == ("neutral", "happy", "sad", "angry")
    assert {one.clip.corpus for one in result.tested} == {"ravdess", "emodb"}
    assert not result.speakers_overlap
