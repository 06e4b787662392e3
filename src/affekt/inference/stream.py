"""Streams: sound is pushed piece by piece, and answers come back as soon as they are known."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike

from affekt.audio.arrays import as_floats
from affekt.audio.loading import check_values
from affekt.audio.samples import Request, check_stream
from affekt.errors import AudioFormatError
from affekt.inference.adaptation import VoiceLike, ready_voice
from affekt.inference.events import Event
from affekt.inference.prediction import allowed_emotions
from affekt.inference.utterance_stream import Answerer, UtteranceStream
from affekt.model.bundle import ModelLike, load

NAME = "stream"


class Stream:
    """Finds utterances in sound that is pushed piece by piece, and answers each as ``predict`` does.

    Events do not depend on how the sound is divided, and are those of ``timeline`` of the whole recording.
    The answer to an utterance comes about 0.4 s after its last voice, as a pause of less than 0.32 s does
    not end it; a measurement comes about 1.5 s after its end, or with that answer. An utterance of 20 s
    without a pause is cut where its voice is weakest. No more than that is kept in memory, however long the
    stream is.

    Parameters
    ----------
    sample_rate
        Of the samples that are pushed, in Hz.
    model, voice, emotions
        As for ``predict``.
    audio_channel
        Of samples with several channels: ``mix``, ``left`` or ``right``.

    Raises
    ------
    AudioFormatError, BundleError, VoiceError, UnknownNameError, ValueError
        As ``predict`` raises them.

    Examples
    --------
    >>> stream = Stream(16_000)
    >>> stream.push(np.zeros(160)), stream.close()
    ([], [])
    """

    def __init__(
        self,
        sample_rate: int,
        model: ModelLike = None,
        *,
        voice: VoiceLike = None,
        emotions: Collection[str] | None = None,
        audio_channel: str = "mix",
    ) -> None:
        if audio_channel == "each":
            raise ValueError("a stream answers one channel: make a Stream for each of them")
        bundle = load(model)
        bundle.feature_set.check()
        allowed = allowed_emotions(bundle.contract, emotions)
        self._request = Request(NAME, audio_channel=audio_channel)
        check_stream(sample_rate, 1, NAME)
        answerer = Answerer(NAME, sample_rate, bundle, ready_voice(voice, bundle), allowed)
        self._utterances = UtteranceStream(sample_rate, answerer)
        self._channels = 0
        self._closed = False

    def push(self, samples: ArrayLike) -> list[Event]:
        """Take samples, and return the events that they have made known, in the order of time.

        Parameters
        ----------
        samples
            Of shape (n,) or (n, channels), floats from -1 to 1 or integers, which are scaled by the range
            of their type.

        Raises
        ------
        AudioFormatError, AudioContentError
            They have another shape, type or number of channels, or values that are no samples.
        ValueError
            The stream is closed.
        """
        if self._closed:
            raise ValueError("this stream is closed: make a new Stream")
        array = np.asarray(samples)
        if array.ndim not in (1, 2) or array.dtype.kind not in "fiu":
            raise AudioFormatError(
                f"an array of shape {array.shape} and type {array.dtype} is no piece of a stream: give "
                "(n,) or (n, channels) of floats or integers"
            )
        frames = as_floats(array.reshape(len(array), -1) if array.size else np.zeros((0, 1)))
        if not len(frames):
            return []
        channels = self._channels = self._channels or frames.shape[1]
        if frames.shape[1] != channels:
            raise AudioFormatError(f"this stream has {channels} channels, not {frames.shape[1]}")
        check_values(frames, NAME)
        return self._utterances.push(self._request.select(frames)[:, 0])

    def close(self) -> list[Event]:
        """End the stream, and return the events that are left."""
        if self._closed:
            return []
        self._closed = True
        return self._utterances.close()
