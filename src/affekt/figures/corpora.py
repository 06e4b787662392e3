"""Pictures of a corpus: what is in it, how it was recorded, and what its features tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from affekt.emotions import emotion_style, sort_emotions
from affekt.exploration import (
    NEIGHBOURS,
    REDUNDANT,
    Exploration,
    correlations,
    effect_sizes,
    redundant_pairs,
    shared_neighbours,
)
from affekt.figures.style import (
    ACCENT,
    DIVERGING,
    GRID,
    HONEST,
    INK,
    PERCENT,
    QUIET,
    describe,
    in_percent,
    legend,
    new_figure,
    tidy,
    title,
)
from affekt.recording import MUCH_CLIPPED, SILENCE_DB

COUNTED = ("emotion", "channel", "sex", "intensity", "speaker")
MARKERS = "osD^vPX*<>hdp"
BATCH = 12  # features in one picture
RIDGES_BESIDE = 4
RIDGE_HEIGHT = 1.6  # of the highest, in the distance from one ridge to the next
SHOWN_FEATURES = 20
MANY_VALUES = 40
LOUDER_DB = 6.0  # twice the amplitude


def counts(exploration: Exploration) -> Figure:
    """How many clips there are by emotion, speaker, sex, intensity and channel."""
    found = {field: _counts(exploration, field) for field in COUNTED}
    found = {field: values for field, values in found.items() if set(values) - {""}}
    wide = "speaker" in found
    shown = [field for field in found if field != "speaker"]
    figure, axes = new_figure(
        2.5 + 2.1 * wide, 1 + wide, max(1, len(shown)), width_ratios=_ratios(found, shown)
    )
    for one, field in zip(axes[0], shown, strict=False):
        colours = [emotion_style(name).colour if field == "emotion" else HONEST for name in found[field]]
        _bars(one, found[field], colours)
        title(one, field)
    if wide:
        for one in axes[1]:
            one.remove()
        below = figure.add_subplot(axes[0, 0].get_gridspec()[1, :])
        tidy(below)
        names = [name.rsplit("/", 1)[-1] or "unknown" for name in found["speaker"]]
        _bars(below, found["speaker"], [HONEST] * len(names), names)
        title(below, "speaker")
    by_emotion = found["emotion"]
    most, least = max(by_emotion, key=by_emotion.__getitem__), min(by_emotion, key=by_emotion.__getitem__)
    if by_emotion[most] == by_emotion[least]:
        spread = f"{by_emotion[most]} of each emotion"
    else:
        spread = (
            f"the most frequent emotion has {by_emotion[most]}, {least} the fewest, {by_emotion[least]}"
        )
    text = f"{len(exploration.clips)} clips: {spread}."
    return describe(figure, text)


def _counts(exploration: Exploration, field: str) -> dict[str, int]:
    values = exploration.values("speaker_id" if field == "speaker" else field)
    names = sort_emotions(values) if field == "emotion" else sorted(set(values.tolist()))
    return {name: int((values == name).sum()) for name in names}


def _ratios(found: Mapping[str, Mapping[str, int]], shown: Sequence[str]) -> list[float]:
    return [len(found[field]) + 1.5 for field in shown] or [1]


def _bars(  # type: ignore[no-untyped-def]
    axes, values: Mapping[str, int], colours: Sequence[str], names: Sequence[str] = ()
) -> None:
    axes.bar(range(len(values)), list(values.values()), color=colours, width=0.75)
    shown = (names or list(values)) if len(values) <= MANY_VALUES else []
    turned = len(values) > 3
    axes.set_xticks(
        range(len(shown)), shown, rotation=45 if turned else 0, ha="right" if turned else "center",
        rotation_mode="anchor",
    )  # fmt: skip
    if len(values) <= 12:
        for x, count in enumerate(values.values()):
            axes.annotate(str(count), (x, count), ha="center", va="bottom", fontsize=7, color=INK)


def recordings(exploration: Exploration) -> Figure:
    """Durations, levels, silence and sample rates."""
    facts = exploration.facts
    figure, axes = new_figure(4.4, 2, 2)
    duration = np.array([one.duration_s for one in facts])
    level = np.array([one.level_db for one in facts])
    silence = np.array([one.silence for one in facts])
    for one, values, name in (
        (axes[0, 0], duration, "duration, s"),
        (axes[0, 1], level, "level, dB, 0 is full scale (RMS)"),
        (axes[1, 0], silence, f"share of silence ({-SILENCE_DB:.0f} dB below the loudest)"),
    ):
        one.hist(values, 30, color=HONEST, rwidth=0.92)
        one.set_xlabel(name)
        one.axvline(float(np.median(values)), color=ACCENT, linewidth=1)
    axes[1, 0].xaxis.set_major_formatter(PERCENT)
    rates, number = np.unique([one.sample_rate for one in facts], return_counts=True)
    axes[1, 1].set_xlim(-1.5, max(2, len(rates)) - 0.5)
    _bars(
        axes[1, 1],
        {f"{rate / 1000:g} kHz": int(n) for rate, n in zip(rates, number, strict=True)},
        [HONEST],
    )
    title(axes[1, 1], "sample rates")
    clipped = sum(one.clipped > MUCH_CLIPPED for one in facts)
    text = (
        f"The median clip is {np.median(duration):.1f} s long (from {duration.min():.1f} to "
        f"{duration.max():.1f}), at {np.median(level):.0f} dB, and silent for "
        f"{in_percent(float(np.median(silence)))} of its time. The loudest is "
        f"{level.max() - level.min():.0f} dB above the quietest. {clipped} clips are "
        "overdriven."
    )
    return describe(figure, text)


def levels_by_emotion(exploration: Exploration) -> Figure:
    """Level, pitch and duration of each emotion: what tells much without listening to the voice."""
    emotions = exploration.values("emotion")
    names = sort_emotions(emotions)
    figure, (row,) = new_figure(2.8, 1, 3)
    facts = exploration.facts
    pitch = np.array([one.pitch_hz for one in facts])
    for axes, values, name in (
        (row[0], np.array([one.level_db for one in facts]), "level, dB"),
        (row[1], pitch, "pitch, Hz"),
        (row[2], np.array([one.duration_s for one in facts]), "duration, s"),
    ):
        _violins(axes, values, emotions, names)
        title(axes, name)
    level = {
        name: np.median([one.level_db for one, e in zip(facts, emotions, strict=True) if e == name])
        for name in names
    }
    loudest, quietest = max(level, key=level.__getitem__), min(level, key=level.__getitem__)
    text = (
        f"Loudest is {loudest} (median {level[loudest]:.0f} dB), quietest {quietest} "
        f"({level[quietest]:.0f} dB)."
    )
    if level[loudest] - level[quietest] > LOUDER_DB:
        text += " A model may take loudness for emotion."
    return describe(figure, text)


def _violins(axes, values: NDArray[np.float64], emotions: NDArray[np.str_], names: Sequence[str]) -> None:  # type: ignore[no-untyped-def]
    known = ~np.isnan(values)
    for x, name in enumerate(names):
        part = values[known & (emotions == name)]
        if not len(part):
            continue
        (body,) = axes.violinplot([part], [x], showextrema=False, widths=0.85)["bodies"]
        body.set(facecolor=emotion_style(name).colour, alpha=0.85, edgecolor="none")
        low, middle, high = np.percentile(part, (25, 50, 75))
        axes.plot([x, x], [low, high], color=INK, linewidth=2)
        axes.plot(x, middle, "o", color="white", markeredgecolor=INK, markersize=4)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5)


def distributions(exploration: Exploration, columns: Sequence[str]) -> Figure:
    """Histograms of some features: a ridge for each emotion, all of one area."""
    emotions = exploration.values("emotion")
    names = sort_emotions(emotions)
    rows = -(-len(columns) // RIDGES_BESIDE)
    figure, axes = new_figure(0.4 + rows * (0.5 + 0.17 * len(names)), rows, RIDGES_BESIDE)
    for i, (one, column) in enumerate(zip(axes.flat, columns, strict=False)):
        values = exploration.features[:, exploration.columns.index(column)]
        edges = np.histogram_bin_edges(np.clip(values, *np.percentile(values, (0.5, 99.5))), 24)
        inside = np.array([np.histogram(values[emotions == name], edges)[0] for name in names])
        density = inside / np.maximum(1, inside.sum(axis=1, keepdims=True)) / np.diff(edges)
        height = RIDGE_HEIGHT / (density.max() or 1.0)
        for place, (name, ridge) in enumerate(zip(names, density, strict=True)):
            colour = emotion_style(name).colour
            one.stairs(
                ridge * height - place, edges, baseline=-place, fill=True, label=name, zorder=2 + place,
                facecolor=colour, edgecolor="white", linewidth=0.6,
            )  # fmt: skip
        one.set_yticks(-np.arange(len(names)), names if i % RIDGES_BESIDE == 0 else [])
        one.set_xlabel(column)
        one.spines["left"].set_visible(False)
        one.tick_params(axis="y", length=0)
        one.tick_params(labelsize=7)
    for one in axes.flat[len(columns) :]:
        one.remove()
    return describe(
        figure, f"Histograms by emotion, the outermost hundredth left out: {', '.join(columns)}."
    )


def violins(exploration: Exploration, columns: Sequence[str]) -> Figure:
    """Violins of some features, one for each emotion; the box is the middle half of the clips."""
    rows = -(-len(columns) // 2)
    figure, axes = new_figure(0.3 + 1.7 * rows, rows, 2)
    emotions = exploration.values("emotion")
    names = sort_emotions(emotions)
    for one, column in zip(axes.flat, columns, strict=False):
        _violins(one, exploration.features[:, exploration.columns.index(column)], emotions, names)
        title(one, column)
    for one in axes.flat[len(columns) :]:
        one.remove()
    return describe(figure, f"How these features are spread in each emotion: {', '.join(columns)}.")


def feature_batches(columns: Sequence[str]) -> dict[str, list[str]]:
    """Features that belong together, a dozen at most: those whose names differ in their number alone."""
    families: dict[str, list[str]] = {}
    for column in columns:
        families.setdefault(_family(column), []).append(column)
    small = [name for name, members in families.items() if len(members) < 4]
    if small:
        others = [column for name in small for column in families.pop(name)]
        families["single features"] = others
    batches = {}
    for name, members in families.items():
        parts = -(-len(members) // BATCH)
        for part, chosen in enumerate(np.array_split(np.array(members), parts)):
            batches[f"{name}{f', {part + 1} of {parts}' if parts > 1 else ''}"] = chosen.tolist()
    return batches


def correlation(exploration: Exploration) -> Figure:
    """All features against all, and in words those that are redundant."""
    matrix = correlations(exploration.features)
    figure, ((axes,),) = new_figure(6.4)
    image = axes.imshow(matrix, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=QUIET)
    starts = _family_starts(exploration.columns)
    middles = np.diff([*starts.values(), len(exploration.columns)]) / 2 + list(starts.values()) - 0.5
    axes.set_xticks(middles, list(starts), rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)
    axes.set_yticks(middles, list(starts), fontsize=7.5)
    for start in list(starts.values())[1:]:
        axes.axhline(start - 0.5, color=GRID, linewidth=0.6)
        axes.axvline(start - 0.5, color=GRID, linewidth=0.6)
    pairs = redundant_pairs(exploration.features, exploration.columns)
    named = ", ".join(f"{one} and {other} ({r:+.2f})" for one, other, r in pairs[:4])
    total = len(exploration.columns) * (len(exploration.columns) - 1) // 2
    text = (
        f"{len(pairs)} of {total} pairs of features are redundant (correlation of {REDUNDANT} or more, "
        f"either way){': ' + named if pairs else ''}."
    )
    return describe(figure, text)


def _family(column: str) -> str:
    """What a feature's name says without its number: ``mfcc3_mean`` is of ``mfcc mean``."""
    stem, _, how = column.partition("_")
    return f"{stem.rstrip('0123456789')} {how}".strip()


def _family_starts(columns: Sequence[str]) -> dict[str, int]:
    starts: dict[str, int] = {}
    for i, column in enumerate(columns):
        starts.setdefault(_family(column), i)
    return starts


def separation(exploration: Exploration) -> Figure:
    """The features that tell emotions apart best, and how well the same ones tell voices apart."""
    of_emotion = effect_sizes(exploration.features, exploration.values("emotion"))
    top = np.argsort(-of_emotion, kind="stable")[:SHOWN_FEATURES]
    figure, ((axes,),) = new_figure(0.8 + 0.22 * len(top))
    places = np.arange(len(top))
    speakers = exploration.values("speaker_id")
    known = speakers != ""
    axes.barh(places, of_emotion[top], color=HONEST, height=0.62, label="emotion")
    words = [f"{exploration.columns[i]} ({of_emotion[i]:.2f})" for i in top[:3]]
    text = (
        "The share of a feature's variance that lies between emotions (epsilon squared). Most in "
        f"{', '.join(words)}."
    )
    if len(set(speakers[known].tolist())) > 1:
        of_speaker = effect_sizes(exploration.features[known], speakers[known])
        axes.plot(of_speaker[top], places, "D", color="white", markeredgecolor=ACCENT, label="speaker")
        more = int((of_speaker > of_emotion).sum())
        text += f" {more} of {len(of_emotion)} features say more about the speaker than about the emotion."
    axes.set_yticks(places, [exploration.columns[i] for i in top], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("share of the variance between groups, epsilon squared")
    axes.set_xlim(left=0)
    legend(axes, loc="lower right")
    return describe(figure, text)


def clip_map(exploration: Exploration) -> Figure:
    """Every clip in the plane, like by like: coloured by emotion, and by speaker."""
    figure, ((left, right),) = new_figure(4.6, 1, 2)
    x, y = exploration.map.T
    emotions, speakers = exploration.values("emotion"), exploration.values("speaker_id")
    size = float(np.clip(9000 / len(x), 4, 40))
    for i, name in enumerate(sort_emotions(emotions)):
        own = emotions == name
        left.scatter(
            x[own], y[own], size, color=emotion_style(name).colour, marker=MARKERS[i % len(MARKERS)],
            linewidths=0, label=name, alpha=0.85,
        )  # fmt: skip
    for i, name in enumerate(sorted(set(speakers.tolist()))):
        own = speakers == name
        right.scatter(
            x[own], y[own], size, color=_speaker_colour(i), marker=MARKERS[i % len(MARKERS)], linewidths=0,
            alpha=0.85,
        )  # fmt: skip
    for axes in (left, right):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    title(left, "by emotion")
    title(
        right,
        f"by speaker ({len(set(speakers.tolist()) - {''})} voices)"
        if any(speakers)
        else "speakers unknown",
    )
    left.legend(
        frameon=False, fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.01), markerscale=2
    )
    same, chance = shared_neighbours(exploration.features, emotions)
    text = (
        f"Of a clip's {min(NEIGHBOURS, len(x) - 1)} nearest neighbours, {in_percent(same)} have its "
        f"emotion (by chance {in_percent(chance)})"
    )
    known = speakers != ""
    if len(set(speakers[known].tolist())) > 1:
        same, chance = shared_neighbours(exploration.features[known], speakers[known])
        text += f" and {in_percent(same)} its speaker (by chance {in_percent(chance)})"
    return describe(figure, f"{text}.")


def _speaker_colour(i: int) -> tuple[float, ...]:
    import matplotlib as mpl

    return tuple(mpl.colormaps["turbo"]((i * 0.618034) % 1.0))
