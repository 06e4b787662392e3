"""Rows of score tables."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from tests.reports.synthetic import EVALUATION, make_evaluation

from affekt.reports.score_rows import (
    corpus_rows,
    emotion_rows,
    exclusion_reasons,
    mean_size,
    percentage,
    pooled_score,
)


def test_the_pooled_score_of_one_corpus_is_the_score_on_this_corpus() -> None:
    result = make_evaluation(calibrated=True)
    assert pooled_score(result) == result.by_corpus["own"]


def test_one_corpus_has_no_rows_and_several_have_a_row_each_and_one_for_all() -> None:
    assert corpus_rows(EVALUATION) == {}
    result = make_evaluation(corpora=("a", "b"))
    rows = corpus_rows(result)
    assert list(rows) == ["a", "b", "pooled"]
    assert rows["a"].n + rows["b"].n == rows["pooled"].n == result.n


def test_rows_have_recall_and_coverage_of_each_emotion_then_the_accuracy_by_flag() -> None:
    result = make_evaluation(corpora=("a", "b"), calibrated=True)
    rows = emotion_rows(corpus_rows(result))
    assert [row[0] for row in rows] == [*result.emotions, "accuracy, flagged", "accuracy, not flagged"]
    assert {len(row) for row in rows} == {4}
    for i, name in enumerate("ab", 1):
        one = result.by_corpus[name]
        recall, coverage = one.recall["sad"], one.coverage_by_emotion["sad"]
        assert recall is not None
        assert coverage is not None
        assert rows[2][i] == f"{100 * recall:.1f} ({100 * coverage:.1f})"
        assert rows[-1][i] == percentage(one.unflagged_accuracy)
    assert rows[2][3].startswith(percentage(result.per_emotion["sad"].recall))


def test_rows_leave_out_what_is_unknown() -> None:
    result = make_evaluation(corpora=("a", "b"))
    assert [row[0] for row in emotion_rows(corpus_rows(result))] == list(result.emotions)
    assert emotion_rows({"a": replace(result.by_corpus["a"], recall={})}) == []
    partly = replace(result.by_corpus["a"], recall={**result.by_corpus["a"].recall, "sad": None})
    assert emotion_rows({"a": partly, "b": result.by_corpus["b"]})[2][1] == "-"


@pytest.mark.parametrize(
    ("share", "text"), [(0.6612, "66.1"), (1.0, "100.0"), (0.0, "0.0"), (None, "-"), (math.nan, "-")]
)
def test_an_unknown_share_is_a_dash(share: float | None, text: str) -> None:
    assert percentage(share) == text


def test_an_unknown_size_is_a_dash() -> None:
    assert (mean_size(2.125), mean_size(None)) == ("2.1", "-")


def test_reasons_name_the_file_once_and_are_counted_where_there_are_many() -> None:
    result = replace(
        EVALUATION, excluded=(("a.wav", "is silent"), ("b.wav", "b.wav is cut"), ("c.wav", ""))
    )
    assert exclusion_reasons(result, 2) == ["a.wav: is silent", "b.wav is cut", "and 1 more"]
    assert exclusion_reasons(result, 3)[-1] == "c.wav: "
