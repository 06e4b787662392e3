"""Results are written as strict JSON, read back as they were, in every format so far, and shown shortly."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluation.synthetic import (
    COUNTED,
    EMOTIONS,
    WEIGHING,
    cross_validate,
    joined,
    make_dataset,
    terms_of,
)
from tests.odd_values import ODD_VALUES, name_of, places, replaced

from affekt.errors import CorpusError
from affekt.evaluation.comparison import compare
from affekt.evaluation.execution import Execution
from affekt.evaluation.results import (
    RESULT_FORMAT,
    Evaluation,
    Scores,
    plain,
    read_evaluation,
    read_evaluations,
)
from affekt.evaluation.scores import Importance, SliceScore
from affekt.experiments.scoring import evaluate_dataset
from affekt.metrics import HEADLINES
from affekt.notes import Note, NoteKind

ROOT = Path(__file__).parents[2]
SCORES = sorted((ROOT / "docs" / "scores").glob("*.json"))
DATASET = make_dataset(speakers=6, takes=3, shape=(6,))
EVALUATION = cross_validate(DATASET, WEIGHING, seeds=(0, 1))
FULL = replace(
    EVALUATION,
    excluded=(("a.wav", "not audio"),),
    human_accuracy=(0.7, "somebody (2001)"),
    histories=({"train_loss": np.array([1.5, np.nan]), "valid_acc": np.array([0.3, 0.5])},),
    importances={"pitch": Importance(own=0.25, permuted=math.nan)},
    by_seed={0: SliceScore(n=3, accuracy=0.5, uar=math.nan)},
    notes=(Note(NoteKind.NOT_CALIBRATED, "not calibrated: there is one fold alone"),),
)
JSON_KEYS = {
    *("format", "corpus", "recipe", "protocol", "protocol_label", "condition", "leaky", "speakers_overlap"),
    *("n", "emotions", "chance", "majority", "accuracy", "uar", "macro_f1", "weighted_f1", "weighted_f2"),
    *("intervals", "spread", "per_emotion", "confusion_matrix", "by_speaker", "by_corpus", "slices"),
    *("seeds", "folds", "ece", "reliability", "prediction_sets", "out_of_distribution", "calibration"),
    *("distance_threshold", "excluded", "importances", "histories", "human_accuracy"),
    *("interval_over", "no_interval", "notes", "flagged_accuracy", "unflagged_accuracy"),
    *("enrolled_calibration", "provenance"),
}


def written(evaluation: Evaluation) -> dict[str, Any]:
    """What a file holds after ``to_json``."""
    values: dict[str, Any] = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    return values


def assert_equal(one: Any, other: Any) -> None:
    """Equality of results, also of arrays and NaN, however deep."""
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key, value in one.items():
            assert_equal(value, other[key])
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_equal(left, right)
    elif hasattr(one, "__dataclass_fields__"):
        assert type(one) is type(other)
        for field in fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, float) and math.isnan(one):
        assert math.isnan(other)
    else:
        assert one == other


# --- JSON --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evaluation", [EVALUATION, FULL], ids=["plain", "full"])
def test_the_json_has_all_figures_and_is_strict(evaluation: Evaluation) -> None:
    values = written(evaluation)
    assert set(values) == JSON_KEYS
    assert values["format"] == RESULT_FORMAT
    assert values["accuracy"] == evaluation.headlines["accuracy"].value
    assert evaluation.to_dict() == evaluation.to_json()


@pytest.mark.parametrize(
    "evaluation",
    [
        EVALUATION,
        FULL,
        cross_validate(DATASET, COUNTED, "random-80-20"),
        replace(EVALUATION, condition="white noise", speakers_overlap=None, ece=math.nan),
        cross_validate(make_dataset(speakers=6, takes=1, shape=(6,), signal=9), COUNTED),
        cross_validate(make_dataset(speakers=2, shape=(6,)), COUNTED, "leave-one-speaker-out"),
    ],
    ids=["seeds", "full", "not calibrated", "odd", "few clips", "few speakers"],
)
def test_what_is_read_is_what_was_written_except_for_single_predictions(evaluation: Evaluation) -> None:
    found = Evaluation.from_json(written(evaluation))
    assert isinstance(found, Evaluation)
    assert found.tested == ()
    for one in fields(Evaluation):
        if one.name not in ("tested", "counterpart"):
            assert_equal(getattr(evaluation, one.name), getattr(found, one.name))
    assert written(found) == written(evaluation)


def test_the_json_says_what_intervals_are_over_and_why_there_is_none() -> None:
    assert written(EVALUATION)["interval_over"] == "speakers"
    assert written(EVALUATION)["no_interval"] == {}
    few = cross_validate(make_dataset(speakers=2, shape=(6,)), COUNTED, "leave-one-speaker-out")
    values = written(few)
    assert values["no_interval"] == dict.fromkeys(HEADLINES, "2 speakers")
    assert values["intervals"]["uar"] == [None, None]
    assert values["by_corpus"]["own"]["uar"]["no_interval"] == "2 speakers"
    assert repr(few).endswith("chance 25.0%; no interval: 2 speakers>")
    assert "none: 2 speakers" in few._repr_html_()


def test_values_that_are_not_finite_become_none() -> None:
    values = written(FULL)
    assert values["histories"] == [{"train_loss": [1.5, None], "valid_acc": [0.3, 0.5]}]
    assert values["importances"] == {"pitch": {"own": 0.25, "permuted": None}}
    assert values["seeds"] == [{"seed": 0, "n": 3, "accuracy": 0.5, "uar": None}]
    assert plain({"a": (1.0, math.inf, [-math.inf]), "b": "nan"}) == {"a": [1.0, None, [None]], "b": "nan"}


def test_one_speaker_alone_has_no_intervals() -> None:
    alone = cross_validate(make_dataset(speakers=1, takes=6, shape=(6,)), COUNTED, "random-80-20")
    assert written(alone)["intervals"]["accuracy"] == [None, None]
    read = Evaluation.from_json(written(alone))
    assert math.isnan(read.headlines["accuracy"].low)


def test_scores_alone_are_a_part_of_an_evaluation() -> None:
    names = [one.name for one in fields(Scores)]
    scores = Scores(**{name: getattr(EVALUATION, name) for name in names})
    values = scores.to_json()
    assert values.items() <= EVALUATION.to_json().items()
    found = Scores.from_json(json.loads(json.dumps(values, allow_nan=False)))
    assert type(found) is Scores
    for name in names:
        assert_equal(getattr(scores, name), getattr(found, name))


# --- files -------------------------------------------------------------------------------------------


def test_a_file_with_one_evaluation_is_read(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text(json.dumps(EVALUATION.to_json()), encoding="utf-8")
    for path in (file, str(file)):
        assert written(read_evaluation(path)) == written(EVALUATION)


def test_a_file_with_several_evaluations_is_read_by_condition(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text(json.dumps({"as recorded": EVALUATION.to_json(), "noise": FULL.to_json()}))
    found = read_evaluations(file)
    assert list(found) == ["as recorded", "noise"]
    assert written(found["noise"]) == written(FULL)


def holds_one(file: Path) -> bool:
    return "protocol" in json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", SCORES, ids=[file.stem for file in SCORES])
def test_every_published_file_is_read(file: Path) -> None:
    values = json.loads(file.read_text(encoding="utf-8"))
    if holds_one(file):
        values, found = {"": values}, {"": read_evaluation(file)}
    else:
        found = read_evaluations(file)
    assert list(found) == list(values)
    for name, evaluation in found.items():
        one = values[name]
        assert evaluation.n == one["n"]
        assert evaluation.headlines["accuracy"].value == one["accuracy"]
        assert [evaluation.headlines["uar"].low, evaluation.headlines["uar"].high] == one["intervals"][
            "uar"
        ]
        assert evaluation.confusion_matrix.tolist() == one["confusion_matrix"]
        assert list(evaluation.by_speaker) == list(one.get("by_speaker", {}))
        assert len(evaluation.by_fold) == len(one["folds"])
        assert list(evaluation.slices) == ["speaker", "sex", "intensity", "vocal_channel", "statement"]
        again = Evaluation.from_json(written(evaluation))
        assert written(again) == written(evaluation)
        sets = one.get("prediction_sets", one.get("likely"))
        if sets:
            assert evaluation.prediction_sets is not None
            assert evaluation.prediction_sets.coverage == sets["coverage"]
        else:
            assert evaluation.prediction_sets is None


def test_there_are_published_files_of_one_and_of_several_evaluations() -> None:
    assert {holds_one(file) for file in SCORES} == {True, False}


def test_what_format_1_lacks_is_unknown(tmp_path: Path) -> None:
    """A file of before formats were numbered, with its names for things."""
    values = written(FULL)
    for name in (
        "format", "condition", "by_corpus", "reliability", "out_of_distribution", "calibration",
        "distance_threshold", "human_accuracy",
    ):  # fmt: skip
        del values[name]
    values["likely"] = values.pop("prediction_sets")
    values["slices"]["channel"] = values["slices"].pop("vocal_channel")
    found = Evaluation.from_json(values)
    assert found.condition == "as recorded"
    assert found.by_corpus == {}
    assert (found.reliability, found.out_of_distribution, found.calibration) == (None, None, None)
    assert (found.distance_threshold, found.human_accuracy) == (None, None)
    assert found.prediction_sets == EVALUATION.prediction_sets
    assert found.slices["vocal_channel"] == EVALUATION.slices["vocal_channel"]
    for name in ("likely", "by_speaker", "importances", "histories", "ece", "excluded"):
        del values[name]
    oldest = Evaluation.from_json(values)
    assert (oldest.prediction_sets, oldest.by_speaker, oldest.importances) == (None, {}, {})
    assert math.isnan(oldest.ece)
    assert oldest.headlines == EVALUATION.headlines


def test_what_format_2_lacks_is_unknown() -> None:
    values = {**written(EVALUATION), "format": 2}
    for name in ("flagged_accuracy", "unflagged_accuracy"):
        del values[name], values["by_corpus"]["own"][name]
    for name in ("recall", "coverage_by_emotion"):
        del values["by_corpus"]["own"][name]
    del values["prediction_sets"]["by_emotion"]
    found = Evaluation.from_json(values)
    corpus = found.by_corpus["own"]
    assert (found.flagged_accuracy, found.unflagged_accuracy) == (None, None)
    assert (corpus.flagged_accuracy, corpus.unflagged_accuracy) == (None, None)
    assert (corpus.recall, corpus.coverage_by_emotion, corpus.macro_coverage) == ({}, {}, None)
    assert corpus.uar == EVALUATION.by_corpus["own"].uar
    assert EVALUATION.prediction_sets is not None
    assert found.prediction_sets == replace(EVALUATION.prediction_sets, by_emotion={})


def test_scores_of_emotions_that_a_corpus_does_not_have_are_none_in_a_file() -> None:
    sad, rest = (
        make_dataset(corpus="sad", shape=(6,)),
        make_dataset(corpus="rest", shape=(6,), emotions=EMOTIONS[:2]),
    )
    both = cross_validate(joined(sad, rest), COUNTED)
    values = written(both)["by_corpus"]["rest"]
    assert values["recall"]["sad"] is values["coverage_by_emotion"]["sad"] is None
    assert 0 <= values["recall"]["happy"] <= 1
    assert Evaluation.from_json(written(both)).by_corpus == both.by_corpus


@pytest.mark.parametrize("rest", ["", ", white noise, 20 dB", ", speech alone scored"])
def test_a_protocol_is_read_by_its_former_name(rest: str) -> None:
    values = {**written(EVALUATION), "protocol": "cross-corpus", "protocol_label": f"cross-corpus{rest}"}
    found = Evaluation.from_json(values)
    assert (found.protocol, found.protocol_label) == ("leave-one-corpus-out", f"leave-one-corpus-out{rest}")


def test_the_published_results_of_the_reproduction_are_read() -> None:
    trials = json.loads((ROOT / "docs" / "results.json").read_text(encoding="utf-8"))["trials"]
    assert len(trials) > 10
    for trial in trials:
        found = Scores.from_json(trial["evaluation"])
        assert found.headlines["accuracy"].value == trial["evaluation"]["accuracy"]
        assert json.loads(json.dumps(found.to_json())).items() >= trial["evaluation"].items()


# --- malformed files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_evaluation, read_evaluations])
@pytest.mark.parametrize("text", ["", "{", "no JSON", "[1, 2]", "null", '"words"', "3", '{"n": 3}'])
def test_a_file_that_holds_no_evaluation_is_refused(
    tmp_path: Path, text: str, read: Callable[[Path], Any]
) -> None:
    file = tmp_path / "e.json"
    file.write_text(text)
    with pytest.raises(CorpusError, match=r"e\.json holds no evaluation"):
        read(file)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(b"\xff\xfe\x00RIFF")
    with pytest.raises(CorpusError, match="holds no evaluation"):
        read_evaluation(tmp_path / "e.json")


def test_one_evaluation_and_several_are_not_taken_for_each_other(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text(json.dumps(EVALUATION.to_json()))
    with pytest.raises(CorpusError, match="holds no evaluations"):
        read_evaluations(file)
    file.write_text(json.dumps({"as recorded": EVALUATION.to_json()}))
    with pytest.raises(CorpusError, match="there is no 'protocol_label' in it"):
        read_evaluation(file)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    for read in (read_evaluation, read_evaluations):
        with pytest.raises(FileNotFoundError, match=r"none\.json"):
            read(tmp_path / "none.json")


def test_a_json_that_is_not_an_object_is_named_as_that(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("null")
    with pytest.raises(CorpusError, match="not a JSON object"):
        read_evaluation(tmp_path / "e.json")


def test_a_later_format_is_refused_with_advice() -> None:
    with pytest.raises(CorpusError, match=r"its format is 4, .* formats up to 3: update affekt"):
        Evaluation.from_json({**written(EVALUATION), "format": 4})


REQUIRED = JSON_KEYS - {
    *("format", "condition", "by_corpus", "by_speaker", "ece", "reliability", "prediction_sets"),
    *("out_of_distribution", "calibration", "distance_threshold", "excluded", "importances", "histories"),
    *("human_accuracy", "interval_over", "no_interval", "notes", "flagged_accuracy", "unflagged_accuracy"),
    "enrolled_calibration",
    "provenance",
}


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_an_evaluation_that_lacks_a_value_is_refused_with_its_name(name: str) -> None:
    values = written(EVALUATION)
    del values[name]
    with pytest.raises(CorpusError, match=f"there is no '{name}' in it"):
        Evaluation.from_json(values)


NOT_OF_A_RESULT: dict[str, Any] = {
    "format": "two",
    "emotions": 3,
    "intervals": {"accuracy": [0.1]},
    "accuracy": "high",
    "per_emotion": {"happy": {"recall": 1}},
    "confusion_matrix": [["a"]],
    "seeds": [3],
    "by_speaker": {"own/1": [[1e30]]},
    "by_corpus": {"own": {"n": 3}},
    "slices": {"speaker": {"own/1": {"n": 3}}},
    "folds": [{"seed": 0}],
    "reliability": {"confidence": [1.0]},
    "prediction_sets": {"alone_accuracy": 1.0},
    "calibration": {"temperature": -1.0, "threshold": 0.5},
    "enrolled_calibration": {"temperature": 1.0, "threshold": 1.5},
    "excluded": ["a.wav"],
    "importances": {"pitch": 3},
    "histories": [{"train_loss": ["a"]}],
    "human_accuracy": [0.5],
}


@pytest.mark.parametrize("name", NOT_OF_A_RESULT)
def test_a_value_that_is_not_of_a_result_is_refused(name: str) -> None:
    values = {**written(EVALUATION), name: NOT_OF_A_RESULT[name]}
    with pytest.raises(CorpusError, match=r"not those of a result|there is no '.*' in it"):
        Evaluation.from_json(values)


@pytest.mark.parametrize("path", list(places(written(FULL))), ids=name_of)
def test_an_odd_value_anywhere_in_a_result_is_refused_or_harmless(
    path: tuple[Any, ...], tmp_path: Path
) -> None:
    """Harmless: the evaluation is read, shown, written, and compared or refused by the comparison."""
    for odd in ODD_VALUES:
        file = tmp_path / "odd.json"
        file.write_text(json.dumps(replaced(written(FULL), path, odd)))
        try:
            found = read_evaluation(file)
        except CorpusError as error:
            assert "odd.json holds no evaluation: " in str(error)
            continue
        repr(found), found._repr_html_(), json.dumps(found.to_json(), allow_nan=False)
        with contextlib.suppress(CorpusError):
            compare([found, FULL])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"by_speaker": True}, "by_speaker is True, not an object"),
        ({"by_speaker": {"own/1": [[[1.5]]]}}, "by_speaker.'own/1' is .*, not lists of counts"),
        ({"by_speaker": {"own/1": [[[1]]]}}, "do not fit the emotions"),
        ({"recipe": None}, "recipe is None, not a text"),
        ({"recipe": []}, r"recipe is \[\], not a text"),
        ({"chance": math.nan}, "chance is nan, not a finite number"),
        ({"n": "72"}, "n is '72', not a whole number"),
        ({"emotions": []}, "not those of its emotions"),
        ({"confusion_matrix": [[1]]}, "the confusion matrix has the shape"),
        ({"confusion_matrix": [[-1] * 4] * 4}, "not lists of counts"),
    ],
)
def test_what_is_wrong_in_a_result_is_said_with_its_place(
    change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(written(EVALUATION) | change))
    with pytest.raises(CorpusError, match=rf"a\.json holds no evaluation: .*{reason}"):
        read_evaluation(tmp_path / "a.json")


@pytest.mark.parametrize("read", [read_evaluation, read_evaluations])
@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000])
def test_a_file_that_is_nested_very_deeply_is_refused(
    read: Callable[[Path], Any], content: str, tmp_path: Path
) -> None:
    (tmp_path / "deep.json").write_text(content)
    with pytest.raises(CorpusError, match=r"deep\.json holds no evaluation"):
        read(tmp_path / "deep.json")


def test_a_file_that_is_larger_than_any_result_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.evaluation.result_values.MAX_RESULT_BYTES", 100)
    (tmp_path / "a.json").write_text(json.dumps(written(EVALUATION)))
    with pytest.raises(CorpusError, match="larger than 100 bytes"):
        read_evaluation(tmp_path / "a.json")


@pytest.mark.parametrize("values", [None, 3, "words", [], [1]])
def test_scores_of_something_else_are_refused(values: Any) -> None:
    for kind in (Scores, Evaluation):
        with pytest.raises(CorpusError, match="not those of a result"):
            kind.from_json(values)


# --- how it is shown ---------------------------------------------------------------------------------


def test_an_evaluation_is_shown_in_one_line() -> None:
    accuracy, uar = (EVALUATION.headlines[name].value for name in ("accuracy", "uar"))
    assert repr(EVALUATION) == (
        f"<Evaluation weighing on own, by-actor-5: accuracy {accuracy:.1%}, UAR {uar:.1%}; 72 clips, "
        "chance 25.0%>"
    )


def test_a_leaky_evaluation_is_shown_with_what_leaks() -> None:
    leaky = cross_validate(DATASET, COUNTED, "random-80-20")
    for shown in (repr(leaky), leaky._repr_html_()):
        assert "\n" not in shown
        assert "random-80-20 (LEAKY: tested speakers were trained on)" in shown


def test_a_notebook_shows_every_headline_with_its_interval() -> None:
    shown = EVALUATION._repr_html_()
    for title in ("accuracy", "UAR", "macro F1", "weighted F1", "weighted F2"):
        assert title in shown
    accuracy = EVALUATION.headlines["accuracy"]
    assert f"{100 * accuracy.value:.1f}" in shown
    assert accuracy.interval in shown
    assert "72 clips, 4 emotions, chance 25.0%" in shown


def test_confidences_are_those_of_the_single_predictions() -> None:
    confidence, correct = EVALUATION.confidences()
    assert len(confidence) == len(correct) == 2 * EVALUATION.n
    for one, sure, right in zip(EVALUATION.tested, confidence, correct, strict=True):
        assert sure == one.probabilities[EMOTIONS.index(one.predicted)]
        assert right == (one.predicted == one.clip.emotion)


def test_a_counterpart_is_not_written() -> None:
    both = replace(EVALUATION, counterpart=FULL)
    assert written(both) == written(EVALUATION)


def test_the_same_terms_have_the_same_result() -> None:
    terms = terms_of(DATASET, WEIGHING, seeds=(0, 1))
    assert written(evaluate_dataset(terms, DATASET, Execution())) == written(EVALUATION)
