"""``enrolment``: speakers are enrolled with clips that are never scored, and never with labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.recipes import COUNTED, FOREST, SHY, Counting

from affekt.corpora.base import Clip, Corpus, join
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.evaluation.parts import Part
from affekt.evaluation.protocols import Indices
from affekt.evaluation.results import Evaluation
from affekt.evaluation.terms import Terms
from affekt.experiments.enrolment import DRAWS, _Enrolment, enrolment
from affekt.experiments.scoring import evaluate
from affekt.inference.adaptation import adapt
from affekt.inference.prediction import predict
from affekt.model.bundle import Bundle
from affekt.model.calibration import UNSEEN_CORPORA
from affekt.notes import NoteKind

Draws = list[tuple[Indices, Indices]]


@pytest.fixture(scope="module")
def curve(small_ravdess: Path) -> dict[int, Evaluation]:
    return enrolment(small_ravdess, "svm")


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> Draws:
    """Positions of the clips that were drawn to be enrolled, and of those to be scored."""
    found: Draws = []
    draw = _Enrolment._draw

    def note(self: _Enrolment, own: Indices, rng: np.random.Generator) -> tuple[Indices, Indices]:
        found.append(draw(self, own, rng))
        return found[-1]

    monkeypatch.setattr(_Enrolment, "_draw", note)
    return found


def test_there_is_a_point_for_each_number_that_leaves_a_third_of_the_clips(
    curve: dict[int, Evaluation],
) -> None:
    assert list(curve) == [0, 1, 2, 4, 8]  # each speaker of the small corpus has twelve clips


def test_the_same_clips_are_scored_at_every_point(curve: dict[int, Evaluation]) -> None:
    scored = [[(one.seed, one.clip.path) for one in point.tested] for point in curve.values()]
    assert all(one == scored[0] for one in scored)
    assert curve[0].n == 10 * (12 - 8)
    assert {one.seed for one in curve[0].tested} == set(range(DRAWS))


def test_enrolled_clips_are_the_speakers_own_and_never_scored(corpus: Corpus, draws: Draws) -> None:
    found = enrolment(corpus, FOREST)
    assert len(draws) == 10 * DRAWS
    for enrolled, scored in draws:
        assert len(enrolled) == 8
        assert not set(enrolled.tolist()) & set(scored.tolist())
        assert len({corpus.clips[i].speaker for i in (*enrolled, *scored)}) == 1
    expected = [str(corpus.clips[i].path) for _, scored in draws for i in scored]
    assert sorted(str(one.clip.path) for one in found[8].tested) == sorted(expected)


def test_identical_audio_is_not_scored_where_it_is_enrolled(
    corpus: Corpus, tmp_path: Path, draws: Draws
) -> None:
    twins = []
    for clip in corpus.clips[:12]:  # each clip of a speaker twice
        twin = tmp_path / f"twin-{clip.path.name}"
        twin.write_bytes(clip.path.read_bytes())
        twins.append(replace(clip, path=twin))
    clips = (*corpus.clips, *twins)
    enrolment(replace(corpus, clips=clips), FOREST)
    of_the_speaker = [
        (drawn, scored) for drawn, scored in draws if clips[drawn[0]].speaker == twins[0].speaker
    ]
    assert len(of_the_speaker) == DRAWS
    for drawn, scored in of_the_speaker:
        contents = [{clips[i].path.read_bytes() for i in rows} for rows in (drawn, scored)]
        assert not contents[0] & contents[1]


def test_every_speaker_has_draws_of_their_own(curve: dict[int, Evaluation]) -> None:
    scored: dict[tuple[int, str], list[str]] = {}
    for one in curve[0].tested:
        scored.setdefault((one.seed, one.clip.speaker), []).append(one.clip.path.stem[:17])
    assert len({tuple(sorted(stems)) for stems in scored.values()}) > 0.8 * len(scored)


def test_with_half_of_the_statements_there_are_fewer_points(small_ravdess: Path) -> None:
    found = enrolment(small_ravdess, FOREST, protocol="leave-one-statement-out")
    assert list(found) == [0, 1, 2, 4]  # of six clips


def test_with_0_clips_it_predicts_as_evaluate_does(corpus: Corpus, curve: dict[int, Evaluation]) -> None:
    plain = evaluate(corpus, "svm")
    of_clip = {one.clip.path: one.predicted for one in plain.tested}
    assert all(one.predicted == of_clip[one.clip.path] for one in curve[0].tested)
    assert (curve[0].protocol, curve[0].leaky) == (plain.protocol, plain.leaky)


def test_each_point_says_what_it_is(curve: dict[int, Evaluation]) -> None:
    assert curve[4].condition == "adapted to 4 unlabelled clips of the speaker"
    assert curve[4].protocol_label == "by-actor-5, adapted to 4 unlabelled clips of the speaker"
    assert not curve[4].leaky


def test_labels_of_enrolled_clips_make_no_difference(unseen: Corpus, bundle: Bundle, draws: Draws) -> None:
    first = enrolment(unseen, model=bundle)
    clips, scored = list(unseen.clips), {int(i) for _, rows in draws for i in rows}
    drawn = {int(i) for rows, _ in draws for i in rows}
    for i in drawn - scored:
        clips[i] = replace(clips[i], emotion="angry")
    again = enrolment(replace(unseen, clips=tuple(clips)), model=bundle)
    assert [one.probabilities for one in again[8].tested] == [one.probabilities for one in first[8].tested]


def test_trained_and_unknown_speakers_and_too_few_clips_are_refused(corpus: Corpus) -> None:
    with pytest.raises(LeakError, match="random-80-20 tests speakers that were trained on"):
        enrolment(corpus, "svm", protocol="random-80-20")
    nobody = replace(corpus, clips=(replace(corpus.clips[0], speaker=""), *corpus.clips[1:]))
    with pytest.raises(CorpusError, match="unknown speakers"):
        enrolment(nobody, "svm")
    with pytest.raises(CorpusError, match="no speaker of ravdess has a clip that may be enrolled"):
        enrolment(replace(corpus, clips=corpus.clips[::13]), "svm")  # one clip of each speaker


def cut(corpus: Corpus, left: dict[str, int]) -> Corpus:
    """The corpus with so many clips left of some speakers, of different emotions."""
    kept: list[Clip] = []
    for clip in sorted(corpus.clips, key=lambda clip: (clip.repetition, clip.statement, clip.emotion)):
        most = left.get(clip.speaker, len(corpus.clips))
        if sum(one.speaker == clip.speaker for one in kept) < most:
            kept.append(clip)
    return replace(corpus, clips=tuple(clip for clip in corpus.clips if clip in kept))


def notes_of(curve: dict[int, Evaluation], kind: NoteKind) -> set[str]:
    return {note.text for point in curve.values() for note in point.notes if note.kind == kind}


def test_speakers_with_too_few_clips_are_left_out_at_every_number_and_counted(corpus: Corpus) -> None:
    """Each other speaker has twelve clips, eight of which can be enrolled."""
    few = enrolment(cut(corpus, {"01": 1, "02": 11}), FOREST)
    assert list(few) == [0, 1, 2, 4, 8]
    for point in few.values():
        assert {one.clip.speaker for one in point.tested} == {f"{actor:02}" for actor in range(3, 11)}
        assert point.n == 8 * (12 - 8)
        assert len(point.excluded) == 12
        assert point.excluded[0][1].endswith("its speaker has too few clips to enrol 8 and score others")
    assert notes_of(few, NoteKind.SPEAKERS_LEFT_OUT) == {
        "2 of 10 speakers (12 clips) are left out, with too few clips to enrol 8 and score others: "
        "ravdess/01, ravdess/02"
    }
    assert few[0].to_json()["notes"][0]["kind"] == "speakers_left_out"


def test_where_many_speakers_have_few_clips_fewer_are_enrolled_and_the_reason_is_given(
    corpus: Corpus,
) -> None:
    few = enrolment(cut(corpus, {"01": 3, "02": 3, "03": 3}), FOREST)
    assert list(few) == [0, 1, 2]
    assert few[2].n == 3 * (3 - 2) + 7 * (12 - 2)
    assert notes_of(few, NoteKind.SPEAKERS_LEFT_OUT) == set()
    assert notes_of(few, NoteKind.FEW_CLIPS) == {
        "no more than 2 clips are enrolled: 3 of 10 speakers have too few clips to enrol 4"
    }


def test_a_speaker_without_a_clip_of_the_enrolled_emotion_is_left_out(corpus: Corpus) -> None:
    without = [clip for clip in corpus.clips if (clip.speaker, clip.emotion) != ("05", "neutral")]
    found = enrolment(replace(corpus, clips=tuple(without)), FOREST, enrolled_emotion="neutral")
    assert list(found) == [0, 1, 2, 4]
    assert "05" not in {one.clip.speaker for one in found[4].tested}
    assert len(notes_of(found, NoteKind.SPEAKERS_LEFT_OUT)) == 1


def test_a_recipe_is_trained_once_with_any_seed(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="a recipe is trained once"):
        enrolment(corpus, FOREST, seeds=2)
    first, other = (enrolment(corpus, FOREST, seeds=[seed]) for seed in (0, 3))
    assert len({one.seed for one in other[0].tested}) == DRAWS
    assert [one.clip.path for one in first[0].tested] != [one.clip.path for one in other[0].tested]


def sing(corpus: Corpus, *, every: int = 3, speakers: int = 99) -> Corpus:
    """Say of every so many clips of the first speakers that they are sung."""
    clips = tuple(
        replace(clip, vocal_channel="song") if i % every == 0 and int(clip.speaker) <= speakers else clip
        for i, clip in enumerate(corpus.clips)
    )
    return replace(corpus, clips=clips)


def test_only_one_vocal_channel_is_enrolled_and_scored_where_it_is_asked_for(
    corpus: Corpus, draws: Draws
) -> None:
    sung = sing(corpus)
    found = enrolment(sung, "svm", tested_vocal_channel="song")
    assert list(found) == [0, 1, 2]  # of four sung clips
    assert {one.clip.vocal_channel for one in found[0].tested} == {"song"}
    assert {sung.clips[i].vocal_channel for drawn, _ in draws for i in drawn} == {"song"}
    assert (
        found[1].protocol_label
        == "by-actor-5, song alone scored, adapted to 1 unlabelled clips of the speaker"
    )


def test_a_fold_without_a_clip_of_the_vocal_channel_is_passed_over(corpus: Corpus) -> None:
    found = enrolment(
        sing(corpus, speakers=7), FOREST, tested_vocal_channel="song", protocol="leave-one-speaker-out"
    )
    assert {one.clip.speaker for one in found[2].tested} == {f"{actor:02}" for actor in range(1, 8)}
    assert found[2].n == 7 * 2


def test_clips_of_one_emotion_are_enrolled_and_all_others_scored(corpus: Corpus) -> None:
    found = enrolment(corpus, "svm", enrolled_emotion="neutral")
    assert list(found) == [0, 1, 2, 4]  # of four neutral clips
    assert {one.clip.emotion for one in found[4].tested} == {"happy", "angry"}
    assert found[4].n == 10 * 8
    by_another_word = enrolment(corpus, "svm", enrolled_emotion="Anger")
    assert {one.clip.emotion for one in by_another_word[4].tested} == {"neutral", "happy"}
    with pytest.raises(UnknownNameError, match=r"no emotion in .* is called 'sad'"):
        enrolment(corpus, "svm", enrolled_emotion="sad")


# --- calibration -------------------------------------------------------------------------------------


def test_from_one_clip_on_speakers_have_the_calibration_for_enrolled_ones(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = enrolment(corpus, SHY)
    monkeypatch.setattr(Terms, "predicts_enrolled", False)
    first = enrolment(corpus, SHY)
    assert own[0].tested == first[0].tested
    assert own[0].calibration == first[0].calibration
    assert own[0].enrolled_calibration is not None
    assert first[0].enrolled_calibration is None
    for count in (1, 4, 8):
        assert [one.predicted for one in own[count].tested] == [
            one.predicted for one in first[count].tested
        ]
        assert own[count].ece < 0.7 * first[count].ece
        assert own[count].headlines == first[count].headlines


@pytest.mark.parametrize("enrolled_emotion", [None, "neutral"])
def test_the_calibration_for_enrolled_speakers_is_the_one_that_a_model_would_have(
    corpus: Corpus, enrolled_emotion: str | None
) -> None:
    own = enrolment(corpus, SHY, enrolled_emotion=enrolled_emotion)[1].enrolled_calibration
    shipped = evaluate(corpus, SHY).enrolled_calibration
    assert own is not None
    assert shipped is not None
    assert own.temperature == pytest.approx(shipped.temperature)
    # the same predictions stand for five draws, of which the threshold is an order statistic
    assert own.threshold == pytest.approx(shipped.threshold, abs=0.03)


def test_folds_that_only_calibrate_are_not_predicted_for_each_number_of_clips(
    corpus: Corpus, elsewhere: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that leave a corpus out have many clips, and each would be predicted for every number."""
    counts: dict[bool, set[int]] = {True: set(), False: set()}
    predict_part = _Enrolment.predict

    def note(self: _Enrolment, part: Part, *given: Any) -> Any:
        for name, arrays in predict_part(self, part, *given):
            if len(arrays["clips"]):
                counts[part.scored].add(self.counts[self.conditions.index(name)])
            yield name, arrays

    monkeypatch.setattr(_Enrolment, "predict", note)
    found = enrolment(join([corpus, elsewhere]), SHY)
    assert counts == {True: set(found), False: {0}}
    assert found[4].enrolled_calibration is not None
    assert UNSEEN_CORPORA in found[4].enrolled_calibration.fitted_on


# --- a finished model --------------------------------------------------------------------------------


def test_a_finished_model_is_scored_on_unseen_speakers(
    corpus: Corpus, unseen: Corpus, bundle: Bundle
) -> None:
    found = enrolment(unseen, model=bundle)
    assert list(found) == [0, 1, 2, 4, 8]
    assert found[0].protocol == "unseen-corpus"
    assert found[0].protocol_label == (
        f"{evaluate(unseen, model=bundle).protocol_label}, adapted to 0 unlabelled clips of the speaker"
    )
    with pytest.raises(LeakError, match="was trained on 5 of these speakers"):
        enrolment(corpus, model=bundle)
    renamed = tuple(replace(clip, speaker=f"new {clip.speaker}") for clip in corpus.clips)
    with pytest.raises(LeakError, match="this very recording"):
        enrolment(replace(corpus, clips=renamed), model=bundle)
    with pytest.raises(ValueError, match="not both"):
        enrolment(unseen, "svm", model=bundle)


@pytest.mark.parametrize("options", [{}, {"emotions": ["anger", "neutral"]}, {"emotions": "all"}])
def test_evaluate_and_enrolment_of_a_finished_model_ask_the_same_question(
    elsewhere: Corpus, bundle: Bundle, options: dict[str, Any]
) -> None:
    """The corpus has long clips, which are cut into windows, and an emotion that is not predicted."""
    plain = evaluate(elsewhere, model=bundle, **options)
    found = enrolment(elsewhere, model=bundle, **options)[0]
    of_clip = {one.clip.path: one for one in plain.tested}
    assert {one.clip.path for one in found.tested} <= set(of_clip)
    assert (found.emotions, found.excluded, found.chance) == (plain.emotions, plain.excluded, plain.chance)
    assert any(has_windows(one.clip.path, bundle) for one in found.tested)
    for one in found.tested:
        expected = of_clip[one.clip.path]
        assert (one.predicted, one.prediction_set) == (expected.predicted, expected.prediction_set)
        assert one.out_of_distribution == expected.out_of_distribution
        np.testing.assert_allclose(one.probabilities, expected.probabilities, atol=1e-5)


def has_windows(path: Path, bundle: Bundle) -> bool:
    return any(note.kind == NoteKind.WINDOWS for note in predict(path, bundle).notes)


@pytest.mark.parametrize("emotions", [None, ["happy", "angry"]])
@pytest.mark.usefixtures("enrol_synthetic_voices")
def test_a_finished_model_is_adapted_as_by_adapt_and_predict(
    elsewhere: Corpus, bundle: Bundle, draws: Draws, emotions: list[str] | None
) -> None:
    clips = elsewhere.select(emotions=emotions or ["neutral", "happy", "angry"]).clips
    found = enrolment(elsewhere, model=bundle, emotions=emotions)
    for count in (1, 4):
        tested = {(one.seed, one.clip.path): one for one in found[count].tested}
        for number, (drawn, scored) in enumerate(draws):
            voice = adapt([clips[i].path for i in drawn[:count]], bundle)
            for i in scored[:2]:
                one = tested[number % DRAWS, clips[i].path]
                expected = predict(clips[i].path, bundle, voice=voice, emotions=emotions)
                assert (one.predicted, one.prediction_set) == (expected.emotion, expected.prediction_set)
                np.testing.assert_allclose(
                    one.probabilities, list(expected.probabilities.values()), atol=1e-5
                )


@pytest.mark.usefixtures("enrol_synthetic_voices")
def test_a_model_of_frames_is_adapted_as_by_adapt_and_predict(
    write_corpus: Callable[..., Corpus], draws: Draws
) -> None:
    """The bundled model, whose clips have frames and are of any length."""
    other = write_corpus("frames", speakers=1, emotions=3)
    found = enrolment(other)
    assert len(draws) == DRAWS
    for number, (drawn, scored) in enumerate(draws):
        voice = adapt([other.clips[i].path for i in drawn[:4]])
        one = next(
            one for one in found[4].tested if (one.seed, one.clip) == (number, other.clips[scored[0]])
        )
        expected = predict(one.clip.path, voice=voice)
        assert one.predicted == expected.emotion
        np.testing.assert_allclose(one.probabilities, list(expected.probabilities.values()), atol=1e-5)


# --- checkpoints -------------------------------------------------------------------------------------


def same(one: dict[int, Evaluation], other: dict[int, Evaluation]) -> bool:
    return {count: (repr(point.to_json()), point.tested) for count, point in one.items()} == {
        count: (repr(point.to_json()), point.tested) for count, point in other.items()
    }


def test_a_stopped_run_continues_where_it_was_stopped(corpus: Corpus, tmp_path: Path) -> None:
    expected = enrolment(corpus, COUNTED)
    assert len(Counting.fits) == 5
    Counting.fits.clear()
    Counting.stop_in = 4
    with pytest.raises(KeyboardInterrupt):
        enrolment(corpus, COUNTED, checkpoints=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3 * 5  # folds and points
    Counting.fits.clear()
    Counting.stop_in = 0
    assert same(enrolment(corpus, COUNTED, checkpoints=tmp_path), expected)
    assert len(Counting.fits) == 2
    assert same(enrolment(corpus, COUNTED, checkpoints=tmp_path), expected)
    assert len(Counting.fits) == 2


def test_one_missing_point_alone_is_computed_again(corpus: Corpus, tmp_path: Path, draws: Draws) -> None:
    expected = enrolment(corpus, COUNTED, checkpoints=tmp_path)
    sorted(tmp_path.iterdir())[7].unlink()
    Counting.fits.clear()
    draws.clear()
    assert same(enrolment(corpus, COUNTED, checkpoints=tmp_path), expected)
    assert len(Counting.fits) == 1
    assert 0 < len(draws) < 10 * DRAWS  # the speakers of one fold
    assert len(list(tmp_path.iterdir())) == 5 * 5


@pytest.mark.parametrize(
    "options", [{"enrolled_emotion": "happy"}, {"seeds": [1]}, {"emotions": ["happy", "angry"]}]
)
def test_another_question_has_checkpoints_of_its_own(
    corpus: Corpus, tmp_path: Path, options: dict[str, Any]
) -> None:
    enrolment(corpus, COUNTED, checkpoints=tmp_path)
    enrolment(corpus, COUNTED, checkpoints=tmp_path, enrolled_emotion="angry")
    evaluate(corpus, COUNTED, checkpoints=tmp_path)
    Counting.fits.clear()
    found = enrolment(corpus, COUNTED, checkpoints=tmp_path, **options)
    assert len(Counting.fits) == 5
    assert same(found, enrolment(corpus, COUNTED, **options))


def test_sixteen_unlabelled_clips_help_with_real_unseen_speakers(ravdess: Path) -> None:
    corpus = load_corpus(ravdess).select(vocal_channel="speech")
    some = tuple(clip for clip in corpus.clips if clip.speaker <= "12")
    found = enrolment(replace(corpus, clips=some), "voice-svm", jobs=2)
    accuracy = {count: one.headlines["accuracy"].value for count, one in found.items()}
    assert accuracy[16] > accuracy[0] + 0.02
