"""Checks of a corpus against its card: files that are missing, misnamed, unusable or identical."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from affekt.audio.loading import fingerprint
from affekt.corpora.base import Clip, Corpus, CorpusCard
from affekt.corpora.clips import each_clip, load_whole
from affekt.corpora.registry import CorpusLike, load_corpora
from affekt.errors import AffektError, AudioNotFoundError


@dataclass(frozen=True, kw_only=True, repr=False)
class CorpusCheck:
    """The result of ``check_corpus``.

    Attributes
    ----------
    corpus
        The corpus that was checked.
    missing
        Files that the card or the manifest lists and that do not exist.
    absent_vocal_channels
        Vocal channels that the card lists and of which no clip exists; their files are not in ``missing``.
    surplus
        Vocal channels with more clips than the card lists, as text.
    misnamed
        Audio files whose names carry no label.
    unusable
        (path, reason) of each file that is not audio, cut off, silent, not finite, ...
    identical
        Groups of files with the same audio.
    """

    corpus: Corpus
    missing: tuple[str, ...]
    absent_vocal_channels: tuple[str, ...]
    surplus: tuple[str, ...]
    misnamed: tuple[Path, ...]
    unusable: tuple[tuple[Path, str], ...]
    identical: tuple[tuple[Path, ...], ...]

    @property
    def passed(self) -> bool:
        """Whether no file is missing, surplus, misnamed or unusable.

        A vocal channel that is absent altogether is accepted, and so is identical audio: RAVDESS as
        published has such a pair.
        """
        return not (self.missing or self.surplus or self.misnamed or self.unusable)

    def __repr__(self) -> str:
        found = [
            f"{len(items)} {kind}"
            for kind in ("missing", "surplus", "misnamed", "unusable")
            if (items := getattr(self, kind))
        ]
        result = "passed" if self.passed else ", ".join(found)
        return f"<CorpusCheck {self.corpus.name}: {len(self.corpus.clips)} clips, {result}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the counts of the corpus, and all that was found by its name."""
        corpus = self.corpus
        return {
            "corpus": corpus.name,
            "clips": len(corpus.clips),
            "emotions": corpus.count("emotion"),
            "speakers": corpus.count("speaker"),
            "vocal_channels": corpus.count("vocal_channel"),
            "passed": self.passed,
            **{one.name: getattr(self, one.name) for one in fields(self) if one.name != "corpus"},
        }


def check_corpus(corpus: CorpusLike, *, jobs: int = 1, progress: bool = False) -> CorpusCheck:
    """Read the audio of every clip of a corpus, and compare the corpus with its cards.

    Parameters
    ----------
    corpus
        A path, or a loaded corpus.
    jobs
        Number of processes.
    progress
        Show a progress bar on a terminal.
    """
    corpus = load_corpora(corpus)
    return compare_with_cards(corpus, each_clip(corpus, _fingerprint, jobs=jobs, progress=progress))


def compare_with_cards(
    corpus: Corpus, fingerprints: Iterable[tuple[Clip, str | AffektError]]
) -> CorpusCheck:
    """Check a corpus, given the fingerprint of each clip or the error that reading it raised."""
    missing, absent = _missing(corpus)
    unusable: list[tuple[Path, str]] = []
    same: dict[str, list[Path]] = defaultdict(list)
    for clip, found in fingerprints:
        if isinstance(found, AudioNotFoundError):
            missing.append(str(clip.path))
        elif isinstance(found, AffektError):
            unusable.append((clip.path, str(found)))
        else:
            same[found].append(clip.path)
    return CorpusCheck(
        corpus=corpus,
        missing=tuple(missing),
        absent_vocal_channels=tuple(absent),
        surplus=tuple(_surplus(corpus)),
        misnamed=corpus.misnamed,
        unusable=tuple(unusable),
        identical=tuple(tuple(paths) for paths in same.values() if len(paths) > 1),
    )


def _fingerprint(clip: Clip) -> str:
    return fingerprint(load_whole(clip))


def _missing(corpus: Corpus) -> tuple[list[str], list[str]]:
    """Return the expected files that do not exist, and the vocal channels without any file."""
    missing, absent = [], []
    for card in corpus.cards:
        if card.expected_stems is None:
            found = _clips_by_vocal_channel(corpus, card)
            missing += [
                f"{count - found[vocal_channel]} of {count} clips of {vocal_channel} (names unknown)"
                for vocal_channel, count in card.counts.items()
                if found[vocal_channel] < count
            ]
            continue
        there = {clip.path.stem for clip in corpus.clips}
        for vocal_channel, stems in card.expected_stems().items():
            gone = [stem for stem in stems if stem not in there]
            if len(gone) == len(stems):
                absent.append(vocal_channel)
            else:
                missing += gone
    return missing, absent


def _surplus(corpus: Corpus) -> list[str]:
    surplus = []
    for card in corpus.cards:
        found = _clips_by_vocal_channel(corpus, card)
        surplus += [
            f"{found[vocal_channel]} clips of {vocal_channel}, where {count} are expected"
            for vocal_channel, count in card.counts.items()
            if found[vocal_channel] > count
        ]
    return surplus


def _clips_by_vocal_channel(corpus: Corpus, card: CorpusCard) -> Counter[str]:
    """Count the clips of this card's corpus, which may be one of several joined."""
    return Counter(clip.vocal_channel for clip in corpus.clips if clip.corpus == card.name)
