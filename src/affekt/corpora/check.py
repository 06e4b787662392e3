"""Checks of a corpus against its card: files that are missing, misnamed, unusable or identical."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from affekt.audio.loading import Waveform, fingerprint
from affekt.corpora.base import Clip, Corpus, CorpusCard
from affekt.corpora.clips import each_clip, load_whole
from affekt.corpora.registry import READERS, CorpusLike, load_corpora
from affekt.errors import AffektError, AudioNotFoundError
from affekt.features.recording import MUCH_CLIPPED, QUIET_PEAK_DB, measure_quality


class Recording(NamedTuple):
    """How a clip was recorded: the digest of its audio, seconds, Hz, dB relative to full scale.

    ``channels`` is 0 where it is unknown; ``clipped`` is the share of samples at full scale.
    """

    fingerprint: str
    duration_s: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    peak_db: float = 0.0
    level_db: float = 0.0
    clipped: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the card lists for the vocal channels that are there.

    Attributes
    ----------
    clips
        Number of clips on the card, over all vocal channels.
    emotions, speakers
        Number of clips by emotion, and number of speakers; empty and 0 where the card does not say.
    """

    clips: int = 0
    emotions: Mapping[str, int] = field(default_factory=dict)
    speakers: int = 0


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
    known_faults
        (path, reason) of each unusable file that was published so.
    identical
        Groups of files with the same audio, without those that are ``doubles`` of the corpus.
    expected
        What the card lists.
    recordings
        How each usable clip was recorded: (path, Recording).
    """

    corpus: Corpus
    missing: tuple[str, ...]
    absent_vocal_channels: tuple[str, ...]
    surplus: tuple[str, ...]
    misnamed: tuple[Path, ...]
    unusable: tuple[tuple[Path, str], ...]
    known_faults: tuple[tuple[Path, str], ...] = ()
    identical: tuple[tuple[Path, ...], ...]
    expected: Expected = Expected()
    recordings: tuple[tuple[Path, Recording], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no file is missing, surplus, misnamed or unusable.

        A vocal channel that is absent altogether is accepted, and so is identical audio: RAVDESS as
        published has such a pair. Faults of the published files are accepted too.
        """
        return not self.problems

    @property
    def problems(self) -> str:
        """The numbers of files by problem, such as ``1 missing, 2 unusable``; empty if there are none."""
        kinds = ("missing", "surplus", "misnamed", "unusable")
        return ", ".join(f"{len(items)} {kind}" for kind in kinds if (items := getattr(self, kind)))

    @property
    def clipped(self) -> tuple[Path, ...]:
        """Files of which more than a thousandth of the samples are at full scale."""
        return tuple(path for path, one in self.recordings if one.clipped > MUCH_CLIPPED)

    @property
    def quiet(self) -> tuple[Path, ...]:
        """Files whose peak is more than 45 dB below full scale."""
        return tuple(path for path, one in self.recordings if one.peak_db < QUIET_PEAK_DB)

    def __repr__(self) -> str:
        result = self.problems or "passed"
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
            "expected": vars(self.expected),
            "recordings": [{"path": path, **one._asdict()} for path, one in self.recordings],
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
    return compare_with_cards(corpus, each_clip(corpus, _read, jobs=jobs, progress=progress))


def compare_with_cards(
    corpus: Corpus, recordings: Iterable[tuple[Clip, Recording | AffektError]]
) -> CorpusCheck:
    """Check a corpus, given how each clip was recorded or the error that reading it raised."""
    missing, absent = _missing(corpus)
    unusable: list[tuple[Path, str]] = []
    same: dict[str, list[Clip]] = defaultdict(list)
    read: list[tuple[Path, Recording]] = []
    for clip, found in recordings:
        if isinstance(found, AudioNotFoundError):
            missing.append(clip.name)
        elif isinstance(found, AffektError):
            unusable.append((Path(clip.name), str(found)))
        else:
            same[found.fingerprint].append(clip)
            read.append((Path(clip.name), found))
    faults = {stem: why for card in corpus.cards for stem, why in card.known_faults.items()}
    return CorpusCheck(
        corpus=corpus,
        missing=tuple(missing),
        absent_vocal_channels=tuple(absent),
        surplus=tuple(_surplus(corpus)),
        misnamed=corpus.misnamed,
        unusable=tuple((path, why) for path, why in unusable if path.stem not in faults),
        known_faults=tuple((path, faults[path.stem]) for path, _ in unusable if path.stem in faults),
        identical=tuple(_identical(corpus, same.values())),
        expected=_expected(corpus, absent),
        recordings=tuple(read),
    )


def describe_clip(waveform: Waveform) -> Recording:
    """Measure a clip that was read by ``load_whole``, at its own sample rate."""
    quality = measure_quality(waveform)
    return Recording(
        fingerprint=fingerprint(waveform),
        duration_s=quality.duration_s,
        sample_rate=quality.sample_rate,
        channels=waveform.channels,
        peak_db=quality.peak_db,
        level_db=quality.level_db,
        clipped=quality.clipped,
    )


def _read(clip: Clip) -> Recording:
    return describe_clip(load_whole(clip))


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


def _surplus(corpus: Corpus) -> Iterator[str]:
    for card in corpus.cards:
        found = _clips_by_vocal_channel(corpus, card)
        for vocal_channel, count in card.counts.items():
            if found[vocal_channel] > count:
                yield f"{found[vocal_channel]} clips of {vocal_channel}, where {count} are expected"


def _clips_by_vocal_channel(corpus: Corpus, card: CorpusCard) -> Counter[str]:
    """Count the clips of this card's corpus, which may be one of several joined; a double counts once."""
    copies = {clip.name for group in corpus.doubles for clip in group[1:]}
    own = (clip for clip in corpus.clips if clip.corpus == card.name and clip.name not in copies)
    return Counter(clip.vocal_channel for clip in own)


def _identical(corpus: Corpus, same: Iterable[Sequence[Clip]]) -> Iterator[tuple[Path, ...]]:
    """Groups of clips with the same audio, of doubles the first one alone."""
    copies = {clip.name for group in corpus.doubles for clip in group[1:]}
    for clips in same:
        paths = tuple(Path(clip.name) for clip in clips if clip.name not in copies)
        if len(paths) > 1:
            yield paths


def _expected(corpus: Corpus, absent: Sequence[str]) -> Expected:
    """What the card lists, or all cards; without absent vocal channels, where names say which these are."""
    clips, speakers = (sum(numbers) for numbers in zip(*map(_card_size, corpus.cards), strict=True))
    if len(corpus.cards) > 1:
        return Expected(clips=clips, speakers=speakers)
    card = corpus.cards[0]
    label: Callable[[Path], Clip | None] | None = READERS[card.name].label if card.name in READERS else None
    if not absent or not label or not card.expected_stems:
        return Expected(clips=clips, emotions=card.emotions, speakers=speakers)
    there = [stems for channel, stems in card.expected_stems().items() if channel not in absent]
    listed = [clip for stems in there for stem in stems if (clip := label(Path(stem)))]
    return Expected(
        clips=clips,
        emotions=dict(Counter(clip.emotion for clip in listed)),
        speakers=len({clip.speaker for clip in listed}),
    )


def _card_size(card: CorpusCard) -> tuple[int, int]:
    return sum(card.counts.values()), card.speakers
