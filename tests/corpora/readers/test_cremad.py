"""CREMA-D file names are read into labels, each clip once, however many formats the repository has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import READERS, find_card, load_corpus
from affekt.errors import CorpusError

Touch = Callable[..., Path]
NAME = "1001_DFA_ANG_XX"


def test_a_name_gives_every_field(touch: Touch, tmp_path: Path) -> None:
    (clip,) = load_corpus(touch(tmp_path, f"AudioWAV/{NAME}.wav")).clips
    assert clip == Clip(
        path=tmp_path / f"AudioWAV/{NAME}.wav",
        emotion="angry",
        speaker="1001",
        corpus="cremad",
        statement="DFA",
    )


@pytest.mark.parametrize(
    ("stem", "emotion", "intensity"),
    [
        ("1002_IEO_DIS_LO", "disgust", "low"),
        ("1091_IEO_FEA_MD", "fearful", "medium"),
        ("1020_IEO_HAP_HI", "happy", "high"),
        ("1020_WSI_NEU_XX", "neutral", ""),
        ("1040_ITH_SAD_X", "sad", ""),  # as it was published at first
    ],
)
def test_codes_are_read_as_words(
    touch: Touch, stem: str, emotion: str, intensity: str, tmp_path: Path
) -> None:
    (clip,) = load_corpus(touch(tmp_path, f"{stem}.wav")).clips
    assert (clip.emotion, clip.intensity) == (emotion, intensity)


def test_mp3_and_video_beside_the_wav_are_neither_clips_nor_misnamed(touch: Touch, tmp_path: Path) -> None:
    touch(tmp_path, f"AudioMP3/{NAME}.mp3", f"AudioWAV/{NAME}.wav", f"VideoFlash/{NAME}.flv")
    corpus = load_corpus(tmp_path)
    assert [clip.path.name for clip in corpus.clips] == [f"{NAME}.wav"]
    assert (corpus.misnamed, corpus.doubled) == ((), 0)


@pytest.mark.parametrize("suffix", ["mp3", "MP3", "wav"])
def test_a_bare_name_is_read_without_its_folder(suffix: str) -> None:
    label = READERS["cremad"].label
    assert label
    clip = label(Path(f"{NAME}.{suffix}"))
    assert clip and clip.speaker == "1001"


def test_mp3s_of_the_current_folder_are_read(
    touch: Touch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(touch(tmp_path, f"{NAME}.mp3"))
    assert [str(clip.path) for clip in load_corpus(".").clips] == [f"{NAME}.mp3"]


def test_an_mp3_is_read_where_its_wav_is_missing(touch: Touch, tmp_path: Path) -> None:
    other = "1002_DFA_SAD_XX"
    touch(tmp_path, f"a/{NAME}.mp3", f"a/{other}.mp3", f"b/{NAME}.wav")
    corpus = load_corpus(tmp_path)
    assert [clip.path.name for clip in corpus.clips] == [f"{other}.mp3", f"{NAME}.wav"]
    assert (corpus.misnamed, corpus.doubled) == ((), 0)


def test_an_mp3_counts_once_when_the_corpus_is_recognised(touch: Touch, tmp_path: Path) -> None:
    touch(tmp_path, f"a/{NAME}.mp3", "a/one.wav", "b/two.wav")
    with pytest.raises(CorpusError, match="are not those of one corpus"):
        load_corpus(tmp_path)


def test_mp3_alone_is_read(touch: Touch, tmp_path: Path) -> None:
    (clip,) = load_corpus(touch(tmp_path, f"AudioMP3/{NAME}.mp3")).clips
    assert clip.path.name == f"{NAME}.mp3"


@pytest.mark.parametrize("stem", ["1001_XXX_ANG_XX", "2001_DFA_ANG_XX", "1001_DFA_SUR_XX", "1001_DFA_ANG"])
def test_a_name_of_another_form_is_misnamed(touch: Touch, stem: str, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path, f"{NAME}.wav", "1001_DFA_SAD_XX.wav", f"{stem}.wav"))
    assert corpus.misnamed == (tmp_path / f"{stem}.wav",)


def test_files_that_were_published_broken_are_on_the_card() -> None:
    assert "1076_MTI_SAD_XX" in find_card("cremad").known_faults
