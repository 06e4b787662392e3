"""The JSON lines of EmoBox are clips, and a malformed line is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError

Touch = Callable[..., Path]


def line(dataset: str, wav: str, emo: str, **more: Any) -> dict[str, Any]:
    """A line with the fields of EmoBox."""
    return {
        "key": f"{dataset}-{Path(wav).stem}",
        "dataset": dataset,
        "wav": f"downloads/{dataset}/{wav}",
        "type": "raw",
        "sample_rate": 16000,
        "length": 3.2,
        "task": "category",
        "emo": emo,
        "channel": 1,
        **more,
    }


def write(root: Path, *lines: dict[str, Any], name: str = "data/own/own.jsonl") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(one)}\n" for one in lines), encoding="utf-8")
    return file


def test_a_line_is_a_clip_below_the_folder_of_emobox(touch: Touch, tmp_path: Path) -> None:
    touch(tmp_path, "downloads/own/a/1.wav")
    file = write(tmp_path, line("own", "a/1.wav", "ang"), line("own", "a/2.wav", "bliss"))
    first, second = load_corpus(file).clips
    assert first == Clip(
        path=tmp_path / "downloads/own/a/1.wav",
        emotion="angry",
        speaker="",
        corpus="own",
        columns={"key": "own-1"},
    )
    assert second.emotion == "bliss"


def test_speakers_are_known_where_affekt_reads_the_names_of_the_corpus(tmp_path: Path) -> None:
    ravdess = line("ravdess", "Actor_13/03-01-05-02-01-02-13.wav", "angry")
    italian = line("emovo", "f2/gio-f2-b2.wav", "gio")
    one, other = load_corpus(write(tmp_path, ravdess, italian)).clips
    assert (one.speaker_id, one.emotion) == ("emovo/f2", "happy")
    assert (other.speaker_id, other.emotion, other.intensity) == ("ravdess/13", "angry", "strong")


@pytest.mark.parametrize("field", ["spk", "speaker"])
def test_a_line_may_name_the_speaker(field: str, tmp_path: Path) -> None:
    (clip,) = load_corpus(write(tmp_path, line("own", "1.wav", "sad", **{field: "ann"}))).clips
    assert clip.speaker == "ann"


@pytest.mark.parametrize("place", ["data/own/own.jsonl", "data/own/fold_1/own_test_fold_1.jsonl"])
@pytest.mark.parametrize("name", ["label_map.json", "label_dict.json"])
def test_a_label_map_says_what_labels_mean(place: str, name: str, tmp_path: Path) -> None:
    file = write(tmp_path, line("own", "1.wav", "exc"), name=place)
    (tmp_path / "data/own" / name).write_text('{"exc": "Happy"}', encoding="utf-8")
    (clip,) = load_corpus(file).clips
    assert clip.emotion == "happy"


def test_a_label_map_that_is_not_json_is_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path, line("own", "1.wav", "sad"))
    file.with_name("label_map.json").write_text("[" * 100_000, encoding="utf-8")
    assert load_corpus(file).emotions == ("sad",)


def test_a_folder_is_read_by_the_json_lines_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, line("own", "1.wav", "sad"))
    assert load_corpus(tmp_path / "data" / "own").emotions == ("sad",)


@pytest.mark.parametrize("text", ['{"file": "sad/a.wav"}\n', "notes\n", "[" * 100_000])
def test_json_lines_of_something_else_do_not_count_though_they_have_the_name_of_the_folder(
    touch: Touch, text: str, tmp_path: Path
) -> None:
    folder = touch(tmp_path / "own", "sad/a.wav")
    (folder / "own.jsonl").write_text(text, encoding="utf-8")
    assert len(load_corpus(folder).clips) == 1


@pytest.mark.parametrize(
    ("times", "part"),
    [
        ({"start_time": 1.5, "end_time": 3.0}, (1.5, 3.0)),
        ({"start_time": 0, "end_time": 3.2}, (None, None)),
        ({}, (None, None)),
        ({"start_time": 1.5}, (1.5, None)),
        ({"end_time": 1.5}, (None, 1.5)),
        ({"start_time": 0}, (None, None)),
        ({"start_time": None, "end_time": None}, (None, None)),
    ],
)
def test_start_and_end_are_the_part_of_the_file(
    times: dict[str, float], part: tuple[float | None, float | None], tmp_path: Path
) -> None:
    (clip,) = load_corpus(write(tmp_path, line("own", "1.wav", "sad", **times))).clips
    assert (clip.start_s, clip.end_s) == part


@pytest.mark.parametrize(
    "times",
    [
        {"start_time": 3.0, "end_time": 1.5},
        {"start_time": 1.5, "end_time": 1.5},
        {"start_time": -1, "end_time": 1.5},
        {"start_time": 0, "end_time": 0},
        {"start_time": float("nan"), "end_time": 1.5},
        {"start_time": 1.5, "end_time": float("inf")},
        {"start_time": "1.5", "end_time": 3},
        {"start_time": True},
        {"end_time": 10**400},
    ],
)
def test_a_part_that_is_none_is_refused_by_its_line(times: dict[str, Any], tmp_path: Path) -> None:
    file = write(tmp_path, line("own", "1.wav", "sad"), line("own", "2.wav", "sad", **times))
    with pytest.raises(CorpusError, match=r"own\.jsonl, line 2: (the part from|\w+_time is) "):
        load_corpus(file)


@pytest.mark.parametrize(
    ("dataset", "wav", "emo", "emotion"),
    [
        ("ravdess", "03-01-05-02-01-02-13.wav", "sad", "sad"),
        ("emodb", "03a01Wa.wav", "bliss", "bliss"),
        ("emodb", "03a01Wa.wav", "L", "bored"),
        ("savee", "DC_sa01.wav", "su", "surprised"),
        ("own", "03a01Wa.wav", "L", "l"),
    ],
)
def test_the_label_of_a_line_wins_over_the_name_of_the_file(
    dataset: str, wav: str, emo: str, emotion: str, tmp_path: Path
) -> None:
    (clip,) = load_corpus(write(tmp_path, line(dataset, wav, emo))).clips
    assert clip.emotion == emotion


@pytest.mark.parametrize("text", ["[", "7", '{"wav": "a.wav"}', '{"wav": 1, "emo": "sad"}', "[" * 100_000])
def test_a_malformed_line_is_refused_by_its_number(text: str, tmp_path: Path) -> None:
    file = write(tmp_path, line("own", "1.wav", "sad"))
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"own\.jsonl, line 2: not"):
        load_corpus(file)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_separators_that_json_allows_in_texts_end_no_line(separator: str, tmp_path: Path) -> None:
    file = write(tmp_path, line("own", "1.wav", "sad"), line("own", "2.wav", "sad"))
    raw = json.dumps(line("own", "3.wav", "sad", text=f"one{separator}two"), ensure_ascii=False)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n") + raw.encode())
    assert len(load_corpus(file).clips) == 3


def test_a_clip_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"1\.wav twice"):
        load_corpus(write(tmp_path, line("own", "1.wav", "sad"), line("own", "1.wav", "sad")))
