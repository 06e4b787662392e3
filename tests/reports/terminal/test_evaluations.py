"""The terminal output of one evaluation."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score
from tests.reports.synthetic import EMOTIONS, EVALUATION, LEAKY, labels_of, make_evaluation, summarise
from tests.reports.terminal.printing import cells, printed

from affekt.emotions import EMOTIONS as ALL_EMOTIONS
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import Importance
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.notes import Note, NoteKind
from affekt.reports import terminal
from affekt.reports.score_rows import corpus_rows, emotion_rows


def test_the_terms_come_first() -> None:
    lines = printed(terminal.evaluation(EVALUATION)).splitlines()
    assert lines[0] == "own on own, by-actor-5"
    assert lines[1] == "120 clips of 6 speakers, 4 emotions; chance 25.0%, majority 25.0%; 1 seed"


def test_emotions_without_clips_and_excluded_clips_are_told_beside_the_terms() -> None:
    assert "--emotions" not in printed(terminal.evaluation(EVALUATION))
    partial = summarise([one for one in EVALUATION.tested if one.clip.emotion != "sad"])
    partial = replace(partial, excluded=(("a.wav", "it is silent"), ("b.wav", "it is silent")))
    text = printed(terminal.evaluation(partial)).split("score")[0]
    told = (
        "only 3 of these emotions occur in the clips; to predict no others, add --emotions "
        "neutral,happy,angry"
    )
    assert told in " ".join(text.split())
    assert "2 clips excluded" in text


def test_every_metric_has_its_interval() -> None:
    text = printed(terminal.evaluation(make_evaluation(seeds=2)))
    for name, score in make_evaluation(seeds=2).headlines.items():
        expected = [f"{score.value:.1%}", *score.interval.split(), f"{score.spread:.1%}"]
        assert cells(text, METRIC_TITLES[name]) == expected


def test_a_leaky_score_is_marked() -> None:
    text = printed(terminal.evaluation(LEAKY))
    assert "LEAKY" in text
    assert "This is not a score on unseen speakers: compare it with by-actor-5." in text
    assert "unseen speakers" not in printed(terminal.evaluation(EVALUATION))


def test_emotions_have_recall_precision_f1_and_clips() -> None:
    true, predicted = labels_of(EVALUATION)
    recalls = recall_score(true, predicted, labels=list(EMOTIONS), average=None)
    text = printed(terminal.evaluation(EVALUATION))
    for name, recall in zip(EMOTIONS, recalls, strict=True):
        (row,) = re.findall(rf"^\S+ {name} +([█░]+) +(\d+)% +\d+% +\d+% +30$", text, re.MULTILINE)
        assert row == ("█" * round(10 * recall) + "░" * (10 - round(10 * recall)), f"{100 * recall:.0f}")


def test_the_confusion_matrix_has_true_emotions_in_rows_in_percent() -> None:
    rates = confusion_matrix(*labels_of(EVALUATION), labels=list(EMOTIONS), normalize="true")
    text = printed(terminal.evaluation(EVALUATION))
    assert cells(text, "true ╲ predicted, %") == list(EMOTIONS)
    for name, row in zip(EMOTIONS, rates, strict=True):
        assert cells(text, name) == [f"{100 * rate:.0f}" for rate in row]


def test_calibration_prediction_sets_and_flagged_clips_are_stated() -> None:
    result = make_evaluation(calibrated=True)
    sets = result.prediction_sets
    assert sets is not None
    assert result.out_of_distribution is not None
    text = printed(terminal.evaluation(result))
    assert f"expected calibration error (ECE) {result.ece:.1%}" in text
    assert f"prediction sets: coverage {sets.coverage:.1%}" in text
    assert f"mean size {sets.size:.1f}" in text
    assert f"sets of one emotion: {sets.alone:.0%} of the clips" in text
    assert f"accuracy of {sets.alone_accuracy:.1%}" in text
    assert f"flagged as out of distribution: {result.out_of_distribution:.1%} of the clips" in text
    assert f"accuracy {result.flagged_accuracy:.1%} of flagged clips" in text
    assert f", {result.unflagged_accuracy:.1%} of other clips" in text
    older = replace(result, flagged_accuracy=None, unflagged_accuracy=None)
    assert not re.search("^accuracy .*clips", printed(terminal.evaluation(older)), re.MULTILINE)


def test_what_could_not_be_computed_is_not_stated() -> None:
    text = printed(terminal.evaluation(replace(EVALUATION, ece=math.nan)))
    assert not re.search("prediction sets|out of distribution|calibration error|nan", text)


def test_one_corpus_has_no_table_of_corpora() -> None:
    assert "pooled" not in printed(terminal.evaluation(EVALUATION))


def test_each_of_several_corpora_has_its_row_and_all_together_the_last() -> None:
    result = make_evaluation(corpora=("a", "b"), calibrated=True)
    text = printed(terminal.evaluation(result))
    header = " ".join(cells(text, "corpus"))
    assert header == "clips accuracy, 95 % UAR, 95 % ECE cov. size OOD"
    for name, one in result.by_corpus.items():
        assert one.coverage is not None
        assert one.set_size is not None
        assert one.out_of_distribution is not None
        expected = [str(one.n), f"{100 * one.accuracy.value:.1f}", *one.accuracy.interval.split()]
        expected += [f"{100 * one.uar.value:.1f}", *one.uar.interval.split(), f"{100 * one.ece:.1f}"]
        expected += [f"{100 * one.coverage:.1f}", f"{one.set_size:.1f}"]
        assert cells(text, name) == [*expected, f"{100 * one.out_of_distribution:.1f}"]
    assert cells(text, "pooled")[0] == str(result.n)
    assert text.index("\nb ") < text.index("\npooled ")


def test_each_of_several_corpora_has_recall_and_coverage_of_each_emotion() -> None:
    result = make_evaluation(corpora=("a", "b"), calibrated=True)
    text = printed(terminal.evaluation(result))
    table = text[text.index("recall (coverage), %") :]
    for title, *expected in emotion_rows(corpus_rows(result)):
        assert cells(table, title) == " ".join(expected).split()
    many = make_evaluation(corpora=[f"a corpus with a long name {i}" for i in range(6)])
    assert "recall by corpus and emotion needs a wider terminal" in printed(
        terminal.evaluation(many), width=80
    )
    unknown: dict[str, Any] = {"flagged_accuracy": None, "unflagged_accuracy": None}
    older = {name: replace(one, recall={}, **unknown) for name, one in result.by_corpus.items()}
    pooled = replace(result, by_corpus=older, per_emotion={}, **unknown)
    assert "recall (coverage)" not in printed(terminal.evaluation(pooled))


def with_longest_figures() -> Evaluation:
    """RAVDESS's emotions and two corpora, with percentages of 100.0."""
    result = make_evaluation(list(ALL_EMOTIONS)[:8], corpora=("ravdess", "a corpus"), calibrated=True)
    by_corpus = {
        name: replace(one, n=99_999, coverage=1.0, ece=0.123, set_size=8.0, out_of_distribution=1.0)
        for name, one in result.by_corpus.items()
    }
    return replace(result, by_corpus=by_corpus)


def test_tables_of_scores_are_not_cut_off_or_wrapped_in_80_columns() -> None:
    narrow, wide = (
        printed(terminal.evaluation(with_longest_figures()), width=width) for width in (80, 200)
    )
    tables = [line for line in wide.splitlines() if "95 %: interval" not in line]
    assert set(tables) <= set(narrow.splitlines())
    assert "…" not in narrow


def test_speakers_are_shown_by_the_lowest_and_the_highest_accuracy() -> None:
    text = printed(terminal.evaluation(EVALUATION))
    (worst, low), *_, (best, high) = EVALUATION.slices["speaker"].items()
    assert cells(text, f"worst speaker, {worst}")[1] == f"{low.accuracy:.1%}"
    assert cells(text, f"best speaker, {best}")[1] == f"{high.accuracy:.1%}"


def test_few_values_of_a_field_are_all_shown() -> None:
    text = printed(terminal.evaluation(EVALUATION))
    for sex, score in EVALUATION.slices["sex"].items():
        assert cells(text, f"sex: {sex}") == [str(score.n), f"{score.accuracy:.1%}", f"{score.uar:.1%}"]


def test_a_field_with_one_value_is_no_slice() -> None:
    text = printed(terminal.evaluation(make_evaluation(speakers=("01",))))
    assert "vocal channel" not in text
    assert "worst speaker, own/01" in text
    assert "best speaker" not in text


def test_unknown_speakers_are_stated_and_intervals_are_over_clips() -> None:
    text = printed(terminal.evaluation(make_evaluation(speakers=("",))))
    assert "of unknown speakers" in text
    assert "95 % over clips" in text
    assert "slice" not in text


def test_the_coverage_of_unknown_speakers_is_not_that_of_a_speaker() -> None:
    text = printed(terminal.evaluation(make_evaluation(speakers=("",) * 3, calibrated=True)))
    assert re.search(r"^prediction sets: coverage [\d.]+%, mean size", text, re.MULTILINE)
    assert "by speaker" not in text


def test_the_most_important_features_are_named() -> None:
    importances = {
        "rms": Importance(own=0.2, permuted=0.0),
        "zcr": Importance(own=0.7, permuted=0.0),
        "f0": Importance(own=np.nan, permuted=0.1),
    }
    text = printed(terminal.evaluation(replace(EVALUATION, importances=importances)))
    assert "most important features: zcr 70.0%, rms 20.0%\n" in f"{text}\n"


def test_of_many_excluded_clips_ten_are_named() -> None:
    excluded = tuple((f"{i}.wav", "is silent") for i in range(13))
    text = printed(terminal.evaluation(replace(EVALUATION, excluded=excluded)))
    assert "! excluded: 13" in text
    assert text.count("is silent") == 10
    assert "and 3 more" in text


@pytest.mark.parametrize("name", ["[red]x[/]", "[/]"])
def test_names_are_no_markup(name: str) -> None:
    named = make_evaluation((name, "happy"), corpora=(name, "b"), recipe=name)
    text = printed(terminal.evaluation(replace(named, excluded=((f"{name}.wav", "is silent"),))))
    assert f"{name} on {name}+b" in text
    assert f"{name}.wav: is silent" in text


def test_where_there_is_no_interval_the_reason_stands_in_its_place() -> None:
    text = printed(terminal.evaluation(make_evaluation(speakers=("1", "2"))))
    for name, score in make_evaluation(speakers=("1", "2")).headlines.items():
        assert cells(text, METRIC_TITLES[name]) == [f"{score.value:.1%}", "none:", "2", "speakers", "-"]
    assert INTERVAL_RULE in " ".join(text.split())
    assert INTERVAL_RULE not in " ".join(printed(terminal.evaluation(EVALUATION)).split())


def test_a_perfect_score_has_no_interval_of_zero_width() -> None:
    text = printed(terminal.evaluation(make_evaluation(skill=50)))
    assert "none: equal in every draw of speakers" in text
    assert "100.0 - 100.0" not in text


@pytest.mark.parametrize(
    ("speakers", "over"),
    [
        (("1", "2", "3", "4", "5"), "speakers"),
        (("",), "clips"),
        (("1", "2", "3", "4", ""), "speakers and clips"),
    ],
)
def test_it_says_what_intervals_are_over_where_speakers_are_unknown(
    speakers: tuple[str, ...], over: str
) -> None:
    text = printed(terminal.evaluation(make_evaluation(speakers=speakers, corpora=("a", "b"))))
    assert f"95 % over {over}  " in text
    assert f"interval over {over};" in " ".join(text.split())


def test_a_corpus_without_an_interval_is_named_with_the_reason() -> None:
    text = printed(terminal.evaluation(make_evaluation(speakers=("1", "2", "3"), corpora=("a", "b"))))
    assert f"no interval for a, b: 3 speakers. {INTERVAL_RULE}" in " ".join(text.split())


def test_notes_stand_below_the_terms() -> None:
    note = Note(NoteKind.NOT_CALIBRATED, "not calibrated: there is one fold alone")
    lines = printed(terminal.evaluation(replace(EVALUATION, notes=(note,)))).splitlines()
    assert lines[2] == "not calibrated: there is one fold alone"
