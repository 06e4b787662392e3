"""Figures of a corpus: counts, recording conditions, and a map of all clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from affekt.emotions import emotion_style, sort_emotions
from affekt.experiments.exploration import NEIGHBOURS, Exploration, shared_neighbours
from affekt.features.recording import MUCH_CLIPPED, SILENCE_DB, ClipFacts
from affekt.reports.figures.style import (
    ACCENT,
    HONEST,
    INK,
    CaptionedFigure,
    caption,
    count_bars,
    in_percent,
    name_columns,
    new_figure,
    percent,
    tidy,
    title,
    violins_by_emotion,
)
from affekt.support.terminal import plural

COUNTED = ("emotion", "vocal_channel", "sex", "intensity", "speaker")
MARKERS = "osD^vPX*<>hdp"
MOST_NAMES = 40
LOUDER_DB = 6.0  # twice the amplitude


def counts(exploration: Exploration) -> CaptionedFigure:
    """Draw the number of clips by emotion, vocal channel, sex, intensity and speaker, where known."""
    found = {field: _count(exploration, field) for field in COUNTED}
    found = {field: values for field, values in found.items() if set(values) - {""}}
    speakers = found.pop("speaker", None)
    rows = 1 if speakers is None else 2
    figure, axes = new_figure(
        0.4 + 2.1 * rows, rows, len(found), width_ratios=[len(values) + 1.5 for values in found.values()]
    )
    for one, (field, values) in zip(axes[0], found.items(), strict=True):
        colours = [emotion_style(name).colour if field == "emotion" else HONEST for name in values]
        _draw_counts(one, [name or "unknown" for name in values], list(values.values()), colours)
        title(one, field.replace("_", " "))
    axes[0, 0].set_ylabel("clips")
    if speakers is not None:
        for one in axes[1]:
            one.remove()
        below = figure.add_subplot(axes[0, 0].get_gridspec()[1, :])
        tidy(below)
        names = [name.rsplit("/", 1)[-1] or "unknown" for name in speakers]
        _draw_counts(below, names, list(speakers.values()), [HONEST] * len(names))
        title(below, "speaker")
        below.set_ylabel("clips")
    return caption(figure, f"{len(exploration.clips)} clips: {_balance(found['emotion'])}.")


def _count(exploration: Exploration, field: str) -> dict[str, int]:
    values = exploration.values("speaker_id" if field == "speaker" else field)
    names = sort_emotions(values) if field == "emotion" else sorted(set(values.tolist()))
    return {name: int((values == name).sum()) for name in names}


def _draw_counts(axes: Axes, names: Sequence[str], numbers: Sequence[int], colours: Sequence[str]) -> None:
    count_bars(axes, numbers, colours)
    shown = names if len(names) <= MOST_NAMES else ()
    name_columns(axes, shown, turned=45 if len(names) > 3 else 0)


def _balance(by_emotion: Mapping[str, int]) -> str:
    most, least = max(by_emotion.values()), min(by_emotion.values())
    if most == least:
        return f"{most} of each emotion"
    rarest = min(by_emotion, key=lambda name: by_emotion[name])
    return f"{most} of the most frequent emotion, {least} of the least frequent ({rarest})"


def recordings(exploration: Exploration) -> CaptionedFigure:
    """Draw histograms of durations, levels and silence, and the number of clips at each sample rate."""
    facts = exploration.facts
    figure, ((duration, level), (silence, rate)) = new_figure(4.4, 2, 2)
    for axes, field, name in (
        (duration, "duration_s", "duration, s"),
        (level, "level_db", "level (RMS), dB of full scale"),
        (silence, "silence", f"share of silence ({-SILENCE_DB:.0f} dB below the loudest frame)"),
    ):
        values = _values(facts, field)
        axes.hist(values, 30, color=HONEST, rwidth=0.92)
        axes.set(xlabel=name, ylabel="clips")
        axes.axvline(float(np.median(values)), color=ACCENT, linewidth=1)
    percent(silence.xaxis)
    rates, number = np.unique([one.sample_rate for one in facts], return_counts=True)
    rate.set_xlim(-1.5, max(2, len(rates)) - 0.5)
    _draw_counts(rate, [f"{one / 1000:g} kHz" for one in rates], number.tolist(), [HONEST])
    rate.set(xlabel="sample rate", ylabel="clips")
    return caption(figure, _recording_caption(facts))


def _values(facts: Sequence[ClipFacts], field: str) -> NDArray[np.float64]:
    return np.array([getattr(one, field) for one in facts], np.float64)


def _recording_caption(facts: Sequence[ClipFacts]) -> str:
    duration, level, silence = (_values(facts, name) for name in ("duration_s", "level_db", "silence"))
    clipped = sum(one.clipped > MUCH_CLIPPED for one in facts)
    return (
        f"Medians: duration {np.median(duration):.1f} s (from {duration.min():.1f} to "
        f"{duration.max():.1f}), level {np.median(level):.0f} dB, silence "
        f"{in_percent(float(np.median(silence)))}. The levels span "
        f"{level.max() - level.min():.0f} dB. In {plural(clipped, 'clip')} more than "
        f"{in_percent(MUCH_CLIPPED)} of the samples are clipped."
    )


def levels_by_emotion(exploration: Exploration) -> CaptionedFigure:
    """Draw level, pitch and duration of each emotion as violins with quartiles."""
    emotions = exploration.values("emotion")
    names = sort_emotions(emotions)
    figure, (row,) = new_figure(2.8, 1, 3)
    for axes, field, name in (
        (row[0], "level_db", "level, dB"),
        (row[1], "pitch_hz", "pitch, Hz"),
        (row[2], "duration_s", "duration, s"),
    ):
        violins_by_emotion(axes, _values(exploration.facts, field), emotions, names)
        title(axes, name)
    levels = _values(exploration.facts, "level_db")
    medians = {name: float(np.median(levels[emotions == name])) for name in names}
    loudest, quietest = (pick(medians, key=lambda name: medians[name]) for pick in (max, min))
    text = (
        f"The median level is highest for {loudest} ({medians[loudest]:.0f} dB) and lowest for {quietest} "
        f"({medians[quietest]:.0f} dB)."
    )
    if medians[loudest] - medians[quietest] > LOUDER_DB:
        text += " A model may use loudness in place of emotion."
    return caption(figure, text)


def clip_map(exploration: Exploration) -> CaptionedFigure:
    """Draw every clip in the plane, near clips with similar features, by emotion and by speaker."""
    figure, ((left, right),) = new_figure(4.6, 1, 2)
    emotions, speakers = exploration.values("emotion"), exploration.values("speaker_id")
    named = sort_emotions(emotions)
    _draw_groups(left, exploration.map, emotions, {name: emotion_style(name).colour for name in named})
    people = sorted(set(speakers.tolist()))
    _draw_groups(
        right, exploration.map, speakers, {name: _speaker_colour(i) for i, name in enumerate(people)}
    )
    title(left, "by emotion")
    title(right, f"by speaker ({len({*people} - {''})})" if any(people) else "speakers unknown")
    left.legend(
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        ncols=4,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        markerscale=2,
    )
    return caption(figure, _neighbour_caption(exploration, emotions, speakers))


def _draw_groups(
    axes: Axes, places: NDArray[np.float64], groups: NDArray[np.str_], colours: Mapping[str, object]
) -> None:
    size = float(np.clip(9000 / len(places), 4, 40))
    for i, (name, colour) in enumerate(colours.items()):
        x, y = places[groups == name].T
        marker = MARKERS[i % len(MARKERS)]
        axes.scatter(
            x, y, size, color=colour, marker=marker, linewidths=0, label=name, alpha=0.85, rasterized=True
        )
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _speaker_colour(i: int) -> tuple[float, ...]:
    return tuple(mpl.colormaps["turbo"](0.1 + 0.8 * (i * 0.618034 % 1.0)))


def _neighbour_caption(
    exploration: Exploration, emotions: NDArray[np.str_], speakers: NDArray[np.str_]
) -> str:
    same, chance = shared_neighbours(exploration.features, emotions)
    text = (
        f"Of the {min(NEIGHBOURS, len(emotions) - 1)} nearest neighbours of a clip, {in_percent(same)} "
        f"have the same emotion (chance {in_percent(chance)})"
    )
    known = speakers != ""
    if len(set(speakers[known].tolist())) > 1:
        same, chance = shared_neighbours(exploration.features[known], speakers[known])
        text += f" and {in_percent(same)} the same speaker (chance {in_percent(chance)})"
    return f"{text}."
