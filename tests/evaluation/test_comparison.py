"""Recipes are compared on the same clips, with intervals that draw the same speakers for both."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from affekt.corpora.base import Clip
from affekt.errors import CorpusError
from affekt.evaluation.comparison import COMPARED, Comparison, Difference, compare
from affekt.evaluation.results import Evaluation, read_evaluation
from affekt.evaluation.scores import TestedClip as Judged  # pytest collects what is called Test...
from affekt.evaluation.summary import summarise_clips
from affekt.metrics import BOOTSTRAP_DRAWS

EMOTIONS = ("neutral", "happy", "sad")


def make_evaluation(
    recipe: str,
    skill: float = 0.6,
    *,
    seed: int = 0,
    seeds: int = 1,
    speakers: int = 12,
    emotions: tuple[str, ...] = EMOTIONS,
    protocol: str = "by-actor-5",
    takes: int = 6,
) -> Evaluation:
    """Predictions with an accuracy of ``skill``, higher on some speakers, the same for every recipe."""
    rng = np.random.default_rng(seed)
    ease = np.random.default_rng(99).uniform(-0.35, 0.35, speakers)
    tested = []
    for training in range(seeds):
        for speaker in range(speakers):
            for number, emotion in enumerate(emotions * takes):
                clip = Clip(
                    path=Path(f"{speaker}-{number}.wav"),
                    emotion=emotion,
                    speaker=str(speaker),
                    corpus="own",
                )
                others = [other for other in emotions if other != emotion]
                correct = rng.uniform() < skill + ease[speaker]
                predicted = emotion if correct else others[rng.integers(len(others))]
                tested.append(
                    Judged(clip=clip, seed=training, fold=0, predicted=predicted, probabilities=())
                )
    return evaluation_of(tested, recipe, emotions, protocol)


def judged(clip: Clip, predicted: str, seed: int = 0) -> Judged:
    return Judged(clip=clip, seed=seed, fold=0, predicted=predicted, probabilities=())


def evaluation_of(
    tested: list[Judged],
    recipe: str,
    emotions: tuple[str, ...] = EMOTIONS,
    protocol: str = "by-actor-5",
) -> Evaluation:
    sure = [
        replace(one, probabilities=tuple(float(e == one.predicted) for e in emotions)) for one in tested
    ]
    return summarise_clips(
        sure, emotions, corpus="own", recipe=recipe, protocol=protocol, protocol_label=protocol,
        leaky=protocol.startswith("random"), speakers_overlap=False, excluded=(),
    )  # fmt: skip


def write(evaluation: Evaluation, file: Path) -> Path:
    """What ``affekt evaluate --json`` writes."""
    file.write_text(json.dumps(evaluation.to_json(), allow_nan=False), encoding="utf-8")
    return file


GOOD, BAD = make_evaluation("good", 0.65, seed=1), make_evaluation("bad", 0.5, seed=2)


def only(comparison: Comparison, metric: str) -> Difference:
    (found,) = [one for one in comparison.differences if one.metric == metric]
    return found


# --- values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "score"), [("accuracy", accuracy_score), ("uar", balanced_accuracy_score)]
)
def test_a_difference_is_that_of_scikit_learns_scores(
    metric: str, score: Callable[[list[str], list[str]], float]
) -> None:
    by_hand = [
        score([one.clip.emotion for one in each.tested], [one.predicted for one in each.tested])
        for each in (GOOD, BAD)
    ]
    found = only(compare([BAD, GOOD]), metric)
    assert (found.better, found.worse) == ("good", "bad")
    assert found.value == pytest.approx(by_hand[0] - by_hand[1])
    assert found.low < found.value < found.high


def test_scores_are_the_headlines_the_best_first() -> None:
    found = compare([BAD, GOOD])
    assert list(found.scores) == ["good", "bad"]
    for one in (GOOD, BAD):
        assert found.scores[one.recipe] == one.headlines, "intervals are those that evaluate printed"
    assert (found.n, found.speakers, found.chance) == (GOOD.n, 12, GOOD.chance)
    assert (found.protocol_label, found.leaky) == ("by-actor-5", False)


def test_differences_are_of_the_means_over_seeds() -> None:
    three = make_evaluation("three", 0.65, seed=3, seeds=3)
    found = only(compare([three, BAD]), "accuracy")
    by_seed = [score.accuracy for score in three.by_seed.values()]
    assert len(by_seed) == 3
    assert found.value == pytest.approx(np.mean(by_seed) - BAD.headlines["accuracy"].value)


def test_every_pair_is_compared_by_every_metric() -> None:
    names = ["good", "middle", "bad"]
    found = compare([BAD, make_evaluation("middle", 0.58, seed=8), GOOD])
    assert list(found.scores) == names
    pairs = {(one.better, one.worse, one.metric) for one in found.differences}
    expected = [("good", "middle"), ("good", "bad"), ("middle", "bad")]
    assert pairs == {(*pair, metric) for pair in expected for metric in COMPARED}


def test_better_is_the_recipe_with_the_higher_value_by_that_metric() -> None:
    """Always predicting the most frequent emotion is accurate, and has a low average recall."""
    rare, frequent = "sad", "happy"
    clips = [
        Clip(
            path=Path(f"{i}.wav"),
            emotion=rare if i % 5 == 0 else frequent,
            speaker=str(i % 3),
            corpus="own",
        )
        for i in range(60)
    ]

    def predicting(recipe: str, predictions: list[str]) -> Evaluation:
        tested = [judged(clip, predicted) for clip, predicted in zip(clips, predictions, strict=True)]
        return evaluation_of(tested, recipe, (frequent, rare))

    constant = predicting("constant", [frequent] * 60)
    varied = predicting("varied", [rare if i % 5 == 0 or i % 3 == 1 else frequent for i in range(60)])
    found = compare([constant, varied])
    assert (only(found, "accuracy").better, only(found, "uar").better) == ("constant", "varied")
    assert all(one.value > 0 for one in found.differences)


# --- intervals ---------------------------------------------------------------------------------------


def test_an_interval_is_that_of_drawing_speakers_for_both_at_once() -> None:
    """Against a bootstrap that draws one speaker after another, and scores clips instead of matrices."""
    rng = np.random.default_rng(5)
    correct = [
        np.array([one.predicted == one.clip.emotion for one in each.tested]).reshape(12, -1)
        for each in (GOOD, BAD)
    ]
    draws = []
    for _ in range(BOOTSTRAP_DRAWS):
        speakers = rng.integers(12, size=12)
        draws.append(correct[0][speakers].mean() - correct[1][speakers].mean())
    low, high = np.percentile(draws, (2.5, 97.5))
    found = only(compare([GOOD, BAD]), "accuracy")
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)


def test_a_paired_interval_is_narrower_than_two_of_their_own_suggest() -> None:
    """A speaker that is hard for one recipe is hard for the other."""
    found = only(compare([GOOD, BAD]), "accuracy")
    widths = [one.headlines["accuracy"].high - one.headlines["accuracy"].low for one in (GOOD, BAD)]
    unpaired = math.hypot(*widths)
    assert found.high - found.low < 0.8 * unpaired
    assert found.significant


def test_recipes_that_predict_the_same_differ_by_exactly_0_which_is_not_significant() -> None:
    found = compare([GOOD, make_evaluation("twin", 0.65, seed=1)])
    for one in found.differences:
        assert (one.value, one.significant) == (0, False)
        assert one.interval == "none: equal in every draw of speakers"


def test_equal_skill_is_seldom_called_a_significant_difference() -> None:
    pairs = [
        [make_evaluation(name, takes=2, seed=2 * i + j) for j, name in enumerate("ab")] for i in range(40)
    ]
    alarms = sum(only(compare(pair), "accuracy").significant for pair in pairs)
    assert alarms <= 0.2 * len(pairs)  # 1 in 20 where there are many speakers


def test_on_one_speaker_alone_nothing_can_be_called_significant() -> None:
    found = compare([make_evaluation(name, skill, speakers=1) for name, skill in (("a", 0.9), ("b", 0.3))])
    for one in found.differences:
        assert one.value > 0
        assert math.isnan(one.low)
        assert math.isnan(one.high)
        assert not one.significant
        assert one.interval == "none: 1 speaker"


@pytest.mark.parametrize(
    ("low", "high", "significant"),
    [(0.01, 0.2, True), (-0.2, -0.01, True), (-0.01, 0.2, False), (0.0, 0.2, False)],
)
def test_a_difference_is_significant_where_its_interval_does_not_include_0(
    low: float, high: float, significant: bool
) -> None:
    one = Difference(better="a", worse="b", metric="uar", value=0.1, low=low, high=high)
    assert one.significant is significant


# --- files and names ---------------------------------------------------------------------------------


def test_files_are_compared_like_the_evaluations_that_were_written(tmp_path: Path) -> None:
    files = [write(one, tmp_path / f"{one.recipe}.json") for one in (GOOD, BAD)]
    expected = compare([GOOD, BAD])
    assert compare(files) == expected
    assert compare([str(files[0]), BAD]) == expected


def test_two_of_one_recipe_are_named_by_their_files(tmp_path: Path) -> None:
    files = [write(one, tmp_path / f"{name}.json") for name, one in (("before", BAD), ("after", BAD))]
    assert set(compare(files).scores) == {"before", "after"}


def test_two_of_one_recipe_with_files_of_one_name_are_numbered(tmp_path: Path) -> None:
    assert set(compare([GOOD, GOOD]).scores) == {"good (1)", "good (2)"}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    files = [write(GOOD, tmp_path / name / "e.json") for name in ("one", "two")]
    assert set(compare(files).scores) == {"e (1)", "e (2)"}


# --- what cannot be compared -------------------------------------------------------------------------


@pytest.mark.parametrize("results", [[], [GOOD]])
def test_one_alone_is_refused(results: list[Evaluation]) -> None:
    with pytest.raises(CorpusError, match="two evaluations or more"):
        compare(results)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"protocol": "random-80-20"}, "by-actor-5 and random-80-20 differ, and one is leaky"),
        ({"emotions": ("neutral", "happy", "angry")}, "the set of emotions differs"),
        ({"takes": 5}, r"not scored on the same clips \(216 and 180\)"),
        ({"speakers": 11}, r"not scored on the same clips \(216 and 198\)"),
    ],
    ids=["protocol", "emotions", "clips", "speakers"],
)
@pytest.mark.parametrize("place", [1, 2])
def test_what_was_scored_otherwise_is_refused(settings: dict[str, Any], reason: str, place: int) -> None:
    results = [GOOD, BAD]
    results.insert(place, make_evaluation("foreign", **settings))
    with pytest.raises(CorpusError, match=f"good and foreign cannot be compared: .*{reason}"):
        compare(results)


def test_a_finished_model_is_compared_with_a_recipe_by_their_own_protocols() -> None:
    model = replace(BAD, protocol="unseen-corpus", protocol_label="unseen-corpus (of others)")
    found = compare([GOOD, model])
    assert found.protocol_label == "good: by-actor-5; bad: unseen-corpus (of others)"
    assert found.scores == compare([GOOD, BAD]).scores
    assert not found.leaky


def test_as_many_clips_of_other_speakers_are_not_the_same_clips(tmp_path: Path) -> None:
    figures = BAD.to_json()
    figures["by_speaker"] = {f"other/{name}": counts for name, counts in figures["by_speaker"].items()}
    file = tmp_path / "other.json"
    file.write_text(json.dumps(figures))
    with pytest.raises(CorpusError, match=r"good and .*other\.json cannot be compared.*same clips"):
        compare([GOOD, file])


@pytest.mark.parametrize("text", ["", "{", "no JSON", "[1, 2]", "null", '"words"', "{}", '{"n": 3}'])
def test_a_file_that_holds_no_evaluation_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "e.json"
    file.write_text(text)
    with pytest.raises(CorpusError, match=r"e\.json holds no evaluation"):
        compare([GOOD, file])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(b"\xff\xfe\x00RIFF")
    with pytest.raises(CorpusError, match="holds no evaluation"):
        compare([GOOD, tmp_path / "e.json"])


def test_an_evaluation_of_before_there_were_matrices_by_speaker_is_refused_with_advice(
    tmp_path: Path,
) -> None:
    figures = GOOD.to_json()
    del figures["by_speaker"]
    (tmp_path / "old.json").write_text(json.dumps(figures))
    with pytest.raises(CorpusError, match=r"lacks by_speaker.*affekt evaluate --json"):
        compare([GOOD, tmp_path / "old.json"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        compare([GOOD, tmp_path / "none.json"])


def test_the_best_comes_first_of_many() -> None:
    skills = (0.3, 0.7, 0.5, 0.6)
    found = compare([make_evaluation(f"r{i}", skill, seed=i) for i, skill in enumerate(skills)])
    values = [headlines["accuracy"].value for headlines in found.scores.values()]
    assert all(one >= other for one, other in pairwise(values))
    assert len(found.differences) == 6 * len(COMPARED)


def test_an_evaluation_without_matrices_by_speaker_is_refused_by_its_name() -> None:
    old = replace(BAD, by_speaker={})
    with pytest.raises(CorpusError, match="bad holds no evaluation that can be compared"):
        compare([GOOD, old])


def test_a_comparison_is_shown_in_one_line_with_its_protocol() -> None:
    good, bad = (one.headlines["accuracy"].value for one in (GOOD, BAD))
    assert repr(compare([BAD, GOOD])) == (
        f"<Comparison of accuracy, by-actor-5, 216 clips: good {good:.1%}, bad {bad:.1%}>"
    )


def test_a_published_evaluation_can_be_compared() -> None:
    file = Path(__file__).parents[2] / "docs" / "scores" / "affekt-net.by-actor-5.speech.json"
    found = compare([file, read_evaluation(file)])
    assert (found.protocol_label, found.speakers, found.leaky) == (
        read_evaluation(file).protocol_label,
        24,
        False,
    )
    assert len(found.scores) == 2
    assert [one.value for one in found.differences] == [0] * len(COMPARED)


def test_evaluations_of_unknown_speakers_are_compared_clip_by_clip() -> None:
    one, other = (
        evaluation_of(
            [replace(tested, clip=replace(tested.clip, speaker="")) for tested in evaluation.tested],
            evaluation.recipe,
        )
        for evaluation in (GOOD, BAD)
    )
    found = compare([one, other])
    assert found.speakers == 0
    assert only(found, "accuracy").value == pytest.approx(only(compare([GOOD, BAD]), "accuracy").value)
