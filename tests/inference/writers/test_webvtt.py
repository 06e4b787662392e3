"""WebVTT: a point before the milliseconds, and texts that are no markup."""

from __future__ import annotations

import io
import re

import pytest
from tests.inference.writers.synthetic import ALL, SILENT, SIMPLE, TWO_SPEAKERS

from affekt.inference.timeline import Timeline
from affekt.inference.writers.webvtt import write

TIMES = re.compile(r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}")


def written(*timelines: Timeline) -> str:
    stream = io.StringIO()
    write(timelines, stream)
    return stream.getvalue()


def test_a_cue_has_times_and_words() -> None:
    assert written(SIMPLE).startswith(
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nclearly happy\n\n00:00:02.250"
    )
    assert written(SILENT) == "WEBVTT\n"


def test_a_cue_is_in_the_voice_of_its_speaker() -> None:
    text = written(TWO_SPEAKERS)
    assert "\n<v A>clearly happy\n" in text
    assert '\n<v B "the boss" &lt;&amp;&gt;>leans calm, could be neutral or happy\n' in text


@pytest.mark.parametrize("name", ALL)
def test_every_cue_has_two_lines_whatever_it_says(name: str) -> None:
    head, *cues = written(*ALL[name]).rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    assert len(cues) == sum(len(one.utterances) for one in ALL[name])
    for cue in cues:
        times, words = cue.split("\n")
        assert TIMES.fullmatch(times)
        assert "-->" not in words
        assert re.fullmatch(r"(<v [^<>]+>)?[^<>]+", words)
