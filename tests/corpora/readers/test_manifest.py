"""The rows of a manifest are clips, and a malformed manifest is refused by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError


def write_manifest(folder: Path, text: str, name: str = "mine.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder / name


def only_clip(path: Path) -> Clip:
    (clip,) = load_corpus(path).clips
    return clip


def test_a_manifest_row_is_a_clip(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, "path,emotion,speaker\nclips/a.wav,Joy,ann\n")
    assert only_clip(path) == Clip(
        path=tmp_path / "clips/a.wav", emotion="happy", speaker="ann", corpus="mine"
    )


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "speaker,path,emotion\nann,a.wav,sad\n"))
    assert (clip.path, clip.emotion, clip.speaker) == (tmp_path / "a.wav", "sad", "ann")


@pytest.mark.parametrize(
    "field", ["vocal_channel", "sex", "intensity", "statement", "repetition", "corpus"]
)
def test_a_known_column_is_a_field(field: str, tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, f"path,emotion,speaker,{field}\na.wav,sad,ann,word\n"))
    assert (getattr(clip, field), clip.columns) == ("word", {})


@pytest.mark.parametrize("column", ["vocal_channel", "channel", "Channel"])
def test_the_vocal_channel_has_two_column_names(column: str, tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, f"path,emotion,speaker,{column}\na.wav,sad,ann,song\n"))
    assert (clip.vocal_channel, clip.columns) == ("song", {})


def test_beside_the_column_vocal_channel_the_column_channel_is_metadata(tmp_path: Path) -> None:
    text = "path,emotion,speaker,channel,vocal_channel\na.wav,sad,ann,left,song\n"
    clip = only_clip(write_manifest(tmp_path, text))
    assert (clip.vocal_channel, clip.columns) == ("song", {"channel": "left"})


def test_an_empty_known_column_has_the_default_value(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "path,emotion,speaker,channel,corpus\na.wav,sad,ann,,\n"))
    assert (clip.vocal_channel, clip.corpus) == ("speech", "mine")


def test_an_unknown_column_is_kept(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "path,emotion,speaker,room\na.wav,sad,ann, kitchen \n"))
    assert clip.columns == {"room": "kitchen"}


def test_the_original_of_a_copy_is_relative_to_the_manifests_folder(tmp_path: Path) -> None:
    text = "path,emotion,speaker,augmented_from\na.wav,sad,ann,\nloud/a.wav,sad,ann,a.wav\n"
    original, copy = load_corpus(write_manifest(tmp_path, text)).clips
    assert (original.augmented_from, copy.augmented_from) == ("", str(original.path))


def test_an_absolute_path_is_kept(tmp_path: Path) -> None:
    there = tmp_path / "elsewhere" / "a.wav"
    assert only_clip(write_manifest(tmp_path, f"path,emotion,speaker\n{there},sad,ann\n")).path == there


def test_a_speaker_may_be_unknown(tmp_path: Path) -> None:
    assert only_clip(write_manifest(tmp_path, "path,emotion,speaker\na.wav,sad,\n")).speaker_id == ""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte-order mark"])
def test_a_manifest_from_a_spreadsheet_is_read(newline: str, mark: str, tmp_path: Path) -> None:
    text = mark + newline.join(["path,emotion,speaker,note", 'a.wav,sad,ann,"Hm, ""so"""', "", ""])
    assert only_clip(write_manifest(tmp_path, text)).columns == {"note": 'Hm, "so"'}


def test_a_quoted_newline_belongs_to_its_value(tmp_path: Path) -> None:
    text = 'path,emotion,speaker,note\na.wav,sad,ann,"two\nlines"\nb.wav,sad,ann,one\n'
    assert [clip.columns["note"] for clip in load_corpus(write_manifest(tmp_path, text)).clips] == [
        "two\nlines",
        "one",
    ]


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("path,emotion", "speaker"),
        ("file,emotion,speaker", "path"),
        ("path;emotion;sex", "speaker"),
        ("", "path, emotion, speaker"),
    ],
)
def test_a_missing_column_is_named(header: str, missing: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"has no column {missing}: a manifest begins with"):
        load_corpus(write_manifest(tmp_path, f"{header}\n"))


@pytest.mark.parametrize(
    "header", ["path;emotion;speaker", "Path, Emotion, Speaker", "path\temotion\tspeaker"]
)
def test_columns_may_be_separated_by_other_characters_and_capitalised(header: str, tmp_path: Path) -> None:
    mark = next(mark for mark in ";\t," if mark in header)
    corpus = load_corpus(
        write_manifest(tmp_path, f"{header}\n" + mark.join(["a.wav", "sad", "ann"]) + "\n")
    )
    assert (corpus.clips[0].emotion, corpus.clips[0].speaker) == ("sad", "ann")


@pytest.mark.parametrize("header", ["start,end", "start_s,end_s", "Start,END"])
def test_start_and_end_are_the_part_of_the_file(header: str, tmp_path: Path) -> None:
    rows = ["a.wav,sad,ann,1.5,3", "a.wav,happy,ann,0,1.5", "a.wav,sad,bob,3,", "b.wav,sad,ann,,"]
    path = write_manifest(tmp_path, "\n".join([f"path,emotion,speaker,{header}", *rows]))
    clips = load_corpus(path).clips
    assert [(clip.start_s, clip.end_s) for clip in clips] == [
        (0.0, 1.5),
        (1.5, 3.0),
        (3.0, None),
        (None, None),
    ]
    assert {len(clip.columns) for clip in clips} == {0}


def test_seconds_may_have_a_decimal_comma(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "path;emotion;speaker;start;end\na.wav;sad;ann;0,5;1,25\n"))
    assert (clip.start_s, clip.end_s) == (0.5, 1.25)


@pytest.mark.parametrize("times", ["3,1.5", "1,1", "-1,2", "nan,2", "1,nan", "inf,", "1,inf"])
def test_a_part_that_is_empty_is_refused_by_its_line(times: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"mine\.csv, line 2: the part from .* is empty"):
        load_corpus(write_manifest(tmp_path, f"path,emotion,speaker,start,end\na.wav,sad,ann,{times}\n"))


def test_seconds_that_are_no_number_are_refused_by_their_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"mine\.csv, line 2: start and end are seconds"):
        load_corpus(write_manifest(tmp_path, "path,emotion,speaker,start,end\na.wav,sad,ann,0:01,2\n"))


def test_a_part_named_twice_is_refused(tmp_path: Path) -> None:
    rows = "path,emotion,speaker,start,end\na.wav,sad,ann,0,1\na.wav,happy,ann,0.0,1.0\n"
    with pytest.raises(CorpusError, match=r"a\.wav#t=0,1 twice"):
        load_corpus(write_manifest(tmp_path, rows))


def test_a_copy_of_a_part_has_the_part_as_its_original(tmp_path: Path) -> None:
    header = "path,emotion,speaker,start,end,augmented_from"
    rows = ["a.wav,sad,ann,0,1,", "a.wav,sad,ann,1,2,", "noisy/a.wav,sad,ann,1,2,a.wav"]
    *_, copy = load_corpus(write_manifest(tmp_path, "\n".join([header, *rows]))).clips
    assert copy.augmented_from == f"{tmp_path / 'a.wav'}#t=1,2"


@pytest.mark.parametrize("text", ["# mine\n", "# mine, of 2024\n#\n\n"])
def test_comments_above_the_header_are_skipped(text: str, tmp_path: Path) -> None:
    path = write_manifest(tmp_path, f"{text}path,emotion,speaker\n#1.wav,sad,ann\n")
    assert only_clip(path).path == tmp_path / "#1.wav"


def test_the_lines_of_comments_count_where_a_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"mine\.csv, line 4"):
        load_corpus(write_manifest(tmp_path, "# one\n# two\npath,emotion,speaker\na.wav,,ann\n"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_manifest_as_excel_writes_it_is_read(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes("path\temotion\tspeaker\r\nü.wav\tsad\tann\r\n".encode(encoding))
    assert only_clip(tmp_path / "mine.csv").path == tmp_path / "ü.wav"


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a\.wav twice"):
        load_corpus(write_manifest(tmp_path, "path,emotion,speaker\na.wav,sad,ann\n./a.wav,sad,ann\n"))


def test_a_copy_of_an_unlisted_file_is_refused(tmp_path: Path) -> None:
    rows = "path,emotion,speaker,augmented_from\na.wav,sad,ann,typo.wav\n"
    with pytest.raises(CorpusError, match=r"copy of .*typo\.wav, which the file does not list"):
        load_corpus(write_manifest(tmp_path, rows))


@pytest.mark.parametrize(
    "row",
    ["b.wav", "b.wav,sad", ",sad,ann", "b.wav,,ann", "b.wav,sad,ann,room,more"],
    ids=["two short", "one short", "no path", "no emotion", "too long"],
)
def test_a_malformed_row_is_refused_by_its_line(row: str, tmp_path: Path) -> None:
    path = write_manifest(tmp_path, f"path,emotion,speaker\na.wav,sad,ann\n{row}\n")
    with pytest.raises(CorpusError, match=r"mine\.csv, line 3: not one value for each column"):
        load_corpus(path)


@pytest.mark.parametrize("rows", [1, 20_000])
def test_an_unclosed_quote_is_refused(rows: int, tmp_path: Path) -> None:
    text = 'path,emotion,speaker\na.wav,sad,"ann\n' + "b.wav,happy,bob\n" * rows
    with pytest.raises(CorpusError, match=r"mine\.csv"):
        load_corpus(write_manifest(tmp_path, text))


def test_a_manifest_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes("path,emotion,speaker\nü.wav,sad,ann\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="is not UTF-8 text"):
        load_corpus(tmp_path / "mine.csv")


def test_a_manifest_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"mine\.csv has no clip .*: it lists none\. 'affekt corpora'"):
        load_corpus(write_manifest(tmp_path, "path,emotion,speaker\n"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.csv", "Path;emotion;speaker\na.wav;sad;ann\n"),
        ("mine.csv", '"path","emotion","speaker"\n"a.wav","sad","ann"\n'),
        ("mine.csv", "# a comment\npath,emotion,speaker\na.wav,sad,ann\n"),
        ("mine.tsv", "path\temotion\tspeaker\na.wav\tsad\tann\n"),
    ],
    ids=["semicolons", "quoted", "comment", "tsv"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_folder_is_read_by_the_manifest_of_its_name(
    name: str, text: str, encoding: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / name).write_text(text, encoding=encoding)
    (clip,) = load_corpus(folder).clips
    assert (clip.path, clip.emotion, clip.speaker) == (folder / "a.wav", "sad", "ann")


def test_a_table_that_is_no_manifest_does_not_count_though_it_has_the_name_of_the_folder(
    tmp_path: Path,
) -> None:
    for emotion in ("sad", "happy"):
        (tmp_path / "mine" / emotion).mkdir(parents=True)
        (tmp_path / "mine" / emotion / "a.wav").touch()
    (tmp_path / "mine" / "mine.csv").write_text("file,emotion,confidence\na.wav,sad,0.9\n")
    assert load_corpus(tmp_path / "mine").emotions == ("happy", "sad")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,emotion,speaker,emotion\na.wav,happy,s1,sad\n")
    with pytest.raises(CorpusError, match="has two columns 'emotion'"):
        load_corpus(tmp_path / "m.csv")
