"""TextGrids, read back by praatio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.inference.writers.synthetic import (
    ALL,
    HAPPY,
    SILENT,
    SIMPLE,
    TWO_CHANNELS,
    UNSURE,
    make_timeline,
)

from affekt.inference.timeline import Timeline
from affekt.inference.writers.textgrid import write

praatio = pytest.importorskip("praatio.textgrid")


def read(folder: Path, *timelines: Timeline) -> Any:
    place = folder / "a.TextGrid"
    with open(place, "w", encoding="utf-8", newline="") as file:
        write(timelines, file)
    return praatio.openTextgrid(str(place), includeEmptyIntervals=True, reportingMode="error")


def test_praatio_reads_what_was_written(tmp_path: Path) -> None:
    grid = read(tmp_path, SIMPLE)
    assert grid.tierNames == ("emotion", "confidence", "trust")
    assert [tuple(one) for one in grid.getTier("emotion").entries] == [
        (0.0, 0.5, ""),
        (0.5, 2.25, "happy"),
        (2.25, 4.0, "calm"),
        (4.0, 6.123, ""),
        (6.123, 6.5, "no answer"),
        (6.5, 8.0, ""),
        (8.0, 12.0, "sad"),
    ]
    labels = [one.label for one in grid.getTier("confidence").entries]
    assert labels == ["", "0.83", "0.50", "", "", "", "0.30"]


@pytest.mark.parametrize("name", ALL)
def test_tiers_begin_and_end_with_the_recording_and_have_no_gaps(name: str, tmp_path: Path) -> None:
    grid = read(tmp_path, *ALL[name])
    assert (grid.minTimestamp, grid.maxTimestamp) == (0.0, 12.0)
    for tier in grid.tiers:
        starts = [one.start for one in tier.entries]
        ends = [one.end for one in tier.entries]
        assert starts == [0.0, *ends[:-1]]
        assert ends[-1] == 12.0


def test_a_recording_without_a_voice_is_one_empty_interval(tmp_path: Path) -> None:
    (interval,) = read(tmp_path, SILENT).getTier("emotion").entries
    assert tuple(interval) == (0.0, 12.0, "")


def test_each_channel_has_its_tiers(tmp_path: Path) -> None:
    names = read(tmp_path, *TWO_CHANNELS).tierNames
    tiers = ("emotion", "confidence", "trust")
    assert names == tuple(f"{channel} {tier}" for channel in ("left", "right") for tier in tiers)


def test_the_last_tier_says_where_a_prediction_is_not_to_be_trusted(tmp_path: Path) -> None:
    recorded = make_timeline((1, 2, HAPPY, ""), (2, 3, UNSURE, ""))
    labels = [one.label for one in read(tmp_path, recorded).getTier("trust").entries]
    assert "out of distribution" in labels


def test_no_interval_is_shorter_than_a_millisecond_at_the_end(tmp_path: Path) -> None:
    length_s = 9.123456789
    grid = read(tmp_path, make_timeline((1.0, length_s, HAPPY, ""), duration_s=length_s))
    assert [tuple(one) for one in grid.getTier("emotion").entries] == [
        (0.0, 1.0, ""),
        (1.0, length_s, "happy"),
    ]


def test_quotes_are_doubled(tmp_path: Path) -> None:
    quoted = make_timeline((1, 2, HAPPY, 'say "A"'), (2, 3, HAPPY, "B"))
    assert read(tmp_path, quoted).tierNames[0] == 'say "A" emotion'
    assert 'name = "say ""A"" emotion"' in (tmp_path / "a.TextGrid").read_text("utf-8")
