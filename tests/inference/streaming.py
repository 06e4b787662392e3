"""Speech with pauses, and what pushes it into streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.inference.events import Event, UtteranceEnd

EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))
RATE = 16_000
Samples = NDArray[Any]


def speak() -> Samples:
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


def ends(events: Sequence[Event]) -> list[UtteranceEnd]:
    return [event for event in events if isinstance(event, UtteranceEnd)]
