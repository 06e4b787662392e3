"""JSON holds all that a timeline holds."""

from __future__ import annotations

import io
import json

from tests.inference.writers.synthetic import ODD, ODD_NAME, SILENT, SIMPLE

from affekt.inference.writers.json import write


def test_the_file_is_a_list_of_all_timelines() -> None:
    stream = io.StringIO()
    write([SIMPLE, SILENT, ODD], stream)
    first, silent, odd = json.loads(stream.getvalue())
    assert first == json.loads(json.dumps(SIMPLE.to_dict()))
    assert first["utterances"][2] == {"start_s": 6.1234, "end_s": 6.5, "speaker": "", "prediction": None}
    assert first["track"]["probabilities"][0] is None
    assert silent["utterances"] == []
    assert odd["source"] == ODD_NAME


def test_any_name_can_be_stored() -> None:
    stream = io.StringIO()
    write([ODD], stream)
    assert stream.getvalue().isascii()
