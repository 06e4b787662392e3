"""What is computed of a timeline: the shares of emotions, and how long somebody speaks."""

from __future__ import annotations

import pytest
from tests.inference.writers.synthetic import HAPPY, SILENT, make_prediction, make_timeline

from affekt.inference.timeline import emotion_shares, voiced_seconds

SAD = make_prediction("sad", 0.8)
UNSURE = make_prediction("sad", 0.3, likely=5)


def test_each_emotion_has_its_share_of_all_utterances_and_what_is_no_answer_comes_last() -> None:
    found = emotion_shares(
        make_timeline((0, 3, None, ""), (3, 5, UNSURE, ""), (5, 6, HAPPY, ""), (6, 8, SAD, ""))
    )
    assert found == pytest.approx({"sad": 0.25, "happy": 0.125, "no answer": 0.375, "unsure": 0.25})
    assert list(found) == ["sad", "happy", "no answer", "unsure"]


def test_what_two_speakers_say_at_once_counts_once() -> None:
    found = make_timeline((0, 6, HAPPY, "A"), (2, 4, SAD, "B"), (5, 7, SAD, "B"), (8, 9, SAD, "B"))
    assert voiced_seconds(found) == 8


def test_without_utterances_there_are_no_shares_and_no_voice() -> None:
    assert emotion_shares(SILENT) == {}
    assert voiced_seconds(SILENT) == 0
