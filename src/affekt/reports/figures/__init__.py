"""All figures: functions that return a matplotlib figure, whose ``get_label()`` is its caption."""

import affekt.reports.figures.matplotlib_folder  # noqa: F401 - before others import matplotlib

# isort: split
from affekt.reports.figures.by_emotion import (
    confusion,
    confusion_counts,
    draw_confusion,
    draw_confusion_counts,
    emotions,
)
from affekt.reports.figures.by_group import slices, speakers
from affekt.reports.figures.clips import waveform_and_mel
from affekt.reports.figures.confidence import calibration, draw_calibration, selective_accuracy
from affekt.reports.figures.corpora import clip_map, counts, levels_by_emotion, recordings
from affekt.reports.figures.features import (
    correlation,
    distributions,
    feature_batches,
    separation,
    violins,
)
from affekt.reports.figures.scores import differences, headlines
from affekt.reports.figures.training import histories, importances

__all__ = [
    "calibration",
    "clip_map",
    "confusion",
    "confusion_counts",
    "correlation",
    "counts",
    "differences",
    "distributions",
    "draw_calibration",
    "draw_confusion",
    "draw_confusion_counts",
    "emotions",
    "feature_batches",
    "headlines",
    "histories",
    "importances",
    "levels_by_emotion",
    "recordings",
    "selective_accuracy",
    "separation",
    "slices",
    "speakers",
    "violins",
    "waveform_and_mel",
]
