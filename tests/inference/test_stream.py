"""Streams: the same events however the sound is divided, and answers that are those of ``predict``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.errors import AudioContentError, AudioFormatError, UnknownNameError
from affekt.inference.prediction import predict
from affekt.inference.stream import (
    STEP_S,
    WINDOW_S,
    Event,
    Measurement,
    Stream,
    UtteranceEnd,
    UtteranceStart,
    UtteranceStream,
)

EXAMPLES = sorted(Path(str(files("affekt"))).joinpath("examples").glob("*.flac"))
RATE = 16_000
Samples = NDArray[Any]


@pytest.fixture(scope="module")
def spoken() -> Samples:
    """Four examples with pauses of 0.7 s and a little noise between, at 16 kHz."""
    parts: list[Samples] = [np.zeros(RATE // 2)]
    for path in EXAMPLES[:4]:
        parts += [load_audio(path, RATE).samples, np.zeros(round(0.7 * RATE))]
    samples = np.concatenate(parts)
    noise = np.random.default_rng(0).standard_normal(len(samples))
    return (samples + 3e-4 * noise).astype(np.float32)


def pushed(stream: Any, samples: Samples, sizes: Callable[[], int]) -> list[Event]:
    events, at = [], 0
    while at < len(samples):
        size = sizes()
        events += stream.push(samples[at : at + size])
        at += size
    return [*events, *stream.close()]


def at_once(stream: Any, samples: Samples) -> list[Event]:
    return pushed(stream, samples, lambda: len(samples))


@pytest.fixture(scope="module")
def events(spoken: Samples) -> list[Event]:
    return at_once(Stream(RATE), spoken)


def ends(events: Sequence[Event]) -> list[UtteranceEnd]:
    return [event for event in events if isinstance(event, UtteranceEnd)]


@pytest.mark.parametrize("most", [700, 9000, 60_000])
def test_events_do_not_depend_on_how_the_sound_is_divided(
    spoken: Samples, events: list[Event], most: int
) -> None:
    rng = np.random.default_rng(most)
    assert pushed(Stream(RATE), spoken, lambda: int(rng.integers(1, most))) == events


def test_events_of_a_resampled_stream_do_not_depend_on_it_either(spoken: Samples) -> None:
    rng, faster = np.random.default_rng(1), soxr.resample(spoken, RATE, 44_100)
    several = pushed(Stream(44_100), faster, lambda: int(rng.integers(1, 30_000)))
    assert several == at_once(Stream(44_100), faster)


def test_each_spoken_example_is_an_utterance(spoken: Samples, events: list[Event]) -> None:
    at_s, found = 0.5, ends(events)
    assert len(found) == 4
    for path, utterance in zip(EXAMPLES, found, strict=False):
        length_s = load_audio(path).duration_s
        assert utterance.start_s == pytest.approx(at_s, abs=0.4)
        assert utterance.end_s == pytest.approx(at_s + length_s, abs=0.4)
        at_s += length_s + 0.7


def test_the_answer_is_that_of_predict_for_these_samples(spoken: Samples, events: list[Event]) -> None:
    for one in ends(events):
        clip = spoken[round(one.start_s * RATE) : round(one.end_s * RATE)]
        assert one.prediction == predict((clip, RATE))


def test_emotions_and_channel_are_those_that_were_asked_for(spoken: Samples) -> None:
    both = np.stack([np.zeros_like(spoken), spoken], axis=1)
    found = ends(at_once(Stream(RATE, emotions=["sad", "happy"], audio_channel="right"), both))
    assert [list(one.prediction.probabilities) for one in found if one.prediction] == [["happy", "sad"]] * 4
    assert at_once(Stream(RATE, audio_channel="left"), both) == []


def test_events_come_in_order_and_each_half_second_of_voice_is_measured(events: list[Event]) -> None:
    kinds = "".join({UtteranceStart: "(", Measurement: "m", UtteranceEnd: ")"}[type(one)] for one in events)
    assert kinds.replace("m", "") == "()" * 4
    for one in ends(events):
        steps = np.arange(100)
        middles = (steps + 0.5) * STEP_S
        inside = steps[(middles >= one.start_s) & (middles < one.end_s)]
        measured = [
            event.start_s
            for event in events
            if isinstance(event, Measurement) and one.start_s <= event.start_s + STEP_S / 2 < one.end_s
        ]
        assert measured == pytest.approx(inside * STEP_S)


def test_the_only_measurement_of_a_short_utterance_is_its_answer(
    spoken: Samples, events: list[Event]
) -> None:
    short = [one for one in ends(events) if one.end_s - one.start_s <= WINDOW_S]
    assert short
    for one in short:
        assert one.prediction
        for event in events:
            if isinstance(event, Measurement) and one.start_s <= event.start_s + STEP_S / 2 < one.end_s:
                assert event.probabilities == pytest.approx(one.prediction.probabilities)


def test_the_mean_of_the_samples_does_not_count(spoken: Samples, events: list[Event]) -> None:
    found = ends(at_once(Stream(RATE), spoken + np.float32(0.25)))
    assert [one.start_s for one in found] == pytest.approx([one.start_s for one in ends(events)], abs=0.1)
    assert [one.end_s for one in found] == pytest.approx([one.end_s for one in ends(events)], abs=0.1)


@pytest.mark.parametrize("gain", [0.05, 0.3])
def test_the_level_does_not_count(spoken: Samples, events: list[Event], gain: float) -> None:
    found = ends(at_once(Stream(RATE), spoken * np.float32(gain)))
    assert [one.start_s for one in found] == pytest.approx([one.start_s for one in ends(events)], abs=0.1)


def test_integers_are_scaled(spoken: Samples) -> None:
    whole = np.round(spoken * 32767).astype(np.int16)
    assert at_once(Stream(RATE), whole) == at_once(Stream(RATE), whole / 32768)


def test_noise_and_silence_have_no_utterance() -> None:
    noise = np.random.default_rng(0).standard_normal(20 * RATE) * 0.1
    assert at_once(Stream(RATE), noise) == []
    assert at_once(Stream(RATE), np.zeros(20 * RATE)) == []


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


def test_memory_does_not_grow_with_the_stream(monkeypatch: pytest.MonkeyPatch, spoken: Samples) -> None:
    stream, sizes = UtteranceStream(RATE, Signs()), []
    minute = np.resize(spoken, 60 * RATE)
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


@pytest.mark.parametrize(
    ("piece", "error", "words"),
    [
        (np.zeros((2, 2, 2)), AudioFormatError, "is no piece of a stream"),
        (np.array(["a"]), AudioFormatError, "is no piece of a stream"),
        (np.zeros((5, 3)), AudioFormatError, "has 1 channels, not 3"),
        (np.array([0.1, np.nan]), AudioContentError, "NaN"),
        (np.array([3000.0]), AudioFormatError, "Divide them by 32768"),
        (np.array([3000]), AudioFormatError, "64-bit integers"),
    ],
)
def test_what_is_no_sound_is_refused(piece: Samples, error: type[Exception], words: str) -> None:
    stream = Stream(RATE)
    assert stream.push(np.zeros(10)) == stream.push(np.zeros(0)) == []
    with pytest.raises(error, match=words):
        stream.push(piece)


def test_arguments_are_checked_when_a_stream_is_made() -> None:
    with pytest.raises(AudioFormatError, match="sample rate 10 Hz"):
        Stream(10)
    with pytest.raises(ValueError, match="a Stream for each"):
        Stream(RATE, audio_channel="each")
    with pytest.raises(UnknownNameError, match="audio channel"):
        Stream(RATE, audio_channel="top")
    with pytest.raises(UnknownNameError, match="emotion"):
        Stream(RATE, emotions=["happy", "hungry"])


def test_nothing_can_be_pushed_after_the_end() -> None:
    stream = Stream(RATE)
    stream.close()
    assert stream.close() == []
    with pytest.raises(ValueError, match="closed"):
        stream.push(np.zeros(10))


def test_events_are_plain_values(events: list[Event]) -> None:
    kinds = {one.to_dict()["event"] for one in events}
    assert kinds == {"utterance_start", "measurement", "utterance_end"}
    last = ends(events)[-1]
    assert last.prediction
    assert last.to_dict()["prediction"] == last.prediction.to_dict()
