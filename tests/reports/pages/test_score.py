"""The page about a score."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.reports.html_page import HtmlPage, write
from tests.reports.synthetic import MALICIOUS_EMOTION, MALICIOUS_NAMES, caption, make_evaluation

from affekt.evaluation.results import Evaluation
from affekt.metrics import INTERVAL_RULE
from affekt.notes import Note, NoteKind
from affekt.reports import figures
from affekt.reports.figures.style import in_percent
from affekt.reports.pages.content import SHOWN_ROWS
from affekt.reports.pages.score import SHOWN_ERRORS
from affekt.reports.score_rows import corpus_rows, emotion_rows

ERRORS = "Most confident errors"


def test_a_score_page_has_all_its_sections(score_page: HtmlPage) -> None:
    assert list(score_page.sections) == [
        "Scores",
        "By emotion",
        "By speaker and condition",
        "Calibration",
        "Feature importance",
        ERRORS,
    ]


def test_honest_and_leaky_scores_are_side_by_side_with_their_difference(
    score_page: HtmlPage, scored: Evaluation
) -> None:
    assert scored.counterpart is not None
    text = score_page.sections["Scores"]
    for one in (scored, scored.counterpart):
        for score in one.headlines.values():
            interval = f"{100 * score.low:.1f} - {100 * score.high:.1f}"
            assert (
                f"{100 * score.value:.1f} ({interval if one is scored else 'no interval: 24 clips'})"
                in text
            )
    assert "by-actor-5, 120 clips" in text
    assert "random-80-20 LEAKY, 24 clips" in text
    gap = scored.counterpart.headlines["uar"].value - scored.headlines["uar"].value
    assert f"{100 * gap:+.1f}" in text


def test_the_badge_of_an_honest_score_is_its_protocol(score_page: HtmlPage) -> None:
    assert score_page.badge_classes() == ["badge"]
    assert score_page.badge == "by-actor-5"
    assert "not a score on unseen speakers" not in score_page.text


def test_the_badge_of_a_leaky_score_is_a_warning(odd_page: HtmlPage) -> None:
    assert odd_page.badge_classes() == ["badge warn"]
    assert odd_page.badge == "random-80-20 (LEAKY: tested speakers were trained on)"
    assert "not a score on unseen speakers" in odd_page.text


def test_each_emotion_has_its_row(score_page: HtmlPage, scored: Evaluation) -> None:
    text = score_page.sections["By emotion"]
    for name, one in scored.per_emotion.items():
        cells = [in_percent(value) for value in (one.precision, one.recall, one.f1)]
        assert f"{name}{''.join(cells)}{one.support}" in text


@pytest.mark.parametrize(
    "function",
    [
        figures.confusion,
        figures.emotions,
        figures.speakers,
        figures.slices,
        figures.calibration,
        figures.selective_accuracy,
        figures.importances,
    ],
    ids=lambda function: function.__name__,
)
def test_the_figures_are_those_of_this_score(
    score_page: HtmlPage,
    scored: Evaluation,
    function: Callable[[Evaluation], figures.style.CaptionedFigure | None],
) -> None:
    assert caption(function(scored)) in score_page.captions()


def test_prediction_sets_and_flagged_clips_have_a_table(score_page: HtmlPage, scored: Evaluation) -> None:
    text = score_page.sections["Calibration"]
    sets = scored.prediction_sets
    assert sets is not None
    assert f"in the set{in_percent(sets.coverage)}" in text
    assert f"of a speaker{in_percent(min(sets.by_speaker.values()))}" in text
    assert f"emotions in a set{sets.size:.1f}" in text
    assert scored.out_of_distribution is not None
    assert f"out of distribution{in_percent(scored.out_of_distribution)}" in text
    assert scored.unflagged_accuracy is not None
    assert f"that are not flagged{in_percent(scored.unflagged_accuracy)}" in text


@pytest.mark.usefixtures("few_figures")
def test_where_no_speaker_is_known_no_coverage_of_a_speaker_is_stated(tmp_path: Path) -> None:
    result = replace(make_evaluation(speakers=("",) * 3, calibrated=True), tested=())
    text = write(result, tmp_path).sections["Calibration"]
    assert "emotions in a set" in text
    assert "of a speaker" not in text


@pytest.mark.usefixtures("few_figures")
def test_each_corpus_has_its_row_if_there_are_several(tmp_path: Path) -> None:
    result = make_evaluation(corpora=("a", "b"), calibrated=True)
    text = write(replace(result, tested=()), tmp_path).sections["By corpus"]
    for name, one in result.by_corpus.items():
        assert one.coverage is not None
        assert one.set_size is not None
        assert one.out_of_distribution is not None
        cells = [f"{one.n}", one.accuracy.with_interval, one.uar.with_interval, f"{100 * one.ece:.1f}"]
        cells += [
            f"{100 * one.coverage:.1f}",
            f"{one.set_size:.1f}",
            f"{100 * one.out_of_distribution:.1f}",
        ]
        assert f"{name}{''.join(cells)}" in text
    assert f"pooled{result.n}" in text
    for row in emotion_rows(corpus_rows(result)):
        assert "".join(row) in text


def test_sections_without_content_are_left_out(odd_page: HtmlPage) -> None:
    """It has no counterpart, importances, epochs, speakers, slices or second corpus."""
    assert list(odd_page.sections) == ["Scores", "By emotion", "Calibration", ERRORS, "Excluded clips"]
    assert "of unknown speakers" in odd_page.text


@pytest.mark.usefixtures("few_figures")
def test_the_epochs_of_a_network_are_drawn(
    odd: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affekt.reports.figures.training import histories

    monkeypatch.setattr(figures, "histories", histories)
    epochs = {name: np.array([0.9, 0.5]) for name in ("train_loss", "valid_loss", "valid_acc")}
    found = write(replace(odd, histories=(epochs,), tested=()), tmp_path)
    assert list(found.sections) == ["Scores", "By emotion", "Training", "Excluded clips"]
    assert len(found.all("svg")) == 1


def test_names_cannot_become_code(odd_page: HtmlPage) -> None:
    """Names of files, emotions, corpora and recipes."""
    assert not {"script", "i", "u", "br"} & {tag for tag, _ in odd_page.tags}
    assert not any("onerror" in attributes for _, attributes in odd_page.tags)
    assert not odd_page.all("img")
    for name in (*MALICIOUS_NAMES, MALICIOUS_EMOTION, "<b>bold</b> on <u>own</u>", "left-0<br>.wav"):
        assert name in odd_page.text


def test_the_most_confident_errors_are_shown_in_order_and_each_clip_once(odd_page: HtmlPage) -> None:
    found = re.findall(r", predicted .*? \(confidence (\d+)%\): (.*?\.wav)", odd_page.sections[ERRORS])
    shown = [(name, int(confidence)) for confidence, name in found]
    assert shown[:4] == [
        (MALICIOUS_NAMES[0], 90),
        (MALICIOUS_NAMES[1], 80),
        (MALICIOUS_NAMES[2], 70),
        ("3.wav", 60),
    ]
    assert len(shown) == len({name for name, _ in shown}) == SHOWN_ERRORS
    assert f"{MALICIOUS_EMOTION}, predicted 😊 happy (confidence 90%)" in odd_page.text


def test_the_audio_of_an_error_is_that_of_the_clip_that_is_named(odd_page: HtmlPage) -> None:
    numbers = [0, 1, 2, *range(4, SHOWN_ERRORS)]
    audio = odd_page.audio()
    assert len(audio) == len(numbers)
    for number, (samples, rate) in zip(numbers, audio, strict=True):
        loudest = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
        assert loudest == pytest.approx(300 + 100 * number, abs=5)
        assert len(samples) / rate == pytest.approx(0.5 + 0.1 * (number % 4), abs=0.1)
        middle = samples[len(samples) // 4 : -len(samples) // 4]
        assert np.abs(middle).max() == pytest.approx(1 if number == 1 else 0.4, rel=0.1)


def test_a_clip_that_is_gone_has_a_message_in_its_place(odd_page: HtmlPage) -> None:
    assert re.search(r"3\.wav\)?\s*there is no file", odd_page.sections[ERRORS])


def test_of_many_excluded_clips_some_are_named_and_the_others_counted(odd_page: HtmlPage) -> None:
    text = odd_page.sections["Excluded clips"]
    assert text.count("is silent") == SHOWN_ROWS
    assert "and 5 more" in text


def test_an_evaluation_from_a_file_has_a_page_too(scored: Evaluation, tmp_path: Path) -> None:
    found = write(Evaluation.from_json(scored.to_json()), tmp_path)
    assert "Calibration" in found.sections
    assert ERRORS not in found.sections


def test_a_page_of_two_speakers_says_that_there_is_no_interval_and_why(tmp_path: Path) -> None:
    page = write(make_evaluation(speakers=("1", "2")), tmp_path)
    assert f"over speakers. {INTERVAL_RULE}" in page.text
    assert "accuracy (no interval: 2 speakers)" in page.text
    assert "nan" not in page.text


def test_notes_on_a_score_stand_at_the_top_of_its_page(tmp_path: Path) -> None:
    note = Note(NoteKind.IDENTICAL_CLIPS, "60 of 120 clips repeat the audio of another one")
    page = write(replace(make_evaluation(), notes=(note,)), tmp_path)
    assert str(note) in page.text
