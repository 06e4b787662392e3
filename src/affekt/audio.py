"""Audio in: anything that holds sound -> one checked ``Waveform``.

This is the border. What passes ``load_audio`` is finite, audible, mono float32 of a known rate,
and nobody behind it checks again.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from affekt.errors import (
    AudioContentError,
    AudioFormatError,
    AudioNotFoundError,
    AudioReadError,
    MissingExtraError,
)

MIN_DURATION_S = 0.1
MAX_DURATION_S = 2 * 3600.0
SILENCE_PEAK = 1e-4  # -80 dB below full scale, three steps of a 16-bit recording
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 768_000
LOUDEST = 256  # full scale is 1; what is louder than this was never scaled
MAX_CHANNELS = 64
MIN_KEPT = 0.5  # a file that lost more than half of its promised length is refused
BLOCK_FRAMES, FINE_BLOCK_FRAMES = 1 << 16, 1 << 12  # how much is read at a time

# What counts as audio when a folder is searched. A file that is named outright may be called
# anything: its content decides.
_LIBSNDFILE_SUFFIXES = {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc"}
_LIBSNDFILE_SUFFIXES |= {".au", ".caf", ".w64", ".rf64"}
_FFMPEG_SUFFIXES = {".m4a", ".mp4", ".aac", ".webm", ".mka", ".wma"}
AUDIO_SUFFIXES = frozenset(_LIBSNDFILE_SUFFIXES | _FFMPEG_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Waveform:
    """Checked mono sound.

    Attributes
    ----------
    samples : float32 array of shape (n,)
        Full scale is -1 to 1; finite, not silent.
    sample_rate : int
        In Hz.
    notes : tuple of str
        What was changed or found on the way in, in words.
    cut_off : bool
        Whether the file promises more than is there.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    notes: tuple[str, ...] = ()
    cut_off: bool = False

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


AudioSource = str | os.PathLike[str] | bytes | BinaryIO | tuple[ArrayLike, int] | Waveform
"""What can be heard: a path, the bytes of a file, an open binary file, ``(waveform, sample_rate)``, or
what ``load_audio`` gave."""


def load_audio(
    source: AudioSource, sample_rate: int | None = None, *, max_duration_s: float = MAX_DURATION_S
) -> Waveform:
    """Read, check, mix to mono and resample.

    Parameters
    ----------
    source
        A path, ``bytes``, a binary file object, or ``(waveform, sample_rate)`` where the waveform
        has shape ``(n,)``, ``(n, channels)`` or ``(channels, n)``; integers count as full scale
        of their type. Files are told apart by content, whatever they are called: WAV, FLAC, OGG,
        Opus, MP3, AIFF and all else that libsndfile reads; m4a, webm and the like with the extra
        ``affekt[formats]``.
    sample_rate
        Wanted rate in Hz; None keeps the rate of the source.
    max_duration_s
        Longer sound is refused.

    Raises
    ------
    AudioNotFoundError, AudioReadError
        No such file; a folder; not allowed to read.
    AudioFormatError
        Not audio, or an array that cannot be sound.
    AudioContentError
        Empty, shorter than 0.1 s, longer than ``max_duration_s``, silent throughout, NaN or
        infinite values, or cut off so that less than half is left.
    MissingExtraError
        The format needs ``affekt[formats]``.

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) * 0.3)
    >>> load_audio((tone, 8000), sample_rate=16000).duration_s
    1.0
    """
    name = source_name(source)
    if isinstance(source, Waveform):
        heard = source
    elif isinstance(source, tuple):
        heard = _from_array(source, max_duration_s)
    elif isinstance(source, str | os.PathLike):
        with _open(source) as file:
            try:
                heard = _decode(file, name, max_duration_s)
            except OSError as error:
                raise AudioReadError(f"{name} cannot be read: {error}") from error
    elif isinstance(source, bytes | bytearray | memoryview):
        heard = _decode(io.BytesIO(source), name, max_duration_s)
    elif hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise AudioFormatError(f"{name} is not open in binary mode")
        heard = _decode(io.BytesIO(data), name, max_duration_s)
    else:
        raise AudioFormatError(
            f"{name} is not audio: give a path, bytes, a binary file object, or (waveform, sample_rate)"
        )
    _check_content(heard, name)
    return heard if sample_rate in (None, heard.sample_rate) else _resample(heard, sample_rate)


def source_name(source: object) -> str:
    """What to call a source in a table or a message: its path, or a word for what it is."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, tuple | Waveform):
        return "waveform"
    if isinstance(source, bytes | bytearray | memoryview):
        return "bytes"
    return str(getattr(source, "name", f"{type(source).__name__} object"))


def fingerprint(waveform: Waveform) -> str:
    """A digest that two clips share only where their mono samples and rates are the same."""
    digest = hashlib.blake2b(waveform.samples.tobytes(), digest_size=16)
    digest.update(str(waveform.sample_rate).encode())
    return digest.hexdigest()


def find_audio(folder: Path) -> list[Path]:
    """All files below a folder that are named like audio, sorted; hidden ones are passed over."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def expand_folders(sources: AudioSource | Iterable[AudioSource]) -> list[AudioSource]:
    """The same sources, each folder replaced by the audio files below it; one without any stays."""
    several: Iterable[Any] = [sources] if _is_one(sources) else cast(Iterable[Any], sources)
    expanded: list[AudioSource] = []
    for source in several:
        if isinstance(source, str | os.PathLike) and os.path.isdir(source):  # noqa: PTH112 - is_dir() raises on odd names
            expanded.extend(find_audio(Path(source)) or [source])
        else:
            expanded.append(source)
    return expanded


def _is_one(sources: object) -> bool:
    """Whether this is one source, and not several: a tuple is one where it ends in a sample rate."""
    if isinstance(sources, tuple):
        return len(sources) == 2 and isinstance(sources[1], int | np.integer)
    return isinstance(sources, str | os.PathLike | bytes | Waveform) or hasattr(sources, "read")


def _open(path: str | os.PathLike[str]) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"there is no file {os.fspath(path)!r}") from error
    except IsADirectoryError as error:
        raise AudioReadError(f"{os.fspath(path)!r} is a folder: name the audio files in it") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        raise AudioReadError(f"{os.fspath(path)!r} cannot be opened: {error}") from error


class _Nameless:
    """An open file without its name, by which soundfile would take ``voice.raw`` for headerless data."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell, self._seek = file.read, file.tell, file.seek

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; a damaged file sends libsndfile to places that are none, which is no place to complain."""
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return self.tell()


def _decode(file: BinaryIO, name: str, max_duration_s: float) -> Waveform:
    head = file.read(16)
    if not head:
        raise AudioContentError(f"{name} is empty (0 bytes)")
    unfinished = head.startswith(b"OggS") and not _ogg_is_finished(file)
    file.seek(0)
    if _needs_av(head):
        return _decode_with_av(file, name, max_duration_s)
    try:
        heard = _decode_with_soundfile(file, name, max_duration_s)
    except (soundfile.LibsndfileError, TypeError) as error:
        reason = getattr(error, "error_string", "") or str(error)
        raise AudioFormatError(f"{name} is not audio that can be read ({reason})") from error
    if unfinished:
        return replace(heard, notes=(*heard.notes, "the file may be cut off: its last page is missing"))
    return heard


def _gather(
    blocks: Iterable[NDArray[np.float32]], rate: int, promised: float, max_duration_s: float, name: str
) -> tuple[NDArray[np.float32], int]:
    """Blocks of shape (frames, channels) as one mono array, and how many channels there were.

    The array is made as long as was promised, so that a long recording is not held twice; the sound is
    refused as soon as it is longer than allowed.
    """
    samples = np.empty(int(min(promised, max_duration_s * rate)), np.float32)
    filled, channels = 0, 1
    for block in blocks:
        mixed, channels = _mix(block), block.shape[1]
        if filled + len(mixed) > max_duration_s * rate:
            raise AudioContentError(f"{name} is longer than the limit of {max_duration_s:g} s")
        if filled + len(mixed) > len(samples):
            room = np.empty(filled + len(mixed), np.float32)
            samples = np.concatenate([samples[:filled], room])
        samples[filled : filled + len(mixed)] = mixed
        filled += len(mixed)
    return samples[:filled], channels


def _assemble(
    samples: NDArray[np.float32], channels: int, rate: int, promised: float, name: str
) -> Waveform:
    """A waveform with its notes, held against the promised length."""
    notes = [f"mixed {channels} channels to mono"] if channels > 1 else []
    cut_off = len(samples) < promised * 0.99
    if cut_off:
        there = f"the file is cut off: {len(samples) / rate:.2f} s of {promised / rate:.2f} s are there"
        if len(samples) < promised * MIN_KEPT:
            raise AudioContentError(f"{name}: {there}")
        notes.append(there)
    return Waveform(samples, rate, tuple(notes), cut_off)


def _decode_with_soundfile(file: BinaryIO, name: str, max_duration_s: float) -> Waveform:
    """In large blocks; and in small ones where there is a fault, as the block with the fault is lost."""
    for block_frames in (BLOCK_FRAMES, FINE_BLOCK_FRAMES):
        file.seek(0)
        with soundfile.SoundFile(_Nameless(file)) as sound:
            reading = _Reading(sound, block_frames)
            promised = _promised_frames(sound)
            gathered = _gather(reading, sound.samplerate, promised, max_duration_s, name)
        if not reading.faulty:
            break
    return _assemble(*gathered, sound.samplerate, promised, name)


class _Reading:
    """The blocks of a file, up to the first fault: a cut FLAC ends in an error, a cut MP3 early."""

    def __init__(self, sound: soundfile.SoundFile, block_frames: int) -> None:
        self.sound = sound
        self.block_frames = block_frames
        self.faulty = False

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        try:
            while len(block := self.sound.read(self.block_frames, dtype="float32", always_2d=True)):
                yield block
        except soundfile.LibsndfileError:
            self.faulty = True


def _promised_frames(sound: soundfile.SoundFile) -> int:
    """The length by the header. libsndfile mends the count of a cut WAV, but logs what it read."""
    cut = re.search(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", sound.extra_info, re.MULTILINE)
    if not cut:
        return int(sound.frames) if sound.frames < 1 << 40 else 0
    promised, there = int(cut[1]), int(cut[2])
    if promised >= 0x7FFF_F000 or not there:  # written to a pipe: the length was never known
        return 0
    return int(sound.frames * promised / there)


def _needs_av(head: bytes) -> bool:
    """MP4 family, Matroska/WebM, ASF, ADTS AAC: containers that libsndfile does not know."""
    return (
        head[4:8] == b"ftyp"
        or head.startswith((b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75"))
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0)
    )


def _ogg_is_finished(file: BinaryIO) -> bool:
    """Whether the last page says that it is the last (RFC 3533)."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - (1 << 16)))
    tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or last + 5 >= len(tail) or bool(tail[last + 5] & 4)


def _decode_with_av(file: BinaryIO, name: str, max_duration_s: float) -> Waveform:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{name}: reading m4a, webm and the like", "formats") from error
    try:
        with av.open(file, mode="r", metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioFormatError(f"{name} holds no sound")
            stream = container.streams.audio[0]
            rate = stream.rate
            promised = (container.duration or 0) / av.time_base * rate
            blocks = _av_blocks(container, stream)
            gathered = _gather(blocks, rate, promised, max_duration_s, name)
    except av.FFmpegError as error:
        raise AudioFormatError(f"{name} is not audio that can be read ({error})") from error
    return _assemble(*gathered, rate, promised, name)


def _av_blocks(container: Any, stream: Any) -> Iterator[NDArray[np.float32]]:
    """What can be decoded, up to the first fault, as arrays of shape (frames, channels)."""
    import av

    planar = av.AudioResampler(format="fltp")
    try:
        for frame in container.decode(stream):
            for part in planar.resample(frame):
                yield part.to_ndarray().T.astype(np.float32)
    except av.FFmpegError:
        return


def _from_array(source: tuple[Any, ...], max_duration_s: float) -> Waveform:
    if len(source) != 2:
        raise AudioFormatError(f"a tuple of {len(source)} is not (waveform, sample_rate)")
    try:
        samples, rate = np.asarray(source[0]), source[1]
    except ValueError as error:
        raise AudioFormatError(
            f"{type(source[0]).__name__} of uneven rows is not sound: {error}"
        ) from error
    if samples.ndim == 0 and np.ndim(rate) > 0:
        raise AudioFormatError("got (sample_rate, waveform): swap the two, the waveform comes first")
    if not isinstance(rate, int | np.integer) or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioFormatError(
            f"sample rate {rate!r} is not a whole number of Hz from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
        )
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu":
        raise AudioFormatError(
            f"an array of shape {samples.shape} and type {samples.dtype} is not sound: "
            "give (n,), (n, channels) or (channels, n) of floats or integers"
        )
    if not samples.size:
        return Waveform(np.zeros(0, np.float32), int(rate))
    frames = samples.reshape(len(samples), -1)
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        frames = samples.T
    if frames.shape[1] > MAX_CHANNELS:
        raise AudioFormatError(f"an array of shape {samples.shape} has too many channels to be sound")
    if len(frames) > max_duration_s * rate:
        raise AudioContentError(f"the waveform is longer than the limit of {max_duration_s:g} s")
    if frames.dtype.kind in "iu":
        if frames.dtype.itemsize == 8:
            raise AudioFormatError(
                "64-bit integers are not sound: give them their own type, as array.astype('int16'), "
                "or floats from -1 to 1"
            )
        info = np.iinfo(frames.dtype)
        middle = 0 if frames.dtype.kind == "i" else (info.max + 1) / 2
        frames = (frames - np.float64(middle)) / (info.max - middle + 1)
    return _assemble(_mix(frames.astype(np.float32)), frames.shape[1], int(rate), 0, "waveform")


def _mix(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    if frames.shape[1] == 1:
        return np.ascontiguousarray(frames[:, 0])
    return np.asarray(frames.mean(axis=1), np.float32)


def _check_content(heard: Waveform, name: str) -> None:
    samples, rate = heard.samples, heard.sample_rate
    if not len(samples):
        raise AudioContentError(f"{name} holds not one sample of sound")
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioFormatError(
            f"{name} has the sample rate {rate} Hz, not one from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
        )
    if len(samples) / rate < MIN_DURATION_S:
        raise AudioContentError(
            f"{name} is too short: {len(samples) / rate:.3f} s, where {MIN_DURATION_S} s are needed"
        )
    low, high = float(samples.min()), float(samples.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise AudioContentError(f"{name} holds NaN or infinite values")
    if max(-low, high) > LOUDEST:
        raise AudioFormatError(
            f"{name} has samples that reach {max(-low, high):g}, but full scale is 1: "
            "are these 16-bit values? Divide them by 32768"
        )
    if (high - low) / 2 < SILENCE_PEAK:
        raise AudioContentError(f"{name} is silent throughout (or its channels cancel each other out)")


def _resample(heard: Waveform, wanted: int) -> Waveform:
    """With soxr's high quality, and librosa's length: rounded up, so that frames fall alike."""
    length = math.ceil(len(heard.samples) * wanted / heard.sample_rate)
    samples = np.asarray(soxr.resample(heard.samples, heard.sample_rate, wanted, quality="HQ"), np.float32)
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    samples = samples[:length]
    note = f"resampled from {heard.sample_rate} to {wanted} Hz"
    return Waveform(samples, wanted, (*heard.notes, note), heard.cut_off)
