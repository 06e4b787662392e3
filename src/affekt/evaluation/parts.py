"""Parts: the folds of every seed, each with the clips that it trains and tests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from affekt.errors import CorpusError
from affekt.evaluation.dataset import Dataset, is_trained_on, with_copies
from affekt.evaluation.protocols import (
    Fold,
    Indices,
    Protocol,
    audio_groups,
    inner_groups,
    leave_corpora_out,
    refuse_leaks,
    split,
)
from affekt.evaluation.terms import Terms

COPIES_BEFORE_SPLIT = 3  # augmented fourfold: each clip, and three copies of it
_NO_CLIPS: Indices = np.zeros(0, np.intp)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One fold of one seed.

    Attributes
    ----------
    dataset
        The clips; with augmented copies where the protocol makes these before the split.
    fold
        Positions of the clips to train and test on.
    number, seed
        Which fold it is, and the seed of the recipe.
    groups
        What the recipe's own inner folds keep apart, of each clip.
    scored
        Whether its predictions count; False for those that only calibration is fitted on.
    """

    dataset: Dataset
    fold: Fold
    number: int
    seed: int
    groups: NDArray[Any]
    scored: bool = True

    @property
    def leaves_corpora_out(self) -> bool:
        """Whether none of the tested corpora is trained on."""
        corpora = self.dataset.corpora
        return not set(corpora[self.fold.train]) & set(corpora[self.fold.test])


def split_parts(terms: Terms, dataset: Dataset) -> list[Part]:
    """Return the folds of every seed; the same fold of all seeds one after the other.

    Of several corpora, a protocol that keeps speakers apart has further parts, which leave one corpus out
    and are not scored: calibration is fitted on them too.

    Raises
    ------
    CorpusError, LeakError
        As for ``split``.
    """
    protocol = terms.protocol
    if protocol is None:
        test = np.arange(len(dataset.labels))
        return [Part(dataset=dataset, fold=Fold(_NO_CLIPS, test), number=0, seed=0, groups=test)]
    if terms.test_corpus:
        return list(_split_between_corpora(terms, dataset, protocol))
    by_seed = [_split_for_seed(terms, dataset, protocol, seed) for seed in terms.seeds]
    scored = [part for same_fold in zip(*by_seed, strict=True) for part in same_fold]
    if protocol.keeps_apart != "speakers":
        return scored
    left_out = _leave_corpora_out(dataset, np.arange(len(dataset.labels)), [part.fold for part in scored])
    return scored + [
        replace(scored[0], fold=fold, number=number, seed=seed, scored=False)
        for number, fold in enumerate(left_out, len(by_seed[0]))
        for seed in terms.seeds
    ]


def _split_for_seed(terms: Terms, dataset: Dataset, protocol: Protocol, seed: int) -> list[Part]:
    material = _augment_first(terms, dataset, seed) if protocol.augments_first else dataset
    folds = split(material.corpus, protocol, material.fingerprints, seed)
    groups = inner_groups(material.corpus.clips, protocol, material.fingerprints)
    return [
        Part(dataset=material, fold=fold, number=number, seed=seed, groups=groups)
        for number, fold in enumerate(folds)
    ]


def everything(terms: Terms, dataset: Dataset) -> Part:
    """Return the part that trains on all clips and tests on none."""
    protocol = cast(Protocol, terms.protocol)
    groups = inner_groups(dataset.corpus.clips, protocol, dataset.fingerprints)
    fold = Fold(np.arange(len(dataset.labels)), _NO_CLIPS)
    return Part(dataset=dataset, fold=fold, number=0, seed=terms.seeds[0], groups=groups)


def _split_between_corpora(terms: Terms, dataset: Dataset, protocol: Protocol) -> Iterator[Part]:
    """Train on one side and test on the other; then the folds of the training side, for calibration."""
    clips, prints = dataset.corpus.clips, dataset.fingerprints
    is_trained = is_trained_on(terms, dataset)
    train, test = np.flatnonzero(is_trained), np.flatnonzero(~is_trained)
    trained_on, tested_on = terms.corpus.name, terms.tested_corpus.name
    for side, name, to_do in ((train, trained_on, "train"), (test, tested_on, "test")):
        if not len(side):
            raise CorpusError(f"no clip of {name} is left to {to_do} on")
    tested = Fold(train, test)
    where = f"trained on {trained_on}, tested on {tested_on}"
    refuse_leaks(clips, audio_groups(clips, prints), tested, where, protocol.keeps_apart)
    groups = inner_groups(clips, protocol, prints)
    for number, fold in enumerate([tested, *calibration_folds(terms, dataset)[0]]):
        for seed in terms.seeds:
            yield Part(
                dataset=dataset, fold=fold, number=number, seed=seed, groups=groups, scored=number == 0
            )


def calibration_folds(terms: Terms, dataset: Dataset) -> tuple[list[Fold], str]:
    """Split the training corpora of a test on other corpora: by the protocol, and leaving each out.

    Returns
    -------
    folds, why
        The folds; or none, and why they cannot be split, as with unknown speakers.
    """
    clips, prints = dataset.corpus.clips, dataset.fingerprints
    train = np.flatnonzero(is_trained_on(terms, dataset))
    own = replace(terms.corpus, clips=tuple(clips[i] for i in train))
    try:
        inner = split(own, cast(Protocol, terms.protocol), [prints[i] for i in train], terms.seeds[0])
    except CorpusError as error:
        return [], str(error)
    folds = [Fold(train[fold.train], train[fold.test], train[fold.validation]) for fold in inner]
    return [*folds, *_leave_corpora_out(dataset, train, folds)], ""


def _leave_corpora_out(dataset: Dataset, rows: Indices, known: Sequence[Fold]) -> list[Fold]:
    """Folds of the clips at ``rows`` that leave one corpus out; without those that ``known`` has.

    A corpus is passed over if the others have no emotion of it, or fewer than two emotions.
    """
    clips, prints = [dataset.corpus.clips[i] for i in rows], [dataset.fingerprints[i] for i in rows]
    if len({clip.corpus for clip in clips}) < 2:
        return []
    groups = audio_groups(clips, prints)
    tested = {fold.test.tobytes() for fold in known}
    return [
        Fold(rows[fold.train], rows[fold.test])
        for fold in leave_corpora_out(replace(dataset.corpus, clips=tuple(clips)), groups).values()
        if len(fold.test)
        and len({clips[i].emotion for i in fold.train}) > 1
        and rows[fold.test].tobytes() not in tested
    ]


def _augment_first(terms: Terms, dataset: Dataset, seed: int) -> Dataset:
    augment = terms.recipe.build(seed).get_params().get("augment") if terms.recipe else None
    if augment is None:
        raise CorpusError(f"{terms.name} does not augment: there are no copies to split")
    return with_copies(dataset, augment, COPIES_BEFORE_SPLIT, np.random.default_rng(seed))
