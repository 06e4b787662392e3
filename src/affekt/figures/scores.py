"""Pictures of an evaluation: how good, on whom, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from affekt.confidence import Reliability, accuracy_by_coverage, reliability
from affekt.emotions import emotion_style
from affekt.evaluation import Evaluation
from affekt.figures.style import (
    ACCENT,
    GRID,
    HONEST,
    INK,
    LEAKY,
    PERCENT,
    QUIET,
    SHADES,
    describe,
    heatmap,
    in_percent,
    legend,
    new_figure,
    title,
)

CLAIMED_LINE = 0.75  # of each emotion's clips: what the five student projects set out to reach
SHOWN_FEATURES = 20
FEW_ANSWERS = 10  # in a bin of the reliability diagram
SEXES = {"female": "#CC79A7", "male": "#0072B2", "": QUIET}


def headlines(evaluation: Evaluation) -> Figure:
    """Accuracy and UAR with their intervals, honest and leaky, beside chance and listeners."""
    both = [one for one in (evaluation, evaluation.counterpart) if one is not None]
    both.sort(key=lambda one: one.leaky)
    figure, ((axes,),) = new_figure(0.75 + 0.42 * 2 * len(both))
    rows = [(one, name) for name in ("accuracy", "uar") for one in both]
    for y, (one, name) in enumerate(rows):
        score, colour = one.headlines[name], LEAKY if one.leaky else HONEST
        axes.plot([score.low, score.high], [y, y], color=colour, linewidth=5, solid_capstyle="round")
        axes.plot(score.value, y, "o", color="white", markeredgecolor=INK, markersize=7)
        axes.annotate(
            in_percent(score.value), (score.value, y), (0, 8), textcoords="offset points", ha="center",
            fontsize=8.5, color=INK,
        )  # fmt: skip
    labels = {"accuracy": "accuracy", "uar": "UAR"}
    axes.set_yticks(range(len(rows)), [f"{labels[name]}, {_kind(one)}" for one, name in rows], fontsize=8.5)
    axes.set_ylim(len(rows) - 0.4, -0.75)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PERCENT)
    marks = {"chance": evaluation.chance}
    if evaluation.listeners:
        marks["listeners"] = evaluation.listeners[0]
    for name, share in marks.items():
        axes.axvline(share, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f" {name} {in_percent(share)}", (share, 1), xycoords=("data", "axes fraction"), fontsize=8,
            color=ACCENT, va="top",
        )  # fmt: skip
    axes.grid(axis="x", color=GRID)
    return describe(figure, _headline_words(both))


def _kind(evaluation: Evaluation) -> str:
    return f"{evaluation.protocol}, LEAKY" if evaluation.leaky else evaluation.protocol


def _headline_words(both: Sequence[Evaluation]) -> str:
    words = []
    for one in both:
        accuracy, uar = one.headlines["accuracy"], one.headlines["uar"]
        bounds = f" ({in_percent(accuracy.low)} to {in_percent(accuracy.high)})"
        words.append(
            f"{one.protocol_label}: accuracy {in_percent(accuracy.value)}"
            f"{bounds if np.isfinite(accuracy.low) else ''}, UAR {in_percent(uar.value)}."
        )
    if len(both) == 2:
        gap = 100 * (both[1].headlines["accuracy"].value - both[0].headlines["accuracy"].value)
        if gap > 0:
            words.append(f"The leaky score promises {gap:.1f} points more than unseen voices keep.")
        else:
            words.append(f"The leaky score is no higher here ({gap:+.1f} points).")
    words.append(f"Chance is {in_percent(both[0].chance)}.")
    if both[0].listeners:
        share, source = both[0].listeners
        words.append(f"Listeners reach {in_percent(share)} ({source}).")
    return " ".join(words)


def confusion(evaluation: Evaluation) -> Figure:
    """The confusion matrix twice: as shares of each row, and as counts."""
    return draw_confusion(evaluation.confusion_matrix, evaluation.emotions, len(evaluation.by_seed))


def draw_confusion(counts: NDArray[np.int64], emotions: Sequence[str], seeds: int = 1) -> Figure:
    """The same from the matrix alone, as a model's contract has it."""
    rates = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, ((left, right),) = new_figure(3.9, 1, 2)
    for axes, values, form in ((left, rates, "{:.0f}"), (right, counts, "{:d}")):
        heatmap(axes, rates, emotions, cmap=SHADES, vmin=0, vmax=1)
        axes.set_xlabel("heard as")
        for (row, column), share in np.ndenumerate(rates):
            value = 100 * values[row, column] if axes is left else int(values[row, column])
            axes.text(
                column, row, form.format(value), ha="center", va="center", fontsize=7.5,
                color="white" if share > 0.5 else INK,
            )  # fmt: skip
    left.set_ylabel("was")
    title(left, "share of each row, %")
    title(right, "clips" if seeds == 1 else f"clips, {seeds} seeds")
    mistakes = rates * (1 - np.eye(len(rates)))
    row, column = np.unravel_index(mistakes.argmax(), mistakes.shape)
    worst = (
        f"Most often confused: {emotions[row]} is heard as {emotions[column]} in "
        f"{in_percent(mistakes[row, column])} of its clips."
    )
    text = worst if mistakes.any() else "Nothing is confused."
    return describe(figure, f"What was felt (rows) and what was heard (columns). {text}")


def emotions(evaluation: Evaluation, line: float = CLAIMED_LINE) -> Figure:
    """Precision, recall and F1 of each emotion, and the line that others set out to reach."""
    shown = {name: score for name, score in evaluation.per_emotion.items() if score.support}
    figure, ((axes,),) = new_figure(0.9 + 0.36 * len(shown))
    for y, (name, score) in enumerate(shown.items()):
        style = emotion_style(name)
        axes.barh(y, score.recall, color=style.colour, height=0.62, alpha=0.85)
        axes.plot(score.precision, y, "D", color="white", markeredgecolor=INK, markersize=6)
        axes.plot(score.f1, y, "|", color=INK, markersize=13, markeredgewidth=2)
    axes.axvline(line, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f" {line:.0%} per emotion", (line, 1), xycoords=("data", "axes fraction"), fontsize=8, color=ACCENT,
        va="bottom",
    )  # fmt: skip
    axes.set_yticks(range(len(shown)), [f"{name}, {one.support}" for name, one in shown.items()])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.plot([], [], "s", color=QUIET, label="recall")
    axes.plot([], [], "D", color="white", markeredgecolor=INK, label="precision")
    axes.plot([], [], "|", color=INK, markersize=11, markeredgewidth=2, label="F1")
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
    above = [name for name, one in shown.items() if one.recall >= line]
    best = max(shown, key=lambda name: shown[name].recall)
    worst = min(shown, key=lambda name: shown[name].recall)
    text = (
        f"Best heard is {best} (recall {in_percent(shown[best].recall)}), worst {worst} "
        f"({in_percent(shown[worst].recall)}). At or above {line:.0%}, which student projects set out to "
        f"reach for each emotion: {', '.join(above) or 'none'}."
    )
    return describe(figure, text)


def speakers(evaluation: Evaluation) -> Figure | None:
    """Accuracy on each voice, the worst first; None where nobody knows who speaks."""
    scores = evaluation.slices["speaker"]
    if not scores:
        return None
    sexes = {one.clip.speaker_id: one.clip.sex for one in evaluation.tested}
    figure, ((axes,),) = new_figure(3.0)
    for x, (name, score) in enumerate(scores.items()):
        axes.bar(x, score.accuracy, color=SEXES.get(sexes[name], QUIET), width=0.75)
    short = [name.rsplit("/", 1)[-1] for name in scores]
    axes.set_xticks(range(len(short)), short, rotation=90 if len(short) > 26 else 0)
    if len(short) > 60:
        axes.set_xticks([])
    mean = evaluation.headlines["accuracy"].value
    axes.axhline(mean, color=INK, linewidth=1)
    axes.axhline(evaluation.chance, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        " chance", (1, evaluation.chance), xycoords=("axes fraction", "data"), fontsize=8, color=ACCENT,
        va="center",
    )  # fmt: skip
    axes.annotate(
        " mean", (1, mean), xycoords=("axes fraction", "data"), fontsize=8, color=INK, va="center"
    )
    axes.set_xlabel("speaker, the worst first")
    axes.yaxis.set_major_formatter(PERCENT)
    for sex in sorted({*sexes.values()} - {""}):
        axes.bar(0, 0, color=SEXES.get(sex, QUIET), label=sex)
    if any(sexes.values()):
        legend(axes, loc="upper left", ncols=2)
    (worst, *_, best) = scores.items() if len(scores) > 1 else [*scores.items()] * 2
    text = (
        f"From {in_percent(worst[1].accuracy)} on {worst[0]} to {in_percent(best[1].accuracy)} on "
        f"{best[0]}: {100 * (best[1].accuracy - worst[1].accuracy):.1f} points between voices."
    )
    return describe(figure, text)


def slices(evaluation: Evaluation) -> Figure | None:
    """Accuracy by sex, intensity, channel and statement; None where the corpus tells nothing of them."""
    rows = [
        (field, value, score)
        for field, scores in evaluation.slices.items()
        if field != "speaker" and 1 < len(scores) <= 12
        for value, score in scores.items()
    ]
    if not rows:
        return None
    figure, ((axes,),) = new_figure(0.7 + 0.27 * len(rows))
    for y, (_, _, score) in enumerate(rows):
        axes.barh(y, score.accuracy, color=HONEST if not evaluation.leaky else LEAKY, height=0.6)
        axes.annotate(
            f" {in_percent(score.accuracy)}", (score.accuracy, y), va="center", fontsize=8, color=INK
        )
    axes.set_yticks(range(len(rows)), [f"{field}: {value}, {score.n}" for field, value, score in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.axvline(evaluation.chance, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_xlabel("accuracy")
    spans: dict[str, list[float]] = {}
    for field, _, score in rows:
        spans.setdefault(field, []).append(score.accuracy)
    widest = max(spans, key=lambda field: max(spans[field]) - min(spans[field]))
    gap = 100 * (max(spans[widest]) - min(spans[widest]))
    return describe(figure, f"The largest difference is by {widest}: {gap:.1f} points of accuracy.")


def calibration(evaluation: Evaluation) -> Figure:
    """How often answers of a confidence are right, and how many there are of it."""
    return draw_calibration(reliability(*evaluation.confidences()))


def draw_calibration(found: Reliability) -> Figure:
    """The same from the bins alone, as a model's contract has them."""
    figure, ((above,), (below,)) = new_figure(
        4.6, 2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 1]}
    )
    above.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    above.annotate(
        "as sure as right", (0.02, 0.05), rotation=24, fontsize=8, color=QUIET, xycoords="axes fraction"
    )
    many = found.count >= FEW_ANSWERS
    whole = {"clip_on": False, "zorder": 3}  # dots on the edge too
    above.plot(found.confidence[many], found.accuracy[many], "o-", color=HONEST, markersize=6, **whole)
    above.vlines(
        found.confidence[many], found.confidence[many], found.accuracy[many], color=ACCENT, linewidth=1
    )
    above.plot(
        found.confidence[~many],
        found.accuracy[~many],
        "o",
        color=QUIET,
        fillstyle="none",
        markersize=5,
        **whole,
    )
    above.set(ylabel="right", ylim=(0, 1))
    below.bar(found.confidence, found.count, width=0.06, color=HONEST)
    below.set(xlabel="confidence", ylabel="answers", xlim=(0, 1))
    above.yaxis.set_major_formatter(PERCENT)
    below.xaxis.set_major_formatter(PERCENT)
    mean = float(np.average(found.confidence, weights=found.count))
    share = float(np.average(found.accuracy, weights=found.count))
    if abs(mean - share) < 0.02:
        verdict = "On the whole it is as sure as it is right"
    else:
        verdict = f"On the whole it is {'surer' if mean > share else 'less sure'} than it is right"
    text = (
        f"{verdict}: mean confidence {in_percent(mean)}, accuracy {in_percent(share)}. The expected "
        f"calibration error (ECE) is {in_percent(found.ece)}."
    )
    if not many.all():
        text += f" Hollow: fewer than {FEW_ANSWERS} answers, which prove nothing."
    return describe(figure, text)


def coverage(evaluation: Evaluation) -> Figure:
    """Accuracy where the least certain answers are set aside."""
    sure, right = evaluation.confidences()
    covered, accuracy = accuracy_by_coverage(sure, right)
    figure, ((axes,),) = new_figure(2.9)
    some = covered >= min(0.02, covered[-1])  # the first few clips only make it jump
    axes.plot(covered[some], accuracy[some], color=HONEST, linewidth=2)
    axes.set(
        xlabel="clips that are answered, the surest first", ylabel="right", xlim=(0, 1), ylim=(0, 1.02)
    )
    axes.grid(color=GRID)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT)
    words = []
    for share in (0.5, 0.25):
        i = int(np.searchsorted(covered, share))
        words.append(f"of the surest {covered[i]:.0%} {in_percent(accuracy[i])}")
        axes.plot(covered[i], accuracy[i], "o", color=ACCENT)
        axes.annotate(
            in_percent(accuracy[i]), (covered[i], accuracy[i]), (6, 6), textcoords="offset points",
            fontsize=8, color=ACCENT,
        )  # fmt: skip
    return describe(figure, f"Of all answers {in_percent(accuracy[-1])} are right, {', '.join(words)}.")


def histories(evaluation: Evaluation) -> Figure | None:
    """How a network learnt, a line for each fold; None for what is no network."""
    if not evaluation.histories:
        return None
    figure, ((left, right),) = new_figure(2.9, 1, 2)
    longest = max(len(one["valid_loss"]) for one in evaluation.histories)
    for i, one in enumerate(evaluation.histories):
        epochs = np.arange(1, len(one["valid_loss"]) + 1)
        left.plot(
            epochs, one["train_loss"], color=LEAKY, linewidth=1.2, label="learnt from" if not i else ""
        )
        left.plot(
            epochs, one["valid_loss"], color=HONEST, linewidth=1.2, label="set aside" if not i else ""
        )
        right.plot(epochs, one["valid_acc"], color=HONEST, linewidth=1.2)
        best = int(np.argmin(one["valid_loss"]))
        left.plot(epochs[best], one["valid_loss"][best], "o", color=ACCENT, markersize=4)
    left.set(xlabel="epoch", xlim=(0, longest + 1))
    right.set(xlabel="epoch", xlim=(0, longest + 1), ylim=(0, 1))
    right.yaxis.set_major_formatter(PERCENT)
    title(left, "loss")
    title(right, "accuracy on clips set aside")
    legend(left)
    text = (
        f"{len(evaluation.histories)} trainings, one for each fold and seed, of {longest} epochs at most. "
        "Training stops when clips that it does not learn from are no longer heard better; the dot is the "
        "lowest loss on them."
    )
    return describe(figure, text)


def importances(evaluation: Evaluation) -> Figure | None:
    """The features that matter most, to the model itself and by permutation; None where nobody knows."""
    if not evaluation.importances:
        return None
    views = {
        "importance to the model, or to its selection": {
            name: one.own for name, one in evaluation.importances.items()
        },
        "accuracy lost when it is shuffled": {
            name: one.permuted for name, one in evaluation.importances.items()
        },
    }
    views = {name: found for name, found in views.items() if not np.isnan(list(found.values())).any()}
    figure, (row,) = new_figure(4.2, 1, len(views))
    words = []
    for axes, (name, found) in zip(row, views.items(), strict=True):
        top = sorted(found, key=lambda column: -found[column])[:SHOWN_FEATURES]
        axes.barh(range(len(top)), [found[column] for column in top], color=HONEST, height=0.7)
        axes.set_yticks(range(len(top)), top, fontsize=7.5)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter("{x:.1%}")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        title(axes, name)
        words.append(f"By {name}: {', '.join(top[:3])}")
    return describe(figure, f"{'. '.join(words)}. Features that say the same stand in for each other.")


def differences(pairs: Mapping[str, tuple[float, float, float]], metric: str) -> Figure:
    """Differences between recipes with paired intervals: name -> (difference, low, high)."""
    figure, ((axes,),) = new_figure(0.8 + 0.36 * len(pairs))
    for y, (value, low, high) in enumerate(pairs.values()):
        apart = low > 0 or high < 0
        axes.plot(
            [low, high], [y, y], color=HONEST if apart else LEAKY, linewidth=5, solid_capstyle="round"
        )
        axes.plot(value, y, "o", color="white", markeredgecolor=INK, markersize=7)
    axes.axvline(0, color=ACCENT, linewidth=1)
    axes.set_yticks(range(len(pairs)), list(pairs))
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"difference in {metric}, 95 % over speakers")
    clear = [name for name, (_, low, high) in pairs.items() if low > 0 or high < 0]
    text = (
        f"Differences whose interval leaves out 0: {', '.join(clear) or 'none'}. Of many pairs some "
        f"do so by accident: {len(pairs)} are compared, and intervals are not corrected for that."
    )
    return describe(figure, text)
