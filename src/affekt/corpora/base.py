"""Corpora as labelled clips, with a card for what is published about them."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from affekt.emotions import sort_emotions
from affekt.errors import CorpusError, UnknownNameError
from affekt.support.markup import html_table


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One labelled recording.

    Attributes
    ----------
    path, emotion, speaker, corpus
        ``speaker`` is unique within its corpus, and empty if unknown.
    start_s, end_s
        The part of the file that the clip is, in seconds; None for its beginning and its end.
    vocal_channel
        ``speech`` or ``song``.
    sex, intensity, statement, repetition
        Empty where the corpus does not give them.
    augmented_from
        The name of the clip that this one is an altered copy of, empty for an original.
    columns
        All other metadata of the clip, by name.
    """

    path: Path
    emotion: str
    speaker: str
    corpus: str
    vocal_channel: str = "speech"
    sex: str = ""
    intensity: str = ""
    statement: str = ""
    repetition: str = ""
    augmented_from: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    start_s: float | None = None
    end_s: float | None = None

    @property
    def whole(self) -> bool:
        """Whether the clip is the whole file."""
        return self.start_s is None and self.end_s is None

    @property
    def name(self) -> str:
        """The path, followed by the part of the file where it is one: ``a.wav#t=1.5,3``."""
        if self.whole:
            return str(self.path)
        end = "" if self.end_s is None else f",{self.end_s:.10g}"
        return f"{self.path}#t={self.start_s or 0:.10g}{end}"

    @property
    def speaker_id(self) -> str:
        """The speaker's name, unique over all corpora: ``corpus/speaker``; empty if unknown."""
        return f"{self.corpus}/{self.speaker}" if self.speaker else ""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain values, ready for JSON."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "path": str(self.path), "columns": dict(self.columns)}


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file to download: its address, its size in bytes, and its MD5 in hex."""

    url: str
    size_bytes: int
    md5: str

    @property
    def name(self) -> str:
        """The file name at the end of the address."""
        return self.url.split("?")[0].rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True, repr=False)
class CorpusCard:
    """What is published about a corpus.

    Attributes
    ----------
    name, title, licence, citation, address
        ``address`` is the web page to obtain the corpus from.
    counts, emotions
        Expected number of clips by vocal channel and by emotion; empty for a corpus of the user's own.
    speakers
        Expected number of speakers; 0 for a corpus of the user's own.
    expected_stems
        Returns every file name of the published corpus, by vocal channel; None if they are not known.
    not_read
        Pattern of the names of published files that are no clips of their own, such as videos of the same
        recordings; None if there are none. One whose name carries a label, such as an MP3 of a clip, is
        read where the clip has no other file.
    known_faults
        File name without suffix -> what is wrong with the file as it was published.
    folds
        Published splits: protocol -> the speakers tested in each fold.
    archives
        The files that ``affekt corpora download`` downloads.
    human_accuracy
        Accuracy of human raters over all emotions of the corpus, and its source; None if not published.
    """

    name: str
    title: str
    licence: str
    citation: str
    address: str
    counts: Mapping[str, int] = field(default_factory=dict)
    emotions: Mapping[str, int] = field(default_factory=dict)
    speakers: int = 0
    expected_stems: Callable[[], Mapping[str, Collection[str]]] | None = None
    not_read: re.Pattern[str] | None = None
    known_faults: Mapping[str, str] = field(default_factory=dict)
    folds: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    archives: tuple[Archive, ...] = ()
    human_accuracy: tuple[float, str] | None = None

    def leaves_out(self, path: Path) -> bool:
        """Return whether ``not_read`` matches the name of a file."""
        return bool(self.not_read and self.not_read.fullmatch(path.name))

    def __repr__(self) -> str:
        return f"<CorpusCard {self.name}: {self.title}>"


@dataclass(frozen=True, kw_only=True, repr=False)
class Corpus:
    """Labelled clips of one corpus, or of several that were joined.

    Attributes
    ----------
    name, clips
        Clips are sorted by corpus and path, so that the same corpus always has the same order.
    cards
        The card of each corpus: one, or more after ``join``.
    misnamed
        Audio files in the folder whose names carry no label.
    """

    name: str
    clips: tuple[Clip, ...]
    cards: tuple[CorpusCard, ...]
    misnamed: tuple[Path, ...] = ()

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that occur, in canonical order."""
        return sort_emotions(clip.emotion for clip in self.clips)

    @cached_property
    def doubles(self) -> tuple[tuple[Clip, ...], ...]:
        """Groups of clips with the same file name and labels in several folders, as in a corpus held twice.

        Audio is not read. Where names are not those of a published corpus, the files must be of equal size.
        """
        published = {card.name for card in self.cards if card.counts}
        groups: dict[Any, list[Clip]] = defaultdict(list)
        for clip in self.clips:
            if not clip.augmented_from:
                part = clip.start_s, clip.end_s
                labels = clip.corpus, clip.vocal_channel, clip.emotion, clip.speaker
                groups[clip.path.stem, labels, part].append(clip)
        several = [group for group in groups.values() if len(group) > 1]
        parted = [[group] if group[0].corpus in published else _of_a_size(group) for group in several]
        return tuple(tuple(group) for groups in parted for group in groups)

    @property
    def doubled(self) -> int:
        """The number of clips that are a further copy of another one, see ``doubles``."""
        return sum(len(group) - 1 for group in self.doubles)

    @property
    def human_accuracy(self) -> tuple[float, str] | None:
        """Accuracy of human raters, and its source; None if unknown, or if they rated more than this."""
        if len(self.cards) > 1:
            return None
        card = self.cards[0]
        whole = set(self.emotions) >= set(card.emotions) and len(self.count("speaker")) >= card.speakers
        return card.human_accuracy if whole else None

    def count(self, field_name: str) -> dict[str, int]:
        """Return the number of clips of each value of a field of ``Clip``, sorted by value."""
        return dict(sorted(Counter(str(getattr(clip, field_name)) for clip in self.clips).items()))

    def select(
        self, *, emotions: Collection[str] | None = None, vocal_channel: str | None = None
    ) -> Corpus:
        """Keep the clips of these emotions and this vocal channel.

        Raises
        ------
        UnknownNameError
            The corpus has no clip of one of the emotions.
        CorpusError
            No clip is left.
        """
        for emotion in emotions or ():
            if emotion not in self.emotions:
                raise UnknownNameError(f"emotion in {self.name}", emotion, self.emotions)
        clips = tuple(
            clip
            for clip in self.clips
            if (not emotions or clip.emotion in emotions) and vocal_channel in (None, clip.vocal_channel)
        )
        if not clips:
            of = f"{', '.join(emotions)} in " if emotions else ""
            raise CorpusError(f"{self.name} has no clip of {of}vocal channel {vocal_channel!r}")
        return replace(self, clips=clips)

    def to_dict(self) -> dict[str, Any]:
        """Return name, clips and misnamed files as plain values, ready for JSON."""
        return {
            "name": self.name,
            "clips": [clip.to_dict() for clip in self.clips],
            "misnamed": [str(path) for path in self.misnamed],
        }

    def __repr__(self) -> str:
        return f"<Corpus {self.name}: {self._size}>"

    def _repr_html_(self) -> str:
        channels = list(self.count("vocal_channel"))
        counts = Counter((clip.emotion, clip.vocal_channel) for clip in self.clips)
        rows = [(emotion, *(counts[emotion, one] for one in channels)) for emotion in self.emotions]
        return html_table(f"{self.name}: {self._size}", rows, ("emotion", *channels))

    @property
    def _size(self) -> str:
        speakers = len({clip.speaker_id for clip in self.clips} - {""})
        return f"{len(self.clips)} clips, {speakers or 'unknown'} speakers, {len(self.emotions)} emotions"


def check_named(corpora: Collection[object]) -> None:
    """Refuse what names no corpus: nothing, or an empty name, which would mean the current folder.

    Raises
    ------
    CorpusError
        There is none, or its name is empty.
    TypeError
        One is neither a path nor a ``Corpus``.
    """
    if not corpora:
        raise CorpusError("no corpus is given: give a path or a name, such as 'ravdess', or several")
    for one in corpora:
        if not isinstance(one, str | os.PathLike | Corpus):
            raise TypeError(f"a corpus is a path, several paths, or what load_corpus returned, not {one!r}")
        if not isinstance(one, Corpus) and not os.fspath(one).strip():
            raise CorpusError("the name of a corpus is empty: for the current folder, give '.'")


def check_part(start_s: float | None, end_s: float | None, place: str) -> None:
    """Refuse a part of a file that is empty or endless; ``CorpusError`` begins with ``place``."""
    first, last = start_s or 0.0, math.inf if end_s is None else end_s
    if not 0 <= first < last or end_s == math.inf:
        end = "the end" if end_s is None else f"{end_s:g}"
        raise CorpusError(
            f"{place}: the part from {first:g} to {end} s is empty or endless: start and end are seconds "
            "from the beginning of the file, the start before the end"
        )


def join(corpora: Collection[Corpus]) -> Corpus:
    """Join several corpora into one; ``CorpusError`` if two of them share a recording."""
    check_named(corpora)
    clips = [clip for corpus in corpora for clip in corpus.clips]
    owners = [i for i, corpus in enumerate(corpora) for _ in corpus.clips]
    shared: dict[str, set[int]] = defaultdict(set)
    for stretch, owner in zip(find_stretches(clips), owners, strict=True):
        shared[stretch].add(owner)
    twice = [stretch for stretch, found in shared.items() if len(found) > 1]
    if twice:
        raise CorpusError(f"{len(twice)} files are in two of these corpora, such as {twice[0]}")
    return Corpus(
        name="+".join(corpus.name for corpus in corpora),
        clips=tuple(clips),
        cards=tuple(card for corpus in corpora for card in corpus.cards),
        misnamed=tuple(path for corpus in corpora for path in corpus.misnamed),
    )


def find_stretches(clips: Sequence[Clip]) -> list[str]:
    """Return the name of the stretch of recording of each clip: equal where parts of a file overlap."""
    files = [str(clip.path.resolve()) for clip in clips]
    by_start = sorted(range(len(clips)), key=lambda i: (files[i], clips[i].start_s or 0.0))
    names = [""] * len(clips)
    file, name, end = "", "", 0.0
    for i in by_start:
        clip = clips[i]
        if files[i] != file or (clip.start_s or 0.0) >= end:
            file, name, end = files[i], clip.name, 0.0
        end = max(end, math.inf if clip.end_s is None else clip.end_s)
        names[i] = name
    return names


def _of_a_size(group: Sequence[Clip]) -> list[list[Clip]]:
    """Divide clips by the size of their files, and keep what is of a size; files that are gone are none."""
    sizes: dict[int, list[Clip]] = defaultdict(list)
    for clip in group:
        with contextlib.suppress(OSError):
            sizes[clip.path.stat().st_size].append(clip)
    return [same for same in sizes.values() if len(same) > 1]
