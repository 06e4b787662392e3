"""Samples on their way from a decoder to a waveform: gathered within limits, one channel or several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affekt.audio.waveform import (
    MAX_CHANNELS,
    MAX_DURATION_S,
    MAX_SAMPLE_RATE,
    MAX_SAMPLES,
    MIN_SAMPLE_RATE,
)
from affekt.errors import AffektError, AudioContentError, AudioFormatError, AudioReadError, UnknownNameError
from affekt.notes import Note, NoteKind

Samples = NDArray[np.float32]

AUDIO_CHANNELS = ("mix", "left", "right", "each")
"""What may be read of a recording with several channels."""

MIN_SHARE_LEFT = 0.5  # a file that is cut off must have this share of its length
FIRST_SAMPLES = 1 << 24  # 64 MB: only a file that is large enough may ask for more at once
SAMPLES_PER_BYTE = 256  # the lowest bit rates of speech have a tenth of these; silence may have thousands


@dataclass(frozen=True)
class Request:
    """What to read.

    Attributes
    ----------
    name
        The name of the source, for messages.
    max_duration_s
        Longer audio is refused.
    audio_channel
        One of ``AUDIO_CHANNELS``.
    """

    name: str
    max_duration_s: float = MAX_DURATION_S
    audio_channel: str = "mix"

    def __post_init__(self) -> None:
        check_audio_channel(self.audio_channel)

    def width(self, channels: int) -> int:
        """Return how many of these channels are kept."""
        return channels if self.audio_channel == "each" else 1

    def most_frames(self, rate: int, channels: int) -> int:
        """Return how many frames may be read at this sample rate: of all that is kept, ``MAX_SAMPLES``."""
        return int(min(self.max_duration_s * rate, MAX_SAMPLES // self.width(channels)))

    def select(self, frames: Samples) -> Samples:
        """Return what is wanted of an array of shape (frames, channels), in the same form."""
        if frames.shape[1] == 1 or self.audio_channel == "each":
            return frames
        if self.audio_channel == "mix":
            return np.asarray(frames.mean(axis=1), np.float32)[:, None]
        at = 0 if self.audio_channel == "left" else 1
        return frames[:, at : at + 1]


@dataclass(frozen=True)
class Decoded:
    """Samples of shape (frames, channels wanted), as they were decoded: nothing is checked yet."""

    samples: Samples
    sample_rate: int
    channels: int  # of the source
    notes: tuple[Note, ...] = ()
    cut_off: bool = False


@dataclass
class Blocks:
    """Blocks of shape (frames, channels) of a stream, and what is known of it before and after.

    Attributes
    ----------
    rate, channels
        Of all blocks.
    file_bytes
        Size of the file.
    expected
        Frames that there should be, 0 if unknown.
    failed
        Whether an error ended the decoding, or left something out.
    notes
        What was found on the way.
    stated
        Frames by a header that may be wrong, 0 if unknown: for a progress bar.
    """

    rate: int
    channels: int
    file_bytes: int
    expected: float = 0
    failed: bool = False
    notes: list[Note] = field(default_factory=list)
    stated: float = 0

    def __iter__(self) -> Iterator[Samples]:
        """Yield the blocks; of a stream of no known kind there are none."""
        return iter(())


def check_audio_channel(name: str) -> None:
    """Raise ``UnknownNameError`` if this is none of ``AUDIO_CHANNELS``."""
    if name not in AUDIO_CHANNELS:
        raise UnknownNameError("audio channel", name, AUDIO_CHANNELS)


def check_stream(rate: int, channels: int, name: str) -> None:
    """Refuse a sample rate or a number of channels that no recording has, before anything is read."""
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioFormatError(
            f"{name} has the sample rate {rate} Hz; {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz are allowed"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioFormatError(f"{name} has {channels} channels; 1 to {MAX_CHANNELS} are allowed")


def join_blocks(blocks: Blocks, request: Request) -> Samples:
    """Join what is wanted of all blocks.

    The array is made for the expected length at once, so that a long recording needs its memory only once;
    but no longer than a file of that size can be expected to hold, whatever its header says.

    Raises
    ------
    AudioContentError
        There is more than ``request`` allows, or than such a small file should hold.
    """
    width, most = request.width(blocks.channels), request.most_frames(blocks.rate, blocks.channels)
    believed = max(FIRST_SAMPLES, SAMPLES_PER_BYTE * blocks.file_bytes) // width
    first = int(min(blocks.expected, most, FIRST_SAMPLES // width))
    samples, filled = np.empty((first, width), np.float32), 0
    for block in blocks:
        end = filled + len(block)
        if end > most:
            raise AudioContentError(f"{request.name} is longer than the limit of {_limit(request, blocks)}")
        if end > believed:
            raise AudioContentError(
                f"{request.name} is no recording of speech: {blocks.file_bytes} bytes unpack to more than "
                f"{believed * width} samples"
            )
        if end > len(samples):
            samples = _grown(samples[:filled], int(min(max(blocks.expected, 1.5 * end), believed, most)))
        samples[filled:end] = request.select(block)
        filled = end
    return samples[:filled]


def assemble(samples: Samples, blocks: Blocks, request: Request) -> Decoded:
    """Return samples with their notes; ``AudioContentError`` if less than half of the file is left."""
    damage = damage_note(len(samples), blocks)
    if damage and len(samples) < MIN_SHARE_LEFT * blocks.expected:
        raise AudioContentError(f"{request.name}: {damage}")
    notes = (*channel_notes(blocks.channels, request), *blocks.notes, *([damage] if damage else []))
    return Decoded(samples, blocks.rate, blocks.channels, notes, cut_off=damage is not None)


def damage_note(frames: int, blocks: Blocks) -> Note | None:
    """Return a note where fewer frames were read than there should be."""
    found, expected = frames / blocks.rate, blocks.expected / blocks.rate
    if found < 0.99 * expected:
        left = f"the file is cut off: {found:.2f} s of {expected:.2f} s are left"
        return Note(NoteKind.CUT_OFF, left)
    if blocks.failed and not expected:
        return Note(NoteKind.CUT_OFF, f"the file is damaged: {found:.2f} s of it could be read")
    return None


def _grown(samples: Samples, length: int) -> Samples:
    larger = np.empty((length, samples.shape[1]), np.float32)
    larger[: len(samples)] = samples
    return larger


def _limit(request: Request, blocks: Blocks) -> str:
    frames, width = request.most_frames(blocks.rate, blocks.channels), request.width(blocks.channels)
    text = f"{frames / blocks.rate:g} s"
    if frames < MAX_SAMPLES // width:
        return text
    return f"{text} at {blocks.rate} Hz" + (f" for each of {width} channels" if width > 1 else "")


def channel_notes(channels: int, request: Request) -> Iterator[Note]:
    """Yield a note on what is read of several channels."""
    if channels > 1:
        if request.audio_channel == "mix":
            yield Note(NoteKind.MIXED_TO_MONO, f"mixed {channels} channels to mono")
        elif request.audio_channel != "each":
            text = f"only the {request.audio_channel} one of {channels} channels is read"
            yield Note(NoteKind.ONE_CHANNEL, text)


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn whatever the reading of a source raises into an ``AudioError`` that names it."""
    try:
        yield
    except AffektError:
        raise
    except MemoryError as error:
        raise AudioContentError(f"{name} needs more memory than there is") from error
    except OSError as error:
        raise AudioReadError(f"{name} cannot be read: {error}") from error
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise AudioFormatError(f"{name} is not audio that can be read ({reason})") from error
