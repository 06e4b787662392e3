"""Protocols: named ways to split a corpus into training and test sides, and the check for leaks.

Speaker-independent protocols keep every tested speaker out of training. The random ones exist to compare
with published scores; they are declared leaky, and the word stands wherever their scores are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from affekt.corpora.base import Clip, Corpus, find_stretches
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.evaluation.result_values import RENAMED_PROTOCOLS

Indices = NDArray[np.intp]
_NONE: Indices = np.zeros(0, np.intp)
_GROUPING_SEED = 0  # by-actor folds of an unpublished corpus are the same for everyone


@dataclass(frozen=True)
class Fold:
    """One split of a corpus's clips, by position.

    Attributes
    ----------
    train, test
        The clips of each side.
    validation
        Clips for early stopping alone.
    untested
        Clips that would be tested, but whose emotion no clip of the training side has.
    """

    train: Indices
    test: Indices
    validation: Indices = field(default_factory=lambda: _NONE)
    untested: Indices = field(default_factory=lambda: _NONE)


@dataclass(frozen=True)
class Protocol:
    """A named way to split.

    Attributes
    ----------
    name, description
        ``description`` is one line.
    split
        (corpus, audio groups, seed) -> folds.
    keeps_apart
        What is never on both sides of a fold: ``speakers``, ``recordings`` or ``nothing``.
    leak
        What leaks, in words; empty for an honest protocol.
    augments_first
        Whether augmented copies of all clips are made before the split.
    """

    name: str
    description: str
    split: Callable[[Corpus, Sequence[int], int], list[Fold]]
    keeps_apart: str = "speakers"
    leak: str = ""
    augments_first: bool = False

    @property
    def leaky(self) -> bool:
        """Whether its scores are not scores on unseen speakers."""
        return bool(self.leak)

    @property
    def label(self) -> str:
        """The name as it must be shown beside every score, with what leaks."""
        return f"{self.name} (LEAKY: {self.leak})" if self.leak else self.name


def split(corpus: Corpus, protocol: Protocol, fingerprints: Sequence[str], seed: int) -> list[Fold]:
    """Split a corpus, and check the split for leaks.

    Parameters
    ----------
    corpus
        Labelled clips.
    protocol
        How to split them.
    fingerprints
        The ``fingerprint`` of each clip: identical audio stays on one side.
    seed
        Seed of the random protocols; the others are fixed.

    Raises
    ------
    CorpusError
        The protocol needs something that the corpus does not have, such as speaker labels.
    LeakError
        A speaker, identical audio or an augmented copy is on both sides of a fold, and the protocol does
        not declare this leak.
    """
    groups = audio_groups(corpus.clips, fingerprints)
    folds = protocol.split(corpus, groups, seed)
    for number, fold in enumerate(folds):
        where = f"{protocol.name}, fold {number}"
        refuse_leaks(corpus.clips, groups, fold, where, protocol.keeps_apart)
        if len({corpus.clips[i].emotion for i in fold.train}) < 2:
            raise CorpusError(f"{where}: too few emotions are left to train on")
    return folds


def inner_groups(clips: Sequence[Clip], protocol: Protocol, fingerprints: Sequence[str]) -> NDArray[Any]:
    """Return what the inner folds of an estimator keep apart: the same as the protocol's own folds.

    A number or name for each clip, equal where two clips must be on the same side. A network that is tested
    on unseen speakers should stop early by its loss on unseen speakers.
    """
    if protocol.keeps_apart == "speakers":
        speakers = [clip.speaker_id or f"unknown {i}" for i, clip in enumerate(clips)]
        recordings = [str(group) for group in audio_groups(clips, fingerprints)]
        return np.array([speakers[first] for first in _connected([speakers, recordings])])
    if protocol.keeps_apart == "recordings":
        return np.array(audio_groups(clips, fingerprints))
    return np.arange(len(clips))


def audio_groups(clips: Sequence[Clip], fingerprints: Sequence[str]) -> list[int]:
    """Return a number for each clip, equal where two clips are the same recording.

    They are if their audio is identical, if they are parts of a file that overlap, or if one is an
    augmented copy of the other, or a copy of a copy.
    """
    original_of = {clip.name: clip.augmented_from for clip in clips if clip.augmented_from}
    originals = []
    for clip in clips:
        name, seen = clip.name, set()
        while name in original_of and name not in seen:
            seen.add(name)
            name = original_of[name]
        originals.append(name)
    parts = [] if all(clip.whole for clip in clips) else [find_stretches(clips)]
    return _connected([fingerprints, originals, *parts])


def _connected(labelings: Sequence[Sequence[str]]) -> list[int]:
    """Number the clips so that two that share a label in any labeling share a number."""
    parent = list(range(len(labelings[0])))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for labels in labelings:
        first: dict[str, int] = {}
        for i, label in enumerate(labels):
            parent[root(i)] = root(first.setdefault(label, i))
    return [root(i) for i in range(len(parent))]


def refuse_leaks(
    clips: Sequence[Clip], groups: Sequence[int], fold: Fold, where: str, keeps_apart: str
) -> None:
    """Raise ``LeakError``, which begins with ``where``, if a fold has on both sides what is kept apart."""
    sides = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    names = list(sides)
    for one, other in [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]:
        shared = {groups[i] for i in sides[one]} & {groups[i] for i in sides[other]}
        if shared and keeps_apart != "nothing":
            twins = [clips[i].name for i in range(len(clips)) if groups[i] == min(shared)]
            raise LeakError(
                f"{where}: the same recording is on the {one} and the {other} side: {', '.join(twins)}"
            )
        shared_speakers = {clips[i].speaker_id for i in sides[one]} & {
            clips[i].speaker_id for i in sides[other]
        } - {""}
        if shared_speakers and keeps_apart == "speakers":
            raise LeakError(
                f"{where}: speaker {', '.join(sorted(shared_speakers))} is on the {one} and the {other} "
                "side"
            )


def _by_speaker(name: str, count: int) -> Callable[[Corpus, Sequence[int], int], list[Fold]]:
    """The published folds where a corpus has them, else ``count`` stratified groups of its speakers.

    Of several corpora, fold i is the union of fold i of each.
    """

    def split_by_speaker(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
        parts = list(_each_corpus(corpus, groups))
        published = [_published_folds(one, name) for one, _ in parts]
        if not any(published):
            _speaker_groups(corpus, groups, name, count)
        numbers = np.zeros(len(corpus.clips), np.intp)
        begun = 0
        for (one, own), fold_of in zip(parts, published, strict=True):
            if fold_of:
                numbers[own] = [fold_of[clip.speaker] for clip in one.clips]
                continue
            speakers = _speaker_groups(one, [groups[i] for i in own], name, 1)
            different = list(dict.fromkeys(speakers))
            if len(different) < count:  # each is tested in a fold of its own, after the folds used so far
                numbers[own] = [(begun + different.index(speaker)) % count for speaker in speakers]
                begun += len(different)
                continue
            emotions = [clip.emotion for clip in one.clips]
            folds = StratifiedGroupKFold(count, shuffle=True, random_state=_GROUPING_SEED)
            for number, (_, test) in enumerate(folds.split(emotions, emotions, speakers)):
                numbers[own[test]] = number
        return _folds_of(numbers.tolist(), [(number,) for number in range(count)])

    return split_by_speaker


def _each_corpus(corpus: Corpus, groups: Sequence[int]) -> Iterator[tuple[Corpus, Indices]]:
    """Each of several corpora, by name, and the positions of its clips.

    Those that share a recording are one: their speakers are grouped together.
    """
    names = [clip.corpus for clip in corpus.clips]
    joined = np.array(_connected([names, [str(group) for group in groups]]))
    for number in sorted(set(joined.tolist()), key=lambda i: names[i]):
        own = np.flatnonzero(joined == number)
        held = sorted({names[i] for i in own})
        cards = tuple(card for card in corpus.cards if card.name in held)
        yield (
            replace(
                corpus,
                name="+".join(held),
                clips=tuple(corpus.clips[i] for i in own),
                cards=corpus.cards if len(corpus.cards) == 1 else cards,
            ),
            own,
        )


def _published_folds(corpus: Corpus, protocol: str) -> dict[str, int]:
    """Speaker -> the number of their published fold; empty unless every speaker has one."""
    folds = corpus.cards[0].folds.get(protocol, ()) if corpus.cards else ()
    numbers = {speaker: number for number, fold in enumerate(folds) for speaker in fold}
    alone = len({clip.corpus for clip in corpus.clips}) == 1
    return numbers if alone and {clip.speaker for clip in corpus.clips} <= numbers.keys() else {}


def _leave_one_speaker_out(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
    speakers = _speaker_groups(corpus, groups, "leave-one-speaker-out", 2)
    return _folds_of(speakers, [(speaker,) for speaker in dict.fromkeys(speakers)])


def _leave_one_statement_out(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
    """Each fold of by-actor-5 once for each statement: neither speaker nor statement is trained on."""
    statements = np.array([clip.statement for clip in corpus.clips])
    if "" in statements or len(set(statements)) < 2:
        raise CorpusError(
            f"leave-one-statement-out needs the statement of every clip, and {corpus.name} does not have it"
        )
    folds = [
        Fold(fold.train[statements[fold.train] != said], fold.test[statements[fold.test] == said])
        for fold in _by_speaker("by-actor-5", 5)(corpus, groups, seed)
        for said in sorted(set(statements))
    ]
    return [fold for fold in folds if len(fold.test)]


def _random(test_share: float, validation_share: float = 0.0) -> Callable[..., list[Fold]]:
    """Clips drawn at random, stratified by emotion, regardless of the speaker."""

    def split_at_random(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
        emotion_of = {group: corpus.clips[i].emotion for i, group in reversed(list(enumerate(groups)))}
        rest, test = _draw(emotion_of, list(emotion_of), test_share, seed)
        validation: list[int] = []
        if validation_share:
            rest, validation = _draw(emotion_of, rest, validation_share / (1 - test_share), seed)
        return [Fold(*(_members(groups, side) for side in (rest, test, validation)))]

    return split_at_random


def _training_side(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
    """The training side of ``random-80-20``, tested on itself."""
    return [Fold(fold.train, fold.train) for fold in _random(0.2)(corpus, groups, seed)]


def _ignoring_copies(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
    """80/20 at random over all clips, copies treated like originals."""
    return _random(0.2)(corpus, range(len(groups)), seed)


def _draw(
    emotion_of: dict[int, str], groups: list[int], share: float, seed: int
) -> tuple[list[int], list[int]]:
    emotions = [emotion_of[group] for group in groups]
    rarest, count = min(Counter(emotions).items(), key=lambda item: item[1])
    if count < 2 or round(share * len(groups)) < len(set(emotions)):
        raise CorpusError(f"too few clips for a stratified random split: {count} of {rarest!r}")
    kept, drawn = train_test_split(groups, test_size=share, stratify=emotions, random_state=seed)
    return kept, drawn


def _leave_one_corpus_out(corpus: Corpus, groups: Sequence[int], seed: int) -> list[Fold]:
    folds = leave_corpora_out(corpus, groups)
    if len(folds) < 2:
        raise CorpusError(
            f"leave-one-corpus-out needs two corpora or more of different names, and all clips are of "
            f"{corpus.clips[0].corpus!r}: affekt evaluate ONE OTHER ..."
        )
    for name, fold in folds.items():
        if not len(fold.test):
            emotions = sorted({corpus.clips[i].emotion for i in fold.untested})
            raise CorpusError(
                f"leave-one-corpus-out cannot test {name}: no other speaker of the other corpora expresses "
                f"{', '.join(emotions)}. Leave {name} out, or add a corpus that has them"
            )
    return list(folds.values())


def leave_corpora_out(corpus: Corpus, groups: Sequence[int]) -> dict[str, Fold]:
    """Return, for each corpus by name, the fold that tests it and trains on the others.

    Clips of the others whose speakers share a recording with the tested corpus are not trained on. Clips
    of emotions that are not trained on are not tested, which may leave none.
    """
    names, emotions = (
        np.array([getattr(clip, field) for clip in corpus.clips]) for field in ("corpus", "emotion")
    )
    speakers = np.array(_speaker_groups(corpus, groups, "leave-one-corpus-out", 2))
    folds = {}
    for name in sorted(set(names.tolist())):
        own = np.flatnonzero(names == name)
        train = np.flatnonzero(~np.isin(speakers, speakers[own]))
        known = np.isin(emotions[own], emotions[train])
        folds[name] = Fold(train, own[known], untested=own[~known])
    return folds


def _folds_of(values: Sequence[str | int], tested: Iterable[Sequence[str | int]]) -> list[Fold]:
    """One fold for each set of tested values that occurs; all other clips are trained on."""
    array = np.array(values)
    masks = [np.isin(array, list(fold)) for fold in tested]
    folds = [Fold(np.flatnonzero(~mask), np.flatnonzero(mask)) for mask in masks if mask.any()]
    if any(not len(fold.train) for fold in folds):
        raise CorpusError("all speakers are in one fold: none is left to train on")
    return folds


def _members(groups: Sequence[int], chosen: Iterable[int]) -> Indices:
    return np.flatnonzero(np.isin(groups, list(chosen)))


def _speaker_groups(corpus: Corpus, groups: Sequence[int], protocol: str, needed: int) -> list[int]:
    """A number for each clip's speaker, equal for speakers who share a recording."""
    speakers = [clip.speaker_id for clip in corpus.clips]
    unknown = speakers.count("")
    if unknown:
        raise CorpusError(
            f"{protocol} tests on unseen speakers, but the speaker of {unknown} of {len(speakers)} clips "
            f"of {corpus.name} is unknown: give a CSV manifest of path,emotion,speaker, or, with one "
            "corpus, use the protocol random-80-20, which is leaky"
        )
    numbers = _connected([speakers, [str(group) for group in groups]])
    if len(set(numbers)) < needed:
        raise CorpusError(
            f"{protocol} needs {needed} speakers, and the corpus {corpus.name} has {len(set(numbers))}; "
            "with two or more use the protocol leave-one-speaker-out, with one random-80-20, which is leaky"
        )
    return numbers


_SEEN_SPEAKERS = "tested speakers were trained on"

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "by-actor-5",
            "five folds of unseen speakers, RAVDESS's as published (Luna-Jimenez et al. 2021)",
            _by_speaker("by-actor-5", 5),
        ),
        Protocol(
            "emobox-6",
            "six folds of unseen speakers, RAVDESS's as in EmoBox (Ma et al. 2024)",
            _by_speaker("emobox-6", 6),
        ),
        Protocol("leave-one-speaker-out", "each speaker in turn is unseen", _leave_one_speaker_out),
        Protocol(
            "leave-one-statement-out",
            "unseen speakers, and statements that were not trained on",
            _leave_one_statement_out,
        ),
        Protocol(
            "leave-one-corpus-out",
            "each corpus in turn is unseen, of several; its emotions that the others have are tested",
            _leave_one_corpus_out,
        ),
        Protocol(
            "random-80-20",
            "80 % of clips train, 20 % test, regardless of the speaker",
            _random(0.2),
            keeps_apart="recordings",
            leak=_SEEN_SPEAKERS,
        ),
        Protocol(
            "random-70-15-15",
            "70 % train, 15 % for early stopping, 15 % test, regardless of the speaker",
            _random(0.15, 0.15),
            keeps_apart="recordings",
            leak=_SEEN_SPEAKERS,
        ),
        Protocol(
            "augment-before-split",
            "each clip and three augmented copies, then 80 % train and 20 % test, ignoring copies",
            _ignoring_copies,
            keeps_apart="nothing",
            leak="copies of tested clips were trained on",
            augments_first=True,
        ),
        Protocol(
            "training-side",
            "the 80 % of random-80-20 that train, tested on themselves",
            _training_side,
            keeps_apart="nothing",
            leak="the tested clips were trained on",
        ),
    )
}


def find_protocol(name: str) -> Protocol:
    """Return the protocol of that name, or former name; ``UnknownNameError`` where there is none."""
    name = RENAMED_PROTOCOLS.get(name, name)
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def speakers_overlap(clips: Sequence[Clip], folds: Iterable[Fold]) -> bool:
    """Whether any fold trains on a speaker that it tests; unknown speakers count as shared."""
    return any(
        {clips[i].speaker_id for i in fold.train} & {clips[i].speaker_id for i in fold.test}
        for fold in folds
    )
