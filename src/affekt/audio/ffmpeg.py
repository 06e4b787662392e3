"""Decoding by FFmpeg, through PyAV: what libsndfile does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from affekt.audio.arrays import as_floats
from affekt.audio.parts import file_size
from affekt.audio.samples import (
    Blocks,
    Decoded,
    Request,
    Samples,
    assemble,
    check_stream,
    guarded,
    join_blocks,
)
from affekt.audio.waveform import SILENCE_PEAK
from affekt.errors import AudioFormatError, MissingExtraError
from affekt.notes import Note, NoteKind

# How files begin that FFmpeg reads, and libsndfile never: (position, bytes).
_FFMPEG_STARTS = [(4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (0, b"\x1a\x45\xdf\xa3")]
_FFMPEG_STARTS += [(0, b"\x30\x26\xb2\x75"), (0, b"FLV"), (0, b"#!AMR"), (0, b"wvpk"), (0, b"TTA1")]
_FFMPEG_STARTS += [(0, b"\x0b\x77"), (0, b"\0\0\x01\xba"), (0, b"MAC "), (0, b"DSD "), (0, b".RMF")]
# How files begin of which libsndfile reads some codecs, and FFmpeg more.
_SHARED_STARTS = (b"RIFF", b"RIFX", b"OggS", b"caff", b"fLaC", b"FORM", b".snd", b"ID3", b"riff")
# FFmpeg's formats that may be tried: none that opens other files or addresses, as playlists do.
_FORMATS = (
    "mov,matroska,webm,asf,flv,amr,wv,tta,ac3,eac3,mpeg,mpegts,ape,dsf,rm,wav,w64,avi,ogg,caf,flac,aiff"
)
_FORMATS += ",au,mp3,aac"
_TRANSPORT_PACKET = 188  # bytes; each begins with 0x47
# Formats whose header has the length of each track; others estimate it, or have that of the picture.
_TRACK_LENGTHS = {"mov", "caf", "wv", "tta", "ape"}
_ENCODER_SAMPLES = 4096  # that an encoder may add, or a player leave out, at either end
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d*)?)")


def needs_ffmpeg(head: bytes) -> bool:
    """Recognise what libsndfile never reads: MP4, Matroska, ASF, FLV, AMR, raw AAC and AC-3, ..."""
    return (
        any(head.startswith(start, at) for at, start in _FFMPEG_STARTS)
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0)
        or (head[:1] == b"\x47" and head[_TRANSPORT_PACKET : _TRANSPORT_PACKET + 1] == b"\x47")
    )


def may_know(head: bytes) -> bool:
    """Return whether FFmpeg may read what libsndfile has tried in vain."""
    return head.startswith(_SHARED_STARTS) or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)


def decode_with_ffmpeg(file: BinaryIO, request: Request) -> Decoded:
    """Decode the first audio track that has sound.

    Raises
    ------
    AudioFormatError, AudioContentError, MissingExtraError
        As for ``load_audio``.
    """
    av, size = _import_av(request.name), file_size(file)
    with _opened(av, file, request.name) as container:
        tracks = len(container.streams.audio)
    if not tracks:
        raise AudioFormatError(f"{request.name} has no audio track")
    first: Decoded | AudioFormatError | None = None
    for track in range(tracks):
        try:
            with _opened(av, file, request.name) as container:
                blocks = _FfmpegBlocks(av, container, track, size, request.name)
                decoded = assemble(join_blocks(blocks, request), blocks, request)
        except AudioFormatError as error:
            first = first or error
            continue
        first = decoded if first is None or isinstance(first, AudioFormatError) else first
        if _has_sound(decoded.samples):
            return _with_track_note(decoded, track, tracks)
    if isinstance(first, Decoded):
        return first
    raise first or AudioFormatError(f"{request.name} has no audio track that can be read")


@contextmanager
def open_with_ffmpeg(file: BinaryIO, request: Request) -> Iterator[Blocks]:
    """Open the first audio track that has sound, to be decoded block by block.

    Raises
    ------
    AudioFormatError, MissingExtraError
        As for ``load_audio``.
    """
    av, size = _import_av(request.name), file_size(file)
    with _opened(av, file, request.name) as container:
        tracks = len(container.streams.audio)
    if not tracks:
        raise AudioFormatError(f"{request.name} has no audio track")
    chosen = 0
    for track in range(tracks if tracks > 1 else 0):
        with suppress(AudioFormatError), _opened(av, file, request.name) as container:
            if any(map(_has_sound, _FfmpegBlocks(av, container, track, size, request.name))):
                chosen = track
                break
    with _opened(av, file, request.name) as container:
        blocks = _FfmpegBlocks(av, container, chosen, size, request.name)
        blocks.notes += _track_notes(chosen, tracks)
        yield blocks


def _import_av(name: str) -> ModuleType:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{name}: reading m4a, webm and the like", "formats") from error
    return av


@contextmanager
def _opened(av: ModuleType, file: BinaryIO, name: str) -> Iterator[Any]:
    file.seek(0)
    with guarded(name):
        try:
            container = av.open(
                file, mode="r", metadata_errors="replace", options={"format_whitelist": _FORMATS}
            )
        except av.FFmpegError as error:  # some are OSErrors too
            raise AudioFormatError(f"{name} is not audio that can be read ({error})") from error
        with container:
            yield container


def _has_sound(samples: Samples) -> bool:
    return bool(len(samples)) and float(np.ptp(samples, axis=0).max()) / 2 >= SILENCE_PEAK


def _with_track_note(decoded: Decoded, track: int, tracks: int) -> Decoded:
    return replace(decoded, notes=(*decoded.notes, *_track_notes(track, tracks)))


def _track_notes(track: int, tracks: int) -> Iterator[Note]:
    if tracks > 1:
        text = f"the file has {tracks} audio tracks: track {track + 1} is read, the first that has sound"
        yield Note(NoteKind.ONE_TRACK, text)


class _FfmpegBlocks(Blocks):
    """The frames of one track; packets that cannot be decoded are left out."""

    def __init__(self, av: ModuleType, container: Any, track: int, file_bytes: int, name: str) -> None:
        stream = container.streams.audio[track]
        self.failed, self.notes = False, []
        self.frames = self._decode(av, container, stream)
        self.first = next(self.frames, None)
        if self.first is None:
            raise AudioFormatError(f"{name} is not audio that can be read (track {track + 1} has no sound)")
        rate, channels = self.first.sample_rate, len(self.first.layout.channels)
        check_stream(rate, channels, name)
        super().__init__(rate, channels, file_bytes, failed=self.failed)
        self.stated = _track_length_s(container, stream) * rate

    def _decode(self, av: ModuleType, container: Any, stream: Any) -> Iterator[Any]:
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self.failed = True
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.failed = True
                continue
            yield from frames

    def __iter__(self) -> Iterator[Samples]:
        """Yield blocks until the end, or until the number of channels or the rate changes."""
        count, frame = 0, self.first
        while frame is not None:
            if (frame.sample_rate, len(frame.layout.channels)) != (self.rate, self.channels):
                self.notes.append(
                    Note(
                        NoteKind.PARTLY_READ, "the end is not read: it has another sample rate or channels"
                    )
                )
                break
            array = frame.to_ndarray()
            frames = array.T if frame.format.is_planar else array.reshape(-1, self.channels)
            count += len(frames)
            yield as_floats(frames)
            frame = next(self.frames, None)
        self.expected = self.stated if self.stated - count > _ENCODER_SAMPLES else 0


def _track_length_s(container: Any, stream: Any) -> float:
    """Return the length of a track in seconds, 0 where the file has an estimate or that of a picture."""
    formats = set(container.format.name.split(","))
    if formats & _TRACK_LENGTHS and stream.duration:
        return float(stream.duration * stream.time_base)
    if formats & {"matroska", "webm"}:
        if clock := _CLOCK.match(stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = clock.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        if not container.streams.video:
            return float((container.duration or 0) / 1_000_000)
    return 0
