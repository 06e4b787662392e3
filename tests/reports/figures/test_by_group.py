"""Scores by speaker and by other groups of clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn.metrics import accuracy_score
from tests.reports.synthetic import (
    EVALUATION,
    SPEAKERS,
    bars,
    caption,
    coordinates,
    draw,
    drawn,
    heights,
    make_evaluation,
    tick_labels,
    widths,
)

from affekt.reports import figures
from affekt.reports.figures.by_group import SEXES
from affekt.reports.figures.style import in_percent


def test_bars_of_speakers_are_their_accuracies_the_lowest_first() -> None:
    found = {}
    for speaker in SPEAKERS:
        own = [one for one in EVALUATION.tested if one.clip.speaker == speaker]
        found[speaker] = accuracy_score([one.clip.emotion for one in own], [one.predicted for one in own])
    figure = drawn(figures.speakers(EVALUATION))
    (axes,) = figure.axes
    shown = heights(axes)[: len(SPEAKERS)]
    assert shown == sorted(found.values())
    assert len(set(shown)) > 1
    assert dict(zip(tick_labels(axes), shown, strict=True)) == pytest.approx(found)
    for name, bar in zip(tick_labels(axes), bars(axes), strict=False):
        assert to_hex(bar.get_facecolor()).upper() == SEXES[("female", "male")[int(name) % 2]]
    lines = [coordinates(line)[0, 1] for line in axes.get_lines()]
    assert lines == pytest.approx([EVALUATION.headlines["accuracy"].value, 0.25])
    assert f"from {in_percent(min(shown))} on own/" in caption(figure)


def test_unknown_speakers_have_no_bars() -> None:
    assert figures.speakers(make_evaluation(speakers=("",))) is None


def test_speakers_of_an_evaluation_from_a_file_are_drawn_without_their_sex() -> None:
    (axes,) = drawn(figures.speakers(replace(EVALUATION, tested=()))).axes
    assert len(heights(axes)) == len(SPEAKERS)
    assert {to_hex(bar.get_facecolor()).upper() for bar in bars(axes)} == {SEXES[""]}
    assert axes.get_legend() is None


def test_bars_of_slices_are_the_accuracies_of_each_group() -> None:
    (axes,) = drawn(figures.slices(EVALUATION)).axes
    shown = dict(zip(tick_labels(axes, "y"), widths(axes), strict=True))
    expected = {}
    for field in ("sex", "intensity", "statement"):
        for value in sorted({getattr(one.clip, field) for one in EVALUATION.tested}):
            own = [one for one in EVALUATION.tested if getattr(one.clip, field) == value]
            correct = [one.clip.emotion == one.predicted for one in own]
            expected[f"{field}: {value}, {len(own)}"] = np.mean(correct)
    assert shown == pytest.approx(expected)


def test_the_largest_difference_between_groups_is_named() -> None:
    spans = {
        field: max(one.accuracy for one in scores.values()) - min(one.accuracy for one in scores.values())
        for field, scores in EVALUATION.slices.items()
        if field in ("sex", "intensity", "statement")
    }
    widest = max(spans, key=spans.__getitem__)
    assert f"by {widest}: {100 * spans[widest]:.1f} points" in caption(figures.slices(EVALUATION))


def test_a_vocal_channel_is_named_in_two_words() -> None:
    slices = {**EVALUATION.slices, "vocal_channel": EVALUATION.slices["sex"]}
    (axes,) = drawn(figures.slices(replace(EVALUATION, slices=slices))).axes
    assert any(name.startswith("vocal channel: female") for name in tick_labels(axes, "y"))


def test_without_groups_there_is_no_figure_of_them() -> None:
    assert figures.slices(make_evaluation(speakers=("",))) is None


@pytest.mark.parametrize("speakers", [("1", "2"), tuple(map(str, range(1, 13)))])
def test_the_legend_covers_no_speaker(speakers: tuple[str, ...]) -> None:
    figure = draw(drawn(figures.speakers(make_evaluation(speakers=speakers))))
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().y0 >= axes.get_window_extent().y1
