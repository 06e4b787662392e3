"""Iteration over the clips of a corpus in several processes, with the error of each that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from affekt.audio.loading import Waveform, load_audio
from affekt.corpora.base import Clip, Corpus
from affekt.errors import AffektError, AudioContentError
from affekt.notes import NoteKind
from affekt.support.parallel import map_in_order
from affekt.support.progress import track

Result = TypeVar("Result")


def load_whole(clip: Clip, sample_rate: int | None = None) -> Waveform:
    """Read the audio of a clip; ``AudioContentError`` if part of it is missing, as when it is cut off."""
    waveform = load_audio(clip.path, sample_rate)
    if waveform.cut_off or any(note.kind == NoteKind.PARTLY_READ for note in waveform.notes):
        raise AudioContentError(f"{clip.path}: {'; '.join(map(str, waveform.notes))}")
    return waveform


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
