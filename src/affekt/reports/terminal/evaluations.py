"""The terminal output of one evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.reports.score_rows import NOT_UNSEEN, corpus_rows, emotion_rows, exclusion_reasons
from affekt.reports.terminal.layout import (
    SCORE_LEGEND,
    FirstThatFits,
    PlainTable,
    bar,
    listing,
    missing_intervals,
    protocol,
    score_table,
    shorten,
)
from affekt.support.terminal import one_line, plural

if TYPE_CHECKING:
    from affekt.evaluation.results import Evaluation
    from affekt.evaluation.scores import CorpusScore, SliceScore

CONFUSION_TITLE = "true ╲ predicted, %"
RECALL_TITLE = "recall (coverage), %"
LISTED = 10
SLICED = 4  # of more values, the lowest and the highest are shown
OFTEN, SOMETIMES = 0.2, 0.05  # shares of a row of the confusion matrix


def evaluation(result: Evaluation) -> Group:
    """Return the terms, the scores by metric, corpus, emotion and group, and the calibration."""
    parts = [part for part in _parts(result) if part is not None]
    separated: list[RenderableType] = [parts[0]]
    for part in parts[1:]:
        separated += ["", part]
    return Group(*separated)


def _parts(result: Evaluation) -> Iterator[RenderableType | None]:
    yield Group(_terms(result), _headlines(result))
    yield _by_corpus(result)
    yield _by_emotion(result)
    yield _confusion(result)
    yield _calibration(result)
    yield _slices(result)
    yield _importances(result)
    if result.excluded:
        reasons = exclusion_reasons(result, LISTED)
        yield Group(*listing("excluded", reasons, "yellow", len(result.excluded)))


def _terms(result: Evaluation) -> Text:
    text = Text.assemble(
        (one_line(f"{result.recipe} on {result.corpus}"), "bold"),
        ", ",
        protocol(result.protocol_label, leaky=result.leaky),
        f"\n{result.n} clips of {len(result.slices['speaker']) or 'unknown'} speakers, "
        f"{len(result.emotions)} emotions; chance {result.chance:.1%}, "
        f"majority {result.majority:.1%}; {plural(len(result.by_seed), 'seed')}\n",
    )
    there = [name for name, one in result.per_emotion.items() if one.support]
    if 1 < len(there) < len(result.emotions):
        names = one_line(",".join(there))
        text.append(
            f"only {len(there)} of these emotions occur in the clips; to predict no others, add "
            f"--emotions {names}\n",
            "yellow",
        )
    if result.excluded:
        text.append(f"{plural(len(result.excluded), 'clip')} excluded: the reasons are below\n", "yellow")
    for note in result.notes:
        text.append(f"{note}\n", "yellow")
    return text.append(f"{NOT_UNSEEN}\n", "red") if result.leaky else text


def _headlines(result: Evaluation) -> Group:
    table = PlainTable("", "score", f"95 % over {result.interval_over}", "± over seeds")
    for name, score in result.headlines.items():
        spread = f"{score.spread:.1%}" if len(result.by_seed) > 1 else "-"
        table.add_row(METRIC_TITLES[name], Text(f"{score.value:.1%}", "bold"), score.interval, spread)
    missing = any(score.no_interval for score in result.headlines.values())
    return Group(table, Text(INTERVAL_RULE, "yellow")) if missing else Group(table)


def _by_corpus(result: Evaluation) -> Group | None:
    rows = corpus_rows(result)
    table = score_table("corpus", rows.items(), with_clips=True)
    if not rows:
        return None
    why = missing_intervals([(name, one) for name, row in rows.items() for one in (row.accuracy, row.uar)])
    legend = Text(SCORE_LEGEND.format(over=result.interval_over), "dim")
    return Group(table, *([why] if why else []), legend, *_recall_by_corpus(rows))


def _recall_by_corpus(rows: Mapping[str, CorpusScore]) -> Iterator[RenderableType]:
    table = PlainTable(RECALL_TITLE, *rows)
    for row in emotion_rows(rows):
        table.add_row(*row)
    if table.row_count:
        yield ""
        narrow = "recall by corpus and emotion needs a wider terminal; --json and --report have it"
        yield FirstThatFits([table], narrow)


def _by_emotion(result: Evaluation) -> PlainTable:
    table = PlainTable("emotion", "recall", "precision", "F1", "clips")
    for name, score in result.per_emotion.items():
        if not score.support:
            continue
        style = emotion_style(name)
        table.add_row(
            Text(f"{style.emoji} {one_line(name)}", style.colour),
            Text(f"{bar(score.recall)} {score.recall:4.0%}", style.colour),
            f"{score.precision:.0%}",
            f"{score.f1:.0%}",
            str(score.support),
        )
    return table


def _confusion(result: Evaluation) -> FirstThatFits:
    """The confusion matrix in percent of each row; emotions without room are numbered, or shortened."""
    numbers = [str(i) for i in range(1, len(result.emotions) + 1)]
    numbered = [f"{number} {name}" for number, name in zip(numbers, result.emotions, strict=True)]
    short = [shorten(name, len(CONFUSION_TITLE)) for name in numbered]
    return FirstThatFits(
        [
            _matrix(result, result.emotions, result.emotions),
            _matrix(result, numbered, numbers),
            _matrix(result, short, numbers),
        ],
        "the confusion matrix needs a wider terminal; --json and --report have it",
    )


def _matrix(result: Evaluation, names: Sequence[str], titles: Sequence[str]) -> PlainTable:
    table = PlainTable(CONFUSION_TITLE, *titles, gap=1)
    for i, row in enumerate(result.confusion_matrix):
        if total := int(row.sum()):
            shares = [int(count) / total for count in row]
            cells = [
                Text(f"{100 * share:.0f}", "bold reverse" if i == j else _emphasis(share))
                for j, share in enumerate(shares)
            ]
            table.add_row(Text(one_line(names[i]), emotion_style(result.emotions[i]).colour), *cells)
    return table


def _emphasis(share: float) -> str:
    return "bold" if share >= OFTEN else "" if share >= SOMETIMES else "dim"


def _calibration(result: Evaluation) -> Text:
    lines = [f"expected calibration error (ECE) {result.ece:.1%}"] if not math.isnan(result.ece) else []
    if sets := result.prediction_sets:
        by_speaker = sets.by_speaker.values()
        spread = f" (by speaker {min(by_speaker):.0%} to {max(by_speaker):.0%})" if by_speaker else ""
        lines.append(f"prediction sets: coverage {sets.coverage:.1%}{spread}, mean size {sets.size:.1f}")
        accuracy = f", with an accuracy of {sets.alone_accuracy:.1%}" if sets.alone else ""
        lines.append(f"sets of one emotion: {sets.alone:.0%} of the clips{accuracy}")
    if result.out_of_distribution is not None:
        count = round(result.out_of_distribution * result.n)
        lines.append(
            f"flagged as out of distribution: {result.out_of_distribution:.1%} of the clips ({count})"
        )
        by_flag = {"flagged": result.flagged_accuracy, "other": result.unflagged_accuracy}
        known = [f"{share:.1%} of {clips} clips" for clips, share in by_flag.items() if share is not None]
        lines += [f"accuracy {', '.join(known)}"] if known else []
    return Text("\n".join(lines))


def _slices(result: Evaluation) -> PlainTable | None:
    table = PlainTable("slice", "clips", "accuracy", "UAR")
    for field, scores in result.slices.items():
        for name, score in _shown_slices(field.replace("_", " "), list(scores.items())):
            table.add_row(name, str(score.n), f"{score.accuracy:.1%}", f"{score.uar:.1%}")
    return table if table.row_count else None


def _shown_slices(field: str, scores: list[tuple[str, SliceScore]]) -> Iterator[tuple[str, SliceScore]]:
    """All values of a field, or the one with the lowest and the one with the highest accuracy."""
    if field != "speaker" and len(scores) <= SLICED:
        if len(scores) > 1:
            yield from ((f"{field}: {name}", score) for name, score in scores)
        return
    for rank, (name, score) in zip(("worst", "best"), [*scores[:1], *scores[1:][-1:]], strict=False):
        yield f"{rank} {field}, {name}", score


def _importances(result: Evaluation) -> Text | None:
    known = {name: one.own for name, one in result.importances.items() if not math.isnan(one.own)}
    if not known:
        return None
    first = sorted(known, key=lambda name: -known[name])[:LISTED]
    text = f"most important features: {', '.join(f'{name} {known[name]:.1%}' for name in first)}"
    return Text(one_line(text))
