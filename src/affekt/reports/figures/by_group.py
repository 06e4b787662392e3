"""Figures of scores by speaker, and by other groups of clips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes

from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import SliceScore
from affekt.reports.figures.style import (
    ACCENT,
    DASHED,
    HONEST,
    INK,
    LEAKY,
    QUIET,
    CaptionedFigure,
    caption,
    in_percent,
    legend,
    name_rows,
    new_figure,
    percent,
)

SEXES = {"female": "#CC79A7", "male": "#0072B2", "": QUIET}
MOST_NAMES = 60  # of more speakers no name can be read
MOST_LEVEL_NAMES = 26  # more names are turned
MOST_VALUES = 12


def speakers(evaluation: Evaluation) -> CaptionedFigure | None:
    """Draw the accuracy on each speaker, the lowest first; None if speakers are unknown."""
    scores = evaluation.slices["speaker"]
    if not scores:
        return None
    sexes = {one.clip.speaker_id: one.clip.sex for one in evaluation.tested}
    figure, ((axes,),) = new_figure(3.0)
    colours = [SEXES.get(sexes.get(name, ""), QUIET) for name in scores]
    axes.bar(range(len(scores)), [one.accuracy for one in scores.values()], color=colours, width=0.75)
    short = [name.rsplit("/", 1)[-1] for name in scores]
    axes.set_xticks(range(len(short)), short, rotation=90 if len(short) > MOST_LEVEL_NAMES else 0)
    if len(short) > MOST_NAMES:
        axes.set_xticks([])
    mean = evaluation.headlines["accuracy"].value
    axes.axhline(mean, color=INK, linewidth=1)
    axes.axhline(evaluation.chance, color=ACCENT, linewidth=1, linestyle=DASHED)
    for name, share, colour in (("chance", evaluation.chance, ACCENT), ("mean", mean, INK)):
        axes.annotate(
            f" {name}",
            (1, share),
            xycoords=("axes fraction", "data"),
            fontsize=8,
            color=colour,
            va="center",
        )
    axes.set(xlabel="speaker, lowest accuracy first", ylabel="accuracy")
    percent(axes.yaxis)
    _add_sexes(axes, sexes.values())
    return caption(figure, _speaker_caption(scores))


def _add_sexes(axes: Axes, sexes: Iterable[str]) -> None:
    named = sorted({*sexes} - {""})
    for sex in named:
        axes.bar(0, 0, color=SEXES.get(sex, QUIET), label=sex)
    if named:
        legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def _speaker_caption(scores: Mapping[str, SliceScore]) -> str:
    ordered = list(scores.items())
    (worst, low), (best, high) = ordered[0], ordered[-1]
    return (
        f"The accuracy ranges from {in_percent(low.accuracy)} on {worst} to {in_percent(high.accuracy)} on "
        f"{best}, {100 * (high.accuracy - low.accuracy):.1f} points between speakers."
    )


def slices(evaluation: Evaluation) -> CaptionedFigure | None:
    """Draw the accuracy by sex, intensity, vocal channel and statement; None if these are unknown."""
    rows = [
        (field.replace("_", " "), value, score)
        for field, scores in evaluation.slices.items()
        if field != "speaker" and 1 < len(scores) <= MOST_VALUES
        for value, score in scores.items()
    ]
    if not rows:
        return None
    figure, ((axes,),) = new_figure(0.7 + 0.27 * len(rows))
    colour = LEAKY if evaluation.leaky else HONEST
    axes.barh(range(len(rows)), [score.accuracy for _, _, score in rows], color=colour, height=0.6)
    for y, (_, _, score) in enumerate(rows):
        text = f" {in_percent(score.accuracy)}"
        axes.annotate(text, (score.accuracy, y), va="center", fontsize=8, color=INK)
    name_rows(axes, [f"{field}: {value}, {score.n}" for field, value, score in rows])
    axes.set(xlim=(0, 1), xlabel="accuracy")
    axes.axvline(evaluation.chance, color=ACCENT, linewidth=1, linestyle=DASHED)
    percent(axes.xaxis)
    return caption(figure, _slice_caption(rows))


def _slice_caption(rows: Sequence[tuple[str, str, SliceScore]]) -> str:
    found: dict[str, list[float]] = {}
    for field, _, score in rows:
        found.setdefault(field, []).append(score.accuracy)
    spans = {field: max(values) - min(values) for field, values in found.items()}
    widest = max(spans, key=lambda field: spans[field])
    return f"The largest difference is by {widest}: {100 * spans[widest]:.1f} points of accuracy."
