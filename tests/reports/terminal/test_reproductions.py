"""The terminal output of a reproduction."""

from __future__ import annotations

from pathlib import Path

from tests.reports.terminal.printing import printed

from affekt.experiments.reproduction_result import read_reproduction
from affekt.reports import terminal

RESULTS = read_reproduction(Path(__file__).parents[3] / "docs" / "results.json")


def test_every_trial_has_its_claim_beside_its_scores() -> None:
    lines = printed(terminal.reproduction(RESULTS), width=120).splitlines()
    assert len(lines) == 1 + 2 * len(RESULTS.trials)
    for i, trial in enumerate(RESULTS.trials):
        about, scores = lines[1 + 2 * i : 3 + 2 * i]
        assert about == f"{trial.recipe}: {trial.reading}"
        label = f"{trial.protocol}{' LEAKY' * trial.evaluation.leaky}, {trial.material}"
        assert scores.strip().startswith(label)
        headlines, claim = trial.evaluation.headlines, trial.claims.get("accuracy")
        assert scores.split()[-4:] == [
            str(trial.evaluation.n),
            f"{claim:.1%}" if claim else "-",
            f"{headlines['accuracy'].value:.1%}",
            f"{headlines['uar'].value:.1%}",
        ]


def test_it_fits_80_columns() -> None:
    text = printed(terminal.reproduction(RESULTS))
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
