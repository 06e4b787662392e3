"""Arrays of any numeric type and orientation as samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.samples import Decoded, Request, Samples, channel_notes
from affekt.audio.waveform import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from affekt.errors import AudioContentError, AudioFormatError


def decode_array(source: tuple[Any, ...], request: Request) -> Decoded:
    """Convert ``(waveform, sample_rate)`` of any numeric type and orientation; values are not checked."""
    if len(source) != 2:
        raise AudioFormatError(f"a tuple of {len(source)} is not (waveform, sample_rate)")
    try:
        array, rate = np.asarray(source[0]), source[1]
    except (ValueError, TypeError, RuntimeError) as error:  # RuntimeError: a tensor that needs gradients
        raise AudioFormatError(f"{type(source[0]).__name__} is not audio: {error}") from error
    if array.ndim == 0 and np.ndim(rate) > 0:
        raise AudioFormatError("got (sample_rate, waveform): swap the two, the waveform comes first")
    if not isinstance(rate, int | np.integer) or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioFormatError(
            f"sample rate {rate!r} is not a whole number of Hz from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
        )
    frames = _as_frames(array)
    most = request.most_frames(int(rate), frames.shape[1])
    if len(frames) > most:
        raise AudioContentError(f"the waveform is longer than the limit of {most / int(rate):g} s")
    notes = tuple(channel_notes(frames.shape[1], request))
    return Decoded(request.select(as_floats(frames)), int(rate), frames.shape[1], notes)


def _as_frames(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of shape (frames, channels)."""
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu":
        raise AudioFormatError(
            f"an array of shape {array.shape} and type {array.dtype} is not audio: "
            "give (n,), (n, channels) or (channels, n) of floats or integers"
        )
    if not array.size:
        return np.zeros((0, 1), np.float32)
    frames = array.reshape(len(array), -1)
    if array.ndim == 2 and array.shape[0] < array.shape[1]:
        frames = array.T
    if frames.shape[1] > MAX_CHANNELS:
        raise AudioFormatError(
            f"an array of shape {array.shape} has too many channels: at most {MAX_CHANNELS} are allowed"
        )
    return frames


def as_floats(frames: NDArray[Any]) -> Samples:
    """Scale integers to full scale."""
    if frames.dtype.kind not in "iu":
        return frames.astype(np.float32)
    if frames.dtype.itemsize == 8:
        raise AudioFormatError(
            "64-bit integers have no full scale: convert them to the type of the recording, as "
            "array.astype('int16'), or to floats from -1 to 1"
        )
    info = np.iinfo(frames.dtype)
    middle = 0 if frames.dtype.kind == "i" else (info.max + 1) / 2
    return ((frames - np.float64(middle)) / (info.max - middle + 1)).astype(np.float32)
