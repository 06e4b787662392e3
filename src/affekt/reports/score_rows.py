"""Rows of score tables and notices, shared by terminal tables, pages and model cards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affekt.evaluation.results import Evaluation
    from affekt.evaluation.scores import CorpusScore

POOLED = "pooled"
NOT_UNSEEN = "This is not a score on unseen speakers: compare it with by-actor-5."


def pooled_score(result: Evaluation) -> CorpusScore:
    """Return the scores on the clips of all tested corpora together, in the form of a corpus's score."""
    from affekt.evaluation.scores import CorpusScore

    sets = result.prediction_sets
    return CorpusScore(
        n=result.n,
        speakers=len(result.slices["speaker"]),
        majority=result.majority,
        accuracy=result.headlines["accuracy"],
        uar=result.headlines["uar"],
        ece=result.ece,
        coverage=sets.coverage if sets else None,
        set_size=sets.size if sets else None,
        out_of_distribution=result.out_of_distribution,
    )


def corpus_rows(result: Evaluation) -> dict[str, CorpusScore]:
    """Return the scores on each tested corpus, then on all of them; empty for a single corpus."""
    if len(result.by_corpus) < 2:
        return {}
    return {**result.by_corpus, POOLED: pooled_score(result)}


def percentage(share: float | None) -> str:
    """Return a share in percent without the sign, such as ``66.1``; ``-`` for None and NaN."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f}"


def mean_size(size: float | None) -> str:
    """Return the mean size of prediction sets, such as ``2.1``; ``-`` for None."""
    return "-" if size is None else f"{size:.1f}"


def exclusion_reasons(result: Evaluation, shown: int) -> list[str]:
    """Return why clips were excluded, a line for each of the first ``shown``, then how many more."""
    reasons = [why if path in why else f"{path}: {why}" for path, why in result.excluded]
    more = len(reasons) - shown
    return reasons[:shown] + ([f"and {more} more"] if more > 0 else [])
