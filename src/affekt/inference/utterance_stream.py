"""Utterances of one channel, and measurements within them, answered while the sound arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from affekt.audio.activity import FRAME_SAMPLES, SAMPLE_RATE, ActivityStream
from affekt.audio.loading import load_audio
from affekt.audio.utterances import UtteranceDetector
from affekt.errors import AudioError
from affekt.inference.adaptation import Voice
from affekt.inference.events import Event, Measurement, UtteranceEnd, UtteranceStart
from affekt.inference.prediction import Prediction, Probabilities, predict_waveform, predict_window
from affekt.model.bundle import Bundle

STEP_S = 0.5
WINDOW_S = 2.0  # that a measurement is made of
WEIGHTS = (1.0, 2.0, 1.0)  # of the measurement before, itself, and the one after
AHEAD = 64  # events that wait for their answers
_FIRST_SAMPLES = 1 << 16
Result = TypeVar("Result")
_Measured = Callable[[], Mapping[str, float] | None]
_Pending = Callable[[], Event | None]


class Answers(Protocol):
    """What is done with the samples of an utterance, and of the windows of 2 s in it."""

    def answer(self, samples: NDArray[np.float32]) -> Prediction | None:
        """Answer an utterance."""

    def measure(self, samples: NDArray[np.float32]) -> Mapping[str, float] | None:
        """Measure a window; None where it cannot be used."""


@dataclass(frozen=True)
class Answerer:
    """Answers utterances as ``predict`` does; ``name`` is that of the recording."""

    name: str
    sample_rate: int
    bundle: Bundle
    voice: Voice | None
    allowed: tuple[str, ...]

    def answer(self, samples: NDArray[np.float32]) -> Prediction | None:
        """Predict an utterance; None where it cannot be used."""
        try:
            recorded = load_audio((samples, self.sample_rate))
            return predict_waveform(recorded, self.name, self.bundle, self.voice, self.allowed)
        except AudioError:
            return None

    def measure(self, samples: NDArray[np.float32]) -> Mapping[str, float] | None:
        """Return the probabilities of the emotions in a window."""
        try:
            recorded = load_audio((samples, self.sample_rate))
            return predict_window(recorded, self.bundle, self.voice, self.allowed)
        except AudioError:
            return None


class UtteranceStream:
    """Finds utterances in samples of one channel, or is given them, and lets each be answered.

    Parameters
    ----------
    sample_rate
        In Hz.
    answers
        What answers them.
    turns
        (start, end) of each utterance in seconds, in order and without overlap; None to find them.
    executor
        Where they are answered, while up to ``AHEAD`` events wait; None for here and now.
    """

    def __init__(
        self,
        sample_rate: int,
        answers: Answers,
        turns: Sequence[tuple[float, float]] | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.rate, self._answers, self._executor = sample_rate, answers, executor
        self._waiting: deque[Callable[[], Event | None]] = deque()
        self._recent = _Recent()
        self._turns = None if turns is None else list(turns)[::-1]  # the next one is last
        self._activity, self._detector = ActivityStream(sample_rate), UtteranceDetector()
        self._start_s: float | None = None  # of the utterance that is open
        self._stretch_s = 0.0  # start of the voice that it belongs to, which may have been cut
        self._step = 0  # to be measured next
        self._measured: list[_Measured] = []  # the last two steps, which wait for neighbours
        self._window: tuple[float, _Measured] = (-1.0, _nothing)  # the last one, and its start

    @property
    def received_s(self) -> float:
        """Seconds that were pushed."""
        return self._recent.end / self.rate

    def push(self, samples: NDArray[np.float32]) -> list[Event]:
        """Take samples, and return the events that they have made known."""
        self._recent.append(samples)
        if self._turns is None:
            for probability in self._activity.push(samples):
                self._waiting.extend(self._add_frame(float(probability)))
        else:
            self._waiting.extend(self._follow_turns(self.received_s))
        self._forget()
        return self._events(AHEAD if self._executor else 0)

    def wait(self) -> list[Event]:
        """Return the events whose answers are being computed; an utterance that is open stays open."""
        return self._events(0)

    def close(self) -> list[Event]:
        """Return the events that are left."""
        if self._turns is None:
            for probability in self._activity.close():
                self._waiting.extend(self._add_frame(float(probability)))
            end = self._detector.close().end
            if end is not None:
                self._waiting.extend(self._end(_seconds(end)))
        else:
            self._waiting.extend(self._follow_turns(np.inf))
        return self.wait()

    def _events(self, ahead: int) -> list[Event]:
        """Return events in their order, but for the last few; after Ctrl-C, all can still be had."""
        ready = [event() for event in islice(self._waiting, max(0, len(self._waiting) - ahead))]
        for _ in ready:
            self._waiting.popleft()
        return [event for event in ready if event]

    def _submit(
        self, compute: Callable[[NDArray[np.float32]], Result], start_s: float, end_s: float
    ) -> Callable[[], Result]:
        """Let something be computed from samples, and return the function that returns it."""
        samples = self._recent.between(round(start_s * self.rate), round(end_s * self.rate))
        if self._executor:
            return self._executor.submit(compute, samples).result
        result = compute(samples)
        return lambda: result

    def _add_frame(self, probability: float) -> Iterator[_Pending]:
        edges = self._detector.add(probability)
        if edges.start is not None:
            yield self._begin(_seconds(edges.start))
        if edges.cut is not None:
            yield from self._cut(_seconds(edges.cut))
        if edges.end is not None:
            yield from self._end(_seconds(edges.end))
        elif self._start_s is not None:
            yield from self._measure(_seconds(self._detector.reached))

    def _follow_turns(self, until_s: float) -> Iterator[_Pending]:
        """Start and end the given utterances as far as samples have been received."""
        while self._turns:
            start_s, end_s = self._turns[-1]
            if start_s >= min(until_s, self.received_s):
                return
            if self._start_s is None:
                yield self._begin(start_s)
            if end_s > until_s:
                yield from self._measure(min(self.received_s, end_s))
                return
            yield from self._end(end_s)
            self._turns.pop()

    def _forget(self) -> None:
        """Drop the samples that nothing needs any more."""
        if self._start_s is not None:
            needed_s = min(self._start_s, self._next_window_s())
        elif self._turns is None:
            needed_s = _seconds(self._detector.needed)
        else:
            needed_s = min(self.received_s, self._turns[-1][0] if self._turns else np.inf)
        self._recent.forget(round(needed_s * self.rate))

    def _begin(self, start_s: float) -> _Pending:
        self._start_s = self._stretch_s = start_s
        self._step = int(np.ceil(start_s / STEP_S - 0.5))
        self._measured, self._window = [], (-1.0, _nothing)
        return partial(UtteranceStart, start_s=start_s)

    def _cut(self, at_s: float) -> Iterator[_Pending]:
        start_s = self._start_s or 0.0
        answer = self._submit(self._answers.answer, start_s, at_s)
        yield partial(_ended, start_s, at_s, answer)
        self._start_s = at_s
        yield partial(UtteranceStart, start_s=at_s)

    def _end(self, end_s: float) -> Iterator[_Pending]:
        start_s, end_s = self._start_s or 0.0, min(end_s, self.received_s)
        answer = self._submit(self._answers.answer, start_s, end_s)
        if self._stretch_s == start_s and end_s - start_s <= WINDOW_S:  # the answer is its measurement
            self._window = (start_s, partial(_probabilities, answer))
        yield from self._measure(end_s, ended=True)
        yield partial(_ended, start_s, end_s, answer)
        self._start_s = None

    def _next_window_s(self) -> float:
        """Start of the window around the middle of the next step."""
        return max(self._stretch_s, (self._step + 0.5) * STEP_S - WINDOW_S / 2)

    def _measure(self, reached_s: float, *, ended: bool = False) -> Iterator[_Pending]:
        """Measure each step whose window is within the voice, or all that are left."""
        while True:
            window_s, middle_s = self._next_window_s(), (self._step + 0.5) * STEP_S
            if ended and middle_s < reached_s:
                window_s = max(self._stretch_s, min(window_s, reached_s - WINDOW_S))
            elif window_s + WINDOW_S > reached_s or middle_s >= reached_s:
                break
            if window_s != self._window[0]:
                end_s = min(window_s + WINDOW_S, reached_s)
                self._window = (window_s, self._submit(self._answers.measure, window_s, end_s))
            self._measured.append(self._window[1])
            self._step += 1
            if len(self._measured) > 1:
                yield self._smoothed(self._step - 2)
        if ended and self._measured:
            self._measured.append(_nothing)
            yield self._smoothed(self._step - 1)

    def _smoothed(self, step: int) -> _Pending:
        """Return the last measurement but one, smoothed, and keep it as the neighbour of the last."""
        before = self._measured[-3] if len(self._measured) > 2 else _nothing
        around = (before, *self._measured[-2:])
        self._measured = self._measured[-2:]
        return partial(_smooth, step, around)


def _seconds(frame: int) -> float:
    return frame * FRAME_SAMPLES / SAMPLE_RATE  # rounded once: 239 frames are 7.648 s


def _nothing() -> None:
    """Return what stands for a measurement where there is none."""


def _probabilities(answer: Callable[[], Prediction | None]) -> Mapping[str, float] | None:
    prediction = answer()
    return prediction.probabilities if prediction else None


def _ended(start_s: float, end_s: float, answer: Callable[[], Prediction | None]) -> UtteranceEnd:
    return UtteranceEnd(start_s=start_s, end_s=end_s, prediction=answer())


def _smooth(step: int, around: Sequence[_Measured]) -> Measurement | None:
    """Return the mean of a step, counted twice, and its neighbours; None where it was not measured."""
    found = [measured() for measured in around]
    own = found[1]
    if own is None:
        return None
    rows = [list(one.values()) for one in found if one]
    weights = [weight for weight, one in zip(WEIGHTS, found, strict=True) if one]
    shares = np.average(rows, axis=0, weights=weights).tolist()
    return Measurement(
        start_s=step * STEP_S,
        end_s=(step + 1) * STEP_S,
        probabilities=Probabilities(zip(own, shares, strict=True)),
    )


class _Recent:
    """The last samples of a stream, by their position in it."""

    def __init__(self) -> None:
        self._array = np.empty(_FIRST_SAMPLES, np.float32)
        self._from = self._to = 0  # in the array
        self.end = 0  # in the stream

    def append(self, samples: NDArray[np.float32]) -> None:
        """Add samples; the array grows only where it is full of what is needed."""
        if self._to + len(samples) > len(self._array):
            kept = self._array[self._from : self._to]
            size = len(kept) + len(samples)
            if 2 * size > len(self._array) or 8 * size < len(self._array):
                self._array = np.empty(max(_FIRST_SAMPLES, 2 * size), np.float32)
            self._array[: len(kept)] = kept
            self._from, self._to = 0, len(kept)
        self._array[self._to : self._to + len(samples)] = samples
        self._to += len(samples)
        self.end += len(samples)

    def forget(self, before: int) -> None:
        """Drop all before this position."""
        self._from = max(self._from, min(self._to, before - (self.end - self._to)))

    def between(self, start: int, end: int) -> NDArray[np.float32]:
        """Return a copy of the samples from one position to another."""
        zero = self.end - self._to
        return self._array[max(self._from, start - zero) : end - zero].copy()
