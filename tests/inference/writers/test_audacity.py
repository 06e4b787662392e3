"""Label tracks of Audacity."""

from __future__ import annotations

import io

import pytest
from tests.inference.writers.synthetic import ALL, SILENT, SIMPLE, TWO_SPEAKERS

from affekt.inference.timeline import Timeline
from affekt.inference.writers.audacity import write


def written(*timelines: Timeline) -> list[str]:
    stream = io.StringIO()
    write(timelines, stream)
    return stream.getvalue().split("\n")[:-1]


def test_a_line_has_start_end_and_label() -> None:
    assert written(SIMPLE) == [
        "0.500000\t2.250000\thappy 0.83",
        "2.250000\t4.000000\tcalm 0.50",
        "6.123000\t6.500000\tno answer",
        "8.000000\t12.000000\tsad 0.30",
    ]


def test_lines_of_several_speakers_are_in_order_of_time() -> None:
    assert [line.split("\t")[2] for line in written(TWO_SPEAKERS)] == [
        "A: happy 0.83",
        'B "the boss" <&>: calm 0.50',
        "A: sad 0.30",
    ]


@pytest.mark.parametrize("name", ALL)
def test_every_line_has_three_columns(name: str) -> None:
    lines = written(*ALL[name])
    assert len(lines) == sum(len(one.utterances) for one in ALL[name])
    assert {line.count("\t") for line in lines} <= {2}


def test_no_utterance_is_an_empty_file() -> None:
    assert written(SILENT) == []
