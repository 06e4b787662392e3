"""Decoding of audio files into samples, by libsndfile or FFmpeg."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import BinaryIO, cast

import soundfile

from affekt.audio.ffmpeg import decode_with_ffmpeg, may_know, needs_ffmpeg, open_with_ffmpeg
from affekt.audio.parts import Part, Window, behind_tags, file_size, find_parts, is_mp3, second_start
from affekt.audio.samples import Blocks, Decoded, Request, Samples, assemble, check_stream, join_blocks
from affekt.errors import AudioContentError, AudioFormatError, MissingExtraError
from affekt.notes import Note, NoteKind
from affekt.support.signals import held_back

BLOCK_FRAMES, FINE_BLOCK_FRAMES = 1 << 16, 1 << 12  # read at a time
OPEN_BLOCK_FRAMES = 1 << 14  # of a file that is not read twice
HEAD_BYTES = 512
ZIP_FILE_START = b"PK\3\4"
UNKNOWN_FRAMES = 1 << 40  # libsndfile gives so many frames or more to a stream of unknown length
_stderr_lock = threading.Lock()


_SAMPLE_DUMP = b"\xf0\x7e"  # of MIDI: libsndfile prints on standard output while it reads one
_STARTS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff", b".snd", b"fLaC", b"OggS", b"NIST")
FORMATS = frozenset(
    {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3"}
    | {"NIST", "IRCAM", "VOC", "HTK", "SVX", "PAF", "AVR", "PVF"}
)
"""The formats of libsndfile that recordings of voices come in."""


def decode_file(file: BinaryIO, request: Request) -> Decoded:
    """Decode a file of any format that libsndfile or FFmpeg reads; the samples are not checked.

    Parameters
    ----------
    file
        Open at its beginning. The format is recognised from the content.
    request
        What to read.

    Raises
    ------
    AudioFormatError, AudioContentError, MissingExtraError
        As for ``load_audio``.
    """
    file, head, notes = _first_file(file, request.name)
    decoded = _decode(file, head, request)
    return replace(decoded, notes=(*decoded.notes, *notes))


@contextmanager
def open_blocks(file: BinaryIO, request: Request) -> Iterator[Blocks]:
    """Open a file as ``decode_file`` does, to be decoded block by block, whatever its length.

    A file is decoded once: of one that is damaged, up to 16,384 frames before the damage are lost.
    """
    file, head, notes = _first_file(file, request.name)
    with ExitStack() as opened:
        blocks: Blocks
        if needs_ffmpeg(head):
            blocks = opened.enter_context(open_with_ffmpeg(file, request))
        else:
            try:
                parts = find_parts(file, head, request)
                blocks = _LibsndfileBlocks(parts, file, head, OPEN_BLOCK_FRAMES, request.name)
            except (soundfile.LibsndfileError, TypeError) as error:
                with _second_attempt(error, head, request.name):
                    blocks = opened.enter_context(open_with_ffmpeg(file, request))
        blocks.notes += notes
        yield blocks


def _first_file(file: BinaryIO, name: str) -> tuple[BinaryIO, bytes, list[Note]]:
    """Return the first of the files that were joined without tags in front, its head, and what to note."""
    head = file.read(HEAD_BYTES)
    if not head:
        raise AudioContentError(f"{name} is empty (0 bytes)")
    if head.startswith(ZIP_FILE_START):
        raise AudioFormatError(
            f"{name} is a zip archive: affekt.predict_many reads the audio files in it, given its "
            "bytes or a path that ends in .zip"
        )
    file = behind_tags(file, _is_known, name)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(_SAMPLE_DUMP):
        raise AudioFormatError(f"{name} is a sample dump of MIDI, which affekt does not read")
    second = second_start(file, head)
    if not second:
        return file, head, []
    note = Note(NoteKind.PARTLY_READ, "several files are joined here, and only the first is read")
    return cast(BinaryIO, Window(file, 0, second)), head, [note]


def _is_known(head: bytes) -> bool:
    return head.startswith((*_STARTS, _SAMPLE_DUMP)) or is_mp3(head) or needs_ffmpeg(head)


def _decode(file: BinaryIO, head: bytes, request: Request) -> Decoded:
    if needs_ffmpeg(head):
        return decode_with_ffmpeg(file, request)
    try:
        return _decode_with_libsndfile(file, head, request)
    except (soundfile.LibsndfileError, TypeError) as error:
        with _second_attempt(error, head, request.name):
            return decode_with_ffmpeg(file, request)


@contextmanager
def _second_attempt(error: Exception, head: bytes, name: str) -> Iterator[None]:
    """Try what FFmpeg may read; otherwise raise why libsndfile did not."""
    reason = getattr(error, "error_string", "") or str(error)
    failure = AudioFormatError(f"{name} is not audio that can be read ({reason})")
    if not may_know(head):
        raise failure from error
    try:
        yield
    except AudioFormatError:
        raise failure from None
    except MissingExtraError as missing:
        purpose = f"{name} cannot be read by libsndfile ({reason}): reading it with FFmpeg"
        raise MissingExtraError(purpose, "formats") from missing


def _decode_with_libsndfile(file: BinaryIO, head: bytes, request: Request) -> Decoded:
    """Decode in large blocks; after an error in small ones, because the block with the error is lost."""
    parts = find_parts(file, head, request)
    for block_frames in (BLOCK_FRAMES, FINE_BLOCK_FRAMES):
        blocks = _LibsndfileBlocks(parts, file, head, block_frames, request.name)
        samples = join_blocks(blocks, request)
        if not blocks.failed:
            break
    return assemble(samples, blocks, request)


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from beginning to end.

    soundfile seeks after each block of a file that can seek, which costs an MP3 the bits that its next
    frame borrows from the last, and a FLAC of unknown length its last block.
    """

    def seekable(self) -> bool:
        """Say no."""
        return False


class _LibsndfileBlocks(Blocks):
    """The blocks of all parts up to an error in each: a cut FLAC ends in an error, a cut MP3 early."""

    def __init__(
        self, parts: list[Part], file: BinaryIO, head: bytes, block_frames: int, name: str
    ) -> None:
        self.parts, self.block_frames = parts, block_frames
        self.quiet = _quiet_stderr if is_mp3(head) else nullcontext
        with self._opened(parts[0]) as first:
            if first.format not in FORMATS:
                raise AudioFormatError(
                    f"{name} is in the format {first.format}, which affekt does not read"
                )
            check_stream(first.samplerate, first.channels, name)
            super().__init__(first.samplerate, first.channels, file_size(file))
            self.expected = _expected_frames(first, parts[0])

    def __iter__(self) -> Iterator[Samples]:
        """Yield the blocks of each part, as long as sample rate and channels stay the same."""
        for number, part in enumerate(self.parts):
            try:
                with self._opened(part) as opened:
                    if (opened.samplerate, opened.channels) != (self.rate, self.channels):
                        self._leave_out(number, "another sample rate or number of channels")
                        break
                    if number and self.expected:
                        self.expected += _expected_frames(opened, part)
                    yield from self._blocks(opened, part.skipped)
            except soundfile.LibsndfileError:
                if not number:
                    raise
                self._leave_out(number, "no audio that can be read")
                break
        for part in self.parts:
            if part.file.error:
                raise part.file.error
        if self.parts[-1].incomplete:
            text = f"the file may be cut off: {self.parts[-1].incomplete}"
            self.notes.append(Note(NoteKind.CUT_OFF, text))

    def _blocks(self, opened: soundfile.SoundFile, skipped: int) -> Iterator[Samples]:
        """Yield blocks to the end; behind that of a FLAC of known length a tag is no error."""
        known = opened.format == "FLAC" and opened.frames < UNKNOWN_FRAMES
        left = opened.frames if known else UNKNOWN_FRAMES
        try:
            while True:
                with held_back(), self.quiet():
                    block = opened.read(min(self.block_frames, left), "float32", always_2d=True)
                if not len(block):
                    break
                yield block[skipped:]
                skipped = max(0, skipped - len(block))
                left -= len(block)
        except soundfile.LibsndfileError:
            self.failed = True

    def _opened(self, part: Part) -> soundfile.SoundFile:
        part.file.seek(0)
        with held_back(), self.quiet():
            return _Stream(part.file)

    def _leave_out(self, number: int, reason: str) -> None:
        text = f"only the first {number} of {len(self.parts)} joined files are read: the next has {reason}"
        if number == 1:
            text = f"only the first of {len(self.parts)} joined files is read: the next has {reason}"
        self.notes.append(Note(NoteKind.PARTLY_READ, text))


def _expected_frames(file: soundfile.SoundFile, part: Part) -> int:
    """Return the length by the header, 0 if unknown.

    libsndfile corrects the length of a WAV file that is cut off, and logs the value of the header.
    """
    if part.expected:
        return part.expected
    cut = re.search(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if not cut:
        return int(file.frames) if file.frames < UNKNOWN_FRAMES else 0
    expected, left = int(cut[1]), int(cut[2])
    if expected >= 0x7FFF_F000 or not left:  # written to a pipe: the length was not known
        return 0
    return int(file.frames * expected / left)


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Discard what is written to standard error: libmpg123 reports every frame of an MP3 that is damaged.

    Standard error belongs to the process, so what other threads write meanwhile is lost too. Hold it for
    one call of the library only.
    """
    with _stderr_lock:
        try:
            kept = os.dup(2)
        except OSError:  # standard error is closed
            yield
            return
        try:
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
