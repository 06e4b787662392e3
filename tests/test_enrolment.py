"""Scores on voices that a model could first get used to: by other clips, and never by labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from affekt import enrolment
from affekt.corpora import load
from affekt.cross_validation import cross_validate
from affekt.dataset import listen
from affekt.enrolment import DRAWS, enrolment_curve
from affekt.errors import CorpusError, LeakError
from affekt.evaluation import Evaluation
from affekt.features import FEATURE_SETS
from affekt.recipes import RECIPES
from affekt.scoring import evaluate_bundle
from affekt.training import train


@pytest.fixture(scope="module")
def curve(small_ravdess: Path) -> dict[int, Evaluation]:
    return enrolment_curve(small_ravdess, "svm")


def test_there_is_a_point_for_each_number_that_leaves_a_third_of_the_clips(
    curve: dict[int, Evaluation],
) -> None:
    assert list(curve) == [0, 1, 2, 4, 8]  # each speaker of the small corpus has twelve clips


def test_the_same_clips_are_scored_at_every_point(curve: dict[int, Evaluation]) -> None:
    scored = [[(one.seed, one.clip.path) for one in point.tested] for point in curve.values()]
    assert all(one == scored[0] for one in scored)
    assert curve[0].n == 10 * (12 - 8)
    assert {one.seed for one in curve[0].tested} == set(range(DRAWS))


def test_enrolled_clips_are_the_speakers_own_and_never_scored(
    small_ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = enrolment._answer
    seen = 0

    def watched(dataset: Any, fitted: Any, enrolled: Any, scored: Any) -> NDArray[np.float64]:
        nonlocal seen
        seen += 1
        assert not set(enrolled) & set(scored)
        assert len({dataset.speakers[i] for i in (*enrolled, *scored)}) == 1
        return answer(dataset, fitted, enrolled, scored)

    monkeypatch.setattr(enrolment, "_answer", watched)
    enrolment_curve(small_ravdess, "svm")
    assert seen == 10 * DRAWS * 5


def test_every_speaker_has_draws_of_its_own(curve: dict[int, Evaluation]) -> None:
    scored: dict[tuple[int, str], list[str]] = {}
    for one in curve[0].tested:
        scored.setdefault((one.seed, one.clip.speaker), []).append(one.clip.path.stem[:17])
    assert len({tuple(sorted(takes)) for takes in scored.values()}) > 0.8 * len(scored)


def test_with_half_of_the_statements_there_are_fewer_points(small_ravdess: Path) -> None:
    found = enrolment_curve(small_ravdess, "svm", protocol="leave-one-statement-out")
    assert list(found) == [0, 1, 2, 4]  # of six clips


def test_without_enrolment_it_is_the_score_of_cross_validation(
    small_ravdess: Path, curve: dict[int, Evaluation]
) -> None:
    dataset = listen(load(small_ravdess), FEATURE_SETS[RECIPES["svm"].features])
    plain = cross_validate(dataset, RECIPES["svm"], "by-actor-5")
    of_clip = {one.clip.path: one.answer for one in plain.tested}
    assert all(one.answer == of_clip[one.clip.path] for one in curve[0].tested)


def test_each_point_says_what_it_is(curve: dict[int, Evaluation]) -> None:
    assert curve[4].protocol_label == "by-actor-5, used to 4 unlabelled clips of the speaker"
    assert not curve[4].leaky


def test_known_and_unknown_voices_and_too_few_clips_are_refused(small_ravdess: Path) -> None:
    with pytest.raises(LeakError, match="random-80-20 tests voices that were trained on"):
        enrolment_curve(small_ravdess, "svm", protocol="random-80-20")
    corpus = load(small_ravdess)
    nobody = replace(corpus, clips=(replace(corpus.clips[0], speaker=""), *corpus.clips[1:]))
    with pytest.raises(CorpusError, match="unknown speakers"):
        enrolment_curve(nobody, "svm")
    once = [clip for clip in corpus.clips if clip.speaker != "01"]
    once.append(next(clip for clip in corpus.clips if clip.speaker == "01"))
    with pytest.raises(CorpusError, match="one clip"):
        enrolment_curve(replace(corpus, clips=tuple(once)), "svm")


def test_only_one_channel_is_enrolled_and_scored_where_it_is_asked_for(small_ravdess: Path) -> None:
    corpus = load(small_ravdess)
    sung = tuple(
        replace(clip, channel="song") if i % 3 == 0 else clip for i, clip in enumerate(corpus.clips)
    )
    found = enrolment_curve(replace(corpus, clips=sung), "svm", tested_channel="song")
    assert list(found) == [0, 1, 2]  # of four sung clips
    assert {one.clip.channel for one in found[0].tested} == {"song"}
    assert (
        found[1].protocol_label
        == "by-actor-5, song alone scored, used to 1 unlabelled clips of the speaker"
    )


def test_clips_of_one_mood_are_enrolled_and_all_others_scored(small_ravdess: Path) -> None:
    found = enrolment_curve(small_ravdess, "svm", enrolled_emotion="neutral")
    assert list(found) == [0, 1, 2, 4]  # of four neutral clips
    assert {one.clip.emotion for one in found[4].tested} == {"happy", "angry"}
    assert found[4].n == 10 * 8
    with pytest.raises(CorpusError, match="none that may be enrolled"):
        enrolment_curve(small_ravdess, "svm", enrolled_emotion="sad")


def test_a_finished_model_is_scored_on_voices_that_it_never_heard(small_ravdess: Path) -> None:
    corpus = load(small_ravdess)
    known = tuple(clip for clip in corpus.clips if clip.speaker <= "05")
    bundle, _ = train(replace(corpus, clips=known), "svm")
    strangers = replace(corpus, clips=tuple(clip for clip in corpus.clips if clip.speaker > "05"))
    found = enrolment_curve(strangers, model=bundle)
    assert list(found) == [0, 1, 2, 4, 8]
    assert found[0].protocol == "unseen-corpus"
    of_clip = {one.clip.path: one for one in evaluate_bundle(bundle, strangers).tested}
    for one in found[0].tested:
        np.testing.assert_allclose(one.probabilities, of_clip[one.clip.path].probabilities, atol=1e-5)
    assert found[0].protocol_label.startswith("unseen-corpus (answers: neutral, happy, angry), used to 0")
    with pytest.raises(LeakError, match="was trained on 5 of these speakers"):
        enrolment_curve(corpus, model=bundle)
    renamed = tuple(replace(clip, speaker=f"new {clip.speaker}") for clip in known)
    with pytest.raises(LeakError, match="this very recording"):
        enrolment_curve(replace(corpus, clips=renamed), model=bundle)
    odd = tuple(replace(clip, emotion="sad") if i % 2 else clip for i, clip in enumerate(strangers.clips))
    with pytest.raises(CorpusError, match="does not know sad"):
        enrolment_curve(replace(strangers, clips=odd), model=bundle, emotions="all")
    with pytest.raises(ValueError, match="not both"):
        enrolment_curve(strangers, "svm", model=bundle)


def test_sixteen_unlabelled_clips_help_on_real_strangers(ravdess: Path) -> None:
    corpus = load(ravdess).select(channel="speech")
    some = tuple(clip for clip in corpus.clips if clip.speaker <= "12")
    found = enrolment_curve(replace(corpus, clips=some), "voice-svm", jobs=2)
    accuracy = {count: one.headlines["accuracy"].value for count, one in found.items()}
    assert accuracy[16] > accuracy[0] + 0.02
