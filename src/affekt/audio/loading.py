"""Loading of audio: a path, bytes, an open file or an array in, a checked ``Waveform`` out.

All audio enters the package through ``load_audio``: a ``Waveform`` is finite, not silent, mono float32 of a
known sample rate, and is not checked again.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import soxr
from numpy.typing import ArrayLike

from affekt.audio.decoding import decode_array, decode_file
from affekt.audio.waveform import (
    MAX_DURATION_S,
    MAX_PEAK,
    MAX_SAMPLE_RATE,
    MIN_DURATION_S,
    MIN_SAMPLE_RATE,
    SILENCE_PEAK,
    Waveform,
)
from affekt.errors import AudioContentError, AudioFormatError, AudioNotFoundError, AudioReadError
from affekt.notes import Note, NoteKind

__all__ = [
    "AUDIO_SUFFIXES",
    "MAX_DURATION_S",
    "MIN_DURATION_S",
    "AudioSource",
    "Waveform",
    "expand_folders",
    "find_audio",
    "fingerprint",
    "load_audio",
    "source_name",
]

# The suffixes by which audio is found in a folder. A file that is named explicitly may have any suffix.
_LIBSNDFILE_SUFFIXES = {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc"}
_LIBSNDFILE_SUFFIXES |= {".au", ".caf", ".w64", ".rf64"}
_FFMPEG_SUFFIXES = {".m4a", ".mp4", ".aac", ".webm", ".mka", ".wma"}
AUDIO_SUFFIXES = frozenset(_LIBSNDFILE_SUFFIXES | _FFMPEG_SUFFIXES)

AudioSource = str | os.PathLike[str] | bytes | BinaryIO | tuple[ArrayLike, int] | Waveform
"""Audio: a path, bytes of a file, an open binary file, ``(waveform, sample_rate)``, or a ``Waveform``."""


def load_audio(
    source: AudioSource, sample_rate: int | None = None, *, max_duration_s: float = MAX_DURATION_S
) -> Waveform:
    """Read audio, check it, mix it to mono and resample it.

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

    Raises
    ------
    AudioNotFoundError, AudioReadError
        The file does not exist, is a folder, or may not be read.
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
    waveform = _decode(source, max_duration_s)
    _check_content(waveform, source_name(source))
    return waveform if sample_rate in (None, waveform.sample_rate) else _resample(waveform, sample_rate)


def source_name(source: object) -> str:
    """Return the name of a source for tables and messages: its path, or a word for its type."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, tuple | Waveform):
        return "waveform"
    if isinstance(source, bytes | bytearray | memoryview):
        return "bytes"
    return str(getattr(source, "name", f"{type(source).__name__} object"))


def fingerprint(waveform: Waveform) -> str:
    """Return a digest of samples and sample rate, equal for identical audio only."""
    digest = hashlib.blake2b(waveform.samples.tobytes(), digest_size=16)
    digest.update(str(waveform.sample_rate).encode())
    return digest.hexdigest()


def find_audio(folder: Path) -> list[Path]:
    """Return all files below a folder with a suffix of audio, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def expand_folders(sources: AudioSource | Iterable[AudioSource]) -> list[AudioSource]:
    """Replace each folder by the audio files below it; a folder without any is kept."""
    several: Iterable[Any] = [sources] if _is_one(sources) else cast(Iterable[Any], sources)
    expanded: list[AudioSource] = []
    for source in several:
        if isinstance(source, str | os.PathLike) and os.path.isdir(source):  # noqa: PTH112 - is_dir() raises on odd names
            expanded.extend(find_audio(Path(source)) or [source])
        else:
            expanded.append(source)
    return expanded


def _is_one(sources: object) -> bool:
    """Return whether this is one source: a tuple is one if it ends in a sample rate."""
    if isinstance(sources, tuple):
        return len(sources) == 2 and isinstance(sources[1], int | np.integer)
    return isinstance(sources, str | os.PathLike | bytes | Waveform) or hasattr(sources, "read")


def _decode(source: AudioSource, max_duration_s: float) -> Waveform:
    name = source_name(source)
    if isinstance(source, Waveform):
        return source
    if isinstance(source, tuple):
        return decode_array(source, max_duration_s)
    if isinstance(source, str | os.PathLike):
        with _open(source) as file:
            try:
                return decode_file(file, name, max_duration_s)
            except OSError as error:
                raise AudioReadError(f"{name} cannot be read: {error}") from error
    if isinstance(source, bytes | bytearray | memoryview):
        return decode_file(io.BytesIO(source), name, max_duration_s)
    if hasattr(source, "read"):
        content = source.read()
        if not isinstance(content, bytes):
            raise AudioFormatError(f"{name} is not open in binary mode")
        return decode_file(io.BytesIO(content), name, max_duration_s)
    raise AudioFormatError(
        f"{name} is not audio: give a path, bytes, a binary file object, or (waveform, sample_rate)"
    )


def _open(path: str | os.PathLike[str]) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"there is no file {os.fspath(path)!r}") from error
    except IsADirectoryError as error:
        suffixes = ", ".join(sorted(AUDIO_SUFFIXES))
        empty = f" without audio files, whose names end in one of {suffixes}"
        advice = ": name the audio files in it" if find_audio(Path(path)) else empty
        raise AudioReadError(f"{os.fspath(path)!r} is a folder{advice}") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        raise AudioReadError(f"{os.fspath(path)!r} cannot be opened: {error}") from error


def _check_content(waveform: Waveform, name: str) -> None:
    samples, rate = waveform.samples, waveform.sample_rate
    if not len(samples):
        raise AudioContentError(f"{name} has no samples")
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioFormatError(
            f"{name} has the sample rate {rate} Hz; {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz are allowed"
        )
    if waveform.duration_s < MIN_DURATION_S:
        raise AudioContentError(
            f"{name} is too short: {waveform.duration_s:.3f} s; at least {MIN_DURATION_S} s are needed"
        )
    low, high = float(samples.min()), float(samples.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise AudioContentError(f"{name} has NaN or infinite values")
    if max(-low, high) > MAX_PEAK:
        raise AudioFormatError(
            f"{name} has values up to {max(-low, high):g}, but full scale is 1: "
            "are these 16-bit values? Divide them by 32768"
        )
    if (high - low) / 2 < SILENCE_PEAK:
        raise AudioContentError(f"{name} is silent throughout (or its channels cancel each other out)")


def _resample(waveform: Waveform, wanted: int) -> Waveform:
    """Resample with soxr's high quality to librosa's length: rounded up, so that frames are the same."""
    length = math.ceil(len(waveform.samples) * wanted / waveform.sample_rate)
    resampled = soxr.resample(waveform.samples, waveform.sample_rate, wanted, quality="HQ")
    samples = np.asarray(resampled, np.float32)
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    samples = samples[:length]
    note = Note(NoteKind.RESAMPLED, f"resampled from {waveform.sample_rate} to {wanted} Hz")
    return Waveform(samples, wanted, (*waveform.notes, note), waveform.cut_off)
