"""Timelines beside one answer for the whole file and beside fixed windows, where the truth is known.

    python benchmarks/timeline.py CORPUS [--recordings 200] [--model FILE.onnx] [--adapt]

Each recording lasts 30 to 120 s and is made of clips of one speaker with pauses of 0.4 to 3 s, room noise
and one gain; its truth is where the clips are, without the silence at their ends. All methods may answer
the emotions of the corpus. They are scored by the emotion diarisation error rate, by the share of the time
that is right, pauses included, by the share of the time with a voice that is right, and by the segments
that are missed and the utterances that are invented.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from affekt.audio.loading import load_audio
from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.emotions import sort_emotions
from affekt.errors import AudioError
from affekt.experiments.timelines import AnnotatedRecording, TimelineScore, add_scores, score_spans
from affekt.inference.prediction import predict
from affekt.inference.timeline_reader import timeline
from affekt.metrics import Span
from affekt.model.bundle import Bundle, load
from affekt.support.progress import track

RATE = 16_000
LENGTHS_S, PAUSES_S, SNR_DB, GAINS_DB = (30, 120), (0.4, 3.0), (20, 40), (-20, 0)
SILENCE_DB, FRAME = 40, 320
WINDOW_S = 2.0
Samples = NDArray[np.float32]
Method = Callable[[Samples], list[Span]]


def trimmed(clip: Clip) -> Samples:
    """The clip between its first and last 20 ms that are less than 40 dB below its loudest."""
    samples = load_audio(clip.path, RATE).samples
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > power.max() / 10 ** (SILENCE_DB / 10))
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME]


def make_recording(clips: list[Clip], rng: np.random.Generator) -> tuple[Samples, list[Span]]:
    """Join clips with pauses, and add pink noise and a gain."""
    wanted, parts, spans, at = rng.uniform(*LENGTHS_S) * RATE, [], [], 0
    for clip in rng.permutation(np.array(clips, object)).tolist() * 20:
        pause = np.zeros(round(rng.uniform(*PAUSES_S) * RATE), np.float32)
        samples = trimmed(clip)
        if at + len(pause) + len(samples) > wanted:
            break
        start = at + len(pause)
        at = start + len(samples)
        parts += [pause, samples]
        spans.append((start / RATE, at / RATE, clip.emotion))
    speech = np.concatenate([*parts, np.zeros(round(rng.uniform(*PAUSES_S) * RATE), np.float32)])
    spectrum = np.fft.rfft(rng.standard_normal(len(speech)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(speech))
    level = np.sqrt(np.mean(np.square(speech[speech != 0])) / 10 ** (rng.uniform(*SNR_DB) / 10))
    noisy = speech + noise * level / np.sqrt(np.mean(np.square(noise)))
    scaled = noisy / np.abs(noisy).max() * 10 ** (rng.uniform(*GAINS_DB) / 20)
    return scaled.astype(np.float32), spans


def with_timeline(samples: Samples, bundle: Bundle, emotions: list[str], *, adapt: bool) -> list[Span]:
    """The utterances of ``timeline``."""
    found = timeline((samples, RATE), bundle, emotions=emotions, adapt=adapt)
    return [(one.start_s, one.end_s, one.prediction.emotion) for one in found.utterances if one.prediction]


def with_one_answer(samples: Samples, bundle: Bundle, emotions: list[str]) -> list[Span]:
    """One answer for the whole file, as ``predict`` gives it."""
    return [(0.0, len(samples) / RATE, predict((samples, RATE), bundle, emotions=emotions).emotion)]


def with_windows(samples: Samples, bundle: Bundle, emotions: list[str]) -> list[Span]:
    """An answer for each 2 s."""
    size, found = round(WINDOW_S * RATE), []
    for start in range(0, len(samples), size):
        window = samples[start : start + size]
        try:
            emotion = predict((window, RATE), bundle, emotions=emotions).emotion
        except AudioError:  # the last one may be too short
            continue
        found.append((start / RATE, (start + len(window)) / RATE, emotion))
    return found


def main() -> None:
    """Make the recordings, and print the scores."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--recordings", type=int, default=200)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--adapt", action="store_true")
    asked = parser.parse_args()
    bundle, corpus = load(asked.model), load_corpus(asked.corpus)
    clips = [clip for clip in corpus.clips if clip.vocal_channel == "speech"]
    emotions = [
        one for one in sort_emotions(clip.emotion for clip in clips) if one in bundle.contract.emotions
    ]
    speakers = sorted({clip.speaker for clip in clips})
    methods: dict[str, Method] = {
        "timeline": partial(with_timeline, bundle=bundle, emotions=emotions, adapt=False),
        "one answer for the file": partial(with_one_answer, bundle=bundle, emotions=emotions),
        "windows of 2 s": partial(with_windows, bundle=bundle, emotions=emotions),
    }
    if asked.adapt:
        adapted = partial(with_timeline, bundle=bundle, emotions=emotions, adapt=True)
        methods = {"timeline --adapt": adapted, **methods}
    scores = dict.fromkeys(methods, TimelineScore())
    for number in track(range(asked.recordings), "recordings", asked.recordings):
        rng = np.random.default_rng(number)
        own = [clip for clip in clips if clip.speaker == speakers[number % len(speakers)]]
        samples, spans = make_recording(own, rng)
        truth = AnnotatedRecording(Path(f"{number}.wav"), tuple(spans))
        for name, method in methods.items():
            found = score_spans(truth, method(samples), len(samples) / RATE)
            scores[name] = add_scores(scores[name], found)
    table = Table("", "EDER", "right", "right where a voice is", "missed", "invented")
    for name, one in scores.items():
        errors = one.errors
        voiced = 1 - (errors.missed_s + errors.confusion_s) / errors.reference_s
        table.add_row(
            name, f"{errors.rate:.1%}", f"{errors.right:.1%}", f"{voiced:.1%}",
            f"{one.missed} of {one.spans}", f"{one.invented} of {one.utterances}",
        )  # fmt: skip
    console = Console()
    console.print(f"{asked.recordings} recordings of {corpus.name}, {errors.duration_s / 60:.0f} min")
    console.print(table)


if __name__ == "__main__":
    main()
