"""The page about a score: an ``Evaluation``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from affekt.emotions import emotion_style
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import TestedClip
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES, Score
from affekt.model.calibration import COVERAGE
from affekt.reports import figures
from affekt.reports.figures.style import in_percent
from affekt.reports.pages.content import (
    SHOWN_ROWS,
    Page,
    Part,
    Section,
    figure_of,
    make_recording,
)
from affekt.reports.score_rows import (
    NOT_UNSEEN,
    corpus_rows,
    emotion_rows,
    exclusion_reasons,
    human_score,
    mean_size,
    percentage,
)
from affekt.support.terminal import plural

SHOWN_ERRORS = 8


def score_page(result: Evaluation) -> Page:
    """Return the page about one evaluation."""
    return Page(
        title=f"{result.recipe} on {result.corpus}",
        badge=result.protocol_label,
        warns=result.leaky,
        lead=_lead(result),
        tiles=_tiles(result),
        sections=[
            Section(
                title="Scores", makers=[figure_of(result, figures.headlines), partial(_scores, result)]
            ),
            Section(
                title="By corpus",
                makers=[partial(_by_corpus, result), partial(_by_corpus_and_emotion, result)],
            ),
            Section(
                title="By emotion",
                makers=[
                    figure_of(result, figures.emotions),
                    partial(_by_emotion, result),
                    figure_of(result, figures.confusion, "Confusion matrix"),
                    figure_of(result, figures.confusion_counts),
                ],
            ),
            Section(
                title="By speaker and condition",
                makers=[figure_of(result, figures.speakers), figure_of(result, figures.slices)],
            ),
            _calibration(result),
            Section(title="Training", makers=[figure_of(result, figures.histories)]),
            Section(title="Feature importance", makers=[figure_of(result, figures.importances)]),
            _errors(result),
            Section(title="Excluded clips", makers=[partial(_excluded, result)]),
        ],
    )


def _lead(result: Evaluation) -> list[str]:
    speakers = len(result.slices["speaker"])
    unknown = result.interval_over != "speakers"
    text = (
        f"{result.n} clips of {speakers or 'unknown'} speakers in {result.corpus}, {len(result.emotions)} "
        f"emotions, {plural(len(result.by_seed), 'seed')}. Intervals are 95 % bootstrap intervals "
        f"over {result.interval_over}{', as speakers are unknown' * unknown}."
    )
    if any(score.no_interval for score in result.headlines.values()):
        text += f" {INTERVAL_RULE}"
    return [text, *([NOT_UNSEEN] if result.leaky else []), *map(str, result.notes)]


def _tiles(result: Evaluation) -> list[tuple[str, str]]:
    accuracy, uar = result.headlines["accuracy"], result.headlines["uar"]
    tiles = [
        (in_percent(accuracy.value), f"accuracy{_interval(accuracy)}"),
        (in_percent(uar.value), f"UAR, unweighted average recall{_interval(uar)}"),
        (in_percent(result.chance), "chance"),
        (in_percent(result.majority), "always the most frequent emotion"),
    ]
    if human := human_score(result):
        share, source = human
        tiles.append((in_percent(share), f"human accuracy, {source}"))
    return tiles


def _interval(score: Score) -> str:
    """The interval in brackets, on one line; or why there is none."""
    unbroken = score.bounds.replace(" ", "\N{NO-BREAK SPACE}").replace("-", "\N{NON-BREAKING HYPHEN}")
    return score.in_brackets.replace(score.bounds, unbroken)


def _scores(result: Evaluation) -> Part:
    """Every metric, honest and leaky side by side where there are both."""
    both = [one for one in (result, result.counterpart) if one is not None]
    both.sort(key=lambda one: one.leaky)
    header = ["%", *(f"{one.protocol}{' LEAKY' * one.leaky}, {one.n} clips" for one in both)]
    rows = [
        [title, *(one.headlines[name].with_interval for one in both)]
        for name, title in METRIC_TITLES.items()
    ]
    if len(both) == 2:
        header.append("difference")
        for row, name in zip(rows, METRIC_TITLES, strict=True):
            gap = both[1].headlines[name].value - both[0].headlines[name].value
            row.append(f"{100 * gap:+.1f}")
    return Part(header=header, rows=rows)


def _by_corpus(result: Evaluation) -> Part | None:
    rows = [
        (
            name,
            str(one.n),
            one.accuracy.with_interval,
            one.uar.with_interval,
            percentage(one.ece),
            percentage(one.coverage),
            mean_size(one.set_size),
            percentage(one.out_of_distribution),
        )
        for name, one in corpus_rows(result).items()
    ]
    if not rows:
        return None
    header = ("corpus", "clips", "accuracy, %", "UAR, %", "ECE, %", "coverage, %", "set size", "flagged, %")
    return Part(
        text="Coverage and size are those of the prediction sets. Flagged clips are out of distribution.",
        header=header,
        rows=rows,
    )


def _by_corpus_and_emotion(result: Evaluation) -> Part | None:
    scores = corpus_rows(result)
    rows = emotion_rows(scores)
    if not rows:
        return None
    return Part(
        text="Recall of each emotion in percent, and in brackets the coverage of the prediction sets.",
        header=("emotion", *scores),
        rows=rows,
    )


def _by_emotion(result: Evaluation) -> Part:
    rows = [
        [
            f"{emotion_style(name).emoji} {name}",
            *(in_percent(value) for value in (one.precision, one.recall, one.f1)),
            str(one.support),
        ]
        for name, one in result.per_emotion.items()
    ]
    return Part(header=("emotion", "precision", "recall", "F1", "clips"), rows=rows)


def _calibration(result: Evaluation) -> Section:
    return Section(
        title="Calibration",
        makers=[
            figure_of(result, figures.calibration, "Reliability diagram"),
            figure_of(result, figures.selective_accuracy, "Accuracy of the most confident predictions"),
            partial(_prediction_sets, result),
        ],
    )


def _prediction_sets(result: Evaluation) -> Part | None:
    sets = result.prediction_sets
    if sets is None:
        return None
    by_speaker = sets.by_speaker.values()
    rows = [
        ["coverage: the true emotion is in the set", in_percent(sets.coverage)],
        *([["lowest coverage of a speaker", in_percent(min(by_speaker))]] if by_speaker else []),
        ["mean number of emotions in a set", mean_size(sets.size)],
        ["sets of one emotion", in_percent(sets.alone)],
        ["accuracy of these", in_percent(sets.alone_accuracy)],
    ]
    if result.out_of_distribution is not None:
        rows.append(["clips flagged as out of distribution", in_percent(result.out_of_distribution)])
        rows += [
            [title, in_percent(share)]
            for title, share in (
                ("accuracy of flagged clips", result.flagged_accuracy),
                ("accuracy of clips that are not flagged", result.unflagged_accuracy),
            )
            if share is not None
        ]
    return Part(title=f"Prediction sets ({COVERAGE:.0%}) and out-of-distribution detection", rows=rows)


def _errors(result: Evaluation) -> Section:
    return Section(
        title="Most confident errors",
        text=["The wrong predictions with the highest confidence."],
        makers=[partial(_error, result, one) for one in _most_confident_errors(result)],
    )


def _most_confident_errors(result: Evaluation) -> list[TestedClip]:
    """The wrong predictions, the most confident first, each clip once."""
    wrong = [one for one in result.tested if one.predicted != one.clip.emotion]
    wrong.sort(key=lambda one: -max(one.probabilities))
    by_clip: dict[str, TestedClip] = {}
    for one in wrong:
        by_clip.setdefault(one.clip.name, one)
    return list(by_clip.values())[:SHOWN_ERRORS]


def _error(result: Evaluation, one: TestedClip) -> Part:
    confidence = one.probabilities[result.emotions.index(one.predicted)]
    style = emotion_style(one.predicted)
    title = (
        f"{one.clip.emotion}, predicted {style.emoji} {one.predicted} (confidence {confidence:.0%}): "
        f"{Path(one.clip.name).name}"
    )
    return make_recording(one.clip, title, style.colour)


def _excluded(result: Evaluation) -> Part | None:
    return Part(items=exclusion_reasons(result, SHOWN_ROWS)) if result.excluded else None
