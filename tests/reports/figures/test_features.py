"""Distributions and correlations of features, and how they separate emotions and speakers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch
from numpy.typing import NDArray
from tests.reports.figures.violins import assert_quartiles
from tests.reports.synthetic import (
    COLUMNS,
    EMOTION_OF,
    EMOTIONS,
    EXPLORED,
    SPEAKER_OF,
    caption,
    image,
    make_clips,
    make_exploration,
    points,
    tick_labels,
    widths,
)

from affekt.emotions import emotion_style
from affekt.experiments.exploration import correlations, effect_sizes, redundant_pairs
from affekt.features.feature_sets import FEATURE_SETS
from affekt.reports import figures
from affekt.reports.figures.features import RIDGE_HEIGHT


def test_violins_have_the_quartiles_of_the_features_they_name() -> None:
    chosen = ["rms_mean", "mfcc0_mean", "mfcc3_std"]
    figure = figures.violins(EXPLORED, chosen)
    assert [axes.get_title(loc="left") for axes in figure.axes] == chosen
    for axes, column in zip(figure.axes, chosen, strict=True):
        assert_quartiles(axes, EXPLORED.features[:, COLUMNS.index(column)])
        bodies = [body for body in axes.collections if isinstance(body, PolyCollection)]
        shown = [to_hex(np.asarray(body.get_facecolor())[0]).upper() for body in bodies]
        assert shown == [emotion_style(name).colour for name in EMOTIONS]
    assert ", ".join(chosen) in caption(figure)


def ridges(axes: Axes) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """Emotion -> (upper line, edges, baseline)."""
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    return {str(step.get_label()): step.get_data() for step in steps}


def test_distributions_are_densities_of_each_emotion_on_one_scale() -> None:
    chosen = ["mfcc0_mean", "zcr_mean", "mfcc1_mean", "rms_mean", "mfcc2_std"]
    figure = figures.distributions(EXPLORED, chosen)
    assert [axes.get_xlabel() for axes in figure.axes] == chosen
    for axes, column in zip(figure.axes, chosen, strict=True):
        values = EXPLORED.features[:, COLUMNS.index(column)]
        shown = ridges(axes)
        assert list(shown) == list(EMOTIONS)
        assert [baseline for _, _, baseline in shown.values()] == [-i for i in range(len(EMOTIONS))]
        edges = shown["sad"][1]
        expected = {
            name: np.histogram(values[name == EMOTION_OF], edges, density=True)[0] for name in EMOTIONS
        }
        scale = RIDGE_HEIGHT / np.max(list(expected.values()))
        for name, density in expected.items():
            line, _, baseline = shown[name]
            np.testing.assert_allclose(line - baseline, density * scale, atol=1e-12)
        low, high = np.quantile(values, (0.005, 0.995))
        assert (edges[0], edges[-1]) == pytest.approx((low, high))
    assert tick_labels(figure.axes[0], "y") == list(EMOTIONS)


def test_an_emotion_whose_one_clip_is_the_outermost_has_a_flat_line() -> None:
    clips = [*make_clips(EMOTIONS[:2]), *make_clips(("angry",), ("01",), repetitions=1)]
    explored = make_exploration(clips)
    explored.features[-1, 3] = 99
    (axes,) = figures.distributions(explored, ["mfcc3_mean"]).axes
    line, _, baseline = ridges(axes)["angry"]
    assert (line == baseline).all()


@pytest.mark.parametrize("name", [name for name, one in FEATURE_SETS.items() if len(one.shape) == 1])
def test_every_feature_is_in_exactly_one_batch_of_at_most_twelve(name: str) -> None:
    columns = FEATURE_SETS[name].columns
    batches = figures.feature_batches(columns)
    assert sorted(column for batch in batches.values() for column in batch) == sorted(columns)
    assert all(1 <= len(batch) <= 12 for batch in batches.values())


def test_features_that_differ_only_in_their_number_are_in_one_batch() -> None:
    assert figures.feature_batches(COLUMNS) == {
        "mfcc mean": [f"mfcc{i}_mean" for i in range(5)],
        "mfcc std": [f"mfcc{i}_std" for i in range(5)],
        "single features": ["rms_mean", "zcr_mean"],
    }
    assert list(figures.feature_batches([f"mel{i}_mean" for i in range(20)])) == [
        "mel mean, 1 of 2",
        "mel mean, 2 of 2",
    ]


def test_the_image_of_correlations_is_the_matrix_of_numpy() -> None:
    figure = figures.correlation(EXPLORED)
    axes = figure.axes[0]
    expected = np.corrcoef(EXPLORED.features, rowvar=False)
    np.testing.assert_allclose(image(axes), expected, atol=1e-9)
    np.testing.assert_allclose(image(axes), correlations(EXPLORED.features))
    assert axes.images[0].get_clim() == (-1, 1)
    assert len(redundant_pairs(EXPLORED.features, COLUMNS)) == 1
    assert "1 of 66 pairs" in caption(figure)
    assert "mfcc2_mean and zcr_mean (-1.00)" in caption(figure)


def test_names_of_families_are_in_the_middle_of_their_features() -> None:
    axes = figures.correlation(EXPLORED).axes[0]
    assert tick_labels(axes) == ["mfcc mean", "mfcc std", "rms mean", "zcr mean"]
    assert list(axes.get_xticks()) == list(axes.get_yticks()) == [2, 7, 10, 11]


def test_features_that_separate_emotions_best_come_first_with_how_they_separate_speakers() -> None:
    of_emotion = effect_sizes(EXPLORED.features, EMOTION_OF)
    of_speaker = effect_sizes(EXPLORED.features, SPEAKER_OF)
    figure = figures.separation(EXPLORED)
    (axes,) = figure.axes
    names = tick_labels(axes, "y")
    assert names[0] == "mfcc0_mean"
    assert widths(axes) == sorted(of_emotion, reverse=True)
    bars = dict(zip(names, widths(axes), strict=True))
    assert bars == pytest.approx(dict(zip(COLUMNS, of_emotion, strict=True)))
    shown = dict(zip(names, [x for x, _ in points(axes, "D")], strict=True))
    assert shown == pytest.approx(dict(zip(COLUMNS, of_speaker, strict=True)))
    more = np.sum(of_speaker > of_emotion)
    assert f"{more} of 12 features separate speakers better than emotions" in caption(figure)
