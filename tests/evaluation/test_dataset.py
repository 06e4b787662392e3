"""Data sets: features, labels and fingerprints of the clips that could be read, reasons for the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.evaluation.synthetic import COUNTED, QUICK, Array

from affekt.audio.degradations import TRAINING_DEGRADATIONS
from affekt.audio.loading import load_audio
from affekt.audio.windows import cut_windows
from affekt.corpora.base import Corpus
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, LeakError, UnknownNameError
from affekt.evaluation.dataset import Dataset, Extraction, extract_dataset, extract_for, with_copies
from affekt.evaluation.execution import Execution
from affekt.evaluation.terms import read_terms
from affekt.experiments.enrolment import enrolment
from affekt.experiments.robustness import robustness
from affekt.experiments.scoring import evaluate
from affekt.experiments.training import train
from affekt.features.feature_sets import extract, find_feature_set
from affekt.features.recording import describe_recording
from affekt.model.bundle import Bundle

MFCC = find_feature_set("mfcc-stats@1")
WriteVoice = Callable[..., Path]


def extract_mfcc(corpus: Corpus, **more: Any) -> Dataset:
    return extract_dataset(corpus, Extraction(features="mfcc-stats@1", **more), Execution())


def extract_log_mel(corpus: Corpus) -> Dataset:
    return extract_dataset(corpus, Extraction(features="log-mel@1"), Execution())


@pytest.fixture(scope="module")
def dataset(small_ravdess: Path) -> Dataset:
    return extract_mfcc(load_corpus(small_ravdess))


# --- clips that can be read, and those that cannot ---------------------------------------------------


def test_features_and_labels_are_those_of_every_clip_in_order(dataset: Dataset) -> None:
    assert dataset.emotions == ("neutral", "happy", "angry")
    assert dataset.columns == MFCC.columns
    for i in (0, 17, len(dataset.corpus.clips) - 1):
        clip = dataset.corpus.clips[i]
        expected = extract(load_audio(clip.path, MFCC.sample_rate), MFCC.name)
        np.testing.assert_array_equal(dataset.features[i], expected)
        assert dataset.emotions[dataset.labels[i]] == clip.emotion
        assert dataset.speakers[i] == f"ravdess/{clip.speaker}"
        assert dataset.sessions[i] == f"ravdess/{clip.speaker} speech"
        assert dataset.corpora[i] == "ravdess"
    assert len(set(dataset.fingerprints)) == len(dataset.corpus.clips)


@pytest.fixture
def broken_folder(tmp_path: Path, write_voice: WriteVoice) -> Path:
    write_voice(tmp_path / "happy" / "a.wav", seed=1)
    write_voice(tmp_path / "sad" / "b.wav", seed=2)
    (tmp_path / "sad" / "c.wav").write_text("no sound")
    return tmp_path


def test_an_unreadable_clip_is_excluded_with_its_reason(broken_folder: Path) -> None:
    dataset = extract_mfcc(load_corpus(broken_folder))
    ((path, reason),) = dataset.excluded
    assert path.endswith("c.wav")
    assert "not audio" in reason
    assert len(dataset.features) == len(dataset.corpus.clips) == 2


def test_an_incomplete_clip_is_excluded(tmp_path: Path, write_voice: WriteVoice) -> None:
    for seed, name in enumerate(("happy/a.wav", "sad/b.wav")):
        write_voice(tmp_path / name, seed=seed)
    whole = (tmp_path / "sad" / "b.wav").read_bytes()
    (tmp_path / "sad" / "c.wav").write_bytes(whole[: len(whole) // 2])
    dataset = extract_mfcc(load_corpus(tmp_path))
    assert [Path(path).name for path, _ in dataset.excluded] == ["c.wav"]


def test_a_file_whose_name_gives_no_emotion_is_excluded(
    small_ravdess: Path, tmp_path: Path, write_voice: WriteVoice
) -> None:
    clips = load_corpus(small_ravdess).clips[:8]
    folder = tmp_path / "Actor_01"
    folder.mkdir()
    for clip in clips:
        (folder / clip.path.name).write_bytes(clip.path.read_bytes())
    write_voice(folder / "03-01-99-01-01-01-01.wav")
    dataset = extract_mfcc(load_corpus(tmp_path))
    assert len(dataset.labels) == 8
    ((path, reason),) = dataset.excluded
    assert Path(path).name == "03-01-99-01-01-01-01.wav"
    assert "it has no label" in reason


def test_unknown_speakers_count_as_one_each(broken_folder: Path) -> None:
    assert len(set(extract_mfcc(load_corpus(broken_folder)).speakers)) == 2


def test_a_corpus_without_a_readable_clip_is_refused(broken_folder: Path) -> None:
    for name in ("happy/a.wav", "sad/b.wav"):
        (broken_folder / name).write_text("no sound")
    with pytest.raises(CorpusError, match=r"no clip of .* could be read; the first: .*not audio"):
        extract_mfcc(load_corpus(broken_folder))


def test_a_recipe_needs_two_emotions(tmp_path: Path, write_voice: WriteVoice) -> None:
    write_voice(tmp_path / "happy" / "a.wav")
    with pytest.raises(CorpusError, match="'happy' alone: a recipe needs two emotions"):
        extract_for(read_terms(tmp_path, COUNTED), Execution())


def test_a_recipe_needs_two_emotions_that_can_be_read(broken_folder: Path) -> None:
    (broken_folder / "sad" / "b.wav").write_text("no sound")
    with pytest.raises(CorpusError, match="'happy' alone"):
        extract_for(read_terms(broken_folder, COUNTED), Execution())


# --- selections --------------------------------------------------------------------------------------


def test_with_selected_emotions_clips_features_and_labels_stay_together(dataset: Dataset) -> None:
    chosen = dataset.select(emotions=["angry", "happy"])
    assert chosen.emotions == ("happy", "angry")
    kept = [i for i, clip in enumerate(dataset.corpus.clips) if clip.emotion != "neutral"]
    np.testing.assert_array_equal(chosen.features, dataset.features[kept])
    assert chosen.corpus.clips == tuple(dataset.corpus.clips[i] for i in kept)
    assert chosen.fingerprints == tuple(dataset.fingerprints[i] for i in kept)
    assert [chosen.emotions[i] for i in chosen.labels] == [clip.emotion for clip in chosen.corpus.clips]


def test_a_selected_vocal_channel_keeps_its_clips_alone(dataset: Dataset) -> None:
    clips = tuple(
        replace(clip, vocal_channel="song" if i % 3 == 0 else "speech")
        for i, clip in enumerate(dataset.corpus.clips)
    )
    mixed = replace(dataset, corpus=replace(dataset.corpus, clips=clips))
    np.testing.assert_array_equal(mixed.select(vocal_channel="song").features, dataset.features[::3])
    assert len(mixed.select().features) == len(clips)
    assert mixed.sessions[0] == f"{mixed.speakers[0]} song"


def test_to_select_what_no_clip_has_is_refused(dataset: Dataset) -> None:
    with pytest.raises(CorpusError, match="channel 'song'"):
        dataset.select(vocal_channel="song")
    with pytest.raises(UnknownNameError, match="'bliss'"):
        dataset.select(emotions=["bliss"])


def test_clips_are_taken_by_position_in_any_order(small_ravdess: Path) -> None:
    whole = extract_mfcc(load_corpus(small_ravdess), degraded_copies="noise-room-band@1", facts=True)
    rows = [30, 2, 0]
    taken = whole.take(rows)
    assert taken.corpus.clips == tuple(whole.corpus.clips[i] for i in rows)
    np.testing.assert_array_equal(taken.features, whole.features[rows])
    assert taken.degraded is not None
    assert whole.degraded is not None
    np.testing.assert_array_equal(taken.degraded, whole.degraded[rows])
    assert taken.facts == tuple(whole.facts[i] for i in rows)
    assert taken.fingerprints == tuple(whole.fingerprints[i] for i in rows)
    assert [taken.emotions[i] for i in taken.labels] == [clip.emotion for clip in taken.corpus.clips]


# --- what is extracted -------------------------------------------------------------------------------


def test_the_named_training_degradation_is_applied(small_ravdess: Path) -> None:
    corpus = load_corpus(small_ravdess)
    corpus = replace(corpus, clips=corpus.clips[:2])
    first, second = (extract_mfcc(corpus, degraded_copies=name) for name in TRAINING_DEGRADATIONS)
    assert first.degraded is not None
    assert second.degraded is not None
    assert not np.array_equal(first.degraded, second.degraded)
    with pytest.raises(UnknownNameError, match="no training degradation is called 'everyday'"):
        extract_mfcc(corpus, degraded_copies="everyday")


def test_a_degraded_copy_is_the_same_in_every_run(small_ravdess: Path, dataset: Dataset) -> None:
    corpus = load_corpus(small_ravdess)
    few = replace(corpus, clips=tuple(corpus.clips[i] for i in (17, 0)))
    both = extract_mfcc(corpus, degraded_copies="noise-room-band@1")
    assert dataset.degraded is None
    assert both.degraded is not None
    np.testing.assert_array_equal(both.features, dataset.features)
    assert (np.abs(both.degraded - both.features).max(axis=1) > 1).all()
    again = extract_mfcc(few, degraded_copies="noise-room-band@1").degraded
    assert again is not None
    np.testing.assert_array_equal(again, both.degraded[[17, 0]])
    kept = [i for i, clip in enumerate(corpus.clips) if clip.emotion != "angry"]
    selected = both.select(emotions=["neutral", "happy"]).degraded
    assert selected is not None
    np.testing.assert_array_equal(selected, both.degraded[kept])


def test_facts_are_those_of_the_recording_as_it_is(small_ravdess: Path, dataset: Dataset) -> None:
    corpus = load_corpus(small_ravdess)
    few = replace(corpus, clips=corpus.clips[:3])
    facts = extract_mfcc(few, facts=True).facts
    assert facts == tuple(describe_recording(load_audio(clip.path)) for clip in few.clips)
    assert {one.sample_rate for one in facts} == {16_000}
    assert MFCC.sample_rate != 16_000
    assert dataset.facts == ()


def test_long_clips_are_cut_into_windows_as_predict_does(tmp_path: Path, write_voice: WriteVoice) -> None:
    for seed, (name, seconds) in enumerate({"happy/a": 0.6, "sad/b": 2.9, "sad/c": 1.9}.items()):
        write_voice(tmp_path / f"{name}.wav", seed=seed, seconds=seconds)
    found = extract_mfcc(load_corpus(tmp_path), window_s=1.0)
    assert found.features.shape == (3,)
    for clip, windows in zip(found.corpus.clips, found.features, strict=True):
        expected = cut_windows(load_audio(clip.path, MFCC.sample_rate), 1.0)
        assert len(windows) == len(expected)
        for features, window in zip(windows, expected, strict=True):
            np.testing.assert_array_equal(features, extract(window, MFCC.name))
    assert len(found.features[0]) == 1 < len(found.features[1])


def test_terms_say_what_is_extracted(bundle: Bundle, small_ravdess: Path, elsewhere: Path) -> None:
    assert Extraction.of(read_terms(small_ravdess, QUICK)) == Extraction(features="mfcc-stats@1")
    copies = replace(QUICK, degraded_copies="noise-room-band@1")
    assert Extraction.of(read_terms(small_ravdess, copies)) == Extraction(
        features="mfcc-stats@1", degraded_copies="noise-room-band@1"
    )
    assert Extraction.of(read_terms(elsewhere, model=bundle)) == Extraction(
        features="mfcc-stats@1", window_s=bundle.contract.window_s
    )


@pytest.mark.parametrize("run", [evaluate, train, enrolment, robustness])
def test_every_experiment_extracts_what_its_recipe_is_trained_on(
    run: Callable[..., Any], small_ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ExtractedError(Exception):
        """Extraction was reached."""

    def note(corpus: Corpus, extraction: Extraction, *_: Any) -> None:
        raise ExtractedError(f"{extraction.features}, copies: {extraction.degraded_copies}")

    monkeypatch.setattr("affekt.evaluation.dataset.extract_dataset", note)
    with pytest.raises(ExtractedError, match="frames-and-utterance@1, copies: noise-room-band@1"):
        run(small_ravdess, "affekt-net")
    with pytest.raises(ExtractedError, match="mfcc-stats@1, copies: None"):
        run(small_ravdess, "svm")


def test_clips_that_cannot_be_tested_are_excluded_unread(
    bundle: Bundle, tmp_path: Path, write_voice: WriteVoice
) -> None:
    write_voice(tmp_path / "happy" / "a.wav", pitch_hz=170)
    write_voice(tmp_path / "bored" / "b.wav")
    (tmp_path / "angry").mkdir()
    (tmp_path / "angry" / "c.wav").write_text("no sound")
    found = extract_for(read_terms(tmp_path, model=bundle), Execution())
    assert [clip.emotion for clip in found.corpus.clips] == ["happy"]
    assert [Path(path).name for path, _ in found.excluded] == ["c.wav", "b.wav"]
    assert "not audio" in found.excluded[0][1]
    assert "the model does not know 'bored'" in found.excluded[1][1]


@pytest.mark.parametrize("speaker", ["", "somebody else"])
def test_a_recording_that_a_model_was_trained_on_is_found_under_any_name(
    bundle: Bundle, small_ravdess: Path, tmp_path: Path, speaker: str
) -> None:
    source = load_corpus(small_ravdess).clips[5]
    copy = tmp_path / "new name.wav"
    copy.write_bytes(source.path.read_bytes())
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,emotion,speaker,corpus\n{copy.name},{source.emotion},{speaker},elsewhere\n")
    with pytest.raises(LeakError, match=r"trained on this very recording.*new name"):
        evaluate(manifest, model=bundle)


def test_clips_of_training_and_tested_corpora_are_extracted_together(
    small_ravdess: Path, elsewhere: Path
) -> None:
    terms = read_terms(small_ravdess, QUICK, test_on=elsewhere, emotions=["happy", "angry"])
    found = extract_for(terms, Execution())
    assert found.corpus.count("corpus") == {"elsewhere": 10, "ravdess": 80}
    assert found.emotions == ("happy", "angry")


def with_broken(corpus: Corpus, folder: Path, emotion: str) -> Corpus:
    """The corpus with every clip of an emotion replaced by a file that is no sound."""
    broken = folder / "broken.wav"
    broken.write_text("no sound")
    clips = [
        clip if clip.emotion != emotion else replace(clip, path=folder / f"broken {i}.wav")
        for i, clip in enumerate(corpus.clips)
    ]
    for clip in clips:
        if clip.path.parent == folder:
            clip.path.write_text("no sound")
    return replace(corpus, clips=tuple(clips))


def test_with_test_on_an_emotion_that_no_readable_training_clip_has_is_not_scored(
    small_ravdess: Path, elsewhere: Path, tmp_path: Path
) -> None:
    trained = with_broken(load_corpus(small_ravdess), tmp_path, "angry")
    found = evaluate(trained, QUICK, test_on=elsewhere)
    assert found.emotions == ("neutral", "happy")
    assert found.chance == 1 / 2
    assert found.n == 10
    reasons = [why for path, why in found.excluded if Path(path).is_relative_to(elsewhere.parent)]
    assert len(reasons) == 5
    assert all(why.endswith("no training clip of 'angry' could be read") for why in reasons)


def test_with_test_on_a_training_corpus_of_one_readable_emotion_is_named(
    small_ravdess: Path, elsewhere: Path, tmp_path: Path
) -> None:
    half = load_corpus(small_ravdess).select(emotions=["happy", "angry"])
    trained = replace(with_broken(half, tmp_path, "angry"), name="mine")
    with pytest.raises(CorpusError, match=r"^mine has readable clips of 'happy' alone: a recipe needs two"):
        evaluate(trained, QUICK, test_on=elsewhere)


# --- copies ------------------------------------------------------------------------------------------


def louder(features: Array, copies: int, rng: np.random.Generator) -> Array:
    return np.concatenate([features + (k + 1) for k in range(copies)])


def test_copies_follow_the_clips_and_name_their_originals(dataset: Dataset) -> None:
    count = len(dataset.labels)
    more = with_copies(replace(dataset, degraded=dataset.features), louder, 2, np.random.default_rng(0))
    assert len(more.features) == len(more.corpus.clips) == len(more.fingerprints) == 3 * count
    np.testing.assert_array_equal(more.features[:count], dataset.features)
    assert more.degraded is None
    np.testing.assert_array_equal(more.labels, np.tile(dataset.labels, 3))
    for k in (1, 2):
        np.testing.assert_array_equal(more.features[k * count : (k + 1) * count], dataset.features + k)
    for original, copy in zip(dataset.corpus.clips, more.corpus.clips[2 * count :], strict=True):
        assert copy.augmented_from == str(original.path)
        assert (copy.speaker_id, copy.emotion) == (original.speaker_id, original.emotion)
    assert len({clip.path for clip in more.corpus.clips}) == len(set(more.fingerprints)) == 3 * count
    assert len(dataset.features) == count


# --- features of varying length ----------------------------------------------------------------------


@pytest.fixture
def uneven(tmp_path: Path, write_voice: WriteVoice) -> Dataset:
    """Three clips of different lengths, as log-mel spectrograms."""
    for seed, name in enumerate(("happy/a", "sad/b", "sad/c")):
        path = write_voice(tmp_path / f"{name}.wav", seed=seed)
        sound, rate = soundfile.read(path)
        soundfile.write(path, sound[: len(sound) - 2000 * seed], rate)
    return extract_log_mel(load_corpus(tmp_path))


def test_features_of_clips_of_different_lengths_are_kept_as_they_are(uneven: Dataset) -> None:
    assert uneven.features.dtype == object
    assert uneven.features.shape == (3,)
    assert len({len(clip) for clip in uneven.features}) == 3
    for clip, features in zip(uneven.corpus.clips, uneven.features, strict=True):
        expected = extract(load_audio(clip.path, find_feature_set("log-mel@1").sample_rate), "log-mel@1")
        np.testing.assert_array_equal(features, expected)
        assert features.dtype == np.float32


def test_clips_of_different_lengths_can_be_selected_and_copied(uneven: Dataset) -> None:
    more = with_copies(uneven, louder, 1, np.random.default_rng(0))
    assert more.features.shape == (6,)
    np.testing.assert_array_equal(more.features[4], uneven.features[1] + 1)
    clips = tuple(
        replace(c, vocal_channel="song" if i else c.vocal_channel)
        for i, c in enumerate(uneven.corpus.clips)
    )
    songs = replace(uneven, corpus=replace(uneven.corpus, clips=clips)).select(vocal_channel="song")
    np.testing.assert_array_equal(songs.features[0], uneven.features[1])


def test_clips_that_happen_to_have_one_length_are_kept_like_those_of_different_lengths(
    small_ravdess: Path,
) -> None:
    images = extract_log_mel(load_corpus(small_ravdess).select(emotions=["happy", "angry"]))
    assert images.features.dtype == object
    assert len({clip.shape for clip in images.features}) == 1


def test_features_of_a_fixed_shape_are_one_array(dataset: Dataset) -> None:
    assert dataset.features.dtype == np.float32
    assert dataset.features.shape == (len(dataset.labels), *MFCC.shape)
