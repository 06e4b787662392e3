"""Tiers: whole milliseconds that never overlap, and names that differ."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.inference.writers.synthetic import (
    HAPPY,
    SILENT,
    SIMPLE,
    TWO_CHANNELS,
    TWO_SPEAKERS,
    make_timeline,
)

from affekt.inference.writers.tiers import make_tiers, spans


def test_a_recording_without_speakers_is_one_tier_without_a_name() -> None:
    (tier,) = make_tiers([SIMPLE])
    assert tier.name == ""
    assert [(one.start_ms, one.end_ms) for one in tier.spans] == [
        (500, 2250),
        (2250, 4000),
        (6123, 6500),
        (8000, 12000),
    ]
    assert [one.emotion for one in tier.spans] == ["happy", "calm", "no answer", "sad"]
    assert [one.confidence for one in tier.spans] == ["0.83", "0.50", "", "0.30"]


def test_each_speaker_and_each_channel_is_a_tier() -> None:
    assert [tier.name for tier in make_tiers([TWO_SPEAKERS])] == ["A", 'B "the boss" <&>']
    assert [tier.name for tier in make_tiers(TWO_CHANNELS)] == ["left", "right"]
    both = [replace(TWO_SPEAKERS, audio_channel="left"), TWO_CHANNELS[1]]
    assert [tier.name for tier in make_tiers(both)] == ["left A", 'left B "the boss" <&>', "right"]


def test_a_recording_without_a_voice_is_one_empty_tier() -> None:
    (tier,) = make_tiers([SILENT])
    assert (tier.name, tier.spans) == ("", ())


def test_names_differ_even_where_speakers_look_alike() -> None:
    alike = make_timeline(
        (0, 1, HAPPY, "A\n"), (1, 2, HAPPY, "A\\n"), (2, 3, HAPPY, ""), (3, 4, HAPPY, " ")
    )
    names = [tier.name for tier in make_tiers([alike])]
    assert names == ["A\\n", "A\\n (2)", "", "(2)"]


def test_rounded_neighbours_do_not_overlap_and_end_with_the_recording() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        edges = np.sort(rng.uniform(0, 0.05, 20))
        duration_s = float(edges[-1])
        touching = [(float(a), float(b), None, "") for a, b in pairwise(edges)]
        found = spans(make_timeline(*touching, duration_s=duration_s), "")
        times = [time for one in found for time in (one.start_ms, one.end_ms)]
        assert times == sorted(times)
        assert all(one.start_ms < one.end_ms for one in found)
        assert times[-1] / 1000 <= duration_s
    (whole,) = spans(make_timeline((0.0, 0.57, None, ""), duration_s=0.57), "")
    assert whole.end_ms == 570


def test_several_recordings_are_not_one() -> None:
    with pytest.raises(ValueError, match=r"one recording, not 2 \('call.wav', 'silent.wav'\): .* \.json"):
        make_tiers([SIMPLE, SILENT])
    with pytest.raises(ValueError, match=r"one recording, not 0 \(none\)"):
        make_tiers([])
