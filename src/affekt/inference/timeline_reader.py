"""Timelines of recordings: a ``Stream`` that is pushed the blocks of a file of any length."""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from affekt.audio.archives import ArchivedFile
from affekt.audio.loading import AudioBlocks, AudioSource, open_audio, source_name
from affekt.audio.samples import Samples, check_audio_channel
from affekt.audio.sources import read_stream
from affekt.audio.utterances import LONGEST_UTTERANCE_S
from affekt.errors import AudioContentError, AudioError
from affekt.inference.adaptation import Voice, VoiceLike, extract_enrolled, ready_voice, voice_of
from affekt.inference.diarisation import Turn, join_turns, read_rttm, turns_of
from affekt.inference.events import Event, Measurement, UtteranceEnd
from affekt.inference.prediction import Prediction, allowed_emotions
from affekt.inference.timeline import ENVELOPE_PER_STEP, Timeline, Track, Utterance
from affekt.inference.utterance_stream import STEP_S, Answerer, UtteranceStream
from affekt.model.bundle import Bundle, ModelLike, load
from affekt.notes import Note
from affekt.support.parallel import core_count
from affekt.support.progress import progress_bar
from affekt.support.signals import held_back

MAX_ENROLLED = 32  # windows whose features are kept to adapt to a speaker

Speakers = str | os.PathLike[str] | Sequence[Turn] | None
"""Speakers' turns: an RTTM file, what ``read_rttm`` returned, or None."""


class TimelineOptions(TypedDict, total=False):
    """The options of ``timeline`` and ``timeline_channels``.

    Attributes
    ----------
    voice, emotions
        As for ``predict``.
    audio_channel
        ``mix``, ``left`` or ``right``; for ``timeline_channels`` also ``each``.
    adapt
        Adapt to the recording's own voice, of which up to 32 parts of utterances are read first.
    speakers
        Who speaks when, found by another program: an RTTM file, or what ``read_rttm`` returned. Its turns
        are the utterances, and each speaker is adapted to their own voice. Where each channel has a
        timeline, a turn is of the channel that it names.
    """

    voice: VoiceLike
    emotions: Collection[str] | None
    audio_channel: str
    adapt: bool
    speakers: Speakers


def timeline(
    source: AudioSource,
    model: ModelLike = None,
    *,
    progress: bool = False,
    **options: Unpack[TimelineOptions],
) -> Timeline:
    """Find the utterances of a recording of any length, and answer each as ``predict`` does.

    The result has two resolutions: utterances, which lie between pauses, and a track with a step every
    0.5 s. A step has the probabilities of the 2 s around it, as far as there is voice without a long pause,
    and is smoothed: the mean of its own, counted twice, and those of the steps before and after. A change
    that lasts longer than 1.5 s stays visible.

    Parameters
    ----------
    source, model
        As for ``predict``. A file is decoded in blocks: there is no limit to its length.
    progress
        Show a progress bar on a terminal.
    **options
        Of ``TimelineOptions``: ``voice``, ``emotions``, ``audio_channel`` (``mix`` by default), ``adapt``
        and ``speakers``.

    Raises
    ------
    AudioError, BundleError, VoiceError, UnknownNameError
        As for ``predict``; a silent recording has no utterances.
    DiarisationError
        ``speakers`` cannot be read, or have no turn of this recording.
    ValueError
        ``voice`` is given, and ``adapt`` or ``speakers`` as well.

    Examples
    --------
    >>> timeline((np.zeros(16_000), 16_000)).utterances
    ()
    """
    options.setdefault("audio_channel", "mix")
    if options["audio_channel"] == "each":
        raise ValueError("timeline returns one channel: for each of them, call timeline_channels")
    (found,) = timeline_channels(source, model, progress=progress, **options)
    return found


def timeline_channels(
    source: AudioSource,
    model: ModelLike = None,
    *,
    progress: bool = False,
    **options: Unpack[TimelineOptions],
) -> list[Timeline]:
    """Return the timeline of each channel of a recording, as of a call with a speaker on each.

    Parameters
    ----------
    source, model, progress, **options
        As for ``timeline``, but ``audio_channel`` is ``each`` by default.

    Raises
    ------
    AudioError, BundleError, VoiceError, UnknownNameError, DiarisationError, ValueError
        As for ``timeline``.
    """
    reader = TimelineReader(source, model, **options)
    reader.read(progress=progress)
    return reader.timelines()


class TimelineReader:
    """Reads a recording; what was found so far can be had at any time, as after Ctrl-C.

    Parameters
    ----------
    source, model, **options
        As for ``timeline_channels``.
    """

    def __init__(
        self, source: AudioSource, model: ModelLike = None, **options: Unpack[TimelineOptions]
    ) -> None:
        if unknown := sorted(options.keys() - TimelineOptions.__annotations__.keys()):
            known = ", ".join(TimelineOptions.__annotations__)
            raise TypeError(f"no option is called {', '.join(unknown)}. There are: progress, {known}")
        voice, speakers, adapt = options.get("voice"), options.get("speakers"), options.get("adapt", False)
        if voice is not None and (adapt or speakers is not None):
            other = "adapt" if adapt else "speakers"
            raise ValueError(f"give voice or {other}, not both: {other} makes a voice of the recording")
        self._audio_channel = options.get("audio_channel", "each")
        check_audio_channel(self._audio_channel)
        self.name = source_name(source)
        self._bundle = load(model)
        self._bundle.feature_set.check()
        self._allowed = allowed_emotions(self._bundle.contract, options.get("emotions"))
        self._voice = ready_voice(voice, self._bundle)
        turns = read_rttm(speakers) if isinstance(speakers, str | os.PathLike) else speakers
        self._turns = None if turns is None else turns_of(turns, self.name)
        self._adapts = adapt or turns is not None
        self._source = source
        self._found: dict[str, _Found] = {}
        self._complete = self._shown = False

    def read(self, *, progress: bool = False) -> None:
        """Read the recording to its end, twice where voices are adapted to.

        At Ctrl-C, the answers that are being computed are waited for: an utterance is found or not.
        """
        if self._adapts:
            self._source = _readable_twice(self._source, self.name)
        self._shown = progress
        voices = self._enrol() if self._adapts else {}
        executor = ThreadPoolExecutor(core_count())
        try:
            self._answer(voices, executor)
        finally:
            executor.shutdown(cancel_futures=True)
        self._complete = True

    def timelines(self) -> list[Timeline]:
        """Return what was found so far, a timeline for each channel."""
        return [
            found.timeline(self.name, channel, self._allowed, complete=self._complete)
            for channel, found in self._found.items()
        ]

    def _enrol(self) -> dict[tuple[str, str], Voice | None]:
        """Return the voice of each speaker in each channel, None where nothing can be used."""
        found: dict[tuple[str, str], _Enrolment] = {}
        with open_audio(self._source, self._audio_channel) as audio:
            streams = []
            for channel in audio.channels:
                for speaker, turns in self._speakers(channel).items():
                    found[channel, speaker] = _Enrolment(audio.sample_rate, self._bundle)
                    stream = UtteranceStream(audio.sample_rate, found[channel, speaker], turns)
                    streams.append((audio.channels.index(channel), stream))
            for block in self._tracked(audio, "adapting to "):
                for column, stream in streams:
                    stream.push(block[:, column])
            for _, stream in streams:
                stream.close()
        return {key: one.voice() for key, one in found.items()}

    def _answer(self, voices: Mapping[tuple[str, str], Voice | None], executor: Executor) -> None:
        """Read the recording, and answer its utterances."""
        with open_audio(self._source, self._audio_channel) as audio:
            rate = audio.sample_rate
            for channel in audio.channels:
                self._found[channel] = found = _Found(rate)
                for speaker, turns in self._speakers(channel).items():
                    voice = voices.get((channel, speaker), self._voice)
                    answerer = Answerer(self.name, rate, self._bundle, voice, self._allowed)
                    found.streams[speaker] = UtteranceStream(rate, answerer, turns, executor)
            try:
                for block in self._tracked(audio):
                    with held_back():  # Ctrl-C comes between two blocks
                        for column, found in enumerate(self._found.values()):
                            found.push(block[:, column])
                if not audio.frames:
                    raise AudioContentError(f"{self.name} has no samples")
                for found in self._found.values():
                    with held_back():  # it would be waited for after Ctrl-C, too
                        found.notes = audio.notes()
                        found.close()
            except KeyboardInterrupt:
                for found in self._found.values():
                    found.wait()
                raise

    def _tracked(self, audio: AudioBlocks, doing: str = "") -> Iterator[Samples]:
        """Yield the blocks, and show a bar of seconds where the length is known."""
        title, rate, seconds = f"{doing}{Path(self.name).name}, seconds", audio.sample_rate, 0
        with progress_bar(title, int(audio.stated_s), shown=self._shown and audio.stated_s > 0) as advance:
            for block in audio:
                yield block
                advance(steps=audio.frames // rate - seconds)
                seconds = audio.frames // rate

    def _speakers(self, channel: str) -> Mapping[str, list[tuple[float, float]] | None]:
        """Return the turns of each speaker in a channel; of a nameless one where utterances are found."""
        if self._turns is None:
            return {"": None}
        turns = self._turns
        if self._audio_channel == "each":
            number = {"mono": 1, "left": 1, "right": 2}.get(channel) or int(channel)
            turns = [turn for turn in turns if turn.channel == number]
        return join_turns(turns, LONGEST_UTTERANCE_S)


def _readable_twice(source: AudioSource, name: str) -> AudioSource:
    """Return what an open file holds; other sources as they are."""
    if hasattr(source, "read") and not isinstance(source, str | os.PathLike | ArchivedFile):
        return read_stream(source, name)
    return source


@dataclass
class _Enrolment:
    """Keeps features of utterances that are evenly spread over a recording."""

    sample_rate: int
    bundle: Bundle
    rows: list[NDArray[np.float32]] = field(default_factory=list)
    lengths_s: list[float] = field(default_factory=list)
    seen: int = 0
    stride: int = 1

    def answer(self, samples: NDArray[np.float32]) -> Prediction | None:
        """Keep the features of the windows of every ``stride``-th utterance; answer nothing."""
        self.seen += 1
        if (self.seen - 1) % self.stride:
            return None
        try:
            rows, length_s = extract_enrolled((samples, self.sample_rate), self.bundle)
        except AudioError:
            return None
        self.rows += rows
        self.lengths_s += [length_s / len(rows)] * len(rows)
        if len(self.rows) > MAX_ENROLLED:
            self.rows, self.lengths_s, self.stride = self.rows[::2], self.lengths_s[::2], 2 * self.stride
        return None

    def measure(self, samples: NDArray[np.float32]) -> None:
        """Measure nothing."""

    def voice(self) -> Voice | None:
        """Return the voice; None where there was none."""
        return voice_of(self.rows, sum(self.lengths_s), self.bundle) if self.rows else None


class _Found:
    """What was found in one channel: by one stream, or by one for each speaker."""

    def __init__(self, sample_rate: int) -> None:
        self.streams: dict[str, UtteranceStream] = {}
        self.notes: tuple[Note, ...] = ()
        self._utterances: list[Utterance] = []
        self._steps: dict[str, dict[int, NDArray[np.float32]]] = {}
        self._envelope = _Envelope(sample_rate)
        self._sample_rate, self._frames = sample_rate, 0

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples."""
        self._frames += len(samples)
        self._envelope.push(samples)
        for speaker, stream in self.streams.items():
            self._take(stream.push(samples), speaker)

    def wait(self) -> None:
        """Take the answers that are being computed."""
        for speaker, stream in self.streams.items():
            self._take(stream.wait(), speaker)

    def close(self) -> None:
        """Take what is left in the streams."""
        for speaker, stream in self.streams.items():
            self._take(stream.close(), speaker)

    def _take(self, events: Sequence[Event], speaker: str) -> None:
        steps = self._steps.setdefault(speaker, {})
        for event in events:
            if isinstance(event, Measurement):
                steps[round(event.start_s / STEP_S)] = np.array(
                    list(event.probabilities.values()), np.float32
                )
            elif isinstance(event, UtteranceEnd):
                self._utterances.append(
                    Utterance(
                        start_s=event.start_s,
                        end_s=event.end_s,
                        prediction=event.prediction,
                        speaker=speaker,
                    )
                )

    def timeline(self, name: str, channel: str, emotions: tuple[str, ...], *, complete: bool) -> Timeline:
        """Return what was found so far. Where two speak at once, the track has the first to be named."""
        duration_s = self._frames / self._sample_rate
        rows = np.full((int(np.ceil(duration_s / STEP_S)), len(emotions)), np.nan, np.float32)
        for steps in reversed(self._steps.values()):
            for step, row in steps.items():
                rows[step] = row
        return Timeline(
            source=name,
            audio_channel=channel,
            duration_s=duration_s,
            emotions=emotions,
            utterances=tuple(sorted(self._utterances, key=lambda one: (one.start_s, one.end_s))),
            track=Track(step_s=STEP_S, probabilities=rows),
            envelope=self._envelope.values(),
            notes=self.notes,
            complete=complete,
        )


class _Envelope:
    """The largest absolute sample in each part of a step."""

    def __init__(self, sample_rate: int) -> None:
        self._per_s = ENVELOPE_PER_STEP / STEP_S
        self._rate, self._frames = sample_rate, 0
        self._found = array("f")  # small, however many blocks there are

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples."""
        if not len(samples):
            return
        first = int(self._frames * self._per_s // self._rate)  # the part that the first sample is in
        end = self._frames + len(samples)
        following = np.arange(first + 1, int((end - 1) * self._per_s // self._rate) + 1)
        starts = np.ceil(following * self._rate / self._per_s).astype(int) - self._frames
        largest = np.maximum.reduceat(np.abs(samples), [0, *starts])
        if first < len(self._found):  # the last part goes on
            largest[0] = max(largest[0], self._found.pop())
        self._found.extend(largest)
        self._frames = end

    def values(self) -> NDArray[np.float32]:
        """Return what was found so far."""
        return np.array(self._found, np.float32)
