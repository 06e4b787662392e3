"""Listening to a corpus: features, labels and fingerprints of what could be read, reasons for the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affekt.audio import load_audio
from affekt.corpora import load
from affekt.dataset import listen, shared_emotions
from affekt.errors import CorpusError
from affekt.features import extract, find_feature_set

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
