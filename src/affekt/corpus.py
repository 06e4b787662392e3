"""What a corpus is: clips with labels, and a card that says where they come from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from affekt.emotions import sort_emotions
from affekt.errors import CorpusError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One labelled recording.

    Attributes
    ----------
    path, emotion, speaker, corpus
        ``speaker`` is unique within its corpus, and empty where nobody knows who speaks.
    channel
        ``speech`` or ``song``.
    sex, intensity, statement, repetition
        Empty where the corpus does not tell.
    augmented_from
        The path of the clip that this one is an altered copy of, empty for an original.
    columns
        Whatever else the corpus says of the clip.
    """

    path: Path
    emotion: str
    speaker: str
    corpus: str
    channel: str = "speech"
    sex: str = ""
    intensity: str = ""
    statement: str = ""
    repetition: str = ""
    augmented_from: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def speaker_id(self) -> str:
        """The speaker, named so that two corpora can stand side by side; empty if unknown."""
        return f"{self.corpus}/{self.speaker}" if self.speaker else ""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file to be downloaded: its address, its size in bytes, its MD5 in hex."""

    url: str
    size_bytes: int
    md5: str

    @property
    def name(self) -> str:
        """The file name at the end of the address."""
        return self.url.split("?")[0].rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class CorpusCard:
    """What is known of a corpus before one has it.

    Attributes
    ----------
    name, title, licence, citation, address
        ``address`` is where people get it.
    counts, emotions
        Expected clips by channel and by emotion, or empty for a corpus of one's own.
    speakers
        Expected number of speakers, 0 if anything goes.
    stem
        What a clip's file name looks like without its ending; None if names carry no labels.
    expected_stems
        Lists every name of the published corpus, by channel, where names can be derived.
    folds
        Published splits: protocol -> the speakers tested in each fold.
    archives
        What ``affekt corpora download`` fetches.
    listeners
        Accuracy of people who listen to all its emotions, and where that stands; None where nobody
        measured it.
    """

    name: str
    title: str
    licence: str
    citation: str
    address: str
    counts: Mapping[str, int] = field(default_factory=dict)
    emotions: Mapping[str, int] = field(default_factory=dict)
    speakers: int = 0
    stem: re.Pattern[str] | None = None
    expected_stems: Callable[[], Mapping[str, Collection[str]]] | None = None
    folds: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    archives: tuple[Archive, ...] = ()
    listeners: tuple[float, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Clips that belong together.

    Attributes
    ----------
    name, clips
        Clips are sorted by path, corpus after corpus: the same corpus always has the same order.
    cards
        The card of each corpus in it: one, or more after ``join``.
    misnamed
        Audio files in the folder that tell no label.
    """

    name: str
    clips: tuple[Clip, ...]
    cards: tuple[CorpusCard, ...]
    misnamed: tuple[Path, ...] = ()

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that occur, in canonical order."""
        return sort_emotions(clip.emotion for clip in self.clips)

    @property
    def listeners(self) -> tuple[float, str] | None:
        """How well people do on it, with source; None where nobody knows, or on a part of its emotions."""
        whole = len(self.cards) == 1 and set(self.emotions) >= set(self.cards[0].emotions)
        return self.cards[0].listeners if whole else None

    def count(self, field_name: str) -> dict[str, int]:
        """How many clips there are of each value of a field, by name."""
        return dict(sorted(Counter(str(getattr(clip, field_name)) for clip in self.clips).items()))

    def select(self, *, emotions: Collection[str] | None = None, channel: str | None = None) -> Corpus:
        """The clips of these emotions and this channel; an error where none is left."""
        for emotion in emotions or ():
            if emotion not in self.emotions:
                raise UnknownNameError(f"emotion in {self.name}", emotion, self.emotions)
        clips = tuple(
            clip
            for clip in self.clips
            if (not emotions or clip.emotion in emotions) and channel in (None, clip.channel)
        )
        if not clips:
            of = f"{', '.join(emotions)} in " if emotions else ""
            raise CorpusError(f"{self.name} has no clip of {of}channel {channel!r}")
        return replace(self, clips=clips)


def join(corpora: Collection[Corpus]) -> Corpus:
    """Several corpora as one, each clip remembering its own; ``CorpusError`` if two share a file."""
    paths = Counter(clip.path.resolve() for corpus in corpora for clip in corpus.clips)
    twice = [path for path, count in paths.items() if count > 1]
    if twice:
        raise CorpusError(f"{len(twice)} files are in two of these corpora, such as {twice[0]}")
    return Corpus(
        name="+".join(corpus.name for corpus in corpora),
        clips=tuple(clip for corpus in corpora for clip in corpus.clips),
        cards=tuple(card for corpus in corpora for card in corpus.cards),
        misnamed=tuple(path for corpus in corpora for path in corpus.misnamed),
    )
