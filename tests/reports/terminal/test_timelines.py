"""The terminal table of a timeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from tests.reports.terminal.printing import HOSTILE, printed

from affekt.inference.prediction import Prediction
from affekt.inference.timeline import Timeline, Track, Utterance
from affekt.notes import Note, NoteKind
from affekt.reports.terminal import timeline
from affekt.support.terminal import one_line

SAD = Prediction("sad", 0.8, {"neutral": 0.2, "sad": 0.8}, ("sad",), 3.0)
NEUTRAL = Prediction("neutral", 0.6, {"neutral": 0.6, "sad": 0.4}, ("neutral", "sad"), 1.0)


def made(
    *utterances: Utterance, source: str = "talk.wav", channel: str = "mix", complete: bool = True
) -> Timeline:
    return Timeline(
        source=source,
        audio_channel=channel,
        duration_s=3725.0,
        emotions=("neutral", "sad"),
        utterances=utterances,
        track=Track(step_s=0.5, probabilities=np.zeros((0, 2), np.float32)),
        envelope=np.zeros(0, np.float32),
        notes=(Note(NoteKind.CUT_OFF, "the file is cut off"),),
        complete=complete,
    )


ANNA = Utterance(start_s=1, end_s=4, prediction=SAD, speaker="anna")
BOB = Utterance(start_s=3723, end_s=3724, prediction=NEUTRAL, speaker="bob")
NOBODY = Utterance(start_s=5, end_s=5.2, prediction=None)


def test_the_head_has_length_and_emotions_by_time() -> None:
    head = printed(timeline(made(ANNA, BOB, channel="left")), width=200).splitlines()[0]
    assert head == (
        "talk.wav (left)  1:02:05.0, 2 utterances, 0:04.0 of speech: sad 75%, neutral 25%; the file is "
        "cut off"
    )
    assert "1:02:05.0 read before it was stopped" in printed(timeline(made(complete=False)), width=200)


def test_unsure_predictions_and_missing_ones_are_no_share_of_an_emotion() -> None:
    unsure = replace(NEUTRAL, prediction_set=tuple("abcd"))
    found = made(
        Utterance(start_s=0, end_s=10, prediction=SAD),
        Utterance(start_s=10, end_s=20, prediction=unsure),
        Utterance(start_s=20, end_s=30, prediction=None),
    )
    head = printed(timeline(found), width=200).splitlines()[0]
    assert "0:30.0 of speech: sad 33%, unsure 33%, no answer 33%" in head


def test_what_two_speakers_say_at_once_counts_once() -> None:
    both = replace(ANNA, start_s=2, end_s=5, speaker="bob")
    assert "2 utterances, 0:04.0 of speech" in printed(timeline(made(ANNA, both)), width=200)


def test_each_utterance_is_a_row_with_its_speaker() -> None:
    lines = printed(timeline(made(ANNA, NOBODY, BOB)), width=120).splitlines()
    assert lines[2].startswith("0:01.0 – 0:04.0 anna")
    assert lines[3].startswith("0:05.0 – 0:05.2")
    assert "there is no prediction" in lines[4]
    assert lines[5].startswith("1:02:03.0 – 1:02:04.0 bob")


def test_rows_may_be_left_out() -> None:
    assert "anna" not in printed(timeline(made(ANNA), summarised=True), width=120)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", HOSTILE)
def test_it_fits_the_terminal_and_names_are_shown_as_they_are(width: int, name: str) -> None:
    utterance = Utterance(start_s=1, end_s=4, prediction=SAD, speaker=name)
    text = printed(timeline(made(utterance, source=name), width), width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    assert text.count(one_line(name)) == 2
