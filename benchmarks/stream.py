"""``Stream`` beside ``timeline``: the same recordings, pushed piece by piece and read from files.

    python benchmarks/stream.py CORPUS [--recordings 50] [--first 0]

Recordings are those of ``timeline.py``, at 8 to 48 kHz, with one channel or two, as WAV or FLAC. They are
pushed in pieces of 1 to 20,000 frames. The table has the largest differences of the boundaries of
utterances and of the probabilities of utterances and measurements.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from timeline import RATE, make_recording

from affekt.corpora.registry import load_corpus
from affekt.inference.events import Event, Measurement, UtteranceEnd
from affekt.inference.stream import Stream
from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import timeline
from affekt.inference.utterance_stream import STEP_S
from affekt.model.bundle import load
from affekt.support.progress import track

RATES, MOST_FRAMES = (8_000, 16_000, 22_050, 44_100, 48_000), 20_000


def write(samples: NDArray[np.float32], folder: Path, rng: np.random.Generator) -> Path:
    """Write a recording with a rate, a number of channels and a format that are drawn."""
    rate = int(rng.choice(RATES))
    frames = soxr.resample(samples, RATE, rate)[:, None] * [1.0, 0.7][: rng.integers(1, 3)]
    path = folder / f"recording.{rng.choice(['wav', 'flac'])}"
    soundfile.write(path, np.clip(frames, -1, 1), rate, "PCM_16")
    return path


def push(path: Path, rng: np.random.Generator) -> list[Event]:
    """Push a recording in pieces."""
    frames, rate = soundfile.read(path, dtype="int16", always_2d=True)
    stream, events, at = Stream(rate), [], 0
    while at < len(frames):
        size = int(np.exp(rng.uniform(0, np.log(MOST_FRAMES))))
        events += stream.push(frames[at : at + size])
        at += size
    return events + stream.close()


def differences(found: Timeline, events: list[Event]) -> tuple[int, float, float, float]:
    """Return the number of utterances, and the largest differences of seconds and of probabilities."""
    ends = [event for event in events if isinstance(event, UtteranceEnd)]
    if len(ends) != len(found.utterances):
        raise SystemExit(f"{len(ends)} utterances in the stream, {len(found.utterances)} in the timeline")
    seconds, answers = [0.0], [0.0]
    for one, other in zip(ends, found.utterances, strict=True):
        seconds += [abs(one.start_s - other.start_s), abs(one.end_s - other.end_s)]
        if (one.prediction is None) != (other.prediction is None):
            raise SystemExit(f"the utterance at {one.start_s:.2f} s has one prediction alone")
        if one.prediction and other.prediction:
            pairs = zip(
                one.prediction.probabilities.values(), other.prediction.probabilities.values(), strict=True
            )
            answers += [abs(a - b) for a, b in pairs]
    rows = np.full_like(found.track.probabilities, np.nan)
    for event in events:
        if isinstance(event, Measurement):
            rows[round(event.start_s / STEP_S)] = list(event.probabilities.values())
    measured = np.nan_to_num(rows, nan=2.0) - np.nan_to_num(found.track.probabilities, nan=2.0)
    return len(ends), max(seconds), max(answers), float(np.abs(measured).max(initial=0))


def main() -> None:
    """Make the recordings, and print the differences."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--recordings", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="number of the first recording")
    asked = parser.parse_args()
    corpus, bundle, found = load_corpus(asked.corpus), load(), []
    clips = [clip for clip in corpus.clips if clip.vocal_channel == "speech"]
    speakers = sorted({clip.speaker for clip in clips})
    numbers = range(asked.first, asked.first + asked.recordings)
    with tempfile.TemporaryDirectory() as folder:
        for number in track(numbers, "recordings", len(numbers)):
            rng = np.random.default_rng(number)
            own = [clip for clip in clips if clip.speaker == speakers[number % len(speakers)]]
            path = write(make_recording(own, rng)[0], Path(folder), rng)
            found.append(differences(timeline(path, bundle), push(path, rng)))
    counts, *largest = zip(*found, strict=True)
    table = Table("recordings", "utterances", "boundaries", "answers", "track")
    table.add_row(
        str(len(found)),
        str(sum(counts)),
        f"{max(largest[0]):.4f} s",
        *(f"{max(one):.2e}" for one in largest[1:]),
    )
    Console().print(table)


if __name__ == "__main__":
    main()
