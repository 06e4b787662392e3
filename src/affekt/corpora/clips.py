"""Audio of clips, and iteration over the clips of a corpus in several processes, with each one's error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeVar

from affekt.audio.loading import Waveform, load_audio
from affekt.corpora.base import Clip, Corpus
from affekt.errors import AffektError, AudioContentError, AudioError, AudioFormatError
from affekt.notes import NoteKind
from affekt.support.parallel import map_in_order
from affekt.support.progress import track

Result = TypeVar("Result")
END_TOLERANCE_S = 0.01  # annotations are rounded
_GIT_LFS = b"version https://git-lfs.github.com/spec/"


def load_whole(clip: Clip, sample_rate: int | None = None) -> Waveform:
    """Read the audio of a clip: the whole file, or the part of it that the clip is.

    Raises
    ------
    AudioContentError
        The file is cut off, or only partly read; or the part ends beyond the file.
    AudioFormatError
        The file is not audio, such as a pointer that Git LFS has not replaced by the recording.
    """
    try:
        waveform = load_audio(clip.path) if clip.whole else _load_recording(str(clip.path), _version(clip))
    except AudioFormatError as error:
        raise _explain_pointer(clip, error) from error
    if waveform.cut_off or any(note.kind == NoteKind.PARTLY_READ for note in waveform.notes):
        raise AudioContentError(f"{clip.path}: {'; '.join(map(str, waveform.notes))}")
    return load_audio(waveform if clip.whole else _cut_part(clip, waveform), sample_rate)


def each_clip(
    corpus: Corpus, function: Callable[[Clip], Result], *, jobs: int = 1, progress: bool = False
) -> Iterator[tuple[Clip, Result | AffektError]]:
    """Yield every clip with the result of the function, or with the ``AffektError`` that it raised."""
    results = map_in_order(partial(_attempt, function=function), corpus.clips, jobs)
    title, count = f"reading {corpus.name}", len(corpus.clips)
    yield from zip(corpus.clips, track(results, title, count, shown=progress), strict=True)


def _attempt(clip: Clip, function: Callable[[Clip], Result]) -> Result | AffektError:
    try:
        return function(clip)
    except AffektError as error:
        return error


@lru_cache(maxsize=1)
def _load_recording(path: str, version: tuple[int, int]) -> Waveform:
    """A long recording, kept while its parts are read one after another."""
    return load_audio(path)


def _version(clip: Clip) -> tuple[int, int]:
    """Size and time of a file, equal while it is the same; zeros where it is gone."""
    try:
        status = clip.path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _cut_part(clip: Clip, recording: Waveform) -> Waveform:
    start_s, end_s = clip.start_s or 0.0, recording.duration_s if clip.end_s is None else clip.end_s
    if end_s > recording.duration_s + END_TOLERANCE_S or start_s >= recording.duration_s:
        raise AudioContentError(
            f"{clip.name}: the part from {start_s:g} to {end_s:g} s is not within the file, which lasts "
            f"{recording.duration_s:.2f} s"
        )
    first, last = (round(second * recording.sample_rate) for second in (start_s, end_s))
    part = replace(recording, samples=recording.samples[first:last])
    try:
        return load_audio(part)
    except AudioError as error:
        raise type(error)(str(error).replace("waveform", clip.name, 1)) from error


def _explain_pointer(clip: Clip, error: AudioFormatError) -> AudioFormatError:
    """The error to raise for a file that is not audio: that it is a pointer of Git LFS, or the same."""
    with open(clip.path, "rb") as file:
        if file.read(len(_GIT_LFS)) != _GIT_LFS:
            return error
    return AudioFormatError(
        f"{clip.path} is a pointer of Git LFS in place of the recording: install git-lfs, and run "
        "'git lfs pull' in the repository"
    )
