"""Is a corpus what its card says? Every file is opened, and every problem is named."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from affekt.audio import fingerprint, load_audio
from affekt.corpus import Clip, Corpus
from affekt.errors import AffektError, AudioNotFoundError
from affekt.parallel import map_in_order
from affekt.progress import track


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
    misnamed: tuple[Path, ...]
    unusable: tuple[tuple[Path, str], ...]
    identical: tuple[tuple[Path, ...], ...]

    @property
    def sound(self) -> bool:
        """Whether every clip that is there can be used, and none is missing from its channel.

        Identical audio is no fault of a copy: RAVDESS as published has such a pair.
        """
        return not (self.missing or self.misnamed or self.unusable)


def check_corpus(corpus: Corpus, *, progress: bool = False) -> CorpusCheck:
    """Open every clip of a corpus and compare what is there with what should be."""
    missing, absent = _missing(corpus)
    unusable: list[tuple[Path, str]] = []
    same: dict[str, list[Path]] = defaultdict(list)
    results = map_in_order(_listen, corpus.clips)
    for clip, result in zip(
        corpus.clips,
        track(results, f"listening to {corpus.name}", len(corpus.clips), shown=progress),
        strict=True,
    ):
        if isinstance(result, AudioNotFoundError):
            missing.append(str(clip.path))
        elif isinstance(result, AffektError):
            unusable.append((clip.path, str(result)))
        else:
            same[result].append(clip.path)
    return CorpusCheck(
        corpus=corpus,
        missing=tuple(missing),
        absent_channels=tuple(absent),
        misnamed=corpus.misnamed,
        unusable=tuple(unusable),
        identical=tuple(tuple(paths) for paths in same.values() if len(paths) > 1),
    )


def _listen(clip: Clip) -> str | AffektError:
    try:
        return fingerprint(load_audio(clip.path))
    except AffektError as error:
        return error


def _missing(corpus: Corpus) -> tuple[list[str], list[str]]:
    """Expected files that are not there, and channels of which there is nothing at all."""
    missing, absent = [], []
    for card in corpus.cards:
        if card.expected_stems is None:
            found = Counter(clip.channel for clip in corpus.clips if clip.corpus == card.name)
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
