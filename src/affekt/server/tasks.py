"""What workers compute: each task calls the functions that ``affekt.predict`` and the others are."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, load_audio, load_channels, open_audio
from affekt.audio.sources import UnreadableSource
from affekt.errors import AffektError, AudioContentError, AudioError
from affekt.inference.adaptation import Voice, adapt, parse_voice, ready_voice
from affekt.inference.explanation import explain
from affekt.inference.explanation_page import explanation_page
from affekt.inference.prediction import allowed_emotions, predict_waveform
from affekt.inference.stream import Stream
from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import timeline_channels
from affekt.model.bundle import Bundle, load
from affekt.server.messages import LONG, UNNAMED, ModelFacts, Options
from affekt.server.problems import Problem, problem_of


@dataclass
class Tasks:
    """The tasks of one worker, which has one model. What they raise is a ``Problem``."""

    bundle: Bundle
    _streams: dict[str, Stream] = field(default_factory=dict)

    @classmethod
    def of(cls, model: str | None) -> Tasks:
        """Load a model, and predict once, so that the first request is as fast as the others."""
        tasks = cls(load(model))
        hum = 0.1 * np.sin(np.arange(16_000) * np.array([[0.05], [0.1]])).sum(axis=0)
        predict_waveform(
            load_audio((hum, 16_000)), UNNAMED, tasks.bundle, None, tasks.bundle.contract.emotions
        )
        return tasks

    def facts(self) -> ModelFacts:
        """Return the model's name and contract."""
        return ModelFacts(Path(self.bundle.name).name, self.bundle.contract)

    def predict(self, name: str, content: bytes, options: Options) -> dict[str, Any]:
        """Predict a recording, as ``predict`` does."""
        allowed, voice = self._ready(options)
        recorded = load_audio(
            _named(content, name), max_duration_s=options.max_seconds, audio_channel=options.audio_channel
        )
        return predict_waveform(recorded, name or UNNAMED, self.bundle, voice, allowed).to_dict()

    def predict_channels(self, name: str, content: bytes, options: Options) -> list[dict[str, Any]]:
        """Predict a recording, or each of its channels, as ``predict_many`` does."""
        allowed, voice = self._ready(options)
        source = name or UNNAMED
        try:
            channels = load_channels(
                _named(content, name),
                max_duration_s=options.max_seconds,
                audio_channel=options.audio_channel,
            )
        except AudioError as error:
            channels = {options.audio_channel: error}
        found = []
        for channel, recorded in channels.items():
            asked = {"source": source, "audio_channel": channel}
            try:
                if isinstance(recorded, AudioError):
                    raise recorded
                prediction = predict_waveform(recorded, source, self.bundle, voice, allowed)
                found.append({**asked, **prediction.to_dict()})
            except AffektError as error:
                found.append({**asked, "problem": problem_of(error).to_dict()})
        return found

    def predict_samples(self, samples: NDArray[np.float32], sample_rate: int) -> dict[str, Any]:
        """Predict an array."""
        allowed = self.bundle.contract.emotions
        recorded = load_audio((samples, sample_rate))
        return predict_waveform(recorded, UNNAMED, self.bundle, None, allowed).to_dict()

    def adapt(self, uploads: Sequence[tuple[str, bytes]], max_seconds: float) -> dict[str, Any]:
        """Return the document of the voice in several recordings."""
        clips: list[Waveform | UnreadableSource] = []
        left_s = max_seconds
        for name, content in uploads:
            try:
                clip = load_audio(_named(content, name), max_duration_s=max_seconds)
                clips.append(clip)
                left_s -= clip.duration_s
            except AudioError as error:
                clips.append(UnreadableSource(name or UNNAMED, error))
            if left_s < 0:
                raise AudioContentError(f"the recordings are longer than {max_seconds:g} s together")
        voice = adapt(clips, self.bundle)
        skipped = [{"source": source, "reason": reason} for source, reason in voice.skipped]
        return {"voice": voice.to_dict(), "skipped": skipped}

    def timeline(
        self, name: str, content: bytes, options: Options, *, adapts: bool, within_s: float | None
    ) -> list[Timeline] | str:
        """Return the timelines of a recording; ``LONG`` if it is longer than ``within_s``."""
        _, voice = self._ready(options)
        if within_s is not None:
            with open_audio(_named(content, name), options.audio_channel) as audio:
                if not 0 < audio.stated_s <= within_s:
                    return LONG
        if voice and adapts:
            raise Problem("wrong-parameters", "send a voice or adapt=true, not both")
        return timeline_channels(
            _named(content, name),
            self.bundle,
            voice=voice,
            emotions=options.emotions,
            audio_channel=options.audio_channel,
            adapt=adapts,
        )

    def explain(
        self, name: str, content: bytes, options: Options, *, emotion: str | None, masks: int, page: bool
    ) -> tuple[float, dict[str, Any] | str]:
        """Explain a prediction, as ``explain`` does: return the length, and a document or a page."""
        allowed, voice = self._ready(options)
        found = explain(
            _named(content, name),
            emotion,
            self.bundle,
            voice=voice,
            emotions=allowed,
            audio_channel=options.audio_channel,
            masks=masks,
        )
        return found.prediction.duration_s, explanation_page(found) if page else found.to_dict()

    def open_stream(self, name: str, sample_rate: int, options: Options) -> list[str]:
        """Begin a stream, and return the emotions that it may predict."""
        allowed, voice = self._ready(options)
        self._streams[name] = Stream(sample_rate, self.bundle, voice=voice, emotions=allowed)
        return list(allowed)

    def push(self, name: str, content: bytes) -> list[dict[str, Any]]:
        """Push samples of 16 bits to a stream, and return the events."""
        samples = np.frombuffer(content, "<i2")
        return [event.to_dict() for event in self._streams[name].push(samples)]

    def close_stream(self, name: str, *, wanted: bool) -> list[dict[str, Any]]:
        """End a stream, and return the events that are left, if they are wanted."""
        stream = self._streams.pop(name, None)
        return [event.to_dict() for event in stream.close()] if stream and wanted else []

    def _ready(self, options: Options) -> tuple[tuple[str, ...], Voice | None]:
        with _parameters():
            allowed = allowed_emotions(self.bundle.contract, options.emotions)
        voice = None if options.voice is None else parse_voice(options.voice, "the voice")
        return allowed, ready_voice(voice, self.bundle)


@contextmanager
def _parameters() -> Iterator[None]:
    """Let a parameter that cannot be used be the client's problem."""
    try:
        yield
    except AffektError:
        raise
    except ValueError as error:
        raise Problem("wrong-parameters", str(error)) from error


def _named(content: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name or UNNAMED
    return file
