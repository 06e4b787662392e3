"""RTTM: ten fields without blanks."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from tests.inference.writers.synthetic import ALL, SILENT, SIMPLE, TWO_CHANNELS, TWO_SPEAKERS

from affekt.inference.timeline import Timeline
from affekt.inference.writers.rttm import write


def written(*timelines: Timeline) -> list[str]:
    stream = io.StringIO()
    write(timelines, stream)
    return stream.getvalue().splitlines()


def test_a_line_has_onset_duration_emotion_and_confidence() -> None:
    assert written(SIMPLE) == [
        "SPEAKER call 1 0.500 1.750 <NA> <NA> happy 0.83 <NA>",
        "SPEAKER call 1 2.250 1.750 <NA> <NA> calm 0.50 <NA>",
        "SPEAKER call 1 6.123 0.377 <NA> <NA> <NA> <NA> <NA>",
        "SPEAKER call 1 8.000 4.000 <NA> <NA> sad 0.30 <NA>",
    ]
    assert written(SILENT) == []


def test_speakers_are_named_before_the_emotion() -> None:
    names = [line.split(" ")[7] for line in written(TWO_SPEAKERS)]
    assert names == ["A:happy", "A:sad", 'B_"the_boss"_<&>:calm']


def test_channels_are_numbered() -> None:
    third = replace(TWO_CHANNELS[0], audio_channel="3")
    assert [line.split(" ")[2] for line in written(*TWO_CHANNELS, third)] == ["1", "2", "2", "3"]


@pytest.mark.parametrize("name", ALL)
def test_every_line_has_ten_fields(name: str) -> None:
    lines = written(*ALL[name])
    assert len(lines) == sum(len(one.utterances) for one in ALL[name])
    assert {len(line.split()) for line in lines} <= {10}


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (("a/x.wav", "b/y.wav"), ["x", "y"]),
        (("a/x.wav", "b/x.wav"), ["a/x.wav", "b/x.wav"]),
        (("a b/x.wav", "a_b/x.wav"), ["a_b/x.wav", "a_b/x.wav_2"]),
    ],
)
def test_recordings_are_told_apart(sources: tuple[str, ...], names: list[str]) -> None:
    lines = written(*(replace(TWO_CHANNELS[0], source=source) for source in sources))
    assert [line.split(" ")[1] for line in lines] == names
