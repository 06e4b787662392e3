"""Utterances in probabilities of a voice: what joins, what is dropped, where long ones are cut."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest

from affekt.audio.activity import FRAME_S
from affekt.audio.utterances import (
    LONGEST_FRAMES,
    MARGIN_FRAMES,
    PAUSE_FRAMES,
    SHORTEST_VOICE_FRAMES,
    UtteranceDetector,
)


def find(probabilities: Iterable[float]) -> list[tuple[int, int]]:
    """Start and end of each utterance, by the edges; they must come in order."""
    detector, found, start = UtteranceDetector(), [], None
    for edges in [*map(detector.add, probabilities), detector.close()]:
        if edges.start is not None:
            assert start is None
            start = edges.start
        for end in (edges.cut, edges.end):
            if end is not None:
                assert start is not None
                found.append((start, end))
                start = end if end == edges.cut else None
    assert start is None
    return found


def voice(frames: int, probability: float = 0.9) -> list[float]:
    return [probability] * frames


def pause(frames: int) -> list[float]:
    return [0.1] * frames


def test_an_utterance_has_a_margin_on_both_sides() -> None:
    assert find([*pause(20), *voice(30), *pause(20)]) == [(20 - MARGIN_FRAMES, 50 + MARGIN_FRAMES)]


def test_margins_end_with_the_recording() -> None:
    assert find(voice(30)) == [(0, 30)]


@pytest.mark.parametrize(("frames", "count"), [(PAUSE_FRAMES - 1, 1), (PAUSE_FRAMES, 2)])
def test_short_pauses_join(frames: int, count: int) -> None:
    assert len(find([*voice(20), *pause(frames), *voice(20), *pause(20)])) == count


def test_margins_do_not_overlap() -> None:
    (_, end), (start, _) = find([*voice(20), *pause(PAUSE_FRAMES), *voice(20)])
    assert end <= start


@pytest.mark.parametrize(("frames", "count"), [(SHORTEST_VOICE_FRAMES - 1, 0), (SHORTEST_VOICE_FRAMES, 1)])
def test_a_click_is_no_utterance(frames: int, count: int) -> None:
    assert len(find([*pause(20), *voice(frames), *pause(20)])) == count


def test_several_clicks_without_long_pauses_are_an_utterance() -> None:
    clicks = [*voice(2), *pause(5)] * 4
    assert find([*pause(20), *clicks, *pause(20)]) == [(20 - MARGIN_FRAMES, 20 + 23 + MARGIN_FRAMES)]


def test_a_voice_goes_on_at_a_probability_at_which_none_begins() -> None:
    assert find([*pause(20), *voice(40, 0.4), *pause(20)]) == []
    assert find([*voice(10), *voice(40, 0.4), *pause(20)]) == [(0, 50 + MARGIN_FRAMES)]


def test_a_long_utterance_is_cut_where_its_voice_is_weakest() -> None:
    probabilities = np.full(LONGEST_FRAMES + 100, 0.9)
    probabilities[100] = 0.4  # in the first half
    probabilities[400:405] = 0.6
    assert find(probabilities) == [(0, 402), (402, len(probabilities))]


def test_no_utterance_is_longer_than_the_limit_and_no_voice_is_lost() -> None:
    probabilities = np.random.default_rng(0).uniform(0.4, 1, 5 * LONGEST_FRAMES)
    probabilities[0] = 1
    found = find(probabilities)
    assert found[0][0] == 0
    assert found[-1][1] == len(probabilities)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert max(end - start for start, end in found) <= LONGEST_FRAMES


def test_a_start_is_announced_as_soon_as_there_is_enough_voice() -> None:
    detector = UtteranceDetector()
    edges = [detector.add(0.9) for _ in range(SHORTEST_VOICE_FRAMES)]
    assert [one.start for one in edges] == [None] * (SHORTEST_VOICE_FRAMES - 1) + [0]


def test_what_is_kept_does_not_grow_with_the_voice() -> None:
    detector, kept = UtteranceDetector(), []
    for _ in range(round(600 / FRAME_S)):
        detector.add(0.9)
        kept.append(len(detector._probabilities) + detector.frames - detector.needed)
    assert max(kept) <= 2 * LONGEST_FRAMES
