"""The terminal output of an experiment with several conditions: enrolment and robustness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.reports.score_rows import POOLED, corpus_rows, pooled_score
from affekt.reports.terminal.layout import SCORE_LEGEND, missing_intervals, protocol, score_table
from affekt.support.terminal import one_line, plural

if TYPE_CHECKING:
    from affekt.evaluation.results import Evaluation
    from affekt.evaluation.scores import CorpusScore


def scores(title: str, found: Mapping[Any, Evaluation], repeated: str) -> Group:
    """Return a table with a row for each condition; for several corpora, one table for each and pooled.

    Parameters
    ----------
    title
        What differs between the conditions: the header of their names.
    found
        Condition -> evaluation; the first is the reference.
    repeated
        What the scores are a mean of: ``seed`` or ``draw``.
    """
    first = next(iter(found.values()))
    about = Text.assemble(
        (one_line(f"{first.recipe} on {first.corpus}"), "bold"),
        ", ",
        protocol(first.terms_label, leaky=first.leaky),
        f"\n{first.n} clips of {len(first.slices['speaker']) or 'unknown'} speakers, mean of "
        f"{plural(len(first.by_seed), repeated)}, chance {first.chance:.1%}\n",
    )
    for note in dict.fromkeys(note for one in found.values() for note in one.notes):
        about.append(f"{note}\n", "yellow")
    rows = [(name, row) for one in found.values() for name, row in _rows(one).items()]
    why = missing_intervals([(name, one) for name, row in rows for one in (row.accuracy, row.uar)])
    legend = Text(SCORE_LEGEND.format(over=first.interval_over), "dim")
    return Group(about, *_blocks(title, found), *([why] if why else []), legend)


def _rows(result: Evaluation) -> dict[str, CorpusScore]:
    return corpus_rows(result) or {result.corpus: pooled_score(result)}


def _blocks(title: str, found: Mapping[Any, Evaluation]) -> Iterator[RenderableType]:
    by_condition = {str(name): corpus_rows(one) for name, one in found.items()}
    if not all(by_condition.values()):
        yield score_table(title, [(str(name), pooled_score(one)) for name, one in found.items()])
        return
    for corpus, one in next(iter(by_condition.values())).items():
        yield Text.assemble((one_line(corpus), "bold"), _about(corpus, one))
        rows = [(name, scores[corpus]) for name, scores in by_condition.items() if corpus in scores]
        yield score_table(title, rows)
        yield ""


def _about(corpus: str, one: CorpusScore) -> str:
    return "" if corpus == POOLED else f": {one.n} clips of {plural(one.speakers, 'speaker')}"
