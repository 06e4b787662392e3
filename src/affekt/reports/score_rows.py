"""Rows of score tables and notices, shared by terminal tables, pages and model cards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affekt.evaluation.results import Evaluation
    from affekt.evaluation.scores import CorpusScore

POOLED = "pooled"
NOT_UNSEEN = "This is not a score on unseen speakers: compare it with by-actor-5."


def human_score(result: Evaluation) -> tuple[float, str] | None:
    """Return the human accuracy and its source; None unless people rated what the model was tested on."""
    from affekt.evaluation.results import AS_RECORDED

    return result.human_accuracy if result.condition == AS_RECORDED else None


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
        flagged_accuracy=result.flagged_accuracy,
        unflagged_accuracy=result.unflagged_accuracy,
        recall={
            name: None if math.isnan(one.recall) else one.recall for name, one in result.per_emotion.items()
        },
        coverage_by_emotion=sets.by_emotion if sets else {},
    )


def corpus_rows(result: Evaluation) -> dict[str, CorpusScore]:
    """Return the scores on each tested corpus, then on all of them; empty for a single corpus."""
    if len(result.by_corpus) < 2:
        return {}
    return {**result.by_corpus, POOLED: pooled_score(result)}


def emotion_rows(scores: Mapping[str, CorpusScore]) -> list[list[str]]:
    """Return rows for a table with a column for each score: recall by emotion, accuracy by flag.

    A cell has the recall in percent, and the coverage of the prediction sets in brackets where it is known.
    Rows in which nothing is known are left out.
    """
    emotions = dict.fromkeys(emotion for one in scores.values() for emotion in one.recall)
    rows = [[emotion, *(_recall(one, emotion) for one in scores.values())] for emotion in emotions]
    rows.append(["accuracy, flagged", *(percentage(one.flagged_accuracy) for one in scores.values())])
    rows.append(["accuracy, not flagged", *(percentage(one.unflagged_accuracy) for one in scores.values())])
    return [row for row in rows if any(cell != "-" for cell in row[1:])]


def _recall(one: CorpusScore, emotion: str) -> str:
    coverage = one.coverage_by_emotion.get(emotion)
    return percentage(one.recall.get(emotion)) + ("" if coverage is None else f" ({percentage(coverage)})")


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
