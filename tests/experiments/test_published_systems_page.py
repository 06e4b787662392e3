"""The page shows each claim beside the scores, on which protocol, and nothing that is not in its JSON."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from tests.experiments.results import METRICS, make_results, make_trial

from affekt.experiments.published_systems_page import render
from affekt.experiments.reproduction_result import read_reproduction
from affekt.metrics import HEADLINES

DOCS = Path(__file__).parents[2] / "docs"


def row(page: str, *words: str) -> list[str]:
    """The cells of the one row that has all these words."""
    (found,) = [
        line for line in page.splitlines() if line.startswith("|") and all(w in line for w in words)
    ]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_trial_is_shown_with_its_protocol_its_claim_and_its_scores() -> None:
    cells = row(render(make_results()), "as claimed", "452")
    assert cells[:4] == ["`se-cnn`", "as claimed", "random-80-20 **LEAKY**", "speech + song"]
    assert cells[4:8] == ["2", "452", "5", "accuracy 92.2, weighted F1 92.0"]
    assert cells[8] == "81.2 ± 2.3 (76.2 - 86.2)"
    assert cells[9] == "80.2 ± 2.3 (76.2 - 86.2)"
    assert cells[-1] == "90 s"


def test_an_honest_trial_is_not_called_leaky_and_one_seed_has_no_deviation() -> None:
    cells = row(render(make_results()), "unseen actors", "452")
    assert "LEAKY" not in " ".join(cells)
    assert cells[6:8] == ["1", "-"]
    assert cells[8] == "45.7 (40.7 - 50.7)"
    assert cells[-1] == "30 min"


def test_every_headline_has_a_column() -> None:
    assert set(METRICS) == set(HEADLINES)
    head = row(render(make_results()), "protocol", "seeds")
    assert head[8:13] == ["accuracy", "UAR", "macro F1", "weighted F1", "weighted F2"]


def test_all_rows_of_a_table_are_as_wide_as_its_head() -> None:
    widths: list[set[int]] = [set()]
    for line in render(make_results()).splitlines():
        if line.startswith("|"):
            widths[-1].add(line.count("|"))
        else:
            widths.append(set())
    assert [len(width) for width in widths if width] == [1, 1, 1]


def test_the_overview_puts_claim_own_split_and_unseen_actors_in_one_row() -> None:
    cells = row(render(make_results()), "004", "92.2")
    assert cells == [
        "004", "`se-cnn`", "92.2", "81.2 ± 2.3 (76.2 - 86.2)", "45.7 (40.7 - 50.7)", "34.6 (29.6 - 39.6)",
    ]  # fmt: skip


def test_claim_and_audit_are_given_in_words() -> None:
    page = render(make_results())
    assert "**Claimed:** 92.20 % accuracy." in page
    assert "**What that was:** Augmented first." in page


def test_recall_is_shown_by_emotion() -> None:
    page = render(make_results())
    assert row(page, "recipe", "happy", "sad")[-2:] == ["happy", "sad"]
    assert row(page, "as claimed", "71")[-2:] == ["71", "33"]


def test_an_emotion_that_a_trial_does_not_have_is_left_open() -> None:
    fewer = make_trial("by-actor-5", 0.4, reading="fewer")
    recalls = {"happy": fewer.evaluation.per_emotion["happy"]}
    fewer = replace(fewer, evaluation=replace(fewer.evaluation, per_emotion=recalls, emotions=("happy",)))
    page = render(make_results(trials=(make_trial("random-80-20", 0.8), fewer)))
    assert row(page, "fewer", "71")[-2:] == ["71", "-"]


def test_a_system_without_results_is_not_shown_yet() -> None:
    assert "stacked-ensemble" not in render(make_results())


def test_a_score_without_an_interval_is_shown_without_one() -> None:
    trial = make_trial("by-actor-5", 0.4567)
    headlines = {
        name: replace(score, low=math.nan, high=math.nan)
        for name, score in trial.evaluation.headlines.items()
    }
    trial = replace(trial, evaluation=replace(trial.evaluation, headlines=headlines))
    assert row(render(make_results(trials=(trial,))), "unseen actors", "452")[8] == "45.7"


@pytest.mark.parametrize(("quick", "name"), [(True, "results-quick.json"), (False, "results.json")])
def test_the_page_says_what_it_was_made_from_and_whether_that_was_quick(quick: bool, name: str) -> None:
    page = render(make_results(quick=quick))
    assert f"`{name}`" in page
    assert ("A quick run" in page) == quick


def test_the_page_of_a_part_of_the_corpus_says_that_it_is_one() -> None:
    whole = make_results()
    assert "A part of the corpus" not in render(whole)
    assert "A part of the corpus**: 100 clips" in render(replace(whole, clips=100))


def test_the_published_page_is_made_from_the_published_results() -> None:
    rendered = render(read_reproduction(DOCS / "results.json"))
    assert (DOCS / "results.md").read_text(encoding="utf-8") == rendered
