"""Is a corpus what its card says? Every file is opened, and every problem is named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from affekt.audio import fingerprint
from affekt.corpus import Clip, Corpus, CorpusCard
from affekt.dataset import each_clip, load_whole
from affekt.errors import AffektError, AudioNotFoundError


@dataclass(frozen=True, kw_only=True)
class CorpusCheck:
    """What was found.

    Attributes
    ----------
    corpus
        What was checked.
    missing
        Files that the card or the manifest promises and that are not there.
    absent_channels
        Channels of which the card promises clips and not one is there; their files are not listed.
    surplus
        Channels with more clips than the card knows of, in words: the same clips twice?
    misnamed
        Audio files whose name tells no label.
    unusable
        (path, reason) of files that are not audio, cut off, silent, not finite, ...
    identical
        Groups of files that hold the same audio.
    """

    corpus: Corpus
    missing: tuple[str, ...]
    absent_channels: tuple[str, ...]
    surplus: tuple[str, ...]
    misnamed: tuple[Path, ...]
    unusable: tuple[tuple[Path, str], ...]
    identical: tuple[tuple[Path, ...], ...]

    @property
    def sound(self) -> bool:
        """Whether every clip that is there can be used, and none is missing from its channel.

        Identical audio is no fault of a copy: RAVDESS as published has such a pair.
        """
        return not (self.missing or self.surplus or self.misnamed or self.unusable)


def check_corpus(corpus: Corpus, *, jobs: int = 1, progress: bool = False) -> CorpusCheck:
    """Open every clip of a corpus and compare what is there with what should be."""
    return compare_with_cards(corpus, each_clip(corpus, _fingerprint, jobs=jobs, progress=progress))


def compare_with_cards(corpus: Corpus, heard: Iterable[tuple[Clip, str | AffektError]]) -> CorpusCheck:
    """What is there and what should be, given each clip's fingerprint or the error that it raised."""
    missing, absent = _missing(corpus)
    unusable: list[tuple[Path, str]] = []
    same: dict[str, list[Path]] = defaultdict(list)
    for clip, found in heard:
        if isinstance(found, AudioNotFoundError):
            missing.append(str(clip.path))
        elif isinstance(found, AffektError):
            unusable.append((clip.path, str(found)))
        else:
            same[found].append(clip.path)
    return CorpusCheck(
        corpus=corpus,
        missing=tuple(missing),
        absent_channels=tuple(absent),
        surplus=tuple(_surplus(corpus)),
        misnamed=corpus.misnamed,
        unusable=tuple(unusable),
        identical=tuple(tuple(paths) for paths in same.values() if len(paths) > 1),
    )


def _fingerprint(clip: Clip) -> str:
    return fingerprint(load_whole(clip))


def _missing(corpus: Corpus) -> tuple[list[str], list[str]]:
    """Expected files that are not there, and channels of which there is nothing at all."""
    missing, absent = [], []
    for card in corpus.cards:
        if card.expected_stems is None:
            found = _clips_by_channel(corpus, card)
            missing += [
                f"{count - found[channel]} of {count} clips of {channel} (the card cannot name them)"
                for channel, count in card.counts.items()
                if found[channel] < count
            ]
            continue
        there = {clip.path.stem for clip in corpus.clips}
        for channel, stems in card.expected_stems().items():
            gone = [stem for stem in stems if stem not in there]
            if len(gone) == len(stems):
                absent.append(channel)
            else:
                missing += gone
    return missing, absent


def _surplus(corpus: Corpus) -> list[str]:
    surplus = []
    for card in corpus.cards:
        found = _clips_by_channel(corpus, card)
        surplus += [
            f"{found[channel]} clips of {channel}, where the card knows {count}"
            for channel, count in card.counts.items()
            if found[channel] > count
        ]
    return surplus


def _clips_by_channel(corpus: Corpus, card: CorpusCard) -> Counter[str]:
    """How many clips of this card's corpus there are, of several that may be joined."""
    return Counter(clip.channel for clip in corpus.clips if clip.corpus == card.name)
