"""Loading of audio: a path, bytes, an open file or an array in, a checked ``Waveform`` out.

All audio enters the package through ``load_channels``, which ``load_audio`` calls: the ``Waveform`` that
they return is finite, not silent, mono float32 of a known sample rate. One that is given to them, which
anyone can make, is checked as well.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, cast

import numpy as np
import soxr
from numpy.typing import NDArray

from affekt.audio.archives import ArchivedFile
from affekt.audio.arrays import decode_array
from affekt.audio.decoding import BLOCK_FRAMES, decode_file, open_blocks
from affekt.audio.samples import (
    AUDIO_CHANNELS,
    Blocks,
    Decoded,
    Request,
    Samples,
    channel_notes,
    damage_note,
    guarded,
)
from affekt.audio.sources import (
    AUDIO_SUFFIXES,
    AudioSource,
    UnreadableSource,
    find_audio,
    opened,
    read_stream,
    source_name,
)
from affekt.audio.waveform import (
    MAX_DURATION_S,
    MAX_PEAK,
    MAX_SAMPLE_RATE,
    MIN_DURATION_S,
    MIN_SAMPLE_RATE,
    SILENCE_PEAK,
    Waveform,
)
from affekt.errors import AudioContentError, AudioError, AudioFormatError
from affekt.notes import Note, NoteKind

__all__ = [
    "AUDIO_CHANNELS",
    "AUDIO_SUFFIXES",
    "MAX_DURATION_S",
    "MIN_DURATION_S",
    "AudioSource",
    "Waveform",
    "find_audio",
    "fingerprint",
    "load_audio",
    "load_channels",
    "source_name",
]

NEAR_OFFSET = 1e-4  # of the peak: a mean so near to the level of digital silence is replaced by it
_PROBES = 1 << 15  # samples that are compared with the next one
_OFFSET_STEP = 2.0**-24  # an offset of whole steps is taken off and added again without rounding


def load_audio(
    source: AudioSource,
    sample_rate: int | None = None,
    *,
    max_duration_s: float = MAX_DURATION_S,
    audio_channel: str = "mix",
) -> Waveform:
    """Read audio, check it, mix it to mono, take its mean off and resample it.

    The mean of a recording (its DC offset) is not sound. It comes from the recording device, and would
    count as energy in the lowest band of every spectrum. Where the level of digital silence is nearly the
    mean, it is taken off instead, so that digital silence is zero; elsewhere digital silence is not zero.

    Parameters
    ----------
    source
        A path, ``bytes``, a binary file object, or ``(waveform, sample_rate)`` where the waveform has shape
        ``(n,)``, ``(n, channels)`` or ``(channels, n)``; integers are scaled by the range of their type.
        The format of a file is recognised from its content: WAV, FLAC, OGG, Opus, MP3, AIFF and others
        that libsndfile reads; m4a, webm and others that FFmpeg reads, with the extra ``affekt[formats]``.
    sample_rate
        Sample rate of the result in Hz; None keeps that of the source.
    max_duration_s
        Longer audio is refused.
    audio_channel
        ``mix`` for the mean of all channels, ``left`` or ``right`` for one of them; of a recording with one
        channel, that one.

    Raises
    ------
    AudioNotFoundError, AudioReadError
        The file does not exist, is a folder, a named pipe or a device, or may not be read.
    AudioFormatError
        The source is not audio, or an array of a wrong shape or type.
    AudioContentError
        The audio is empty, shorter than 0.1 s, longer than ``max_duration_s``, silent throughout, has NaN
        or infinite values, or is cut off so that less than half is left.
    MissingExtraError
        The format needs ``affekt[formats]``.

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) * 0.3)
    >>> load_audio((tone, 8000), sample_rate=16000).duration_s
    1.0
    """
    if audio_channel == "each":
        raise ValueError(
            "audio_channel is 'each', which gives several recordings: give 'mix', 'left' or 'right', or "
            "call predict_many with audio_channel='each'"
        )
    (waveform,) = load_channels(
        source, sample_rate, max_duration_s=max_duration_s, audio_channel=audio_channel
    ).values()
    if isinstance(waveform, AudioError):
        raise waveform
    return waveform


def load_channels(
    source: AudioSource,
    sample_rate: int | None = None,
    *,
    max_duration_s: float = MAX_DURATION_S,
    audio_channel: str = "each",
) -> dict[str, Waveform | AudioError]:
    """Read each channel of a recording, as ``load_audio`` reads their mean.

    Parameters
    ----------
    source, sample_rate, max_duration_s
        As for ``load_audio``.
    audio_channel
        ``each``, or one of those of ``load_audio``.

    Returns
    -------
    dict
        Names and waveforms: ``left``, ``right`` and, as far as there are more, ``3``, ...; or the channel
        that was asked for. The only channel of a recording is ``mono``, unless ``mix`` was asked for. One
        that cannot be used, such as a silent channel, has its error.

    Raises
    ------
    AudioError, MissingExtraError
        As ``load_audio``, if no channel can be read.
    UnknownNameError, ValueError
        There is no such ``audio_channel``, or another argument is out of range.
    """
    _check_limits(sample_rate, max_duration_s)
    name = source_name(source)
    request = Request(name, max_duration_s, audio_channel)
    with guarded(name):
        if isinstance(source, Waveform):
            _check_content(source.samples, source.sample_rate, name)
            (channel,) = _channel_names(1, audio_channel)
            return {channel: _resample(source, sample_rate)}
        decoded = _decode(source, request)
        names = _channel_names(decoded.channels, audio_channel)
        return {
            channel: _waveform_of(decoded, column, sample_rate, name)
            for column, channel in enumerate(names)
        }


def _check_limits(sample_rate: object, max_duration_s: object) -> None:
    whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    if sample_rate is not None and not (
        whole and MIN_SAMPLE_RATE <= cast(int, sample_rate) <= MAX_SAMPLE_RATE
    ):
        raise ValueError(
            f"sample_rate is {sample_rate!r}, not a whole number of Hz from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE}"
        )
    number = isinstance(max_duration_s, int | float | np.integer | np.floating)
    if not number or isinstance(max_duration_s, bool) or not cast(float, max_duration_s) > 0:  # NaN is not
        raise ValueError(f"max_duration_s is {max_duration_s!r}, not a positive number")


def fingerprint(waveform: Waveform, sample_rate: int | None = None) -> str:
    """Return a digest of the samples as they are in the file, equal for identical audio only.

    With a sample rate, of the samples resampled to it, as models keep fingerprints at the rate of their
    features. Give the waveform at its own rate: resampling does not commute with what ``load_audio`` does.
    """
    samples = waveform.samples + np.float32(waveform.offset)
    decoded = _resample(Waveform(samples, waveform.sample_rate), sample_rate)
    digest = hashlib.blake2b(decoded.samples.tobytes(), digest_size=16)
    digest.update(str(decoded.sample_rate).encode())
    return digest.hexdigest()


@contextmanager
def open_audio(source: AudioSource, audio_channel: str = "mix") -> Iterator[AudioBlocks]:
    """Open audio of any length, to be read block by block.

    Parameters
    ----------
    source, audio_channel
        As for ``load_channels``.

    Raises
    ------
    AudioError, MissingExtraError
        As ``load_channels``, but for what is wrong with samples: that is raised while they are read.
    """
    request = Request(source_name(source), math.inf, audio_channel)
    if isinstance(source, Waveform):
        source = (source.samples, source.sample_rate)
    with ExitStack() as opened_files:
        with guarded(request.name):
            content = _open(source, request.name, opened_files)
            if isinstance(content, tuple):
                blocks: Blocks = _ArrayBlocks(decode_array(content, request))
            else:
                blocks = opened_files.enter_context(open_blocks(content, request))
        yield AudioBlocks(blocks, request)


class AudioBlocks:
    """Blocks of a recording that is open.

    Attributes
    ----------
    sample_rate
        In Hz.
    channels
        The names of those that are read, as ``load_channels`` gives them: the columns of a block.
    stated_s
        Length in seconds by the header, which may be wrong; 0 if unknown.
    frames
        How many were read so far.
    """

    def __init__(self, blocks: Blocks, request: Request) -> None:
        self._blocks, self._request = blocks, request
        self.sample_rate = blocks.rate
        self.channels = _channel_names(blocks.channels, request.audio_channel)
        self.stated_s = (blocks.expected or blocks.stated) / blocks.rate
        self.frames = 0

    def __iter__(self) -> Iterator[Samples]:
        """Yield float32 blocks of shape (frames, channels)."""
        blocks = iter(self._blocks)
        while True:
            with guarded(self._request.name):
                block = next(blocks, None)
                if block is None:
                    return
                check_values(block, self._request.name)
            self.frames += len(block)
            yield self._request.select(block)

    def notes(self) -> tuple[Note, ...]:
        """Return what was found, after the last block."""
        damage = damage_note(self.frames, self._blocks)
        found = [*channel_notes(self._blocks.channels, self._request), *self._blocks.notes]
        return (*found, *([damage] if damage else []))


class _ArrayBlocks(Blocks):
    """The blocks of an array."""

    def __init__(self, decoded: Decoded) -> None:
        super().__init__(decoded.sample_rate, decoded.channels, decoded.samples.nbytes)
        self.samples, self.expected = decoded.samples, len(decoded.samples)

    def __iter__(self) -> Iterator[Samples]:
        for start in range(0, len(self.samples), BLOCK_FRAMES):
            yield self.samples[start : start + BLOCK_FRAMES]


def _decode(source: Any, request: Request) -> Decoded:
    with ExitStack() as opened_files:
        content = _open(source, request.name, opened_files)
        return (
            decode_array(content, request) if isinstance(content, tuple) else decode_file(content, request)
        )


def _open(source: Any, name: str, opened_files: ExitStack) -> tuple[Any, ...] | BinaryIO:
    """Return the file that a source stands for, open until ``opened_files`` is closed, or its array."""
    if isinstance(source, UnreadableSource):
        raise source.error
    if isinstance(source, tuple):
        return source
    if isinstance(source, str | os.PathLike):
        return opened_files.enter_context(opened(source))
    if isinstance(source, ArchivedFile):
        return io.BytesIO(source.read())
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if hasattr(source, "read"):
        return io.BytesIO(read_stream(source, name))
    raise AudioFormatError(
        f"{name} is not audio: give a path, bytes, a binary file object, or (waveform, sample_rate)"
    )


def _channel_names(channels: int, audio_channel: str) -> list[str]:
    if audio_channel == "mix":
        return ["mix"]
    if channels == 1:
        return ["mono"]
    if audio_channel != "each":
        return [audio_channel]
    return ["left", "right", *map(str, range(3, channels + 1))]


def _waveform_of(
    decoded: Decoded, column: int, sample_rate: int | None, name: str
) -> Waveform | AudioError:
    """Return one channel as it is used: checked, without its mean and resampled."""
    samples = np.ascontiguousarray(decoded.samples[:, column])
    try:
        _check_content(samples, decoded.sample_rate, name)
    except AudioError as error:
        return error
    offset = _offset_of(samples)
    if offset:
        samples -= np.float32(offset)
    waveform = Waveform(
        samples, decoded.sample_rate, decoded.notes, decoded.cut_off, offset, decoded.channels
    )
    return _resample(waveform, sample_rate)


def _offset_of(samples: NDArray[np.float32]) -> float:
    """Return the mean, or the level of digital silence if it is nearly the same."""
    mean = float(samples.mean(dtype=np.float64))
    peak = max(float(samples.max()) - mean, mean - float(samples.min()))
    step = 1 + len(samples) // _PROBES
    probes, followers = samples[:-1:step], samples[1::step]
    repeated = probes[probes == followers]
    if len(repeated):
        silence = float(np.median(repeated))
        if abs(silence - mean) < NEAR_OFFSET * peak:
            return silence
    return round(mean / _OFFSET_STEP) * _OFFSET_STEP


def _check_content(samples: NDArray[np.float32], rate: int, name: str) -> None:
    if not len(samples):
        raise AudioContentError(f"{name} has no samples")
    if len(samples) / rate < MIN_DURATION_S:
        raise AudioContentError(
            f"{name} is too short: {len(samples) / rate:.3f} s; at least {MIN_DURATION_S} s are needed"
        )
    low, high = check_values(samples, name)
    if (high - low) / 2 < SILENCE_PEAK:
        raise AudioContentError(f"{name} is silent throughout (or its channels cancel each other out)")


def check_values(samples: Samples, name: str) -> tuple[float, float]:
    """Return the least and the greatest sample; raise ``AudioError`` where they are no samples."""
    low, high = float(samples.min(initial=np.inf)), float(samples.max(initial=-np.inf))
    if len(samples) and not (math.isfinite(low) and math.isfinite(high)):
        raise AudioContentError(f"{name} has NaN or infinite values")
    if max(-low, high) > MAX_PEAK:
        raise AudioFormatError(
            f"{name} has values up to {max(-low, high):g}, but full scale is 1: "
            "are these 16-bit values? Divide them by 32768"
        )
    return low, high


def _resample(waveform: Waveform, wanted: int | None) -> Waveform:
    """Resample with soxr's high quality to librosa's length: rounded up, so that frames are the same."""
    if wanted in (None, waveform.sample_rate):
        return waveform
    length = math.ceil(len(waveform.samples) * wanted / waveform.sample_rate)
    resampled = soxr.resample(waveform.samples, waveform.sample_rate, wanted, quality="HQ")
    samples = np.asarray(resampled, np.float32)
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    samples = samples[:length]
    note = Note(NoteKind.RESAMPLED, f"resampled from {waveform.sample_rate} to {wanted} Hz")
    return Waveform(samples, wanted, (*waveform.notes, note), waveform.cut_off)
