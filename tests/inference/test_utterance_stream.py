"""Streams of utterances: measurements and turns are where they should be, and memory is bounded."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest
from tests.inference.streaming import RATE, Samples, at_once, ends, pushed, speak

from affekt.inference.events import Measurement
from affekt.inference.utterance_stream import STEP_S, WINDOW_S, UtteranceStream


class Signs:
    """Measures how many samples are positive, and keeps the lengths of what it was given."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def answer(self, samples: Samples) -> None:
        self.lengths.append(len(samples))

    def measure(self, samples: Samples) -> dict[str, float]:
        self.lengths.append(len(samples))
        return {"up": float(np.mean(samples > 0)), "down": float(np.mean(samples < 0))}


def test_a_change_of_one_and_a_half_seconds_stays_visible() -> None:
    for start_s in np.arange(4, 5, 0.1):
        samples = np.full(10 * RATE, -0.1, np.float32)
        samples[round(start_s * RATE) : round((start_s + 1.5) * RATE)] = 0.1
        found = at_once(UtteranceStream(RATE, Signs(), [(0, 10)]), samples)
        up = [
            one.start_s + STEP_S / 2
            for one in found
            if isinstance(one, Measurement) and one.probabilities["up"] > 0.5
        ]
        assert up
        assert all(start_s <= middle_s < start_s + 1.5 for middle_s in up)


def test_windows_have_two_seconds_and_stay_within_the_voice() -> None:
    answers = Signs()
    found = at_once(UtteranceStream(RATE, answers, [(1, 9)]), np.ones(10 * RATE, np.float32))
    *windows, whole = sorted(answers.lengths)
    assert whole == 8 * RATE
    assert set(windows) == {round(WINDOW_S * RATE)}
    assert sum(isinstance(one, Measurement) for one in found) == 16


def test_given_turns_are_the_utterances() -> None:
    turns = [(0.5, 1.25), (1.25, 3.0), (9.0, 20.0), (30.0, 31.0)]
    samples = np.ones(10 * RATE, np.float32)
    found = ends(pushed(UtteranceStream(RATE, Signs(), turns), samples, lambda: 1000))
    assert [(one.start_s, one.end_s) for one in found] == [(0.5, 1.25), (1.25, 3.0), (9.0, 10.0)]


def test_events_that_an_interrupt_kept_from_being_returned_can_still_be_had() -> None:
    class Interrupted(Executor):
        """Computes at once, and interrupts who waits for the second answer, once."""

        left = 2

        def submit(self, function: Any, /, *given: Any, **named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(function(*given, **named))
            usual = future.result

            def result(timeout: float | None = None) -> Any:
                self.left -= 1
                if self.left == 0:
                    raise KeyboardInterrupt
                return usual(timeout)

            future.result = result  # type: ignore[method-assign]
            return future

    turns = [(0.5, 1.25), (1.25, 3.0), (4.0, 5.0)]
    stream = UtteranceStream(RATE, Signs(), turns, Interrupted())
    assert not ends(stream.push(np.ones(10 * RATE, np.float32)))
    with pytest.raises(KeyboardInterrupt):
        stream.close()
    assert [(one.start_s, one.end_s) for one in ends(stream.wait())] == turns


def test_memory_does_not_grow_with_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, sizes = UtteranceStream(RATE, Signs()), []
    minute = np.resize(speak(), 60 * RATE)
    for _ in range(6):
        stream.push(minute)
        recent, activity = stream._recent, stream._activity
        sizes.append(len(recent._array) + activity._waiting.size + len(stream._waiting))
        assert recent._to - recent._from < 25 * RATE
    assert max(sizes) < 1.1 * sizes[0]
    monkeypatch.setattr(stream._activity, "push", lambda samples: np.ones(len(samples) // 512))
    for _ in range(60):  # ten minutes without a pause, in small pieces
        stream.push(minute[: 10 * RATE])
        assert stream._recent._to - stream._recent._from < 35 * RATE
        assert len(stream._recent._array) < 4 * 60 * RATE


def test_small_pieces_do_not_grow_the_buffer() -> None:
    stream = UtteranceStream(RATE, Signs(), [(0, 3), (50, 55)])
    for _ in range(6000):
        stream.push(np.ones(160, np.float32))
    assert len(stream._recent._array) <= 1 << 18
