"""Listening to a corpus: features, labels and fingerprints of what could be read, reasons for the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affekt.audio import load_audio
from affekt.corpora import load
from affekt.dataset import Dataset, listen, shared_emotions, with_copies
from affekt.enrolment import enrolment_curve
from affekt.errors import CorpusError, UnknownNameError
from affekt.features import extract, find_feature_set
from affekt.robustness import robustness
from affekt.scoring import evaluate
from affekt.training import train

MFCC = find_feature_set("mfcc-stats@1")


def test_every_clip_is_described_and_labelled_in_order(small_ravdess: Path) -> None:
    dataset = listen(load(small_ravdess), MFCC)
    assert dataset.emotions == ("neutral", "happy", "angry")
    for i in (0, 17, len(dataset.corpus.clips) - 1):
        clip = dataset.corpus.clips[i]
        expected = extract(load_audio(clip.path, MFCC.sample_rate), MFCC.name)
        np.testing.assert_array_equal(dataset.features[i], expected)
        assert dataset.emotions[dataset.labels[i]] == clip.emotion
        assert dataset.speakers[i] == f"ravdess/{clip.speaker}"
    assert len(set(dataset.fingerprints)) == len(dataset.corpus.clips)


@pytest.fixture
def broken_folder(tmp_path: Path, write_voice) -> Path:  # type: ignore[no-untyped-def]
    write_voice(tmp_path / "happy" / "a.wav", seed=1)
    write_voice(tmp_path / "sad" / "b.wav", seed=2)
    (tmp_path / "sad" / "c.wav").write_text("no sound")
    return tmp_path


def test_an_unreadable_clip_is_excluded_with_its_reason(broken_folder: Path) -> None:
    dataset = listen(load(broken_folder), MFCC)
    ((path, reason),) = dataset.excluded
    assert path.endswith("c.wav")
    assert "not audio" in reason
    assert len(dataset.features) == len(dataset.corpus.clips) == 2


def test_unknown_speakers_count_as_one_each(broken_folder: Path) -> None:
    assert len(set(listen(load(broken_folder), MFCC).speakers)) == 2


def test_nothing_readable_is_refused(broken_folder: Path) -> None:
    for name in ("happy/a.wav", "sad/b.wav"):
        (broken_folder / name).write_text("no sound")
    with pytest.raises(CorpusError, match=r"not one clip.*not audio"):
        listen(load(broken_folder), MFCC)


def test_one_emotion_alone_is_refused(tmp_path: Path, write_voice) -> None:  # type: ignore[no-untyped-def]
    write_voice(tmp_path / "happy" / "a.wav")
    with pytest.raises(CorpusError, match="'happy' alone"):
        listen(load(tmp_path), MFCC)


def test_shared_emotions_are_those_that_every_corpus_has(tmp_path: Path) -> None:
    rows = ["a,happy,1,one", "b,sad,1,one", "c,calm,1,one", "d,sad,2,two", "e,happy,2,two"]
    (tmp_path / "all.csv").write_text("\n".join(["path,emotion,speaker,corpus", *rows]))
    assert set(shared_emotions(load(tmp_path / "all.csv"))) == {"happy", "sad"}


def test_corpora_that_share_too_little_are_refused(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("path,emotion,speaker,corpus\na,happy,1,one\nb,sad,2,two\n")
    with pytest.raises(CorpusError, match="share too few"):
        shared_emotions(load(tmp_path / "all.csv"))


@pytest.fixture(scope="module")
def heard(small_ravdess: Path) -> Dataset:
    return listen(load(small_ravdess), MFCC)


def test_of_selected_emotions_clips_features_and_labels_stay_together(heard: Dataset) -> None:
    chosen = heard.select(emotions=["angry", "happy"])
    assert chosen.emotions == ("happy", "angry")
    kept = [i for i, clip in enumerate(heard.corpus.clips) if clip.emotion != "neutral"]
    np.testing.assert_array_equal(chosen.features, heard.features[kept])
    assert chosen.corpus.clips == tuple(heard.corpus.clips[i] for i in kept)
    assert chosen.fingerprints == tuple(heard.fingerprints[i] for i in kept)
    assert [chosen.emotions[i] for i in chosen.labels] == [clip.emotion for clip in chosen.corpus.clips]


def test_of_a_selected_channel_the_other_clips_are_left_out(heard: Dataset) -> None:
    clips = tuple(
        replace(clip, channel="song" if i % 3 == 0 else "speech")
        for i, clip in enumerate(heard.corpus.clips)
    )
    mixed = replace(heard, corpus=replace(heard.corpus, clips=clips))
    np.testing.assert_array_equal(mixed.select(channel="song").features, heard.features[::3])
    assert len(mixed.select().features) == len(clips)


def test_to_select_what_is_not_there_is_refused(heard: Dataset) -> None:
    with pytest.raises(CorpusError, match="channel 'song'"):
        heard.select(channel="song")
    with pytest.raises(UnknownNameError, match="'bliss'"):
        heard.select(emotions=["bliss"])


def test_a_spoilt_copy_is_the_same_whenever_its_clip_is_heard(small_ravdess: Path, heard: Dataset) -> None:
    corpus = load(small_ravdess)
    few = replace(corpus, clips=tuple(corpus.clips[i] for i in (17, 0)))
    both = listen(corpus, MFCC, degraded_copies=True)
    assert heard.degraded is None
    assert both.degraded is not None
    np.testing.assert_array_equal(both.features, heard.features)
    assert (np.abs(both.degraded - both.features).max(axis=1) > 1).all()
    np.testing.assert_array_equal(listen(few, MFCC, degraded_copies=True).degraded, both.degraded[[17, 0]])
    happy = [i for i, clip in enumerate(corpus.clips) if clip.emotion != "angry"]
    np.testing.assert_array_equal(both.select(emotions=["neutral", "happy"]).degraded, both.degraded[happy])


@pytest.mark.parametrize("door", [evaluate, train, enrolment_curve, robustness])
def test_every_door_hears_what_a_recipe_learns_from(
    door: Any, small_ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class HeardError(Exception):
        """It got so far."""

    def note(corpus: Any, feature_set: Any, *, degraded_copies: bool, **_: Any) -> None:
        raise HeardError(f"{feature_set.name}, copies: {degraded_copies}")

    monkeypatch.setattr("affekt.dataset.listen", note)
    with pytest.raises(HeardError, match="two-views@1, copies: True"):
        door(small_ravdess, recipe="affekt-net")
    with pytest.raises(HeardError, match="mfcc-stats@1, copies: False"):
        door(small_ravdess, recipe="svm")


def louder(features: np.ndarray, copies: int, rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([features + (k + 1) for k in range(copies)])


def test_copies_follow_the_clips_and_say_what_they_are_copies_of(heard: Dataset) -> None:
    count = len(heard.labels)
    more = with_copies(replace(heard, degraded=heard.features), louder, 2, np.random.default_rng(0))
    assert len(more.features) == len(more.corpus.clips) == len(more.fingerprints) == 3 * count
    np.testing.assert_array_equal(more.features[:count], heard.features)
    assert more.degraded is None
    np.testing.assert_array_equal(more.labels, np.tile(heard.labels, 3))
    for k in (1, 2):
        np.testing.assert_array_equal(more.features[k * count : (k + 1) * count], heard.features + k)
    for original, copy in zip(heard.corpus.clips, more.corpus.clips[2 * count :], strict=True):
        assert copy.augmented_from == str(original.path)
        assert (copy.speaker_id, copy.emotion) == (original.speaker_id, original.emotion)
    assert len({clip.path for clip in more.corpus.clips}) == len(set(more.fingerprints)) == 3 * count
    assert len(heard.features) == count


@pytest.fixture
def uneven(tmp_path: Path, write_voice) -> Dataset:  # type: ignore[no-untyped-def]
    """Three clips of different lengths, as log-mel images."""
    for seed, name in enumerate(("happy/a", "sad/b", "sad/c")):
        path = write_voice(tmp_path / f"{name}.wav", seed=seed)
        sound, rate = soundfile.read(path)
        soundfile.write(path, sound[: len(sound) - 2000 * seed], rate)
    return listen(load(tmp_path), find_feature_set("log-mel@1"))


def test_clips_of_any_length_are_kept_as_they_are(uneven: Dataset) -> None:
    assert uneven.features.dtype == object
    assert uneven.features.shape == (3,)
    assert len({len(clip) for clip in uneven.features}) == 3
    for clip, features in zip(uneven.corpus.clips, uneven.features, strict=True):
        expected = extract(load_audio(clip.path, find_feature_set("log-mel@1").sample_rate), "log-mel@1")
        np.testing.assert_array_equal(features, expected)
        assert features.dtype == np.float32


def test_clips_of_any_length_can_be_selected_and_copied(uneven: Dataset) -> None:
    more = with_copies(uneven, louder, 1, np.random.default_rng(0))
    assert more.features.shape == (6,)
    np.testing.assert_array_equal(more.features[4], uneven.features[1] + 1)
    clips = tuple(replace(c, channel="song") if i else c for i, c in enumerate(uneven.corpus.clips))
    songs = replace(uneven, corpus=replace(uneven.corpus, clips=clips)).select(channel="song")
    np.testing.assert_array_equal(songs.features[0], uneven.features[1])


def test_clips_that_happen_to_be_of_one_length_are_kept_like_those_of_any(small_ravdess: Path) -> None:
    images = listen(load(small_ravdess).select(emotions=["happy", "angry"]), find_feature_set("log-mel@1"))
    assert images.features.dtype == object
    assert len({clip.shape for clip in images.features}) == 1


def test_clips_of_a_fixed_shape_are_one_array(heard: Dataset) -> None:
    assert heard.features.dtype == np.float32
    assert heard.features.shape == (len(heard.labels), *MFCC.shape)
