"""Tables for a paper in LaTeX, with the rules of the package booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from affekt.evaluation.comparison import Comparison
from affekt.evaluation.results import Evaluation
from affekt.metrics import Score
from affekt.reports.score_rows import corpus_rows, pooled_score
from affekt.support.versions import installed_versions

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        **{one: f"\\{one}" for one in "&%$#_{}"},
    }
)  # fmt: skip
_HEAD = "% Made by affekt {version}; needs \\usepackage{{booktabs}}.\n"
_INTERVALS = "In brackets: 95 % bootstrap intervals over {over}."


def evaluation_table(result: Evaluation) -> str:
    """Return a table with a row for each tested corpus: protocol, n, chance, accuracy and UAR.

    A leaky protocol is called leaky in its row. Where each corpus was left out in turn, the emotions that
    could be predicted differ between the rows, and the chance level is left out.
    """
    rows = corpus_rows(result) or {result.corpus: pooled_score(result)}
    protocol = f"{result.protocol} (LEAKY)" if result.leaky else result.protocol
    unseen = " Tested speakers were not trained on." if result.speakers_overlap is False else ""
    note = f"{result.protocol_label}.{unseen} {_INTERVALS.format(over=result.interval_over)}"
    chance = "--" if result.protocol == "leave-one-corpus-out" else f"{100 * result.chance:.1f}"
    cells = [
        [
            _escape(result.recipe), _escape(corpus), _escape(protocol), str(row.n),
            chance, _score(row.accuracy), _score(row.uar),
        ]
        for corpus, row in rows.items()
    ]  # fmt: skip
    titles = ("Recipe", "Corpus", "Protocol", "$n$", r"Chance, \%", r"Accuracy, \%", r"UAR, \%")
    return _head() + _table("lllrrrr", titles, cells, note)


def comparison_table(found: Comparison) -> str:
    """Return two tables: the scores of each recipe, and the differences of each pair."""
    terms = f"{found.protocol_label}: {found.n} clips, chance {100 * found.chance:.1f} %. "
    intervals = _INTERVALS.format(over=found.interval_over)
    scores = [
        [_escape(name), *(_score(one[metric]) for metric in ("accuracy", "uar"))]
        for name, one in found.scores.items()
    ]
    differences = [
        [
            f"{_escape(one.better)} -- {_escape(one.worse)}",
            {"uar": "UAR"}.get(one.metric, one.metric),
            f"{100 * one.value:+.1f} ({_escape(one.interval)})",
        ]
        for one in found.differences
    ]
    return "\n\\bigskip\\noindent\n".join(
        [
            _head() + _table("lrr", ("Recipe", r"Accuracy, \%", r"UAR, \%"), scores, terms + intervals),
            _table(
                "llr",
                ("Difference", "Metric", "Points"),
                differences,
                f"{terms}{intervals} They are not corrected for the number of pairs.",
            ),
        ]
    )


def _head() -> str:
    return _HEAD.format(version=installed_versions()["affekt"])


def _table(columns: str, titles: Sequence[str], rows: Iterable[Sequence[str]], note: str) -> str:
    """Return a table with a note below it, which is as wide as the text."""
    body = [f"  {' & '.join(row)} \\\\" for row in rows]
    return "\n".join(
        [
            f"\\begin{{tabular}}{{{columns}}}",
            r"  \toprule", f"  {' & '.join(titles)} \\\\", r"  \midrule",
            *body,
            r"  \bottomrule",
            r"\end{tabular}",
            f"\\par\\smallskip\\noindent{{\\footnotesize {_escape(note)}\\par}}\n",
        ]
    )  # fmt: skip


def _score(score: Score) -> str:
    return _escape(score.with_interval).replace(" - ", "--")


def _escape(text: str) -> str:
    escaped = " ".join(text.translate(_ESCAPES).split())
    # At the start of a row these would be an argument of the \\\\ before it.
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped
