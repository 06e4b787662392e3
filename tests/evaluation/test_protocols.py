"""Splits do what their names say, and the guard refuses what leaks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from affekt.corpora.base import Clip, Corpus, CorpusCard, join
from affekt.corpora.readers.ravdess import CARD
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.evaluation.protocols import (
    PROTOCOLS,
    Fold,
    Protocol,
    audio_groups,
    find_protocol,
    inner_groups,
    speakers_overlap,
    split,
)

OWN_CARD = CorpusCard(name="own", title="", licence="", citation="", address="")
HONEST = [
    name for name, protocol in PROTOCOLS.items() if not protocol.leaky and name != "leave-one-corpus-out"
]
LEAKY = [name for name, protocol in PROTOCOLS.items() if protocol.leaky]
RANDOM = [name for name in LEAKY if name.startswith("random")]


def make_corpus(card: CorpusCard = OWN_CARD, speakers: int = 24, name: str = "own") -> Corpus:
    clips = [
        Clip(
            path=Path(f"{name}-{speaker:02}-{emotion}-{statement}-{take}.wav"),
            emotion=emotion,
            speaker=f"{speaker:02}",
            corpus=name,
            statement=statement,
        )
        for speaker in range(1, speakers + 1)
        for emotion in ("happy", "sad", "angry")
        for statement in ("kids", "dogs")
        for take in range(2)
    ]
    return Corpus(name=name, clips=tuple(clips), cards=(card,))


def fingerprints(corpus: Corpus) -> list[str]:
    return [str(clip.path) for clip in corpus.clips]


def folds_of(corpus: Corpus, protocol: str, seed: int = 0, prints: list[str] | None = None) -> list[Fold]:
    return split(corpus, find_protocol(protocol), prints or fingerprints(corpus), seed)


@pytest.mark.parametrize("protocol", HONEST)
def test_an_honest_protocol_tests_every_clip_once_and_only_on_unseen_speakers(protocol: str) -> None:
    corpus = make_corpus()
    folds = folds_of(corpus, protocol)
    tested = Counter(int(i) for fold in folds for i in fold.test)
    assert tested == Counter(range(len(corpus.clips)))
    assert not speakers_overlap(corpus.clips, folds)


@pytest.mark.parametrize(("protocol", "count"), [("by-actor-5", 5), ("emobox-6", 6)])
def test_ravdess_is_split_as_published(protocol: str, count: int) -> None:
    corpus = make_corpus(CARD)
    folds = folds_of(corpus, protocol)
    tested = [{corpus.clips[i].speaker for i in fold.test} for fold in folds]
    assert len(folds) == count
    assert tested == [set(fold) for fold in CARD.folds[protocol]]


def test_folds_of_an_unpublished_corpus_are_the_same_for_every_seed() -> None:
    one, other = (folds_of(make_corpus(), "by-actor-5", seed) for seed in (0, 1))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.test, b.test)


def test_each_speaker_is_left_out_once() -> None:
    corpus = make_corpus(speakers=4)
    assert len(folds_of(corpus, "leave-one-speaker-out")) == 4


def test_neither_the_statement_nor_the_speaker_of_a_tested_clip_is_trained_on() -> None:
    corpus = make_corpus()
    for fold in folds_of(corpus, "leave-one-statement-out"):
        said = {corpus.clips[i].statement for i in fold.test}
        assert not said & {corpus.clips[i].statement for i in fold.train}
        assert not speakers_overlap(corpus.clips, [fold])


# --- leave-one-corpus-out ----------------------------------------------------------------------------


def without(corpus: Corpus, *emotions: str) -> Corpus:
    return replace(corpus, clips=tuple(clip for clip in corpus.clips if clip.emotion not in emotions))


def test_each_corpus_in_turn_is_tested_and_all_clips_of_the_others_are_trained_on() -> None:
    corpora = [make_corpus(name="one"), make_corpus(name="two", speakers=3), make_corpus(name="three")]
    corpus = join(corpora)
    folds = folds_of(corpus, "leave-one-corpus-out")
    names = np.array([clip.corpus for clip in corpus.clips])
    for name, fold in zip(("one", "three", "two"), folds, strict=True):
        np.testing.assert_array_equal(fold.test, np.flatnonzero(names == name))
        np.testing.assert_array_equal(fold.train, np.flatnonzero(names != name))
        assert not len(fold.untested)


def test_clips_are_tested_whose_emotion_another_corpus_has_and_all_emotions_are_trained_on() -> None:
    corpus = join([without(make_corpus(name="one"), "sad"), make_corpus(name="two")])
    one, two = folds_of(corpus, "leave-one-corpus-out")

    def emotions(positions: NDArray[np.intp]) -> set[str]:
        return {corpus.clips[i].emotion for i in positions}

    assert (emotions(one.train), emotions(one.test)) == ({"happy", "sad", "angry"}, {"happy", "angry"})
    assert (emotions(two.train), emotions(two.test)) == ({"happy", "angry"}, {"happy", "angry"})
    assert (emotions(one.untested), emotions(two.untested)) == (set(), {"sad"})
    assert {corpus.clips[i].corpus for i in two.untested} == {"two"}
    assert len(two.test) + len(two.untested) == len(make_corpus().clips)


def test_one_shared_emotion_is_enough_and_none_is_refused() -> None:
    full = make_corpus(name="one", speakers=2)
    shared = join([without(full, "sad"), without(make_corpus(name="two"), "happy")])
    for fold in folds_of(shared, "leave-one-corpus-out"):
        assert {shared.clips[i].emotion for i in fold.test} == {"angry"}
    foreign = tuple(replace(clip, emotion="calm") for clip in make_corpus(name="two").clips)
    corpus = join([full, replace(make_corpus(name="two"), clips=foreign)])
    with pytest.raises(
        CorpusError, match=r"cannot test one: .* expresses angry, happy, sad\. Leave one out"
    ):
        folds_of(corpus, "leave-one-corpus-out")


def test_a_speaker_who_shares_a_recording_with_the_tested_corpus_is_not_trained_on() -> None:
    corpus = join([make_corpus(name="one"), make_corpus(name="two")])
    prints = fingerprints(corpus)
    prints[-1] = prints[0]
    one, two = folds_of(corpus, "leave-one-corpus-out", prints=prints)
    assert {corpus.clips[i].speaker_id for i in one.train} == {f"two/{i:02}" for i in range(1, 24)}
    assert {corpus.clips[i].speaker_id for i in two.train} == {f"one/{i:02}" for i in range(2, 25)}
    assert len(one.test) == len(two.test) == len(corpus.clips) // 2


def test_one_corpus_alone_cannot_be_left_out() -> None:
    with pytest.raises(CorpusError, match="two corpora"):
        folds_of(make_corpus(), "leave-one-corpus-out")


def test_the_former_name_of_a_protocol_finds_it() -> None:
    assert find_protocol("cross-corpus") is PROTOCOLS["leave-one-corpus-out"]
    assert "cross-corpus" not in PROTOCOLS


# --- random protocols --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "shares"),
    [("random-80-20", (0.8, 0.0, 0.2)), ("random-70-15-15", (0.7, 0.15, 0.15))],
)
def test_a_random_protocol_draws_its_shares_stratified_and_by_seed(
    protocol: str, shares: tuple[float, ...]
) -> None:
    corpus = make_corpus()
    (fold,) = folds_of(corpus, protocol)
    sizes = [len(side) / len(corpus.clips) for side in (fold.train, fold.validation, fold.test)]
    assert sizes == pytest.approx(shares, abs=0.01)
    emotions = Counter(corpus.clips[i].emotion for i in fold.test)
    assert max(emotions.values()) - min(emotions.values()) <= 1
    assert not np.array_equal(fold.test, folds_of(corpus, protocol, seed=1)[0].test)
    np.testing.assert_array_equal(fold.test, folds_of(corpus, protocol, seed=0)[0].test)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_leaky_protocol_says_so_in_its_label_and_no_other_does(name: str) -> None:
    assert ("LEAKY" in PROTOCOLS[name].label) == (name in LEAKY)
    assert name.startswith(("random", "augment", "training")) == (name in LEAKY)


@pytest.mark.parametrize("protocol", LEAKY)
def test_random_splits_share_speakers(protocol: str) -> None:
    corpus = make_corpus()
    assert speakers_overlap(corpus.clips, folds_of(corpus, protocol))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("protocol", RANDOM)
def test_identical_audio_stays_on_one_side(protocol: str, seed: int) -> None:
    corpus = make_corpus()
    prints = [str(i // 4) for i in range(len(corpus.clips))]
    (fold,) = folds_of(corpus, protocol, seed, prints)
    sides = [{prints[i] for i in side} for side in (fold.train, fold.validation, fold.test)]
    assert not (sides[0] & sides[2] or sides[0] & sides[1] or sides[1] & sides[2])


@pytest.mark.parametrize("protocol", ["by-actor-5", "leave-one-speaker-out"])
def test_speakers_who_share_a_recording_are_tested_together(protocol: str) -> None:
    corpus = make_corpus()
    prints = fingerprints(corpus)
    prints[-1] = prints[0]
    first, last = corpus.clips[0].speaker, corpus.clips[-1].speaker
    for fold in folds_of(corpus, protocol, prints=prints):
        tested = {corpus.clips[i].speaker for i in fold.test}
        assert (first in tested) == (last in tested)


def test_an_augmented_copy_belongs_to_its_original() -> None:
    clips = list(make_corpus(speakers=1).clips[:3])
    clips[2] = replace(clips[2], augmented_from=str(clips[0].path))
    groups = audio_groups(clips, ["a", "b", "c"])
    assert groups[0] == groups[2] != groups[1]


def test_parts_of_a_file_that_overlap_belong_together() -> None:
    clip = make_corpus().clips[0]
    times = [(0.0, 2.0), (1.0, 3.0), (3.0, 4.0), (3.5, None)]
    clips = [replace(clip, start_s=start_s, end_s=end_s) for start_s, end_s in times]
    first, second, third, fourth = audio_groups(clips, list("abcd"))
    assert (first == second, third == fourth, first == third) == (True, True, False)


def test_a_copy_of_a_copy_belongs_to_the_original() -> None:
    clips = list(make_corpus(speakers=1).clips[:4])
    clips[1] = replace(clips[1], augmented_from=str(clips[0].path))
    clips[2] = replace(clips[2], augmented_from=str(clips[1].path))
    groups = audio_groups(clips, ["a", "b", "c", "d"])
    assert groups[0] == groups[1] == groups[2] != groups[3]


def faulty(split_badly: list[Fold], *, leaky: bool = False) -> Protocol:
    keeps_apart, leak = ("recordings", "declared") if leaky else ("speakers", "")
    return Protocol("faulty", "", lambda corpus, groups, seed: split_badly, keeps_apart, leak)


def test_the_guard_refuses_a_speaker_on_both_sides() -> None:
    fold = Fold(np.array([0, 1]), np.array([2, 3]))
    with pytest.raises(LeakError, match="speaker own/01 is on the train and the test side"):
        split(make_corpus(), faulty([fold]), fingerprints(make_corpus()), 0)


def test_the_guard_refuses_a_speaker_between_training_and_validation() -> None:
    corpus = make_corpus()
    fold = Fold(np.array([0]), np.array([len(corpus.clips) - 1]), np.array([1]))
    with pytest.raises(LeakError, match="the train and the validation side"):
        split(corpus, faulty([fold]), fingerprints(corpus), 0)


@pytest.mark.parametrize("leaky", [False, True])
def test_the_guard_refuses_identical_audio_even_where_speakers_may_be_shared(leaky: bool) -> None:
    corpus = make_corpus()
    prints = fingerprints(corpus)
    prints[-1] = prints[0]
    fold = Fold(np.array([0]), np.array([len(prints) - 1]))
    with pytest.raises(LeakError, match=r"same recording.*own-01-happy-kids-0.*own-24-angry-dogs-1"):
        split(corpus, faulty([fold], leaky=leaky), prints, 0)


def test_the_guard_refuses_an_augmented_copy_of_a_tested_clip() -> None:
    corpus = make_corpus()
    clips = list(corpus.clips)
    clips[0] = replace(clips[0], augmented_from=str(clips[-1].path))
    fold = Fold(np.array([0]), np.array([len(clips) - 1]))
    with pytest.raises(LeakError, match="same recording"):
        split(replace(corpus, clips=tuple(clips)), faulty([fold], leaky=True), fingerprints(corpus), 0)


def test_unknown_speakers_are_refused_with_advice() -> None:
    corpus = make_corpus()
    corpus = replace(corpus, clips=tuple(replace(clip, speaker="") for clip in corpus.clips))
    with pytest.raises(
        CorpusError, match=r"the speaker of 288 of 288 clips of own is unknown.*random-80-20"
    ):
        folds_of(corpus, "by-actor-5")


def test_too_few_speakers_are_refused() -> None:
    with pytest.raises(CorpusError, match="needs 5 speakers, and the corpus own has 3"):
        folds_of(make_corpus(speakers=3), "by-actor-5")


def test_one_published_fold_alone_leaves_no_speaker_to_train_on() -> None:
    corpus = make_corpus(CARD)
    few = tuple(clip for clip in corpus.clips if clip.speaker in CARD.folds["by-actor-5"][0])
    with pytest.raises(CorpusError, match="none is left to train on"):
        folds_of(replace(corpus, clips=few), "by-actor-5")


def test_where_statements_are_unknown_none_can_be_left_out() -> None:
    corpus = make_corpus()
    corpus = replace(corpus, clips=tuple(replace(clip, statement="") for clip in corpus.clips))
    with pytest.raises(CorpusError, match="needs the statement of every clip"):
        folds_of(corpus, "leave-one-statement-out")


def test_too_few_clips_for_a_random_split_are_refused() -> None:
    corpus = make_corpus(speakers=1)
    with pytest.raises(CorpusError, match="too few clips"):
        folds_of(replace(corpus, clips=corpus.clips[:5]), "random-80-20")


def test_an_unknown_protocol_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'by-actor-5'"):
        find_protocol("by-actor")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_label_is_the_name_and_what_leaks(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.label == (f"{name} (LEAKY: {protocol.leak})" if protocol.leaky else name)
    assert bool(protocol.leak) == protocol.leaky == (protocol.keeps_apart != "speakers")
    assert protocol.keeps_apart in ("speakers", "recordings", "nothing")


def test_a_protocol_that_keeps_nothing_apart_accepts_every_split() -> None:
    corpus = make_corpus()
    everything = np.arange(len(corpus.clips))
    careless = replace(faulty([Fold(everything, everything)]), keeps_apart="nothing", leak="all of it")
    split(corpus, careless, fingerprints(corpus), 0)


def test_where_recordings_are_kept_apart_speakers_may_be_shared() -> None:
    corpus = make_corpus()
    fold = Fold(np.arange(1, len(corpus.clips)), np.array([0]))
    split(corpus, faulty([fold], leaky=True), fingerprints(corpus), 0)
    with pytest.raises(LeakError, match="speaker own/01"):
        split(corpus, faulty([fold]), fingerprints(corpus), 0)


def test_the_training_side_is_tested_on_itself() -> None:
    corpus = make_corpus()
    (fold,), (random,) = folds_of(corpus, "training-side"), folds_of(corpus, "random-80-20")
    np.testing.assert_array_equal(fold.test, fold.train)
    np.testing.assert_array_equal(fold.train, random.train)


def test_where_copies_are_made_before_the_split_they_are_drawn_like_other_clips() -> None:
    corpus = make_corpus()
    copies = [
        replace(clip, path=Path(f"{clip.path}#0"), augmented_from=str(clip.path)) for clip in corpus.clips
    ]
    corpus = replace(corpus, clips=(*corpus.clips, *copies))
    recordings = np.array(audio_groups(corpus.clips, fingerprints(corpus)))
    (fold,) = folds_of(corpus, "augment-before-split")
    assert len(fold.test) == pytest.approx(len(recordings) / 5, abs=1)
    shared = set(recordings[fold.train]) & set(recordings[fold.test])
    assert len(shared) > 0.7 * len(set(recordings[fold.test]))
    with pytest.raises(LeakError, match="same recording"):
        split(corpus, faulty([fold], leaky=True), fingerprints(corpus), 0)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_inner_folds_keep_apart_what_the_protocol_does(name: str) -> None:
    corpus = make_corpus(speakers=2)
    prints = [str(i // 2) for i in range(len(corpus.clips))]
    groups = inner_groups(corpus.clips, PROTOCOLS[name], prints)
    found = len(set(groups))
    assert (
        found
        == {"speakers": 2, "recordings": len(prints) // 2, "nothing": len(prints)}[
            PROTOCOLS[name].keeps_apart
        ]
    )


def test_of_unknown_speakers_each_clip_is_a_group_of_its_own() -> None:
    known = make_corpus(speakers=1).clips
    clips = [replace(clip, path=Path(f"unknown-{clip.path}"), speaker="") for clip in known]
    clips += known
    groups = inner_groups(clips, PROTOCOLS["by-actor-5"], [str(i) for i in range(len(clips))])
    assert len(set(groups)) == len(clips) // 2 + 1


def test_too_few_emotions_to_train_on_are_refused() -> None:
    corpus = make_corpus()
    happy = np.array([i for i, clip in enumerate(corpus.clips) if clip.emotion == "happy"])
    with pytest.raises(CorpusError, match="faulty, fold 0: too few emotions"):
        split(corpus, faulty([Fold(happy[12:], np.arange(12))]), fingerprints(corpus), 0)


def test_unknown_speakers_count_as_shared() -> None:
    corpus = make_corpus(speakers=2)
    fold = Fold(np.arange(12), np.arange(12, 24))
    assert not speakers_overlap(corpus.clips, [fold])
    unknown = [replace(clip, speaker="") for clip in corpus.clips]
    assert speakers_overlap(unknown, [fold])


# --- folds of several corpora ------------------------------------------------------------------------


def speakers_by_fold(corpus: Corpus, protocol: str, prints: list[str] | None = None) -> list[set[str]]:
    """The speakers tested in each fold; all of them are tested once, and not trained on."""
    folds = folds_of(corpus, protocol, prints=prints)
    assert sorted(i for fold in folds for i in fold.test) == list(range(len(corpus.clips)))
    assert not speakers_overlap(corpus.clips, folds)
    return [{corpus.clips[i].speaker_id for i in fold.test} for fold in folds]


@pytest.mark.parametrize("protocol", ["by-actor-5", "emobox-6"])
@pytest.mark.parametrize("order", [1, -1])
def test_each_of_several_corpora_keeps_its_own_folds(protocol: str, order: int) -> None:
    corpora = [make_corpus(CARD, name="ravdess"), make_corpus(name="own", speakers=11)]
    corpora.append(without(make_corpus(name="third", speakers=7), "sad"))
    alone = [speakers_by_fold(one, protocol) for one in corpora]
    expected = [set[str]().union(*same) for same in zip(*alone, strict=True)]
    assert speakers_by_fold(join(corpora[::order]), protocol) == expected
    published = [{f"ravdess/{speaker}" for speaker in fold} for fold in CARD.folds[protocol]]
    assert [fold & set[str]().union(*published) for fold in expected] == published


def test_folds_of_an_unpublished_corpus_are_stratified_groups_of_speakers() -> None:
    corpus = make_corpus(speakers=11)
    emotions, speakers = ([getattr(clip, name) for clip in corpus.clips] for name in ("emotion", "speaker"))
    expected = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(emotions, emotions, speakers)
    for fold, (train, test) in zip(folds_of(corpus, "by-actor-5"), expected, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, test)


def test_beside_another_corpus_one_with_few_speakers_has_each_in_a_fold_of_its_own() -> None:
    small = [make_corpus(name=name, speakers=count) for name, count in (("a", 2), ("b", 4), ("c", 1))]
    tested = speakers_by_fold(join([make_corpus(CARD, name="ravdess"), *small]), "by-actor-5")
    own = [{speaker for speaker in fold if not speaker.startswith("ravdess")} for fold in tested]
    assert own == [{"a/01", "b/04"}, {"a/02", "c/01"}, {"b/01"}, {"b/02"}, {"b/03"}]
    assert [fold - few for fold, few in zip(tested, own, strict=True)] == speakers_by_fold(
        make_corpus(CARD, name="ravdess"), "by-actor-5"
    )


def test_corpora_of_few_speakers_each_need_enough_together() -> None:
    corpora = [make_corpus(name=name, speakers=2) for name in ("a", "b", "c")]
    assert len(speakers_by_fold(join(corpora), "by-actor-5")) == 5
    with pytest.raises(CorpusError, match=r"needs 5 speakers, and the corpus a\+b has 4"):
        folds_of(join(corpora[:2]), "by-actor-5")


def test_corpora_that_share_a_recording_are_grouped_together() -> None:
    corpus = join([make_corpus(CARD, name="ravdess"), make_corpus(name="other")])
    prints = fingerprints(corpus)
    prints[-1] = prints[0]
    tested = speakers_by_fold(corpus, "by-actor-5", prints)
    assert len(tested) == 5
    for fold in tested:
        assert ("ravdess/01" in fold) == ("other/24" in fold)


@pytest.mark.parametrize("protocol", ["by-actor-5", "leave-one-speaker-out", "leave-one-corpus-out"])
def test_unknown_speakers_in_one_of_several_corpora_are_refused(protocol: str) -> None:
    unknown = make_corpus(name="mine", speakers=2)
    unknown = replace(unknown, clips=tuple(replace(clip, speaker="") for clip in unknown.clips))
    with pytest.raises(CorpusError, match=r"speaker of 24 of \d+ clips of .*mine is unknown"):
        folds_of(join([make_corpus(CARD, name="ravdess"), unknown]), protocol)


def test_folds_are_published_for_a_corpus_and_not_for_another_with_such_speakers() -> None:
    corpus = join([make_corpus(CARD, name="one"), make_corpus(name="two")])
    published = [set(fold) for fold in CARD.folds["by-actor-5"]]
    for name in ("one", "two"):
        own = [
            {one.removeprefix(f"{name}/") for one in fold if one.startswith(name)}
            for fold in speakers_by_fold(corpus, "by-actor-5")
        ]
        assert own != published
