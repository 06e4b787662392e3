"""Counts, recording conditions and the map of a corpus, and unusual corpora."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from tests.reports.figures.violins import assert_quartiles, violins_of
from tests.reports.synthetic import (
    EMOTION_OF,
    EMOTIONS,
    EXPLORED,
    SPEAKER_OF,
    SPEAKERS,
    bars,
    caption,
    coordinates,
    draw,
    heights,
    make_clips,
    make_exploration,
    tick_labels,
)

from affekt.emotions import emotion_style
from affekt.experiments.exploration import Exploration, shared_neighbours
from affekt.reports import figures
from affekt.reports.figures.style import in_percent


def test_bars_of_counts_are_the_counts() -> None:
    clips = [clip for clip in make_clips() if (clip.emotion, clip.speaker) != ("sad", "02")][:-2]
    figure = figures.counts(make_exploration(clips))
    found = {
        axes.get_title(loc="left"): dict(zip(tick_labels(axes), heights(axes), strict=True))
        for axes in figure.axes
    }
    assert found["emotion"] == {name: sum(clip.emotion == name for clip in clips) for name in EMOTIONS}
    for field in ("vocal_channel", "sex", "intensity", "speaker"):
        values = [getattr(clip, field) for clip in clips]
        expected = {value: values.count(value) for value in values}
        assert found[field.replace("_", " ")] == expected, field
    assert (
        f"{len(clips)} clips: 30 of the most frequent emotion, 25 of the least frequent (sad)."
        in caption(figure)
    )


def test_speakers_of_the_same_name_in_two_corpora_have_a_bar_each() -> None:
    own = make_clips(speakers=("03", "08"))
    other = [replace(clip, corpus="other") for clip in make_clips(speakers=("03",), repetitions=2)]
    below = figures.counts(make_exploration([*own, *other])).axes[-1]
    assert tick_labels(below) == ["03", "03", "08"]
    assert heights(below) == [8, 20, 20]


def test_unknown_fields_are_not_counted() -> None:
    figure = figures.counts(make_exploration(make_clips(speakers=("",))))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["emotion", "vocal channel"]


def test_the_bar_of_an_unknown_value_is_called_unknown() -> None:
    clips = [replace(one, sex="") if one.emotion == "sad" else one for one in make_clips()]
    (sex,) = [
        axes for axes in figures.counts(make_exploration(clips)).axes if axes.get_title(loc="left") == "sex"
    ]
    assert dict(zip(tick_labels(sex), heights(sex), strict=True)) == {
        "unknown": 30,
        "female": 45,
        "male": 45,
    }


def test_histograms_of_recordings_hold_every_clip_and_mark_the_median() -> None:
    figure = figures.recordings(EXPLORED)
    facts = EXPLORED.facts
    for axes, name in zip(figure.axes, ("duration_s", "level_db", "silence"), strict=False):
        values = [getattr(one, name) for one in facts]
        expected, edges = np.histogram(values, 30)
        assert heights(axes) == expected.tolist(), name
        middles = [bar.get_x() + bar.get_width() / 2 for bar in bars(axes)]
        np.testing.assert_allclose(middles, (edges[1:] + edges[:-1]) / 2)
        assert coordinates(axes.get_lines()[0])[0, 0] == pytest.approx(np.median(values))
    rates = dict(zip(tick_labels(figure.axes[3]), heights(figure.axes[3]), strict=True))
    assert rates == {"16 kHz": 40, "48 kHz": 80}
    told = "In 30 clips more than 0.1\N{NO-BREAK SPACE}% of the samples are clipped."
    assert told in caption(figure)


def test_levels_by_emotion_have_the_quartiles_of_each_emotion() -> None:
    figure = figures.levels_by_emotion(EXPLORED)
    found = {axes.get_title(loc="left"): axes for axes in figure.axes}
    for title, name in (
        ("level, dB", "level_db"),
        ("pitch, Hz", "pitch_hz"),
        ("duration, s", "duration_s"),
    ):
        assert_quartiles(found[title], np.array([getattr(one, name) for one in EXPLORED.facts]))
    assert "The median level is highest for angry" in caption(figure)


def test_an_emotion_without_any_pitch_has_no_violin() -> None:
    facts = tuple(
        replace(one, pitch_hz=np.nan) if emotion == "sad" or i % 7 == 0 else one
        for i, (one, emotion) in enumerate(zip(EXPLORED.facts, EMOTION_OF, strict=True))
    )
    figure = figures.levels_by_emotion(replace(EXPLORED, facts=facts))
    (axes,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "pitch, Hz"]
    assert set(violins_of(axes)) == {"neutral", "happy", "angry"}
    assert_quartiles(axes, np.array([one.pitch_hz for one in facts]))
    assert tick_labels(axes) == list(EMOTIONS)


def test_on_the_map_each_clip_is_at_its_place_in_the_colour_of_its_group() -> None:
    figure = figures.clip_map(EXPLORED)
    left, right = figure.axes
    for axes, names, groups in ((left, EMOTIONS, EMOTION_OF), (right, SPEAKERS, SPEAKER_OF)):
        assert len(axes.collections) == len(names)
        for name, group in zip(names, axes.collections, strict=True):
            assert isinstance(group, PathCollection)
            np.testing.assert_array_equal(np.asarray(group.get_offsets()), EXPLORED.map[groups == name])
    by_emotion, by_speaker = (
        [to_hex(np.asarray(group.get_facecolor())[0]) for group in axes.collections]
        for axes in (left, right)
    )
    assert [colour.upper() for colour in by_emotion] == [emotion_style(name).colour for name in EMOTIONS]
    assert len(set(by_speaker)) == len(SPEAKERS)
    assert [group.get_label() for group in left.collections] == list(EMOTIONS)
    assert right.get_title(loc="left") == "by speaker (6)"
    for groups in (EMOTION_OF, SPEAKER_OF):
        same, chance = shared_neighbours(EXPLORED.features, groups)
        assert in_percent(same) in caption(figure)
        assert f"chance {in_percent(chance)}" in caption(figure)


UNUSUAL = {
    "one speaker": make_clips(speakers=("07",)),
    "unknown speakers": make_clips(speakers=("",)),
    "one emotion": make_clips(("happy",)),
    "uncommon names": make_clips(("bliss", "<i>spleen</i> & co", "50 $ fear, 60 $ joy"), repetitions=2),
    "two clips": make_clips(("happy", "sad"), ("01",), repetitions=1),
}
OF_CORPORA: dict[str, Callable[[Exploration], Figure]] = {
    "counts": figures.counts,
    "recordings": figures.recordings,
    "levels": figures.levels_by_emotion,
    "map": figures.clip_map,
    "separation": figures.separation,
    "correlation": figures.correlation,
    "violins": lambda explored: figures.violins(explored, ["mfcc0_mean", "rms_mean"]),
    "distributions": lambda explored: figures.distributions(explored, ["mfcc0_mean", "rms_mean"]),
}


@pytest.mark.parametrize("function", OF_CORPORA)
@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_corpora_are_drawn_too(name: str, function: str) -> None:
    figure = OF_CORPORA[function](make_exploration(UNUSUAL[name]))
    caption(draw(figure) if name == "uncommon names" else figure)


def test_constant_features_are_drawn_too() -> None:
    explored = replace(EXPLORED, features=np.full_like(EXPLORED.features, 0.1))
    for function in OF_CORPORA.values():
        caption(function(explored))
