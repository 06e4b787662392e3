"""The page about a corpus: an ``Exploration``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from affekt.emotions import emotion_style
from affekt.experiments.exploration import Exploration, effect_sizes, redundant_pairs, standardise
from affekt.reports import figures
from affekt.reports.pages.content import (
    SHOWN_ROWS,
    Page,
    Part,
    Section,
    figure_of,
    make_recording,
)

SHOWN_VIOLINS = 6


def corpus_page(found: Exploration) -> Page:
    """Return the page about a corpus that was explored."""
    lead = [
        line
        for card in found.corpus.cards
        for line in (card.title, f"Licence: {card.licence}. {card.citation}".strip())
    ]
    return Page(
        title=f"The corpus {found.corpus.name}",
        lead=lead,
        tiles=_tiles(found),
        sections=[
            Section(title="Contents", makers=[figure_of(found, figures.counts), partial(_problems, found)]),
            Section(
                title="Recording conditions",
                makers=[figure_of(found, figures.recordings), figure_of(found, figures.levels_by_emotion)],
            ),
            _similarity(found),
            _features(found),
            Section(
                title="Examples",
                text=["For each emotion, the clip whose features are nearest to the mean of its emotion."],
                makers=[partial(_example, found, emotion) for emotion in found.corpus.emotions],
            ),
        ],
    )


def _tiles(found: Exploration) -> list[tuple[str, str]]:
    speakers = {clip.speaker_id for clip in found.clips} - {""}
    return [
        (str(len(found.clips)), "usable clips"),
        (str(len(speakers)) if speakers else "?", "speakers" if speakers else "speakers (unknown)"),
        (str(len(found.corpus.emotions)), "emotions"),
        (_duration(sum(one.duration_s for one in found.facts)), "of audio"),
    ]


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _similarity(found: Exploration) -> Section:
    return Section(
        title="Emotion or speaker?",
        text=[
            f"Each clip is described by {len(found.columns)} features ({found.feature_set}). If the clips "
            "of a speaker are close to each other, scores on seen speakers are higher than on unseen ones."
        ],
        makers=[
            figure_of(found, figures.clip_map),
            figure_of(found, figures.separation),
        ],
    )


def _features(found: Exploration) -> Section:
    sizes = effect_sizes(found.features, found.values("emotion"))
    best = [found.columns[i] for i in np.argsort(-sizes, kind="stable")[:SHOWN_VIOLINS]]
    batches = figures.feature_batches(found.columns)
    return Section(
        title="Features",
        makers=[
            figure_of(
                found, partial(figures.violins, columns=best), "The features that separate emotions best"
            ),
            *(
                figure_of(found, partial(figures.distributions, columns=batch), name)
                for name, batch in batches.items()
            ),
            figure_of(found, figures.correlation, "Correlations"),
            partial(_redundant, found),
        ],
    )


def _problems(found: Exploration) -> Part:
    check = found.check
    problems = [f"missing: {name}" for name in check.missing]
    problems += [f"no clip of the vocal channel {name}" for name in check.absent_vocal_channels]
    problems += [f"surplus: {text}" for text in check.surplus]
    problems += [f"no emotion in the file name: {path}" for path in check.misnamed]
    problems += [f"unusable: {why}" for _, why in check.unusable]
    problems += [f"unusable as published: {path} {why}" for path, why in check.known_faults]
    if check.corpus.doubled:
        problems.append(f"doubled clips (same name and labels in another folder): {check.corpus.doubled}")
    problems += [
        f"identical audio under several names: {', '.join(str(path) for path in group)}"
        for group in check.identical
    ]
    if not problems:
        return Part(title="Problems", items=["none: every clip is usable, and no two are identical"])
    more = len(problems) - SHOWN_ROWS
    return Part(
        title=f"Problems: {len(problems)}",
        items=problems[:SHOWN_ROWS] + ([f"and {more} more: see affekt corpora check"] if more > 0 else []),
    )


def _redundant(found: Exploration) -> Part | None:
    pairs = redundant_pairs(found.features, found.columns)
    if not pairs:
        return None
    closest = f", the closest {SHOWN_ROWS} of {len(pairs)}" if len(pairs) > SHOWN_ROWS else ""
    return Part(
        text=f"Redundant pairs{closest}",
        header=("feature", "feature", "correlation"),
        rows=[(one, other, f"{r:+.3f}") for one, other, r in pairs[:SHOWN_ROWS]],
    )


def _example(found: Exploration, emotion: str) -> Part | None:
    """The clip nearest to the mean of its emotion."""
    own = np.flatnonzero(found.values("emotion") == emotion)
    if not len(own):
        return None
    table = standardise(found.features)[own]
    clip = found.clips[own[np.argmin(((table - table.mean(axis=0)) ** 2).sum(axis=1))]]
    style = emotion_style(emotion)
    return make_recording(clip, f"{style.emoji} {emotion}: {Path(clip.name).name}", style.colour)
