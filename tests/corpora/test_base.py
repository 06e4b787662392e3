"""Corpora are selected, counted, joined, and shown in one line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from affekt.corpora.base import Clip, Corpus, find_stretches, join
from affekt.corpora.registry import find_card, load_corpus
from affekt.errors import CorpusError, UnknownNameError

Touch = Callable[..., Path]


@pytest.fixture
def small(touch: Touch, tmp_path: Path) -> Corpus:
    """Two emotions, of which one is sung."""
    return load_corpus(
        touch(tmp_path, "03-01-03-01-01-01-01.wav", "03-02-03-01-01-01-01.wav", "03-01-07-01-01-01-02.wav")
    )


# Select and count


@pytest.mark.parametrize(
    ("emotions", "vocal_channel", "count"),
    [
        (None, None, 3),
        (["happy"], None, 2),
        (None, "speech", 2),
        (["happy"], "song", 1),
        (["happy", "disgust"], None, 3),
    ],
)
def test_select_keeps_matching_clips(
    small: Corpus, emotions: list[str] | None, vocal_channel: str | None, count: int
) -> None:
    chosen = small.select(emotions=emotions, vocal_channel=vocal_channel)
    assert len(chosen.clips) == count
    assert (chosen.name, chosen.cards) == (small.name, small.cards)


def test_select_of_an_absent_emotion_names_those_of_the_corpus(small: Corpus) -> None:
    with pytest.raises(UnknownNameError, match=r"in ravdess is called 'sad'\. There are: happy, disgust"):
        small.select(emotions=["happy", "sad"])


def test_select_of_an_absent_vocal_channel_is_refused(small: Corpus) -> None:
    with pytest.raises(CorpusError, match="ravdess has no clip of vocal channel 'whisper'"):
        small.select(vocal_channel="whisper")


def test_select_of_an_emotion_that_is_never_sung_is_refused_by_name(small: Corpus) -> None:
    with pytest.raises(CorpusError, match="disgust"):
        small.select(emotions=["disgust"], vocal_channel="song")


def test_emotions_come_in_canonical_order(small: Corpus) -> None:
    assert small.emotions == ("happy", "disgust")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("emotion", {"disgust": 1, "happy": 2}),
        ("vocal_channel", {"song": 1, "speech": 2}),
        ("speaker", {"01": 2, "02": 1}),
    ],
)
def test_count_counts_by_a_field(small: Corpus, field: str, expected: dict[str, int]) -> None:
    assert small.count(field) == expected


# Join


def test_joined_corpora_keep_their_clips_cards_and_misnamed_files(
    touch: Touch, small: Corpus, tmp_path: Path
) -> None:
    other = load_corpus(touch(tmp_path / "emodb", "03a01Fa.wav", "03a01Ta.wav", "what.wav"))
    joined = join([small, other])
    assert joined.name == "ravdess+emodb"
    assert Counter(joined.clips) == Counter([*small.clips, *other.clips])
    assert (joined.cards, joined.misnamed) == (
        (*small.cards, *other.cards),
        (*small.misnamed, *other.misnamed),
    )


def test_speakers_of_two_corpora_are_different(touch: Touch, tmp_path: Path) -> None:
    first = load_corpus(touch(tmp_path / "a", "03-01-03-01-01-01-03.wav"))
    second = load_corpus(touch(tmp_path / "b", "03a01Fa.wav"))
    assert join([first, second]).count("speaker_id") == {"emodb/03": 1, "ravdess/03": 1}


def write_manifest(folder: Path, name: str, *rows: str) -> Corpus:
    (folder / name).write_text("\n".join(["path,emotion,speaker,start,end", *rows]), encoding="utf-8")
    return load_corpus(folder / name)


def test_no_corpus_at_all_cannot_be_joined() -> None:
    with pytest.raises(CorpusError, match="no corpus is given"):
        join([])


def test_two_corpora_may_have_other_parts_of_a_file(tmp_path: Path) -> None:
    first = write_manifest(tmp_path, "a.csv", "long.wav,sad,ann,0,2")
    second = write_manifest(tmp_path, "b.csv", "long.wav,sad,bob,2,4")
    assert len(join([first, second]).clips) == 2


@pytest.mark.parametrize("times", ["1,3", ",", "3,"])
def test_two_corpora_that_share_a_part_of_a_file_are_refused(times: str, tmp_path: Path) -> None:
    first = write_manifest(tmp_path, "a.csv", "long.wav,sad,ann,0,2", "long.wav,sad,ann,2,9")
    second = write_manifest(tmp_path, "b.csv", f"long.wav,sad,bob,{times}")
    with pytest.raises(CorpusError, match="1 files are in two of these corpora"):
        join([first, second])


# Parts and doubles


@pytest.mark.parametrize(
    ("start_s", "end_s", "name"),
    [
        (None, None, "a.wav"),
        (1.5, 3.0, "a.wav#t=1.5,3"),
        (None, 3.0, "a.wav#t=0,3"),
        (12345.678, None, "a.wav#t=12345.678"),
    ],
)
def test_the_name_of_a_clip_says_which_part_of_the_file_it_is(
    start_s: float | None, end_s: float | None, name: str
) -> None:
    clip = Clip(path=Path("a.wav"), emotion="sad", speaker="", corpus="", start_s=start_s, end_s=end_s)
    assert (clip.name, clip.whole) == (name, name == "a.wav")


def test_parts_that_overlap_are_of_one_stretch(tmp_path: Path) -> None:
    rows = [f"{file},sad,ann,{times}" for file in ("x.wav", "y.wav") for times in ("0,2", "1,3", "3,4")]
    x, overlaps_x, apart_x, y, overlaps_y, apart_y = find_stretches(
        write_manifest(tmp_path, "a.csv", *rows).clips
    )
    assert (x, y) == (overlaps_x, overlaps_y)
    assert len({x, apart_x, y, apart_y}) == 4


def test_a_published_corpus_that_is_held_twice_is_doubled(touch: Touch, tmp_path: Path) -> None:
    names = [f"Actor_01/03-01-0{emotion}-01-01-01-01.wav" for emotion in (1, 2, 3)]
    folder = touch(tmp_path, *names, *(f"audio_speech_actors_01-24/{name}" for name in names[:2]))
    corpus = load_corpus(folder)
    assert corpus.doubled == 2
    assert [[clip.path.stem for clip in group] for group in corpus.doubles] == [
        ["03-01-01-01-01-01-01"] * 2,
        ["03-01-02-01-01-01-01"] * 2,
    ]


def test_equal_names_of_own_files_are_doubles_only_if_the_files_are_of_a_size(tmp_path: Path) -> None:
    for place, content in (("train", b"12"), ("test", b"12"), ("dev", b"123")):
        (tmp_path / place / "sad").mkdir(parents=True)
        (tmp_path / place / "sad" / "1.wav").write_bytes(content)
    (group,) = load_corpus(tmp_path).doubles
    assert [clip.columns["split"] for clip in group] == ["test", "train"]


def test_equal_names_of_other_labels_are_no_doubles(touch: Touch, tmp_path: Path) -> None:
    assert load_corpus(touch(tmp_path, "ann/sad/1.wav", "bob/sad/1.wav", "ann/happy/1.wav")).doubled == 0


# Shown and exported


def test_a_corpus_is_shown_in_one_line(small: Corpus) -> None:
    assert repr(small) == "<Corpus ravdess: 3 clips, 2 speakers, 2 emotions>"


def test_a_corpus_without_speakers_is_shown_so(touch: Touch, tmp_path: Path) -> None:
    corpus = load_corpus(touch(tmp_path / "mine", "sad/a.wav", "happy/b.wav"))
    assert repr(corpus) == "<Corpus mine: 2 clips, unknown speakers, 2 emotions>"


def test_a_corpus_is_a_table_of_emotions_in_a_notebook(small: Corpus) -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", small._repr_html_())
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert cells == [["emotion", "song", "speech"], ["happy", "1", "1"], ["disgust", "0", "1"]]


def test_a_card_is_shown_in_one_line() -> None:
    shown = "<CorpusCard emodb: Berlin Database of Emotional Speech>"
    assert repr(find_card("emodb")) == shown


def test_a_clip_is_exported_as_plain_values() -> None:
    clip = Clip(
        path=Path("a.wav"), emotion="sad", speaker="ann", corpus="mine", columns={"room": "kitchen"}
    )
    assert clip.to_dict() == {
        "path": "a.wav",
        "emotion": "sad",
        "speaker": "ann",
        "corpus": "mine",
        "vocal_channel": "speech",
        "sex": "",
        "intensity": "",
        "statement": "",
        "repetition": "",
        "augmented_from": "",
        "columns": {"room": "kitchen"},
        "start_s": None,
        "end_s": None,
    }


def test_a_corpus_is_exported_as_json(small: Corpus) -> None:
    exported = json.loads(json.dumps(small.to_dict()))
    assert exported["name"] == "ravdess"
    assert exported["clips"] == [clip.to_dict() for clip in small.clips]
    assert exported["misnamed"] == []
