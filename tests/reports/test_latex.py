"""Tables in LaTeX state a score with its terms, and hold no command that a name brought in."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.reports.synthetic import make_evaluation

from affekt.evaluation.comparison import Comparison, compare
from affekt.reports.latex import comparison_table, evaluation_table


def cells(table: str, row: int) -> list[str]:
    lines = table.split("\\midrule\n")[1].splitlines()
    return [cell.strip() for cell in lines[row].removesuffix(r" \\").split(" & ")]


def test_a_row_has_protocol_clips_chance_and_intervals() -> None:
    result = make_evaluation()
    row = cells(evaluation_table(result), 0)
    accuracy = result.headlines["accuracy"]
    assert row[:3] == [result.recipe, result.corpus, result.protocol_label]
    assert row[3:5] == [str(result.n), f"{100 * result.chance:.1f}"]
    assert row[5] == f"{100 * accuracy.value:.1f} ({100 * accuracy.low:.1f}--{100 * accuracy.high:.1f})"


def test_several_corpora_have_a_row_each_and_one_together() -> None:
    table = evaluation_table(make_evaluation(corpora=("x", "y")))
    assert [cells(table, i)[1] for i in range(3)] == ["x", "y", "pooled"]


def test_special_characters_are_escaped() -> None:
    label = "random-80-20 (LEAKY: 50 % of $a_b & c\\d)"
    table = evaluation_table(replace(make_evaluation(), protocol_label=label))
    assert r"random-80-20 (LEAKY: 50 \% of \$a\_b \& c\textbackslash{}d)" in table
    assert table.count(r" \\") == 2


def test_a_comparison_has_the_scores_and_the_differences(compared: Comparison) -> None:
    scores, differences = comparison_table(compared).split("\\bigskip")
    assert [cells(scores, i)[0] for i in range(2)] == list(compared.scores)
    assert cells(differences, 0)[0] == " -- ".join(compared.scores)
    for table in (scores, differences):
        assert compared.protocol_label in table
        assert f"{compared.n} clips" in table
        assert "over speakers" in table
    assert "not corrected" in differences


def test_intervals_over_clips_of_unknown_speakers_are_called_that() -> None:
    unknown = compare([make_evaluation(recipe=name, speakers=("",) * 3) for name in ("a", "b")])
    for table in comparison_table(unknown).split("\\bigskip"):
        assert "intervals over clips" in table


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_latex_sets_the_tables_within_the_width_of_a_page(compared: Comparison, tmp_path: Path) -> None:
    several = make_evaluation(corpora=("x_1", "y&z"))
    tables = evaluation_table(several) + comparison_table(compared)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage[a4paper, margin=2.5cm]{geometry}\\usepackage{booktabs}\n"
        f"\\begin{{document}}{tables}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:]
    assert "Overfull" not in made.stdout


def test_corpora_that_were_left_out_in_turn_have_no_common_chance_level() -> None:
    result = make_evaluation(corpora=("x", "y"))
    table = evaluation_table(replace(result, protocol="leave-one-corpus-out"))
    assert [cells(table, i)[4] for i in range(3)] == ["--"] * 3
