"""Every picture: functions that give a matplotlib figure, whose ``get_label()`` says what it shows."""

from affekt.figures.clips import waveform_and_mel
from affekt.figures.corpora import (
    clip_map,
    correlation,
    counts,
    distributions,
    feature_batches,
    levels_by_emotion,
    recordings,
    separation,
    violins,
)
from affekt.figures.scores import (
    calibration,
    confusion,
    coverage,
    differences,
    draw_calibration,
    draw_confusion,
    emotions,
    headlines,
    histories,
    importances,
    slices,
    speakers,
)

__all__ = [
    "calibration",
    "clip_map",
    "confusion",
    "correlation",
    "counts",
    "coverage",
    "differences",
    "distributions",
    "draw_calibration",
    "draw_confusion",
    "emotions",
    "feature_batches",
    "headlines",
    "histories",
    "importances",
    "levels_by_emotion",
    "recordings",
    "separation",
    "slices",
    "speakers",
    "violins",
    "waveform_and_mel",
]
