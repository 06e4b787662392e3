"""Sound in real time: from a microphone, or from a file that is read at the speed of speech."""

from __future__ import annotations

import importlib
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from affekt.audio.loading import open_audio
from affekt.audio.samples import Samples
from affekt.audio.sources import AudioSource
from affekt.errors import AudioReadError, explain_import

BLOCK_S = 0.03
MAX_WAITING_S = 30.0  # sound that waits while the computer is busy; more is lost, and silence in its place
_POLL_S = 0.2  # Windows delivers no signal while a queue is waited for
_Waiting = queue.Queue[tuple[int, Samples]]  # blocks, and how many were lost before each


@dataclass
class Sound:
    """Sound in real time.

    Attributes
    ----------
    sample_rate
        In Hz.
    blocks
        Arrays of shape (frames, channels), each as soon as it is recorded.
    lost_s
        Seconds that were lost so far, as the computer was too busy; the blocks have silence in their place.
    """

    sample_rate: int
    blocks: Iterator[Samples]
    lost_s: float = 0.0


@contextmanager
def open_microphone(device: str | None = None) -> Iterator[Sound]:
    """Open a microphone; its sound has no end.

    Parameters
    ----------
    device
        Its number, or part of its name; None for the usual one.

    Raises
    ------
    MissingExtraError
        sounddevice is not installed.
    AudioReadError
        PortAudio is not installed, or there is no such microphone.
    """
    sounddevice = _import_sounddevice()
    waiting: _Waiting = queue.Queue(round(MAX_WAITING_S / BLOCK_S))
    lost = 0  # blocks since the last one that waits

    def hear(samples: Samples, frames: int, at: Any, status: Any) -> None:
        nonlocal lost
        if waiting.full():
            lost += 1
            sound.lost_s += frames / sound.sample_rate
        else:
            waiting.put((lost, samples.copy()))
            lost = 0

    try:
        chosen = int(device) if device is not None and device.isdigit() else device
        rate = int(sounddevice.query_devices(chosen, "input")["default_samplerate"])
        stream = sounddevice.InputStream(
            rate, round(rate * BLOCK_S), chosen, channels=1, dtype="float32", callback=hear
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        name = "the microphone" if device is None else f"the microphone {device!r}"
        raise AudioReadError(
            f"{name} cannot be opened: {error}. 'python -m sounddevice' lists what there is"
        ) from error
    sound = Sound(rate, _wait_for(waiting))
    with stream:
        yield sound


def _wait_for(waiting: _Waiting) -> Iterator[Samples]:
    while True:
        try:
            lost, samples = waiting.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        for _ in range(lost):
            yield np.zeros_like(samples)
        yield samples


def _import_sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise explain_import(error, "listening to a microphone") from error
    except OSError as error:
        raise AudioReadError(
            "listening to a microphone needs PortAudio: apt install libportaudio2, dnf install portaudio, "
            "or brew install portaudio"
        ) from error


@contextmanager
def play(source: AudioSource, audio_channel: str = "mix", *, speed: float = 1.0) -> Iterator[Sound]:
    """Open a recording whose blocks come at the speed of speech.

    Parameters
    ----------
    source, audio_channel
        As for ``open_audio``.
    speed
        1 for as fast as it was spoken.

    Raises
    ------
    AudioError, MissingExtraError
        As for ``open_audio``.
    """
    with open_audio(source, audio_channel) as audio:
        yield Sound(audio.sample_rate, _at_speed(audio, audio.sample_rate, speed))


def _at_speed(blocks: Any, rate: int, speed: float) -> Iterator[Samples]:
    began, played, size = time.monotonic(), 0, round(rate * BLOCK_S)
    for block in blocks:
        for start in range(0, len(block), size):
            part = block[start : start + size]
            played += len(part)
            time.sleep(max(0.0, began + played / rate / speed - time.monotonic()))
            yield part
