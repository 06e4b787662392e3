"""Decoding of audio files and of arrays into mono samples."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from affekt.audio.waveform import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Waveform
from affekt.errors import AudioContentError, AudioFormatError, MissingExtraError
from affekt.notes import Note, NoteKind

Samples = NDArray[np.float32]

MIN_SHARE_LEFT = 0.5  # a file that is cut off must have this share of its length
BLOCK_FRAMES, FINE_BLOCK_FRAMES = 1 << 16, 1 << 12  # read at a time


def decode_file(file: BinaryIO, name: str, max_duration_s: float) -> Waveform:
    """Decode a file of any format that libsndfile or FFmpeg reads; the samples are not checked.

    Parameters
    ----------
    file
        Open at its beginning. The format is recognised from the content.
    name
        The name of the source, for messages.
    max_duration_s
        Longer audio is refused.

    Raises
    ------
    AudioFormatError, AudioContentError, MissingExtraError
        As for ``load_audio``.
    """
    head = file.read(16)
    if not head:
        raise AudioContentError(f"{name} is empty (0 bytes)")
    unfinished = head.startswith(b"OggS") and not _ogg_is_finished(file)
    file.seek(0)
    if _needs_ffmpeg(head):
        return _decode_with_ffmpeg(file, name, max_duration_s)
    try:
        waveform = _decode_with_libsndfile(file, name, max_duration_s)
    except (soundfile.LibsndfileError, TypeError) as error:
        reason = getattr(error, "error_string", "") or str(error)
        raise AudioFormatError(f"{name} is not audio that can be read ({reason})") from error
    if unfinished:
        note = Note(NoteKind.CUT_OFF, "the file may be cut off: its last page is missing")
        return replace(waveform, notes=(*waveform.notes, note))
    return waveform


def decode_array(source: tuple[Any, ...], max_duration_s: float) -> Waveform:
    """Convert ``(waveform, sample_rate)`` of any numeric type and orientation; values are not checked."""
    if len(source) != 2:
        raise AudioFormatError(f"a tuple of {len(source)} is not (waveform, sample_rate)")
    try:
        array, rate = np.asarray(source[0]), source[1]
    except ValueError as error:
        raise AudioFormatError(f"{type(source[0]).__name__} is not audio: {error}") from error
    if array.ndim == 0 and np.ndim(rate) > 0:
        raise AudioFormatError("got (sample_rate, waveform): swap the two, the waveform comes first")
    if not isinstance(rate, int | np.integer) or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioFormatError(
            f"sample rate {rate!r} is not a whole number of Hz from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
        )
    frames = _as_frames(array)
    if len(frames) > max_duration_s * rate:
        raise AudioContentError(f"the waveform is longer than the limit of {max_duration_s:g} s")
    return _assemble(_mix(_as_floats(frames)), frames.shape[1], int(rate), 0, "waveform")


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


def _as_floats(frames: NDArray[Any]) -> Samples:
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


def _mix(frames: Samples) -> Samples:
    if frames.shape[1] == 1:
        return np.ascontiguousarray(frames[:, 0])
    return np.asarray(frames.mean(axis=1), np.float32)


def _gather(
    blocks: Iterable[Samples], rate: int, expected: float, max_duration_s: float, name: str
) -> tuple[Samples, int]:
    """Join blocks of shape (frames, channels) into one mono array; return it and the channel count.

    The array is allocated once for the expected number of frames, so that a long recording needs its
    memory only once. Audio is refused as soon as it is longer than allowed.
    """
    samples = np.empty(int(min(expected, max_duration_s * rate)), np.float32)
    filled, channels = 0, 1
    for block in blocks:
        mixed, channels = _mix(block), block.shape[1]
        if filled + len(mixed) > max_duration_s * rate:
            raise AudioContentError(f"{name} is longer than the limit of {max_duration_s:g} s")
        if filled + len(mixed) > len(samples):
            more = np.empty(filled + len(mixed), np.float32)
            samples = np.concatenate([samples[:filled], more])
        samples[filled : filled + len(mixed)] = mixed
        filled += len(mixed)
    return samples[:filled], channels


def _assemble(samples: Samples, channels: int, rate: int, expected: float, name: str) -> Waveform:
    """Make a waveform with its notes, and compare its length with the expected number of frames."""
    notes = []
    if channels > 1:
        notes.append(Note(NoteKind.MIXED_TO_MONO, f"mixed {channels} channels to mono"))
    cut_off = len(samples) < expected * 0.99
    if cut_off:
        left = f"the file is cut off: {len(samples) / rate:.2f} s of {expected / rate:.2f} s are left"
        if len(samples) < expected * MIN_SHARE_LEFT:
            raise AudioContentError(f"{name}: {left}")
        notes.append(Note(NoteKind.CUT_OFF, left))
    return Waveform(samples, rate, tuple(notes), cut_off)


class _UnnamedFile:
    """An open file without its name, by which soundfile would take ``voice.raw`` for headerless data."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell, self._seek = file.read, file.tell, file.seek

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek; stay in place where libsndfile computes an invalid position from a damaged file."""
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return self.tell()


class _Blocks:
    """The blocks of a file up to the first error: a cut FLAC ends in an error, a cut MP3 early."""

    def __init__(self, file: soundfile.SoundFile, block_frames: int) -> None:
        self.file = file
        self.block_frames = block_frames
        self.failed = False

    def __iter__(self) -> Iterator[Samples]:
        try:
            while len(block := self.file.read(self.block_frames, dtype="float32", always_2d=True)):
                yield block
        except soundfile.LibsndfileError:
            self.failed = True


def _decode_with_libsndfile(file: BinaryIO, name: str, max_duration_s: float) -> Waveform:
    """Decode in large blocks; after an error in small ones, because the block with the error is lost."""
    for block_frames in (BLOCK_FRAMES, FINE_BLOCK_FRAMES):
        file.seek(0)
        with soundfile.SoundFile(_UnnamedFile(file)) as opened:
            blocks = _Blocks(opened, block_frames)
            expected = _expected_frames(opened)
            gathered = _gather(blocks, opened.samplerate, expected, max_duration_s, name)
        if not blocks.failed:
            break
    return _assemble(*gathered, opened.samplerate, expected, name)


def _expected_frames(file: soundfile.SoundFile) -> int:
    """Return the length by the header, 0 if unknown.

    libsndfile corrects the length of a WAV file that is cut off, and logs the value of the header.
    """
    cut = re.search(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if not cut:
        return int(file.frames) if file.frames < 1 << 40 else 0
    expected, left = int(cut[1]), int(cut[2])
    if expected >= 0x7FFF_F000 or not left:  # written to a pipe: the length was not known
        return 0
    return int(file.frames * expected / left)


def _needs_ffmpeg(head: bytes) -> bool:
    """Recognise the MP4 family, Matroska/WebM, ASF and ADTS AAC, which libsndfile does not read."""
    return (
        head[4:8] == b"ftyp"
        or head.startswith((b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75"))
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0)
    )


def _ogg_is_finished(file: BinaryIO) -> bool:
    """Return whether the last page has the end-of-stream flag (RFC 3533)."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - (1 << 16)))
    tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or last + 5 >= len(tail) or bool(tail[last + 5] & 4)


def _decode_with_ffmpeg(file: BinaryIO, name: str, max_duration_s: float) -> Waveform:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{name}: reading m4a, webm and the like", "formats") from error
    try:
        with av.open(file, mode="r", metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioFormatError(f"{name} has no audio track")
            stream = container.streams.audio[0]
            rate = stream.rate
            expected = (container.duration or 0) / av.time_base * rate
            blocks = _ffmpeg_blocks(container, stream)
            gathered = _gather(blocks, rate, expected, max_duration_s, name)
    except av.FFmpegError as error:
        raise AudioFormatError(f"{name} is not audio that can be read ({error})") from error
    return _assemble(*gathered, rate, expected, name)


def _ffmpeg_blocks(container: Any, stream: Any) -> Iterator[Samples]:
    """Yield blocks of shape (frames, channels), up to the first error."""
    import av

    planar = av.AudioResampler(format="fltp")
    try:
        for frame in container.decode(stream):
            for part in planar.resample(frame):
                yield part.to_ndarray().T.astype(np.float32)
    except av.FFmpegError:
        return
