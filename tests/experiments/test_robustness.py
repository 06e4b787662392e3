"""``robustness``: recipes are trained as usual, and tested on degraded clips of unseen speakers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.recipes import COUNTED, FOREST, Counting

from affekt.audio.degradations import DEGRADATIONS
from affekt.audio.waveform import Waveform
from affekt.corpora.base import Corpus
from affekt.corpora.clips import load_whole
from affekt.errors import AudioContentError, CorpusError, LeakError, MissingExtraError
from affekt.evaluation.results import AS_RECORDED, Evaluation
from affekt.experiments.robustness import robustness
from affekt.experiments.scoring import evaluate
from affekt.inference.prediction import predict
from affekt.model.bundle import Bundle
from affekt.notes import NoteKind

SOME = {name: DEGRADATIONS[name] for name in ("babble, 0 dB", "20 dB quieter")}
Others = Sequence[Waveform]
Choose = Callable[[dict[str, Any]], None]


@pytest.fixture(autouse=True)
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Replaces the degradations; without a choice there are two of them."""

    def replace_degradations(chosen: dict[str, Any]) -> None:
        monkeypatch.setattr("affekt.experiments.robustness.DEGRADATIONS", chosen)

    replace_degradations(SOME)
    return replace_degradations


def keep(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
    return clip


def test_as_recorded_is_the_score_of_evaluate(corpus: Corpus) -> None:
    found = robustness(corpus, "svm")
    plain = evaluate(corpus, "svm")
    assert list(found) == [AS_RECORDED, *SOME]
    assert found[AS_RECORDED].tested == plain.tested
    assert repr(found[AS_RECORDED].to_json()) == repr(plain.to_json())
    assert found["babble, 0 dB"].headlines["accuracy"].value < plain.headlines["accuracy"].value
    assert found["babble, 0 dB"].protocol_label == "by-actor-5, babble, 0 dB"
    assert {name: one.condition for name, one in found.items()} == {name: name for name in found}
    assert {one.n for one in found.values()} == {plain.n}


def test_clips_that_are_not_degraded_are_predicted_as_recorded(corpus: Corpus, choose: Choose) -> None:
    choose({"unchanged": keep})
    found = robustness(corpus, "svm")
    assert found["unchanged"].tested == found[AS_RECORDED].tested


def test_a_recipe_whose_features_do_not_depend_on_the_level_is_robust_to_gain(corpus: Corpus) -> None:
    found = robustness(corpus, "voice-svm")
    assert found["20 dB quieter"].headlines["accuracy"].value == pytest.approx(
        found[AS_RECORDED].headlines["accuracy"].value, abs=0.02
    )


def fail_for_some(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
    if clip.samples[100] > 0:
        raise AudioContentError("gone")
    return clip


def test_a_clip_that_cannot_be_used_after_it_was_degraded_is_excluded_there(
    corpus: Corpus, choose: Choose
) -> None:
    choose({"mostly gone": fail_for_some})
    both = robustness(corpus, "svm")
    found = both["mostly gone"]
    assert 0 < len(found.excluded) < 120
    assert found.n == 120 - len(found.excluded)
    assert {reason for _, reason in found.excluded} == {"gone"}
    lost = {path for path, _ in found.excluded}
    assert {str(one.clip.path) for one in found.tested} == {str(c.path) for c in corpus.clips} - lost
    assert (both[AS_RECORDED].n, both[AS_RECORDED].excluded) == (120, ())


def test_a_fold_of_which_no_clip_can_be_used_is_left_out(
    corpus: Corpus, choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {load_whole(clip).samples.tobytes() for clip in corpus.clips if clip.speaker == "01"}

    def lose_a_speaker(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        if clip.samples.tobytes() in first:
            raise AudioContentError("gone")
        return clip

    choose({"one gone": lose_a_speaker})
    for seeds in (1, 2):
        found = robustness(corpus, FOREST, protocol="leave-one-speaker-out", seeds=seeds)["one gone"]
        assert found.n == 108
        assert "01" not in {one.clip.speaker for one in found.tested}
        assert len(found.excluded) == 12


def test_protocols_that_test_training_speakers_are_refused(corpus: Corpus) -> None:
    with pytest.raises(LeakError, match="random-80-20 tests speakers that were trained on"):
        robustness(corpus, "svm", protocol="random-80-20")


def test_a_missing_library_is_named_before_any_audio_is_read(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(
        "affekt.experiments.robustness.extract_for", lambda *_, **__: pytest.fail("audio was read")
    )
    with pytest.raises(MissingExtraError, match="formats"):
        robustness(corpus, "svm")


def test_several_trainings_are_tested_on_the_same_clips_and_the_same_noise(corpus: Corpus) -> None:
    once = robustness(corpus, FOREST)
    twice = robustness(corpus, FOREST, seeds=2)
    for name, one in twice.items():
        assert list(one.by_seed) == [0, 1]
        assert one.by_seed[0].accuracy == once[name].headlines["accuracy"].value
        assert one.n == once[name].n
    by_seed = [[one.predicted for one in twice[AS_RECORDED].tested if one.seed == seed] for seed in (0, 1)]
    assert by_seed[0] != by_seed[1]
    with pytest.raises(ValueError, match="not 0 times"):
        robustness(corpus, FOREST, seeds=0)


def test_with_several_trainings_each_clip_is_degraded_once(corpus: Corpus, choose: Choose) -> None:
    calls: list[int] = []

    def count(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        calls.append(len(clip.samples))
        return clip

    choose({"counted": count})
    robustness(corpus, FOREST, seeds=3)
    assert len(calls) == len(corpus.clips)


def test_the_noise_of_a_clip_depends_on_nothing_but_its_name(
    corpus: Corpus, unseen: Corpus, choose: Choose
) -> None:
    draws: list[dict[int, float]] = []

    def note(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        draws[-1][hash(clip.samples.tobytes())] = float(rng.random())
        return clip

    choose({"noted": note})
    for clips, protocol in (
        (corpus, "by-actor-5"),
        (corpus, "leave-one-speaker-out"),
        (unseen, "by-actor-5"),
    ):
        draws.append({})
        robustness(clips, FOREST, protocol=protocol)
    assert draws[0] == draws[1]
    assert draws[2].items() < draws[0].items()
    assert len(set(draws[0].values())) == len(corpus.clips)


def test_babble_is_made_of_a_clip_of_each_other_speaker(corpus: Corpus, choose: Choose) -> None:
    speaker_of = {load_whole(clip).samples.tobytes(): clip.speaker for clip in corpus.clips}
    checked: list[str] = []

    def check(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        own = speaker_of[clip.samples.tobytes()]
        found = [speaker_of[one.samples.tobytes()] for one in others]
        assert sorted([own, *found]) == [f"{actor:02}" for actor in range(1, 11)]
        checked.append(own)
        return clip

    choose({"checked": check})
    robustness(corpus, FOREST)
    assert len(checked) == 120


def as_song(corpus: Corpus, speakers: int = 99) -> Corpus:
    clips = tuple(
        replace(clip, vocal_channel="song") if i % 3 == 0 and int(clip.speaker) <= speakers else clip
        for i, clip in enumerate(corpus.clips)
    )
    return replace(corpus, clips=clips)


def test_only_one_vocal_channel_is_degraded_and_scored_where_it_is_asked_for(
    corpus: Corpus, choose: Choose
) -> None:
    calls: list[int] = []

    def count(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        calls.append(1)
        return clip

    choose({"counted": count})
    sung = as_song(corpus)
    found = robustness(sung, "svm", tested_vocal_channel="song")
    plain = evaluate(sung, "svm", tested_vocal_channel="song")
    assert len(calls) == 40
    assert found[AS_RECORDED].tested == found["counted"].tested == plain.tested
    assert found["counted"].protocol_label == "by-actor-5, song alone scored, counted"


def test_a_fold_without_a_clip_of_the_vocal_channel_is_passed_over(corpus: Corpus, choose: Choose) -> None:
    choose({"unchanged": keep})
    sung = as_song(corpus, speakers=7)
    for seeds in (1, 2):
        found = robustness(
            sung, FOREST, tested_vocal_channel="song", protocol="leave-one-speaker-out", seeds=seeds
        )
        assert found["unchanged"].n == found[AS_RECORDED].n == 7 * 4
        assert found["unchanged"].tested == found[AS_RECORDED].tested


def test_results_are_the_same_in_several_processes(
    unseen: Corpus, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.support.parallel.MANY", 2)
    one, two = (robustness(unseen, model=bundle, jobs=jobs) for jobs in (1, 2))
    assert as_text(one) == as_text(two)


def test_results_are_plain_values_for_json(corpus: Corpus) -> None:
    found = robustness(corpus, FOREST)
    values = json.loads(json.dumps({name: one.to_dict() for name, one in found.items()}, allow_nan=False))
    for name, one in found.items():
        assert Evaluation.from_json(values[name]).condition == name
        assert values[name]["accuracy"] == one.headlines["accuracy"].value


# --- another corpus, and a finished model ------------------------------------------------------------


def test_on_another_corpus_its_clips_alone_are_degraded(
    corpus: Corpus, elsewhere: Corpus, choose: Choose
) -> None:
    calls: list[int] = []

    def count(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        calls.append(1)
        return clip

    choose({"counted": count})
    found = robustness(corpus, "svm", test_on=elsewhere)
    plain = evaluate(corpus, "svm", test_on=elsewhere)
    assert len(calls) == plain.n == 36
    assert repr(found[AS_RECORDED].to_json()) == repr(plain.to_json())
    assert found["counted"].tested == plain.tested


@pytest.mark.parametrize("options", [{}, {"emotions": ["happy", "angry"]}])
def test_a_finished_model_is_scored_on_degraded_clips(
    elsewhere: Corpus, bundle: Bundle, options: dict[str, Any]
) -> None:
    found = robustness(elsewhere, model=bundle, **options)
    plain = evaluate(elsewhere, model=bundle, **options)
    assert repr(found[AS_RECORDED].to_json()) == repr(plain.to_json())
    for name in SOME:
        assert (found[name].n, found[name].emotions) == (plain.n, plain.emotions)
        assert found[name].protocol_label == f"{plain.protocol_label}, {name}"
        assert {path for path, _ in found[name].excluded} == {path for path, _ in plain.excluded}


def test_a_finished_model_predicts_degraded_clips_as_predict_does(
    elsewhere: Corpus, bundle: Bundle
) -> None:
    """Amplification draws nothing at random, so that it can be repeated here; long clips have windows."""
    found = robustness(elsewhere, model=bundle)["20 dB quieter"]
    quieter = SOME["20 dB quieter"]
    windows = 0
    for one in found.tested:
        degraded = quieter(load_whole(one.clip), [], np.random.default_rng())
        expected = predict(degraded, bundle)
        windows += any(note.kind == NoteKind.WINDOWS for note in expected.notes)
        assert (one.predicted, one.prediction_set) == (expected.emotion, expected.prediction_set)
        np.testing.assert_allclose(one.probabilities, list(expected.probabilities.values()), atol=1e-6)
        assert one.out_of_distribution == expected.out_of_distribution
    assert 0 < windows < len(found.tested)


def test_a_finished_model_is_not_scored_on_what_it_was_trained_on(corpus: Corpus, bundle: Bundle) -> None:
    with pytest.raises(LeakError, match="was trained on 5 of these speakers"):
        robustness(corpus, model=bundle)


def test_clips_of_unknown_speakers_are_degraded_with_babble_of_other_clips(
    elsewhere: Corpus, bundle: Bundle, choose: Choose
) -> None:
    pools: list[set[bytes]] = []

    def check(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        pools.append({one.samples.tobytes() for one in others})
        assert clip.samples.tobytes() not in pools[-1]
        return clip

    choose({"checked": check})
    nobody = tuple(replace(clip, speaker="") for clip in elsewhere.clips if clip.emotion != "sad")
    found = robustness(replace(elsewhere, clips=nobody), model=bundle)
    assert found["checked"].n == len(pools) == 36
    assert {len(pool) for pool in pools} == {35}


def test_of_very_many_speakers_some_are_drawn_for_babble(
    corpus: Corpus, choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.experiments.robustness.MOST_BABBLERS", 4)
    sizes: list[int] = []

    def check(clip: Waveform, others: Others, rng: np.random.Generator) -> Waveform:
        sizes.append(len(others))
        return clip

    choose({"checked": check})
    robustness(corpus, FOREST)
    assert set(sizes) == {3, 4}  # without the speaker of the clip


def test_one_speaker_alone_is_refused_before_any_audio_is_read(
    unseen: Corpus, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "affekt.experiments.robustness.extract_for", lambda *_, **__: pytest.fail("audio was read")
    )
    alone = replace(unseen, clips=tuple(clip for clip in unseen.clips if clip.speaker == "06"))
    with pytest.raises(CorpusError, match="one speaker alone"):
        robustness(alone, model=bundle)


# --- checkpoints -------------------------------------------------------------------------------------


def as_text(found: dict[str, Evaluation]) -> dict[str, str]:
    return {name: f"{one.to_json()!r} {one.tested!r}" for name, one in found.items()}


def interrupted(
    clip: Waveform, others: Others, rng: np.random.Generator, *, calls: list[str], name: str, stop: int = 0
) -> Waveform:
    """Changes the level by the condition; stops where it is called for the last time."""
    calls.append(name)
    if len(calls) == stop:
        raise KeyboardInterrupt
    return Waveform(clip.samples * {"one": 0.5, "two": 0.1}[name], clip.sample_rate)


def conditions(calls: list[str], stop: int = 0) -> dict[str, Any]:
    return {name: partial(interrupted, calls=calls, name=name, stop=stop) for name in ("one", "two")}


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_stopped_run_continues_with_the_condition_in_which_it_was_stopped(
    corpus: Corpus, tmp_path: Path, choose: Choose, seeds: int
) -> None:
    calls: list[str] = []
    choose(conditions(calls))
    expected = robustness(corpus, COUNTED, seeds=seeds)
    assert (len(Counting.fits), calls.count("one"), calls.count("two")) == (5 * seeds, 120, 120)
    folds = [len(one.speakers) * 12 for one in expected["one"].by_fold if one.seed == 0]
    Counting.fits.clear()
    calls.clear()
    choose(conditions(calls, stop=2 * folds[0] + folds[1] + 3))  # in the second fold, in condition two
    with pytest.raises(KeyboardInterrupt):
        robustness(corpus, COUNTED, seeds=seeds, checkpoints=tmp_path)
    assert len(Counting.fits) == seeds + 1
    assert len(list(tmp_path.iterdir())) == 3 * seeds + 2
    Counting.fits.clear()
    calls.clear()
    choose(conditions(calls))
    found = robustness(corpus, COUNTED, seeds=seeds, checkpoints=tmp_path)
    assert len(Counting.fits) == 5 * seeds - seeds  # of the first fold nothing is left to do
    assert calls.count("two") == 120 - folds[0]
    assert calls.count("one") == 120 - folds[0] - (folds[1] if seeds == 1 else 0)
    assert as_text(found) == as_text(expected)
    Counting.fits.clear()
    calls.clear()
    assert as_text(robustness(corpus, COUNTED, seeds=seeds, checkpoints=tmp_path)) == as_text(expected)
    assert (Counting.fits, calls) == ([], [])


def test_a_stopped_run_of_a_finished_model_continues_with_the_next_condition(
    unseen: Corpus, bundle: Bundle, tmp_path: Path, choose: Choose
) -> None:
    calls: list[str] = []
    choose(conditions(calls))
    expected = robustness(unseen, model=bundle)
    calls.clear()
    choose(conditions(calls, stop=60 + 1))
    with pytest.raises(KeyboardInterrupt):
        robustness(unseen, model=bundle, checkpoints=tmp_path)
    calls.clear()
    choose(conditions(calls))
    assert as_text(robustness(unseen, model=bundle, checkpoints=tmp_path)) == as_text(expected)
    assert calls == ["two"] * 60


def test_clips_that_were_excluded_are_in_the_checkpoints(
    corpus: Corpus, tmp_path: Path, choose: Choose
) -> None:
    choose({"mostly gone": fail_for_some})
    first, again = (robustness(corpus, COUNTED, checkpoints=tmp_path) for _ in range(2))
    assert len(Counting.fits) == 5
    assert first["mostly gone"].excluded
    assert as_text(first) == as_text(again)
