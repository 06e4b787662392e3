"""The terminal picture of an explanation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from tests.inference.explained import FOUND
from tests.reports.terminal.printing import HOSTILE, printed

from affekt.inference.explanation import BandEffect, SegmentEffect
from affekt.reports.terminal import explanation
from affekt.support.terminal import one_line


def test_the_head_has_the_answer_and_the_explained_emotion() -> None:
    head = printed(explanation(FOUND)).splitlines()[0]
    assert head == "clip.wav (left)  probably angry, 70%; explained: sad 30%"
    of_the_prediction = replace(FOUND, emotion="angry")
    assert printed(explanation(of_the_prediction)).splitlines()[0] == "clip.wav (left)  probably angry, 70%"


def test_bars_over_time_are_for_and_against_the_emotion() -> None:
    _, _, above, below, time, *_ = printed(explanation(FOUND)).splitlines()
    assert above == "for      " + "█" * 20
    assert below == "against  " + " " * 40 + "▄" * 20
    assert time.startswith("time     0 ")
    assert time.endswith("3.0 s")
    assert cell_len(time) == 9 + 60


def test_bands_go_from_high_to_low_with_their_errors() -> None:
    high, low = printed(explanation(FOUND)).splitlines()[6:8]
    assert high.split("│")[0].endswith("█" * 20)
    assert high.endswith("-1.00 ± 0.25")
    assert low.split("│")[1].startswith("█" * 10 + " ")
    assert low.endswith("+0.50 ± 0.20")
    assert low.startswith("    0 –   500 Hz")


def test_cues_are_in_words() -> None:
    assert (
        "tempo: 3.0 voiced stretches a second, 80th percentile of sad clips; nearest to the median of angry"
    ) in printed(explanation(FOUND), width=200)


def test_each_version_has_its_answer_and_says_where_it_is_unreliable() -> None:
    lines = printed(explanation(FOUND)).splitlines()
    assert "supporting parts only     sad 80%" in lines
    assert "everything else           angry 90%, sad 10%" in lines
    assert "slower                    sad 90%" in lines
    assert "faster                    angry 80%, sad 20% (unreliable)" in lines
    assert any("does not come back" in line for line in lines)
    assert "does not come back" not in printed(explanation(replace(FOUND, what_ifs=FOUND.what_ifs[:1])))


def test_the_nearest_training_clips_are_counted_and_named() -> None:
    text = printed(explanation(FOUND), width=200)
    assert "nearest training clips: 2 angry, 1 sad; first AB_sad_1, 03-01, 03-02" in text
    assert "nearest" not in printed(explanation(replace(FOUND, neighbours=(), cues=())))


def test_weak_explanations_say_so() -> None:
    weak = printed(explanation(replace(FOUND, fidelity=-0.2, masked_out_of_distribution=0.8)), width=200)
    assert "The effects, added up, account for only 0% of the variance of the log-odds" in weak
    assert "80% of the masked versions are out of distribution" in weak
    strong = printed(explanation(FOUND), width=200)
    assert "account for" not in strong
    assert "out of distribution" not in strong


def test_parts_that_speak_against_the_picture_are_told() -> None:
    assert FOUND.convincing is not None
    assert FOUND.rest is not None
    weak = replace(FOUND.convincing, probabilities={"angry": 0.9, "sad": 0.1})
    strong = replace(FOUND.rest, probabilities={"angry": 0.2, "sad": 0.8})
    told = "make sad less probable than the rest does: do not rely on the picture."
    assert told in printed(explanation(replace(FOUND, convincing=weak, rest=strong)), width=200)
    assert told not in printed(explanation(replace(FOUND, convincing=strong, rest=weak)), width=200)


@pytest.mark.parametrize("segments", [1, 7, 41, 60])
@pytest.mark.parametrize("name", HOSTILE)
def test_it_fits_eighty_columns_and_names_are_shown_as_they_are(name: str, segments: int) -> None:
    spans = tuple(SegmentEffect(i * 0.5, i * 0.5 + 0.5, (-1.0) ** i, 0.1) for i in range(segments))
    text = printed(explanation(replace(FOUND, segments=spans, source=name)))
    assert max(map(cell_len, text.splitlines())) <= 80
    assert one_line(name) in text
    assert "\x1b" not in text


def test_effects_of_nothing_are_no_bars() -> None:
    nothing = replace(
        FOUND, segments=(SegmentEffect(0, 1, 0.0, 0.0),), bands=(BandEffect(0, 8000, 0.0, 0.0),)
    )
    assert "█" not in printed(explanation(nothing))
