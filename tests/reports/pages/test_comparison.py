"""The page about a comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.reports.html_page import HtmlPage, write

from affekt.evaluation.comparison import Comparison
from affekt.reports import figures


def test_a_comparison_has_every_score_and_a_figure_for_each_metric(
    compared: Comparison, comparison_page: HtmlPage
) -> None:
    assert list(comparison_page.sections) == ["Scores", "Differences"]
    for name, headlines in compared.scores.items():
        row = f"{name}{headlines['accuracy'].with_interval}{headlines['uar'].with_interval}"
        assert row in comparison_page.sections["Scores"]
    assert len(comparison_page.captions()) == 2
    assert all(
        f"Differences in {metric} whose interval does not include 0" in text
        for metric, text in zip(("accuracy", "UAR"), comparison_page.captions(), strict=True)
    )


@pytest.mark.parametrize(("speakers", "over"), [(6, "speakers"), (0, "clips")])
def test_lead_and_figures_say_what_intervals_are_over(
    speakers: int, over: str, compared: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(figures, "differences", lambda *_, over: drawn.append(over))
    page = write(replace(compared, speakers=speakers), tmp_path)
    assert drawn == [over, over]
    assert f"bootstrap intervals over {over}; the same {over} are drawn" in page.text


@pytest.mark.usefixtures("few_figures")
def test_a_comparison_of_leaky_scores_is_a_warning(compared: Comparison, tmp_path: Path) -> None:
    found = write(replace(compared, leaky=True), tmp_path)
    assert found.badge_classes() == ["badge warn"]
    assert "not a score on unseen speakers" in found.text
