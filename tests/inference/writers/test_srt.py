"""SRT: numbered cues, and a comma before the milliseconds."""

from __future__ import annotations

import io
import re

import pytest
from tests.inference.writers.synthetic import ALL, HAPPY, SILENT, SIMPLE, TWO_SPEAKERS, make_timeline

from affekt.inference.timeline import Timeline
from affekt.inference.writers.srt import write

TIMES = re.compile(r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}")


def written(*timelines: Timeline) -> str:
    stream = io.StringIO()
    write(timelines, stream)
    return stream.getvalue()


def test_a_cue_has_a_number_times_and_words() -> None:
    assert written(SIMPLE) == (
        "1\n00:00:00,500 --> 00:00:02,250\nclearly happy\n\n"
        "2\n00:00:02,250 --> 00:00:04,000\nleans calm, could be neutral or happy\n\n"
        "3\n00:00:06,123 --> 00:00:06,500\nno answer\n\n"
        "4\n00:00:08,000 --> 00:00:12,000\nunsure: sad, neutral, calm, happy or angry\n\n"
    )
    assert written(SILENT) == ""


def test_times_may_have_hours() -> None:
    late = make_timeline((3723.004, 36000.5, HAPPY, ""), duration_s=36001)
    assert "\n01:02:03,004 --> 10:00:00,500\n" in written(late)


def test_speakers_are_named() -> None:
    assert "\nA: clearly happy\n" in written(TWO_SPEAKERS)


@pytest.mark.parametrize("name", ALL)
def test_every_cue_has_three_lines_whatever_it_says(name: str) -> None:
    text = written(*ALL[name])
    cues = text.split("\n\n")[:-1]
    assert len(cues) == sum(len(one.utterances) for one in ALL[name])
    for number, cue in enumerate(cues, start=1):
        first, times, words = cue.split("\n")
        assert first == str(number)
        assert TIMES.fullmatch(times)
        assert "-->" not in words
