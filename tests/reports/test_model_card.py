"""A model card states what the contract and the evaluations state."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from tests.reports.synthetic import make_evaluation
from tools.write_model_card import CARD, TABLES, read, write

from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.model.bundle import DEFAULT_MODEL, load
from affekt.model.calibration import Calibration
from affekt.model.intended_use import LAW, SHORT
from affekt.reports.model_card import render

CONTRACT = load().contract
PLAIN = replace(
    CONTRACT,
    calibration=Calibration(temperature=1.2, threshold=0.1),
    enrolled_calibration=None,
    uncertainty_weight=0.0,
)


def test_it_has_every_score_with_its_terms() -> None:
    card = render("m.onnx", CONTRACT)
    for name, score in CONTRACT.scores.headlines.items():
        value, low, high = (f"{100 * share:.1f}" for share in (score.value, score.low, score.high))
        assert f"| {METRIC_TITLES[name]} | {value} | {low} - {high} |" in card
    assert (
        f"**{CONTRACT.scores.protocol_label}**, {CONTRACT.scores.n} clips, 8 emotions, chance 12.5%" in card
    )
    for matrix_row in CONTRACT.scores.confusion_matrix:
        assert " | ".join(map(str, matrix_row)) in card


def test_it_states_contents_intended_use_and_limits() -> None:
    card = render("m.onnx", CONTRACT)
    for part in (CONTRACT.sha256, CONTRACT.recipe, "CC BY-NC-SA 4.0", "24 speakers"):
        assert part in card
    for part in (CONTRACT.features, LAW, f"{CONTRACT.calibration.threshold:.1%}"):
        assert part in card


def test_the_law_is_the_same_in_the_app_and_names_its_articles() -> None:
    assert LAW in SHORT
    for part in ("(EU) 2024/1689", "Article 5(1)(f)", "Annex III, point 1(c)", "Article 50(3)"):
        assert part in LAW


def test_without_measured_coverage_none_is_stated() -> None:
    scores = replace(CONTRACT.scores, coverage=None, set_size=None)
    card = render("m.onnx", replace(CONTRACT, scores=scores))
    assert not re.search("measured(:| on)", card)
    assert "measured before calibration" in card
    assert not re.search("None|nan", card)


def test_without_durations_recordings_are_predicted_as_a_whole() -> None:
    card = render("m.onnx", replace(CONTRACT, recordings={}))
    assert "predicted as a whole" in card
    assert "inf" not in card.split("## Confidence")[1]


@pytest.mark.parametrize(("leaky", "speakers"), [(True, "seen"), (False, "unseen")])
def test_it_states_whether_calibration_was_fitted_on_unseen_speakers(leaky: bool, speakers: str) -> None:
    card = render("m.onnx", replace(CONTRACT, scores=replace(CONTRACT.scores, leaky=leaky)))
    assert f"out-of-fold predictions for\n  {speakers} speakers" in card


def test_further_scores_have_a_table_with_a_row_for_each_evaluation() -> None:
    one = make_evaluation(calibrated=True)
    card = render("m.onnx", CONTRACT, {"Elsewhere": {"a": one, "b": one}})
    table = card.split("### Elsewhere\n")[1].split("\n##")[0]
    sets = one.prediction_sets
    assert sets is not None
    assert one.out_of_distribution is not None
    cells = [one.headlines["accuracy"].with_interval, one.headlines["uar"].with_interval]
    cells += [f"{100 * one.ece:.1f}", f"{100 * sets.coverage:.1f}", f"{sets.size:.1f}"]
    cells += [f"{100 * one.out_of_distribution:.1f}", str(one.n), "by-actor-5"]
    for name in ("a", "b"):
        assert f"| {name} | {' | '.join(cells)} |" in table


def test_columns_that_no_evaluation_has_are_left_out() -> None:
    card = render("m.onnx", CONTRACT, {"Elsewhere": {"a": make_evaluation()}})
    table = card.split("### Elsewhere\n")[1].split("\n##")[0]
    assert "ECE" in table
    assert not re.search("coverage|set size|flagged", table)


def test_an_evaluation_on_several_corpora_has_a_row_for_each_and_one_for_all() -> None:
    card = render("m.onnx", CONTRACT, {"Elsewhere": {"a": make_evaluation(corpora=("x", "y"))}})
    table = card.split("### Elsewhere\n")[1].split("\n##")[0]
    assert re.findall(r"^\| (a, \w+) \|", table, re.MULTILINE) == ["a, x", "a, y", "a, pooled"]


def test_the_condition_is_named_once_in_a_row() -> None:
    noisy = make_evaluation(condition="noise, 5 dB", protocol_label="by-actor-5, noise, 5 dB")
    card = render("m.onnx", CONTRACT, {"Elsewhere": {"noise, 5 dB": noisy}})
    assert card.count("noise, 5 dB") == 1


def test_the_card_in_docs_is_up_to_date() -> None:
    assert CARD.read_text(encoding="utf-8") == write(DEFAULT_MODEL)


@pytest.mark.parametrize("title", TABLES)
def test_every_row_of_the_card_in_docs_is_a_score_in_docs(title: str) -> None:
    section = CARD.read_text(encoding="utf-8").split(f"### {title}\n")[1].split("\n##")[0]
    rows = re.findall(r"^\| (?! )(.+?) \| (\d+\.\d) \(", section, re.MULTILINE)
    expected = []
    for name, one in read(TABLES[title]).items():
        pooled = f"{100 * one.headlines['accuracy'].value:.1f}"
        corpora = [
            (f"{name}, {corpus}", f"{100 * scores.accuracy.value:.1f}")
            for corpus, scores in one.by_corpus.items()
        ]
        expected += [*corpora, (f"{name}, pooled", pooled)] if len(corpora) > 1 else [(name, pooled)]
    assert rows == expected


def test_a_card_says_why_there_is_no_interval() -> None:
    contract = load().contract
    few = make_evaluation(speakers=("1", "2")).headlines
    card = render("m", replace(contract, scores=replace(contract.scores, headlines=few)))
    assert card.count("| none: 2 speakers |") == len(METRIC_TITLES)
    assert INTERVAL_RULE in card
    assert INTERVAL_RULE not in render("m", contract)


@pytest.mark.parametrize(
    ("speakers", "unknown", "over"),
    [(("1",), False, "speakers"), ((), True, "clips"), (("1",), True, "speakers and clips")],
)
def test_a_card_says_what_intervals_are_over(speakers: tuple[str, ...], unknown: bool, over: str) -> None:
    corpora = tuple(replace(one, speakers=speakers, unknown_speakers=unknown) for one in CONTRACT.corpora)
    card = render("m", replace(CONTRACT, corpora=corpora))
    assert f"| metric | score, % | 95 % interval over {over}, % |" in card


def test_a_card_says_how_an_uncertain_answer_is_flagged_sooner() -> None:
    alone = " ".join(render("m", PLAIN).split())
    limit = f"exceeds {PLAIN.distance_threshold:.2f} standard deviations"
    assert f"training speaker {limit}" in alone
    weighted = " ".join(render("m", replace(PLAIN, uncertainty_weight=1.0)).split())
    assert f"speaker, times 1 + 1 (1 - largest probability before calibration), {limit}" in weighted


def test_a_card_says_that_calibration_is_for_left_out_corpora_too_and_depends_on_the_distance() -> None:
    assert "left-out corpora" not in render("m", PLAIN).split("- **Prediction set.**")[1]
    calibration = replace(
        CONTRACT.calibration,
        temperature=2.0,
        distance_slope=1.0,
        reference_distance=CONTRACT.distance_threshold - math.log(2),
        fitted_on=("unseen speakers", "unseen corpora"),
    )
    card = " ".join(render("m", replace(CONTRACT, calibration=calibration)).split())
    assert "out-of-fold predictions for unseen speakers and unseen corpora" in card
    over = "unseen speakers of corpora like the training ones and left-out corpora"
    assert f"On average over {over}, each as often" in card
    assert re.search(r"the cases \(measured on unseen speakers of the training corpora: [\d.]+%", card)
    assert "2.5% of the clips of unseen speakers of the training corpora." in card
    assert "0.50 at a distance of" in card
    assert f"0.25 at {CONTRACT.distance_threshold:.2f}" in card


def test_a_protocol_that_came_with_a_model_is_no_html() -> None:
    scores = replace(CONTRACT.scores, protocol_label="<img src=x> [a](http://b)")
    text = render("m", replace(CONTRACT, scores=scores)).split("## Scores")[1]
    assert "&lt;img" in text
    assert not re.search(r"<img|\]\(http", text)


def test_a_card_says_how_predictions_with_a_voice_are_calibrated() -> None:
    alone = render("m", PLAIN)
    assert "or after adaptation to a speaker" in alone
    assert "Enrolled speakers" not in alone
    own = Calibration(temperature=0.5, threshold=0.123, fitted_on=("unseen speakers", "unseen corpora"))
    card = " ".join(render("m", replace(CONTRACT, enrolled_calibration=own)).split())
    assert "or after adaptation" not in card
    assert "with 1 to 16 other clips of the speaker enrolled" in card
    assert "raised to the power 2.00, and the prediction set" in card
    assert "at least 12.3%" in card
    over = "unseen speakers of corpora like the training ones and left-out corpora"
    assert f"12.3%. It contains the true emotion as often, on average over {over}." in card
