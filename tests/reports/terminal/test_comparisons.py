"""The terminal output of a comparison."""

from __future__ import annotations

import math
from dataclasses import replace

from tests.reports.synthetic import make_evaluation
from tests.reports.terminal.printing import cells, printed

from affekt.evaluation.comparison import Comparison, compare
from affekt.metrics import INTERVAL_RULE
from affekt.reports import terminal

COMPARED = compare([make_evaluation(recipe="dull", skill=0.5), make_evaluation(recipe="good", skill=2.5)])


def test_scores_are_listed_the_best_first() -> None:
    text = printed(terminal.comparison(COMPARED))
    assert "by-actor-5\n120 clips of 6 speakers, chance 25.0%" in text
    assert text.index("good ") < text.index("dull ")
    for name, scores in COMPARED.scores.items():
        accuracy, uar = scores["accuracy"], scores["uar"]
        expected = [f"{accuracy.value:.1%}", *accuracy.interval.split()]
        assert cells(text, name) == [*expected, f"{uar.value:.1%}", *uar.interval.split()]


def difference_rows(result: Comparison) -> list[str]:
    text = printed(terminal.comparison(result))
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith("good - dull")]


def test_every_difference_has_its_interval_and_a_verdict() -> None:
    for row, one in zip(difference_rows(COMPARED), COMPARED.differences, strict=True):
        assert one.significant
        bounds = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
        title = {"accuracy": "accuracy", "uar": "UAR"}[one.metric]
        assert row == f"good - dull {title} {100 * one.value:+.1f} {bounds} does not include 0"


def test_a_difference_without_interval_or_with_0_in_it_may_be_chance() -> None:
    first, second = COMPARED.differences
    changed = (replace(first, low=-0.1, high=0.2), replace(second, low=math.nan, high=math.nan))
    one, other = difference_rows(replace(COMPARED, differences=changed))
    assert one.endswith("-10.0 to +20.0 may be chance")
    assert other.endswith(f"{100 * second.value:+.1f} - may be chance")


def test_it_states_that_intervals_are_not_corrected() -> None:
    text = " ".join(printed(terminal.comparison(COMPARED)).split())
    assert "The intervals of the 2 differences are not corrected for multiple comparisons." in text


def test_leaky_scores_are_marked() -> None:
    leaky = [make_evaluation(recipe=name, skill=skill, leaky=True) for name, skill in (("a", 1), ("b", 2))]
    assert "LEAKY" in printed(terminal.comparison(compare(leaky)))


def test_of_two_speakers_there_is_no_interval_and_the_reason_is_given() -> None:
    few = compare(
        [make_evaluation(recipe=n, skill=s, speakers=("1", "2")) for n, s in (("good", 3), ("dull", 1))]
    )
    text = printed(terminal.comparison(few))
    assert [row.endswith("none: 2 speakers may be chance") for row in difference_rows(few)] == [True, True]
    assert "none: 2 speakers" in next(line for line in text.splitlines() if line.startswith("good "))
    assert INTERVAL_RULE in " ".join(text.split())


def test_intervals_over_clips_are_called_that() -> None:
    unknown = compare(
        [make_evaluation(recipe=n, skill=s, speakers=("",) * 3) for n, s in (("a", 3), ("b", 1))]
    )
    assert "95 %: interval over clips." in printed(terminal.comparison(unknown))
