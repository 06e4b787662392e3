"""A path is recognised as a corpus, and every registered corpus has a consistent card."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from affekt.corpora import readers
from affekt.corpora.base import Archive
from affekt.corpora.registry import READERS, find_card, load_corpora, load_corpus
from affekt.emotions import EMOTIONS
from affekt.errors import CorpusError, UnknownNameError

Touch = Callable[..., Path]

PUBLISHED = [name for name, reader in READERS.items() if reader.card.counts]
OWN = [name for name in READERS if name not in PUBLISHED]
LISTED = [name for name in PUBLISHED if READERS[name].card.expected_stems]
FOLDS = [(name, protocol) for name in PUBLISHED for protocol in READERS[name].card.folds]
ARCHIVES = [archive for reader in READERS.values() for archive in reader.card.archives]
RAVDESS_NAMES = [f"03-0{code}-03-01-01-01-{actor}.wav" for actor in ("01", "02") for code in (1, 2)]


# Cards


@pytest.mark.parametrize("name", READERS)
def test_a_corpus_has_the_name_of_its_module(name: str) -> None:
    assert Path(readers.__file__).with_name(f"{name}.py").is_file()


def test_every_module_of_the_package_is_a_corpus() -> None:
    files = {path.stem for path in Path(readers.__file__).parent.glob("*.py")}
    assert set(READERS) == files - {"__init__"}


@pytest.mark.parametrize("name", READERS)
def test_a_card_is_found_by_its_name(name: str) -> None:
    assert find_card(name).name == name


@pytest.mark.parametrize("name", READERS)
def test_a_card_has_a_title_and_a_licence(name: str) -> None:
    assert find_card(name).title and find_card(name).licence


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_corpus_is_cited_and_counted(name: str) -> None:
    card = find_card(name)
    assert card.citation and card.address and READERS[name].label
    assert card.speakers > 0 and min(card.counts.values()) > 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_corpus_has_as_many_clips_by_emotion_as_by_vocal_channel(name: str) -> None:
    card = find_card(name)
    assert sum(card.emotions.values()) == sum(card.counts.values())
    assert set(card.emotions) <= set(EMOTIONS)


@pytest.mark.parametrize("name", OWN)
def test_the_card_of_a_corpus_of_the_users_own_expects_nothing(name: str) -> None:
    card = find_card(name)
    assert not (
        card.counts or card.emotions or card.speakers or card.expected_stems or card.folds or card.archives
    )


@pytest.mark.parametrize("name", LISTED)
def test_expected_names_are_as_many_as_the_card_counts(name: str) -> None:
    card = find_card(name)
    assert card.expected_stems is not None
    assert {
        vocal_channel: len(set(stems)) for vocal_channel, stems in card.expected_stems().items()
    } == card.counts


@pytest.mark.parametrize("name", LISTED)
def test_a_folder_of_all_expected_names_is_that_corpus(touch: Touch, name: str, tmp_path: Path) -> None:
    card = find_card(name)
    assert card.expected_stems is not None
    touch(tmp_path, *(f"{stem}.wav" for stems in card.expected_stems().values() for stem in stems))
    corpus = load_corpus(tmp_path)
    assert (corpus.name, corpus.count("vocal_channel"), corpus.misnamed) == (
        name,
        dict(sorted(card.counts.items())),
        (),
    )
    assert len(corpus.count("speaker_id")) == card.speakers
    assert corpus.count("emotion") == dict(sorted(card.emotions.items()))


@pytest.mark.parametrize("name", LISTED)
def test_expected_names_have_the_vocal_channel_of_their_clips(
    touch: Touch, name: str, tmp_path: Path
) -> None:
    card = find_card(name)
    assert card.expected_stems is not None
    expected = card.expected_stems()
    touch(tmp_path, *(f"{stem}.wav" for stems in expected.values() for stem in stems))
    read = {
        vocal_channel: {
            c.path.stem for c in READERS[name].read(tmp_path) if c.vocal_channel == vocal_channel
        }
        for vocal_channel in expected
    }
    assert read == {vocal_channel: set(stems) for vocal_channel, stems in expected.items()}


@pytest.mark.parametrize(("name", "protocol"), FOLDS)
def test_published_folds_test_each_speaker_once(name: str, protocol: str) -> None:
    card = find_card(name)
    tested = Counter(speaker for fold in card.folds[protocol] for speaker in fold)
    assert len(tested) == card.speakers
    assert set(tested.values()) == {1}


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.name)
def test_an_archive_has_an_address_a_size_and_a_checksum(archive: Archive) -> None:
    assert archive.url.startswith("https://") and archive.name.endswith(".zip")
    assert archive.size_bytes > 1e6
    assert len(bytes.fromhex(archive.md5)) == 16


def test_an_unknown_corpus_name_suggests_the_closest_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'ravdess'"):
        find_card("ravdes")


# Recognition


def test_clips_are_sorted_by_path(touch: Touch, tmp_path: Path) -> None:
    paths = [clip.path for clip in load_corpus(touch(tmp_path, *RAVDESS_NAMES)).clips]
    assert paths == sorted(paths)


def test_a_few_published_names_do_not_make_a_published_corpus(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(
        touch(tmp_path / "mine", "sad/a.wav", "sad/b.wav", "happy/03-01-05-02-01-02-13.wav")
    )
    assert (corpus.name, corpus.emotions) == ("mine", ("happy", "sad"))


def test_folders_named_after_emotions_take_precedence_over_file_names(touch: Touch, tmp_path: Path) -> None:
    for folder, stem in (("joy", "03a01Wa"), ("sad", "03a01Fa")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{stem}.wav").touch()
    assert [clip.emotion for clip in load_corpus(tmp_path).clips] == ["happy", "sad"]


def test_a_bare_name_is_looked_up_in_affekt_data(
    touch: Touch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "ravdess", *RAVDESS_NAMES)
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    assert load_corpus("RAVDESS").name == "ravdess"


def test_an_existing_folder_takes_precedence_over_affekt_data(
    touch: Touch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "data" / "ravdess", *RAVDESS_NAMES)
    touch(tmp_path / "here", "ravdess/sad/a.wav")
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path / "here")
    assert load_corpus("ravdess").emotions == ("sad",)


def test_a_path_of_two_parts_is_not_looked_up(
    touch: Touch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "ravdess", *RAVDESS_NAMES)
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    with pytest.raises(CorpusError, match="there is no corpus at"):
        load_corpus("elsewhere/ravdess")


@pytest.mark.parametrize("data", ["", "nowhere"])
def test_a_path_that_does_not_exist_is_refused(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFEKT_DATA", data)
    with pytest.raises(CorpusError, match="there is no corpus at 'ravdess-of-yore'"):
        load_corpus("ravdess-of-yore")


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(
    touch: Touch, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "sad/a.wav")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match="the name of a corpus is empty: for the current folder"):
        load_corpus(name)


@pytest.mark.parametrize("corpora", [[], ()])
def test_no_corpus_at_all_is_refused(corpora: Sequence[str]) -> None:
    with pytest.raises(CorpusError, match="no corpus is given"):
        load_corpora(corpora)


@pytest.mark.parametrize("corpora", [None, 3, [3]])
def test_what_is_no_path_is_no_corpus(corpora: Any) -> None:
    with pytest.raises(TypeError, match="a corpus is a path"):
        load_corpora(corpora)


def test_paths_and_loaded_corpora_are_joined(touch: Touch, tmp_path: Path) -> None:
    touch(tmp_path, "a/sad/1.wav", "b/happy/2.wav")
    joined = load_corpora([load_corpus(tmp_path / "a"), str(tmp_path / "b")])
    assert (joined.name, len(joined.clips)) == ("a+b", 2)


@pytest.mark.parametrize("closed", ["", "sad", "happy/more"])
def test_a_corpus_with_a_folder_that_may_not_be_opened_is_refused_by_that_folder(
    touch: Touch, closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "sad/a.wav", "happy/b.wav", "happy/more/c.wav")
    scandir = os.scandir

    def refuse(folder: str) -> Any:
        if Path(folder) == tmp_path / closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    place = re.escape(str(tmp_path / closed))
    with pytest.raises(CorpusError, match=rf"'{place}' cannot be opened: .*Get the right to open"):
        load_corpus(tmp_path)


def test_videos_beside_the_audio_do_not_hide_a_published_corpus(touch: Touch, tmp_path: Path) -> None:
    takes = [f"0{emotion}-01-01-01-01" for emotion in range(1, 9)]
    touch(tmp_path, *(f"actor_01/03-01-{take}.wav" for take in takes))
    touch(tmp_path, *(f"video_speech/actor_01/0{kind}-01-{take}.mp4" for take in takes for kind in (1, 2)))
    corpus = load_corpus(tmp_path)
    assert (corpus.name, len(corpus.clips), corpus.misnamed) == ("ravdess", 8, ())


def test_a_published_corpus_that_is_sorted_by_its_own_emotions_keeps_its_speakers(
    touch: Touch, tmp_path: Path
) -> None:
    touch(tmp_path, "angry/03-01-05-01-01-01-01.wav", "joy/03-01-03-01-01-01-02.wav")
    assert load_corpus(tmp_path).count("speaker_id") == {"ravdess/01": 1, "ravdess/02": 1}


@pytest.mark.parametrize("name", ["a.wav", "notes.txt"])
def test_a_file_that_is_not_a_manifest_is_refused(touch: Touch, name: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"is a file, but not a CSV manifest .*'affekt corpora' shows"):
        load_corpus(touch(tmp_path, name) / name)


@pytest.mark.parametrize(
    "names", [[], ["a.wav"], ["sad/notes.txt"]], ids=["empty", "no folder", "no audio"]
)
def test_a_folder_without_emotions_is_refused(touch: Touch, names: list[str], tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no clip with an emotion"):
        load_corpus(touch(tmp_path, *names))
