"""CSV: a row for each utterance."""

from __future__ import annotations

import csv
import io

from tests.inference.writers.synthetic import EMOTIONS, ODD, SILENT, SIMPLE, TWO_CHANNELS, make_timeline

from affekt.inference.timeline import Timeline
from affekt.inference.writers.csv import write


def written(*timelines: Timeline) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    write(timelines, stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


def test_a_row_has_the_times_and_the_prediction() -> None:
    row = written(SIMPLE)[3]
    probabilities = {name: "0.300000" if name == "sad" else "0.100000" for name in EMOTIONS}
    assert row == {
        "file": "call.wav",
        "audio_channel": "mix",
        "speaker": "",
        "start_s": "8.000000",
        "end_s": "12.000000",
        "emotion": "sad",
        "confidence": "0.300000",
        "prediction_set": "sad|neutral|calm|happy|angry",
        **probabilities,
        "unsure": "True",
        "out_of_distribution": "True",
        "notes": "out of distribution: do not rely on it",
    }


def test_an_utterance_without_a_prediction_has_its_times_alone() -> None:
    row = written(SIMPLE)[2]
    assert {name: cell for name, cell in row.items() if cell} == {
        "file": "call.wav",
        "audio_channel": "mix",
        "start_s": "6.123400",
        "end_s": "6.500000",
    }


def test_several_recordings_and_channels_are_in_one_table() -> None:
    other = make_timeline((0, 1, None, "A"), source="b.wav", emotions=("happy", "bored"))
    rows = written(*TWO_CHANNELS, other)
    assert [(row["file"], row["audio_channel"], row["speaker"]) for row in rows] == [
        ("call.wav", "left", ""),
        ("call.wav", "right", ""),
        ("call.wav", "right", ""),
        ("b.wav", "mix", "A"),
    ]
    assert "bored" in rows[0]


def test_no_utterance_is_a_table_of_column_names() -> None:
    stream = io.StringIO(newline="")
    write([SILENT], stream)
    assert stream.getvalue().startswith("file,audio_channel,speaker,start_s")
    assert stream.getvalue().count("\n") == 1


def test_a_spreadsheet_computes_nothing() -> None:
    stream = io.StringIO(newline="")
    write([ODD], stream)
    cells = [cell for row in csv.reader(io.StringIO(stream.getvalue(), newline="")) for cell in row]
    assert any(cell.startswith("'@speaker") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
