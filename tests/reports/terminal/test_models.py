"""The terminal output about a model."""

from __future__ import annotations

from dataclasses import replace

from tests.reports.terminal.printing import printed

from affekt.metrics import METRIC_TITLES
from affekt.model.bundle import load
from affekt.reports import terminal

BUNDLE = load()


def test_it_shows_training_data_scores_and_origin() -> None:
    text = printed(terminal.model(BUNDLE), width=200)
    contract = BUNDLE.contract
    assert f"{contract.features}, from 16000 Hz" in text
    assert f"{contract.recipe}, seed 0" in text
    assert "ravdess: 2452 clips, 24 speakers (01, 02" in text
    assert "CC BY-NC-SA 4.0" in text
    assert contract.sha256 in text
    for name, title in METRIC_TITLES.items():
        score = contract.scores.headlines[name]
        low, high = (f"{100 * bound:.1f}" for bound in (score.low, score.high))
        assert f"{score.value:.1%} (95 %: {low} - {high})" in text, title
    assert f"coverage {contract.scores.coverage:.1%}, mean size {contract.scores.set_size:.1f}" in text
    assert "average over unseen speakers of corpora like the training ones" in text


def test_it_shows_whom_predictions_with_a_voice_are_calibrated_for() -> None:
    for own, shown in ((None, False), (replace(BUNDLE.contract.calibration, temperature=1.5), True)):
        bundle = replace(BUNDLE, contract=replace(BUNDLE.contract, enrolled_calibration=own))
        text = printed(terminal.model(bundle), width=200)
        assert ("with 1 to 16 enrolled clips: over" in text) == shown
