"""RTTM files: turns are read, lines that are none are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from affekt.errors import DiarisationError
from affekt.inference.diarisation import Turn, join_turns, read_rttm, turns_of

LINE = "SPEAKER call 1 0.50 1.25 <NA> <NA> anna <NA> <NA>"


def written(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / "turns.rttm"
    path.write_text("\n".join(lines), encoding)
    return path


def test_turns_are_read_and_other_lines_skipped(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ";; made by hand",
        "SPKR-INFO call 1 <NA> <NA> <NA> unknown anna <NA> <NA>",
        LINE,
        "",
        "SPEAKER call 2 3 0 <NA> <NA> bob <NA> <NA>",
        "SPEAKER call 2 4 2 <NA> <NA> bób <NA> <NA>",
        encoding="utf-8-sig",
    )
    assert read_rttm(path) == (Turn("call", 1, 0.5, 1.75, "anna"), Turn("call", 2, 4, 6, "bób"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SPEAKER call 1 0.50 1.25 <NA> <NA> anna", "line 2: it has 8 fields, and a line of RTTM has 10"),
        ("SPEAKER call 1 0.50 1.25 <NA> <NA> anna maria <NA> <NA>", "line 2: it has 11 fields"),
        (LINE.replace("0.50", "soon"), "line 2: channel, start and duration are 1 soon 1.25"),
        (LINE.replace("0.50", "nan"), "line 2"),
        (LINE.replace("0.50", "-1"), "line 2"),
        (LINE.replace("1.25", "inf"), "line 2"),
        (LINE.replace("call 1", "call 0"), "line 2"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(DiarisationError, match=words):
        read_rttm(written(tmp_path, LINE, line))


def test_a_file_without_turns_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiarisationError, match="cannot be read: No such file"):
        read_rttm(tmp_path / "none.rttm")
    with pytest.raises(DiarisationError, match="has no turn"):
        read_rttm(written(tmp_path, ";; nothing"))
    path = tmp_path / "sound.rttm"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DiarisationError, match="not UTF-8"):
        read_rttm(path)


def test_turns_are_those_of_the_recording() -> None:
    one, two = Turn("a", 1, 0, 1, "anna"), Turn("b", 1, 0, 1, "bob")
    assert turns_of([one], "x/other.wav") == [one]
    assert turns_of([one, two], "x/b.wav") == [two]
    with pytest.raises(DiarisationError, match="turns of a, b, but none of c"):
        turns_of([one, two], "x/c.wav")


def test_turns_of_a_speaker_do_not_overlap_and_long_ones_are_divided() -> None:
    turns = [Turn("a", 1, 5, 9, "anna"), Turn("a", 1, 0, 6, "anna"), Turn("a", 1, 1, 2, "bob")]
    assert join_turns(turns, 20) == {"anna": [(0, 9)], "bob": [(1, 2)]}
    assert join_turns(turns, 4)["anna"] == [(0, 3), (3, 6), (6, 9)]
    assert join_turns([Turn("a", 1, 0, 1, "anna"), Turn("a", 1, 1, 2, "anna")], 20) == {
        "anna": [(0, 1), (1, 2)]
    }
