"""A model's card says what the contract says, and nothing that it does not."""

from __future__ import annotations

import re
from dataclasses import replace

from tools.write_model_card import CARD, SCORES, read, write

from affekt.bundle import DEFAULT_MODEL, load
from affekt.model_card import render

CONTRACT = load().contract


def test_it_has_every_score_with_its_terms() -> None:
    card = render("m.onnx", CONTRACT)
    for score in CONTRACT.scores.headlines.values():
        assert f"{score.value:.1%} | {score.low:.1%} - {score.high:.1%}" in card
    assert (
        f"**{CONTRACT.scores.protocol_label}**, {CONTRACT.scores.n} clips, 8 emotions, chance 12.5%" in card
    )
    for row in CONTRACT.scores.confusion_matrix:
        assert " | ".join(map(str, row)) in card


def test_it_says_what_it_is_made_of_and_what_it_is_not_for() -> None:
    card = render("m.onnx", CONTRACT)
    for part in (CONTRACT.sha256, CONTRACT.recipe, CONTRACT.features, "CC BY-NC-SA 4.0", "24 speakers"):
        assert part in card
    assert "(EU) 2024/1689" in card
    assert f"{CONTRACT.trust.threshold:.1%}" in card


def test_a_model_that_nobody_could_calibrate_makes_no_promise_that_was_measured() -> None:
    scores = replace(CONTRACT.scores, coverage=None, likely_count=None)
    card = render("m.onnx", replace(CONTRACT, scores=scores))
    assert ", and was in" not in card
    assert "from before that" in card
    assert "None" not in card
    assert "nan" not in card


def test_a_leaky_score_is_not_called_one_on_unheard_voices() -> None:
    leaky = replace(CONTRACT, scores=replace(CONTRACT.scores, leaky=True))
    assert "unheard voices" not in render("m.onnx", leaky)
    assert "voices that it knew" in render("m.onnx", leaky)


def test_the_card_in_docs_is_that_of_the_bundled_model_and_of_the_scores_beside_it() -> None:
    assert CARD.read_text(encoding="utf-8") == write(DEFAULT_MODEL)


def test_every_row_of_the_card_in_docs_is_a_score_in_docs_scores() -> None:
    card = CARD.read_text(encoding="utf-8")
    for title, what in SCORES.items():
        section = card.split(f"### {title}\n")[1].split("\n##")[0]
        rows = re.findall(r"^\| (?!accuracy| |-)(.+?) \| (\d+\.\d)%", section, re.MULTILINE)
        scores = read(what)
        assert len(rows) == len(scores)
        for (name, accuracy), one in zip(rows, scores.values(), strict=True):
            assert f"{100 * one['accuracy']:.1f}" == accuracy, name


def test_its_rows_of_random_splits_are_named_for_what_they_leave_out() -> None:
    (title,) = (title for title in SCORES if "random" in title)
    for row, one in read(SCORES[title]).items():
        left_out = [emotion for emotion in CONTRACT.emotions if emotion not in one["emotions"]]
        assert one["leaky"]
        assert (row.startswith("eight emotions")) == (left_out == [])
        assert left_out == [emotion for emotion in CONTRACT.emotions if emotion in row]
        assert (one["protocol"] == "random-70-15-15") == ("15 % left out" in row)
